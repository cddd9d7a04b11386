"""Writing to the share so that a file is there whole or not at all, also after a kill or a power cut.

The order is always the same: write under another name, flush, give it its name in one step, flush the folder. What a
killed process leaves behind has a name that `is_left_over` knows and nothing else reads.
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
from uuid import uuid4

from services import plain_files

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
    """Write a record of the state as JSON; the same value always gives the same bytes.

    Names that are no UTF-8 keep their bytes: they travel as lone surrogates, which ASCII JSON escapes.
    """
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("ascii")


def decode(data: bytes) -> dict[str, Any] | None:
    """Read what `encode` wrote; None when it is not that: cut off, or not ours."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read(path: Path) -> dict[str, Any] | None:
    """Read a record of the state; None when it is not there or not readable as one: a folder, a pipe, cut off."""
    try:
        return decode(plain_files.read(path))
    except (FileNotFoundError, plain_files.NotPlain):
        return None


def names(folder: Path) -> list[str]:
    """Return the names in a folder, in no order: ten thousand take a few milliseconds, as paths ten times that."""
    return os.listdir(folder)  # noqa: PTH208 - see above


def records_in(folder: Path) -> list[Path]:
    """Return the records of the state in a folder, in the order of their names; none where there is no such folder.

    Raises
    ------
    OSError
        It may not be listed: `Path.glob` would find nothing in it and say nothing.
    """
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if name.endswith(".json")]  # noqa: PTH208 - as above
    except FileNotFoundError:
        return []


def is_left_over(name: str) -> bool:
    """Return whether a name is one under which something was being written."""
    return name.startswith(_ASIDE)


def aside(folder: Path) -> Path:
    """Return a name in `folder` that nobody else uses, for something that is not finished."""
    return folder / f"{_ASIDE}{uuid4().hex}"


def write_exclusively(path: Path, data: bytes, *, staging: Path | None = None) -> bool:
    """Create a file with its content, unless there is one of that name; false when there is.

    Of any number of processes on any number of hosts exactly one succeeds, and nobody ever reads half of it. Where the
    file system has no hard links the file is created empty and then filled: a crash in between leaves one that cannot
    be read, which readers must take for someone's.

    Parameters
    ----------
    staging
        Where it is written first: on the same file system. Beside `path` by default.
    """
    new = _write_aside(staging or path.parent, data)
    try:
        os.link(new, path)
    except FileExistsError:
        return False
    except OSError as error:
        # rclone's mounts call it an input/output error; were it one, the file could not be created either.
        if error.errno not in _NOT_SUPPORTED | {errno.EIO}:
            raise
        if not _create(path, data):
            return False
    finally:
        new.unlink(missing_ok=True)
    fsync_folder(path.parent)
    return True


def write_atomically(path: Path, data: bytes, *, staging: Path | None = None, lasting: bool = True) -> None:
    """Replace a file, or create it; a reader sees the old content or the new one.

    Parameters
    ----------
    lasting
        Whether to wait until it is on the disk. What is not waited for may be the old one again after a power cut, or
        none that can be read: for what is worked out again where it is missing.
    """
    new = _write_aside(staging or path.parent, data, lasting=lasting)
    try:
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    if lasting:
        fsync_folder(path.parent)


def remove_exactly(path: Path, data: bytes, *, staging: Path) -> bool:
    """Remove a file if it still holds `data`; false when it does not, or is gone.

    A process that was frozen between looking and removing must not remove what another one put there meanwhile.
    So it is moved away first and looked at again; what was not meant goes back, unless its place was taken.
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
    """Rename a file or folder to its final name, durably, and never in the place of anything.

    rename(2) silently replaces an empty folder, and any file. Where the file system cannot promise that it does not,
    the name is looked for first, which leaves an instant for someone to create an empty folder there by hand.

    Raises
    ------
    FileNotFoundError
        There is nothing to rename: another one has done it, maybe. Whether the name is taken does not matter then.
    FileExistsError
        There is something of that name.
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
    fsync_folder(target.parent)
    fsync_folder(source.parent)


def fsync_file(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def fsync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system knows how to (some shares do not)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED | {errno.EBADF}:
            raise
    finally:
        os.close(descriptor)


def _write_aside(folder: Path, data: bytes, *, lasting: bool = True) -> Path:
    new = aside(folder)
    if not _create(new, data, lasting=lasting):
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
    """Flush a file; on macOS fsync(2) alone stops at the drive's cache."""
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def _rename_noreplace(source: Path, target: Path) -> bool:
    """Rename unless the target exists, in one step; false where this system or file system cannot."""
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
