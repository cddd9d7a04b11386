"""The form and the list of identities as an outcome was decided by them: whether they are still the same."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from services import plain_files
from services.forms import identity_list
from services.layout import SETTINGS_NAME

if TYPE_CHECKING:
    from pathlib import Path


def digest_of(root: Path) -> str:
    """Return a digest of both files, which differs after any change, whatever the clocks say."""
    return sha256(
        b"".join(sha256(_read(root / name)).digest() for name in (SETTINGS_NAME, identity_list.FILE_NAME))
    ).hexdigest()


class SettingsSeen(NamedTuple):
    """Both files of a collection as they are now."""

    digest: str
    form_changed_ns: int
    list_changed_ns: int | None
    """None if there is no list."""

    @classmethod
    def now(cls, root: Path, before: SettingsSeen | None = None) -> SettingsSeen:
        """Look at both files; they are read only if one has changed since they were seen before.

        Raises
        ------
        OSError
            There is no form, or the share is unavailable.
        """
        form_changed_ns = (root / SETTINGS_NAME).stat().st_ctime_ns
        try:
            list_changed_ns = (root / identity_list.FILE_NAME).stat().st_ctime_ns
        except FileNotFoundError:
            list_changed_ns = None
        if before is not None and before[1:] == (form_changed_ns, list_changed_ns):
            return before
        return cls(digest_of(root), form_changed_ns, list_changed_ns)


def _read(path: Path) -> bytes:
    try:
        return plain_files.read(path)
    except (FileNotFoundError, plain_files.NotPlain):
        return b""
