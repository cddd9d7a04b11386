"""What others may do with what is written here: never more than they may do with the collection's own folder.

Whoever shut a collection's folder to others meant what will be in it, too: `.anonymizer/folders` holds names of
patients, and what was published may be moved out of the shut folder.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS: Final = 0o077
"""The rights of the group and of everybody; the owner's own are not taken."""

_at_start: list[int] = []
"""The umask that this process had before it followed any folder, once it is known."""


def set_umask(umask: int) -> None:
    """Set the umask of this process, and of what it starts: `ANONYMIZER_UMASK`."""
    os.umask(umask)
    _at_start[:] = [umask]


def follow(folder: Path) -> None:
    """Write for nobody who may not use this folder, until another one is followed.

    A process has one umask: workers and commands have one collection at a time, and the watcher follows each in turn.

    Raises
    ------
    OSError
        The folder is away.
    """
    if not _at_start:
        _at_start.append(os.umask(_OTHERS))
    os.umask(_at_start[0] | (~folder.stat().st_mode & _OTHERS))
