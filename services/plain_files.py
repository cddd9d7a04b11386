"""Files of the share that are read by their name: opened only where they are regular files, and read up to a bound.

Whoever may drop a set may put a pipe, a link to an endless device or a disk full of bytes in a file's place: a program
that opens whatever has the name waits for ever, or takes all memory.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from services.errors import SettingsWrong

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

LARGEST_BYTES: Final = 64 << 20
"""No file that is read whole has grown as large: the record of a set of ten thousand files is a tenth of it."""

LARGEST_SHEET_BYTES: Final = 1 << 30
"""A page with the pictures of a collection in it."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NOT_OPENED: Final = {errno.ENXIO, errno.ELOOP, errno.ENODEV, errno.EOPNOTSUPP}
"""A socket, a link that leads to itself, a device that is none."""


class NotPlain(SettingsWrong):
    """What has the name of a file is none that can be read: a folder, pipe, socket or device, or far too large."""


def opened(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one, for reading.

    Raises
    ------
    NotPlain
        It is something else. Nothing was waited for.
    OSError
        It is not there, or may not be read.
    """
    # Opening a device can do something by itself: what it is, is asked before, and again of what was opened.
    if not stat.S_ISREG(_mode(path)):
        raise NotPlain(f"{path.name} is no file.")
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain(f"{path.name} is no file.")
    return os.fdopen(descriptor, "rb")


def read(path: Path, most: int = LARGEST_BYTES) -> bytes:
    """Return what a regular file holds.

    Parameters
    ----------
    most
        How many bytes it may hold.

    Raises
    ------
    NotPlain
        It is no regular file, or larger.
    OSError
        It is not there, or may not be read.
    """
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > most:  # before anything of it is in memory
            raise NotPlain(f"{path.name} is too large: at most {_size(most)} are read.")
        data = file.read(most + 1)
    if len(data) > most:
        raise NotPlain(f"{path.name} is too large: at most {_size(most)} are read.")
    return data


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in _NOT_OPENED:
            raise NotPlain(f"{path.name} is no file.") from None
        raise


def _size(size_bytes: int) -> str:
    return f"{size_bytes >> 20} MB" if size_bytes >= 1 << 20 else f"{size_bytes:,} bytes"
