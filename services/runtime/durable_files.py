"""Durable, atomic writes to the share: a file is complete or absent, even after a kill or a power cut.

The order is always the same: write under a temporary name, flush, rename in one step, flush what was renamed and its
folder. `is_left_over` recognizes the names that a killed process leaves behind; nothing else reads them.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from services import plain_files
from services.runtime import processes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ASIDE: Final = ".anonymizer-new-"
_NOT_SUPPORTED: Final = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}
_THERE_ALREADY: Final = {errno.EEXIST, errno.ENOTEMPTY}
_AT_FDCWD: Final = -100
_RENAME_NOREPLACE: Final = 1  # Linux, renameat2(2)
_RENAME_EXCL: Final = 4  # macOS, renamex_np(2)
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def encode(value: Mapping[str, Any]) -> bytes:
    """Encode a state record as JSON; equal values give identical bytes.

    Names that are not UTF-8 keep their bytes: they become lone surrogates, which ASCII JSON escapes.
    """
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("ascii")


def decode(data: bytes) -> dict[str, Any] | None:
    """Decode what `encode` wrote; None if truncated or not written by this program."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read(path: Path) -> dict[str, Any] | None:
    """Read a state record; None if the file is missing or unreadable: a folder, a pipe, truncated."""
    try:
        return decode(plain_files.read(path))
    except (FileNotFoundError, plain_files.NotPlain):
        return None


def names(folder: Path) -> list[str]:
    """Return the names in a folder, unordered.

    As strings, since paths take ten times as long for ten thousand entries.
    """
    return os.listdir(folder)  # noqa: PTH208 - see above


def records_in(folder: Path) -> list[Path]:
    """Return the state records in a folder, sorted by name; empty if the folder does not exist.

    Raises
    ------
    OSError
        The folder cannot be listed; `Path.glob` would silently find nothing.
    """
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if name.endswith(".json")]  # noqa: PTH208 - as above
    except FileNotFoundError:
        return []


def is_left_over(name: str) -> bool:
    """Return whether a name is a temporary name used for writing."""
    return name.startswith(_ASIDE)


def aside(folder: Path) -> Path:
    """Return an unused temporary path in `folder`."""
    return folder / f"{_ASIDE}{processes.token()}"


def write_exclusively(path: Path, data: bytes, *, staging: Path | None = None, lasting: bool = True) -> bool:
    """Create a file with its contents; return False if the name is taken.

    Of any number of processes on any number of hosts exactly one succeeds, and nobody ever reads a partial file. Where
    the file system has no hard links the file is created empty and then filled; a crash in between leaves an unreadable
    file, which readers must treat as claimed.

    Parameters
    ----------
    staging
        Folder on the same file system for the temporary file; by default that of `path`.
    lasting
        Whether to wait until the file is on disk, as for `write_atomically`.
    """
    new = _write_aside(staging or path.parent, data, lasting=lasting)
    try:
        os.link(new, path)
    except FileExistsError:
        return False
    except OSError as error:
        # rclone mounts report EIO here; were it a real I/O error, creating the file below would fail, too.
        if error.errno not in _NOT_SUPPORTED | {errno.EIO}:
            raise
        if not _create(path, data, lasting=lasting):
            return False
    finally:
        new.unlink(missing_ok=True)
    if lasting:
        fsync_folder(path.parent)
    return True


def write_atomically(path: Path, data: bytes, *, staging: Path | None = None, lasting: bool = True) -> None:
    """Create or replace a file atomically: a reader sees the old contents or the new.

    Parameters
    ----------
    lasting
        Whether to wait until the file is on disk. Otherwise it may revert, or be unreadable, after a power cut:
        for data that is recomputed if missing.
    """
    new = _write_aside(staging or path.parent, data, lasting=lasting)
    try:
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    if lasting:
        _flush_renamed(path)


def remove_exactly(path: Path, data: bytes, *, staging: Path) -> bool:
    """Remove a file if it still holds `data`; return False if it does not, or is gone.

    A process frozen between checking and removing must not delete another process's file. The file is therefore moved
    aside first and checked again; a different file is moved back unless its name was taken.
    """
    with suppress(FileNotFoundError, plain_files.NotPlain):
        if plain_files.read(path) != data:
            return False
        moved = aside(staging)
        path.rename(moved)
        found = plain_files.read(moved)
        if found != data:
            write_exclusively(path, found, staging=staging)
        moved.unlink()
        fsync_folder(path.parent)
        return found == data
    return False


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or folder to its final name, durably and without replacing anything.

    rename(2) silently replaces an empty folder and any file. Where the file system cannot prevent that, the name is
    checked first, which leaves a brief window for someone to create an empty folder by hand.

    Raises
    ------
    FileNotFoundError
        The source does not exist, perhaps because another process renamed it; takes precedence over a taken target.
    FileExistsError
        The target exists.
    """
    try:
        if not _rename_noreplace(source, target):
            source.lstat()
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            source.rename(target)
    except OSError as error:
        if error.errno in _THERE_ALREADY:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        raise
    _flush_renamed(target)
    fsync_folder(source.parent)


def fsync_file(path: Path) -> None:
    """Flush a file's contents to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the file system supports it (some shares do not)."""
    _flush_where_supported(folder, os.O_DIRECTORY)


def _flush_renamed(path: Path) -> None:
    """Flush what was renamed, and the folder with its new name.

    Linux writes length and place of a renamed file to its new entry on FAT only when the file itself is flushed. If the
    power fails before, a file is empty, and a folder is lost with all that is in it.
    """
    with suppress(FileNotFoundError):  # another process has removed or renamed it since
        _flush_where_supported(path)
    fsync_folder(path.parent)


def _flush_where_supported(path: Path, flags: int = 0) -> None:
    descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED | {errno.EBADF}:
            raise
    finally:
        os.close(descriptor)


def _write_aside(folder: Path, data: bytes, *, lasting: bool = True) -> Path:
    new = aside(folder)
    try:
        is_new = _create(new, data, lasting=lasting)
    except BaseException:
        with suppress(OSError):  # the next try writes another one, and a full disk must not fill with them
            new.unlink()
        raise
    if not is_new:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    return new


def _create(path: Path, data: bytes, *, lasting: bool = True) -> bool:
    try:
        with path.open("xb") as file:
            file.write(data)
            if lasting:
                file.flush()
                _flush(file.fileno())
    except FileExistsError:
        return False
    return True


def _flush(descriptor: int) -> None:
    """Flush a file; on macOS fsync(2) alone only reaches the drive's cache."""
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def _rename_noreplace(source: Path, target: Path) -> bool:
    """Rename atomically unless the target exists; False if the system or file system does not support it."""
    old, new = os.fsencode(source), os.fsencode(target)
    if hasattr(_LIBC, "renameat2"):
        failed = _LIBC.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE)
    elif hasattr(_LIBC, "renamex_np"):
        failed = _LIBC.renamex_np(old, new, _RENAME_EXCL)
    else:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in _NOT_SUPPORTED - {errno.EPERM}:
        return False
    raise OSError(number, os.strerror(number))
