"""File modes: files written here are never more accessible than the collection's own folder.

Whoever closed a collection's folder to others meant its future contents, too: `.anonymizer/folders` holds patient
names, and published sets may be moved elsewhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS: Final = 0o077
"""Permission bits of group and others; the owner's are never removed."""

_at_start: list[int] = []
"""The umask of this process before it followed a folder, once known."""


def set_umask(umask: int) -> None:
    """Set the umask of this process and its children: `ANONYMIZER_UMASK`."""
    os.umask(umask)
    _at_start[:] = [umask]


def follow(folder: Path) -> None:
    """Restrict the umask to the permissions of a folder, until another one is followed.

    A process has a single umask: workers and commands handle one collection at a time, and the watcher follows each in
    turn.

    Raises
    ------
    OSError
        The folder is unavailable.
    """
    if not _at_start:
        _at_start.append(os.umask(_OTHERS))
    os.umask(_at_start[0] | (~folder.stat().st_mode & _OTHERS))
