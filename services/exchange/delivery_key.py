"""Key with which a site signs its deliveries: Ed25519 (RFC 8032), created once in the user's configuration folder.

It is never stored on a share, where anyone who may drop sets could sign with it. Its fingerprint is the SHA-256 of the
public key's 32 bytes; two people compare it by telephone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.errors import SettingsWrong
from services.language import gettext
from services.runtime import durable_files

if TYPE_CHECKING:
    from services.runtime.settings import Settings
    from services.store.collection import Collection

FOLDER: Final = "rt-set-anonymizer"
KEY_NAME: Final = "delivery.key"

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_BETWEEN: Final = re.compile(r"[\s:-]+")


def user_configuration() -> Path:
    """Return the user's configuration folder of this program (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / FOLDER


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """The sender's key."""

    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def public_pem(self) -> str:
        """The public key in PEM, as read by `openssl pkeyutl -pubin -inkey`."""
        pem = serialization.Encoding.PEM
        return self.private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, data: bytes) -> bytes:
        """Return the raw signature of `data`, 64 bytes."""
        return self.private.sign(data)


def of_user(collection: Collection, settings: Settings) -> DeliveryKey:
    """Return the delivery key, creating it on the first call.

    Raises
    ------
    SettingsWrong
        The key file would be on the share, or does not hold such a key.
    OSError
        For example, its folder is not writable.
    """
    path = settings.delivery_key_file or user_configuration() / KEY_NAME
    shares = [collection.root, *([settings.share] if settings.share else [])]
    if any(path.resolve().is_relative_to(share.resolve()) for share in shares):
        raise SettingsWrong(
            gettext("The delivery key would be on the share: ANONYMIZER_DELIVERY_KEY_FILE must name a file elsewhere.")
        )
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(path)
    return DeliveryKey(_read(path))


def fingerprint(public: bytes) -> str:
    """Return the fingerprint of a public key: 64 hex digits."""
    return sha256(public).hexdigest()


def grouped(digits: str) -> str:
    """Return a fingerprint in groups of four, for reading aloud."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4)).upper()


def ungrouped(text: str) -> str:
    """Parse a fingerprint as typed by a person: grouped or not, in either case.

    Raises
    ------
    SettingsWrong
        It is not a fingerprint.
    """
    digits = _BETWEEN.sub("", text).lower().removeprefix("sha256")
    if not _HEX.fullmatch(digits):
        raise SettingsWrong(
            gettext("A fingerprint has 64 hexadecimal digits; the sender prints it with `anonymizer key ROOT`.")
        )
    return digits


def is_signed(data: bytes, signature: bytes, public: bytes) -> bool:
    """Return whether a signature of `data` was made with the private key of this public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(path: Path) -> None:
    """Write a new key readable by its owner alone; of several processes the first wins."""
    made = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    new = durable_files.aside(path.parent)
    new.touch(mode=0o600, exist_ok=False)
    try:
        new.write_bytes(made)
        durable_files.fsync_file(new)
        try:
            durable_files.rename_new(new, path)
        except FileExistsError:
            return
    finally:
        new.unlink(missing_ok=True)


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsWrong(gettext("The delivery key's file contains no unencrypted Ed25519 key in PEM format."))
    return key
