"""Listing of a set's folder without opening files: detects changes and files that are ignored.

Links are not followed, devices and pipes are not opened, hidden names and files of unfinished copies are ignored. What
is ignored is reported.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, NamedTuple

from services.errors import Fault, SetRefused
from services.language import gettext, gettext_noop
from services.layout import DEEPEST, SETTINGS_NAME, is_there, why_file_left, why_folder_left

if TYPE_CHECKING:
    from pathlib import Path

MOST_FILES: Final = 100_000

A_LINK: Final = gettext_noop("a link")
A_COLLECTION: Final = gettext_noop("a collection of its own")
TOO_DEEP: Final = gettext_noop("nested too deep")
NOT_PLAIN: Final = gettext_noop("neither file nor folder")


class Entry(NamedTuple):
    """One file. Equal entries mean an unchanged file."""

    path: PurePosixPath
    """Relative to the listed folder."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


class Folder(NamedTuple):
    """One folder, including the listed one (`.`): its time changes when a name in it does."""

    path: PurePosixPath
    mtime_ns: int
    inode: int


class Skipped(NamedTuple):
    """Something that is ignored."""

    path: PurePosixPath
    why: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Snapshot of a folder. Equal listings have the same files with the same times in the same places."""

    entries: tuple[Entry, ...]
    folders: tuple[Folder, ...]
    skipped: tuple[Skipped, ...]

    fingerprint: str
    """Digest of names, sizes and times, 32 characters. The same on every host; inode numbers and change times are not.
    """


def take(folder: Path) -> Listing:
    """List a folder recursively.

    Files that disappear meanwhile are not included.

    Raises
    ------
    SetRefused
        `too-many-files`: more than any set has.
    OSError
        The folder is gone, or something in it cannot be listed.
    """
    files: list[tuple[str, os.stat_result]] = []  # paths are strings until sorted, which halves the time
    folders = [_folder(".", os.stat(folder))]  # noqa: PTH116 - os.stat gives what os.scandir gives below
    skipped: list[Skipped] = []
    waiting = [(os.fspath(folder), "", 0)]
    while waiting:
        place, below, depth = waiting.pop()
        for found in _scan(place, must_exist=depth == 0):
            path = below + found.name
            try:
                why = _why_not_read(found, depth)
                status = found.stat(follow_symlinks=False) if why is None else None
            except FileNotFoundError:
                continue
            except PermissionError as denied:  # caused by a folder's permissions, not by those of its entries
                raise PermissionError(denied.errno, denied.strerror, os.path.dirname(denied.filename)) from None  # noqa: PTH120 - a string, as above
            if status is None:
                skipped.append(Skipped(PurePosixPath(path), why or ""))
            elif stat.S_ISDIR(status.st_mode):
                folders.append(_folder(path, status))
                waiting.append((found.path, path + "/", depth + 1))
            else:
                files.append((path, status))
            if len(files) + len(folders) + len(skipped) > MOST_FILES:
                raise SetRefused(_too_many())
    files.sort(key=itemgetter(0))
    entries = tuple(
        Entry(PurePosixPath(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        for path, status in files
    )
    return Listing(entries, tuple(sorted(folders)), tuple(sorted(skipped)), _fingerprint(files))


def fingerprint(folder: Path) -> str:
    """Return the fingerprint of a folder; it is the same for all folders with too many files.

    Raises
    ------
    OSError
        As `take`.
    """
    try:
        return take(folder).fingerprint
    except SetRefused as refused:
        return str(refused)


def _scan(place: str, *, must_exist: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return list(found)
    except FileNotFoundError:
        if must_exist:
            raise
        return []


def _why_not_read(found: os.DirEntry[str], depth: int) -> str | None:
    if found.is_symlink():
        return A_LINK
    if found.is_dir(follow_symlinks=False):
        if (why := why_folder_left(found.name)) is not None:
            return why
        if is_there(os.path.join(found.path, SETTINGS_NAME)):  # noqa: PTH118 - a string join for each folder
            return A_COLLECTION
        return TOO_DEEP if depth >= DEEPEST else None
    return why_file_left(found.name) if found.is_file(follow_symlinks=False) else NOT_PLAIN


def _folder(path: str, status: os.stat_result) -> Folder:
    return Folder(PurePosixPath(path), status.st_mtime_ns, status.st_ino)


def _fingerprint(files: list[tuple[str, os.stat_result]]) -> str:
    seen = blake2b(digest_size=16)
    for path, status in files:
        seen.update(b"%s\0%d\0%d\0" % (os.fsencode(path), status.st_size, status.st_mtime_ns))
    return seen.hexdigest()


def _too_many() -> Fault:
    return Fault(
        code="too-many-files",
        found=gettext("The folder holds more than {most:,} files and folders.", most=MOST_FILES),
        remedy=gettext("Put one patient's CT, RT Structure Set, RT Plan and RT Dose in a folder of their own."),
    )
