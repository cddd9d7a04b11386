"""Read files of the share by name: only regular files are opened, and only up to a size limit.

Anyone who may drop a set may put a pipe, a link to an endless device or a disk full of bytes in place of a file; a
program that opens it blindly would block forever or exhaust memory.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from services.errors import SettingsWrong
from services.language import gettext

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

LARGEST_BYTES: Final = 64 << 20
"""Limit for files read whole; the record of a set of ten thousand files is a tenth of this."""

LARGEST_SHEET_BYTES: Final = 1 << 30
"""Limit for a page with the pictures of a whole collection."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NOT_OPENED: Final = {errno.ENXIO, errno.ELOOP, errno.ENODEV, errno.EOPNOTSUPP}
"""Errors of opening a socket, a link to itself, or a missing device."""


class NotPlain(SettingsWrong):
    """The path is a folder, pipe, socket or device instead of a readable file, or the file is far too large."""


def opened(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one, for reading.

    Raises
    ------
    NotPlain
        It is not a regular file. This is determined without blocking.
    OSError
        It does not exist or cannot be read.
    """
    # Opening a device can have side effects, so check the type before opening, and again on the open file.
    if not stat.S_ISREG(_mode(path)):
        raise NotPlain(gettext("{file} is not a file.", file=path.name))
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain(gettext("{file} is not a file.", file=path.name))
    return os.fdopen(descriptor, "rb")


def read(path: Path, most: int = LARGEST_BYTES) -> bytes:
    """Return the contents of a regular file.

    Parameters
    ----------
    most
        Maximum size in bytes.

    Raises
    ------
    NotPlain
        It is not a regular file, or larger.
    OSError
        It does not exist or cannot be read.
    """
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > most:  # before reading any of it into memory
            raise NotPlain(_too_large(path, most))
        data = file.read(most + 1)
    if len(data) > most:
        raise NotPlain(_too_large(path, most))
    return data


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        if error.errno in _NOT_OPENED:
            raise NotPlain(gettext("{file} is not a file.", file=path.name)) from None
        raise


def _too_large(path: Path, most: int) -> str:
    return gettext("{file} is too large: at most {size} are read.", file=path.name, size=_size(most))


def _size(size_bytes: int) -> str:
    return f"{size_bytes >> 20} MB" if size_bytes >= 1 << 20 else gettext("{count:,} bytes", count=size_bytes)
