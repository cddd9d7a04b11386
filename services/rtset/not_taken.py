"""Entries of a set's folder that may hold DICOM but are ignored, listed with the reason."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from services.language import gettext, gettext_noop
from services.layout import DEEPEST, NotTaken, is_of_the_system
from services.rtset.folder_listing import A_COLLECTION, A_LINK, TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from services.rtset.folder_listing import Listing, Skipped
    from services.rtset.reader import SetFile

MOST_NAMED: Final = 50
"""Maximum number listed per folder; any others are found once these are resolved."""

MOST_PROBED: Final = 200
"""Maximum number of entries checked in a hidden folder; the first DICOM file suffices."""

_PREAMBLE_BYTES: Final = 128
_MARK: Final = b"DICM"
_ARCHIVE: Final = re.compile(r".*\.(zip|7z|rar|tar|tgz|tbz2?|txz|gz|bz2|xz|iso)", re.IGNORECASE | re.DOTALL)
_SUFFIXES: Final = (".dcm", ".dicom")

_REMEDIES: Final = {
    A_LINK: gettext_noop("Links are not followed: put the files themselves in its place."),
    A_COLLECTION: gettext_noop(
        "A set's folder cannot contain a collection: move it out, or delete its collection.toml."
    ),
    TOO_DEEP: gettext_noop("Folders are searched {most} levels deep: move it up."),
}


def is_archive(name: str) -> bool:
    """Return whether a file of this name is an archive, which is not searched."""
    return _ARCHIVE.fullmatch(name) is not None


def archive(name: str) -> NotTaken:
    """Return the entry of an archive."""
    return NotTaken(
        name,
        gettext("an archive"),
        gettext("Archives are not opened: unpack it, each patient's objects in a folder of their own."),
    )


def is_dicom(path: Path | str, *, by_name: bool = False) -> bool:
    """Return whether a file is marked as DICOM (PS3.10 7.1); False if unreadable.

    Parameters
    ----------
    by_name
        Whether the name suffices.
    """
    if by_name and os.fspath(path).lower().endswith(_SUFFIXES):
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.pread(descriptor, 4, _PREAMBLE_BYTES) == _MARK
    except OSError:
        return False
    finally:
        os.close(descriptor)


def may_not_be_read(path: Path | str) -> bool:
    """Return whether a path is an existing file that cannot be read; links, pipes and devices are not files."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK))
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno not in {errno.ELOOP, errno.ENXIO}
    return False


def holds_dicom(folder: Path | str) -> bool:
    """Return whether the first files in and below a folder include DICOM, or permissions prevent a check.

    Unreadable system folders count as having none: `lost+found` is not meant to be read.
    """
    probed, errors = 0, list[OSError]()
    for place, _, names in os.walk(folder, onerror=errors.append):
        if any(is_dicom(f"{place}/{name}") for name in names[: MOST_PROBED - probed]):
            return True
        probed += 1 + len(names)
        if probed >= MOST_PROBED:
            break
    is_closed = any(isinstance(error, PermissionError) for error in errors)
    return is_closed and not is_of_the_system(os.path.basename(folder))  # noqa: PTH119 - both kinds of paths


def of_set(folder: Path, listing: Listing) -> tuple[NotTaken, ...]:
    """Return what is ignored in a set's folder; names begin with the folder's own."""
    found: list[NotTaken] = []
    for one in (*_skipped(folder, listing.skipped), *_archives(folder, listing)):
        found.append(one)
        if len(found) == MOST_NAMED:
            break
    return tuple(found)


def nested(folder: str, patients: Sequence[Sequence[SetFile]]) -> tuple[NotTaken, ...]:
    """Return the entry of a folder that contains one folder for each of several patients."""
    if not each_has_a_folder(patients):
        return ()
    return (NotTaken(folder, gettext("several patients' folders, inside one"), f"{gettext(MOVE_UP)}."),)


MOVE_UP: Final = gettext_noop("Move the inner folders up one level: each is then a set of its own")


def each_has_a_folder(patients: Sequence[Sequence[SetFile]]) -> bool:
    """Return whether patients are separated by the folders of their files."""
    tops = [{one.path.parts[0] for one in files} for files in patients]
    inner = all(len(one.path.parts) > 1 for files in patients for one in files)
    return inner and len(tops) > 1 and sum(map(len, tops)) == len(set().union(*tops))


def _skipped(folder: Path, skipped: Sequence[Skipped]) -> Iterator[NotTaken]:
    for path, why in skipped:
        place = folder / path
        name = f"{folder.name}/{path}"
        if why == A_LINK:
            with suppress(OSError):  # it is broken, or circular
                mode = place.stat().st_mode
                if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
                    yield NotTaken(name, gettext(why), gettext(_REMEDIES[why], most=DEEPEST))
        elif why in _REMEDIES:
            yield NotTaken(name, gettext(why), gettext(_REMEDIES[why], most=DEEPEST))
        elif is_dicom(place) or holds_dicom(place):
            yield NotTaken(name, gettext(why), gettext("Give it a plain name if it belongs to the set."))


def _archives(folder: Path, listing: Listing) -> Iterator[NotTaken]:
    for entry in listing.entries:
        if is_archive(entry.path.name) and not is_dicom(folder / entry.path):
            yield archive(f"{folder.name}/{entry.path}")
