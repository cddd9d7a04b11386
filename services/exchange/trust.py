"""Trusted senders of deliveries: fingerprints in a file of the process, never on the share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.errors import SettingsWrong
from services.exchange import delivery_key
from services.language import gettext
from services.runtime import durable_files

if TYPE_CHECKING:
    from pathlib import Path

    from services.runtime.settings import Settings

NAME: Final = "trusted_keys"


def place(settings: Settings) -> Path:
    """Return the path of the file of fingerprints."""
    return settings.trusted_keys_file or delivery_key.user_configuration() / NAME


def trusted(settings: Settings) -> frozenset[str]:
    """Return the trusted fingerprints, one per line of the file; `#` starts a comment.

    Raises
    ------
    SettingsWrong
        A line is invalid, or the file cannot be read.
    """
    path = place(settings)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsWrong(
            gettext("The file of trusted keys cannot be read: {error}.", error=type(error).__name__)
        ) from None
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(delivery_key.ungrouped(line) for line in lines if line)


def remember(settings: Settings, fingerprint: str, remark: str = "") -> None:
    """Trust a key from now on."""
    if fingerprint in trusted(settings):
        return
    path = place(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = path.read_bytes() if path.exists() else b""
    before += b"" if before.endswith(b"\n") or not before else b"\n"
    line = f"{fingerprint}  # {' '.join(remark.split())}\n" if remark else f"{fingerprint}\n"
    durable_files.write_atomically(path, before + line.encode())
