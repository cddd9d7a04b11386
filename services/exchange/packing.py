"""A delivery as one file: an ordinary ZIP, optionally encrypted for its recipients.

Encryption uses `age` (age-encryption.org/v1): a small specification, implemented by its author and several independent
programs, with one-line keys, no web of trust, and authenticated chunks, so that truncation is detected. OpenPGP can do
the same but is easier to misconfigure.
"""

from __future__ import annotations

import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO, Final

import pyrage

from services.errors import SettingsWrong
from services.language import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""Timestamp of every entry; the real times of writing are confidential."""
_AT_ONCE: Final = 1 << 20
_FASTEST: Final = 1


def pack(folder: Path, target: Path, to: Sequence[pyrage.x25519.Recipient | pyrage.ssh.Recipient] = ()) -> None:
    """Write the files of a folder as a ZIP, encrypted if there are recipients."""
    with target.open("xb") as file:
        if to:
            _write_encrypted(folder, file, to)
        else:
            _write_zip(folder, file)
        file.flush()
        os.fsync(file.fileno())


def _write_encrypted(
    folder: Path, file: BinaryIO, to: Sequence[pyrage.x25519.Recipient | pyrage.ssh.Recipient]
) -> None:
    """Encrypt the ZIP through a pipe while it is made, so that it is never stored unencrypted."""
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(reading, "rb") as plain:
        zipped = pool.submit(_write_zip_into, folder, writing)
        pyrage.encrypt_io(plain, file, list(to))
    zipped.result()


def _write_zip_into(folder: Path, descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as file:
        _write_zip(folder, file)


def _write_zip(folder: Path, file: BinaryIO) -> None:
    """Write the files of a folder as a ZIP (ZIP64 if necessary), with relative names in sorted order."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_FASTEST) as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, packed.open(entry, "w") as written:
                while piece := source.read(_AT_ONCE):
                    written.write(piece)


def recipients(path: Path) -> list[pyrage.x25519.Recipient | pyrage.ssh.Recipient]:
    """Read a file of recipients, one per line: `age1…`, or an SSH public key; `#` starts a comment.

    Raises
    ------
    SettingsWrong
        The file cannot be read, or a line is invalid.
    """
    return recipients_of(_lines(path))


def recipients_of(lines: Iterable[str]) -> list[pyrage.x25519.Recipient | pyrage.ssh.Recipient]:
    """Parse recipients, one per line.

    Raises
    ------
    SettingsWrong
        A line is invalid, or there is none.
    """
    found: list[pyrage.x25519.Recipient | pyrage.ssh.Recipient] = []
    for line in lines:
        kind = pyrage.ssh.Recipient if line.startswith("ssh-") else pyrage.x25519.Recipient
        try:
            found.append(kind.from_str(line))
        except pyrage.RecipientError:
            raise SettingsWrong(gettext("A line of the file of recipients is no public key of age or SSH.")) from None
    if not found:
        raise SettingsWrong(gettext("The file of recipients is empty: `age-keygen -y` prints the line to add."))
    return found


def identities(path: Path) -> list[pyrage.x25519.Identity | pyrage.ssh.Identity]:
    """Read a file of identities as written by `age-keygen`, or an SSH private key.

    Raises
    ------
    SettingsWrong
        The file cannot be read, or holds no identity.
    """
    lines = _lines(path)
    try:
        if lines and lines[0].startswith("-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(path.read_bytes())]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise SettingsWrong(gettext("The identity file contains no private key of age or SSH."))
    return found


def decrypt(source: Path, target: Path, using: Iterable[pyrage.x25519.Identity | pyrage.ssh.Identity]) -> bool:
    """Decrypt `source` into `target`; return False if it is for another recipient, damaged or truncated."""
    try:
        with source.open("rb") as secret, target.open("xb") as plain:
            pyrage.decrypt_io(secret, plain, list(using))
    except (pyrage.DecryptError, OSError, ValueError) as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return False
    return True


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(
            gettext("{file} cannot be read: {error}.", file=path.name, error=type(error).__name__)
        ) from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
