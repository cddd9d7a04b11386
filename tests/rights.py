"""Removal of root's capability to read and change everything regardless of permissions."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = 0x20080522
_NUMBERS = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""
_READS_EVERYTHING = sum(1 << number for number in _NUMBERS)
_DROP_FOR_GOOD = 24
"""PR_CAPBSET_DROP of prctl(2)."""


@contextmanager
def not_all_powerful() -> Iterator[None]:
    """Enforce the permissions of files and folders for this thread, even if it is root's."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, before = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    _call(libc.capget, header, before)
    _call(libc.capset, header, (ctypes.c_uint32 * 6)(before[0] & ~_READS_EVERYTHING, *before[1:]))
    try:
        yield
    finally:
        _call(libc.capset, header, before)


def never_all_powerful() -> None:
    """Enforce the permissions of files and folders for this process and its children, even if it is root's."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for number in _NUMBERS:
        _call(libc.prctl, _DROP_FOR_GOOD, number, 0, 0, 0)
    header, before = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    _call(libc.capget, header, before)
    effective, permitted = (number & ~_READS_EVERYTHING for number in before[:2])
    _call(libc.capset, header, (ctypes.c_uint32 * 6)(effective, permitted, 0, before[3], before[4], 0))


def _call(function: ctypes._NamedFuncPointer, *arguments: object) -> None:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), function.__name__)


def open_all(root: Path) -> None:
    """Restore the permissions removed from the contents of a folder."""
    for place, folders, files in os.walk(root):
        for path in (Path(place) / name for name in (*folders, *files)):
            if not path.is_symlink() and path.stat().st_mode & 0o777 == 0:
                path.chmod(0o755)
