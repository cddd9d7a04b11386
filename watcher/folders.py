"""The set folders of a collection, and detection of changes to finished sets.

A set is a folder directly under the collection's root, or in a hospital's folder there, with its files at any depth
below. Never sets are: output of this or the older program (`ANON_006`, the folder of the sheets), hidden folders, and
collections. Anything else that holds DICOM but is ignored is reported (`ignored_entries`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.forms.collection_form import inbox_of
from services.language import gettext_noop
from services.layout import (
    ANON_NAME,
    OTHER_SHEETS_NAME,
    SETTINGS_NAME,
    SHEETS_NAME,
    is_sheets_folder,
    is_there,
    why_folder_left,
)
from services.rtset import not_taken
from services.runtime import durable_files
from services.store import notes, tracking_lines
from watcher.hospital_folders import HospitalFolders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.store.collection import Collection

ONE_PATIENTS: Final = gettext_noop(
    "{root} contains the DICOM files of one patient. Name the folder above it: each subfolder of a root is one "
    "patient's set."
)

_OURS_BESIDE: Final = (notes.REFUSED, notes.NOTE)


def set_folders(root: Path, hospitals: HospitalFolders | None = None) -> list[str]:
    """Return the set folders of a collection, in natural sort order.

    Parameters
    ----------
    hospitals
        If subfolders are hospitals: distinguishes them from sets. A set in one is named `hospital/set`.

    Raises
    ------
    OSError
        The root cannot be listed. Unreadable folders are included; listing them will raise.
    """
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if _is_named_like_a_set(entry) and entry.is_dir(follow_symlinks=False)]
    inbox = inbox_of(root) if names else ""
    names = [name for name in names if name != inbox]
    place = os.fspath(root)
    sets = sorted((name for name in names if not is_collection(f"{place}/{name}")), key=str.casefold)
    return sets if hospitals is None else hospitals.sets(sets)


def folders_of(collection: Collection) -> list[str]:
    """Return the sets of a collection, according to its form."""
    hospitals = HospitalFolders(collection.root, collection) if collection.options.by_hospital else None
    return set_folders(collection.root, hospitals)


def loose_dicom(root: Path) -> int:
    """Return the number of DICOM files in the root itself.

    They are reported but never processed, since the set they belong to is unknown.
    """
    with os.scandir(root) as entries:
        return sum(is_loose_dicom(entry) for entry in entries)


def is_one_patients(root: Path) -> bool:
    """Return whether a folder is one patient's set rather than a root: it contains DICOM and no set folder.

    Raises
    ------
    OSError
        It cannot be listed.
    """
    if _is_published_into(root) or set_folders(root):
        return False
    return loose_dicom(root) > 0


def untouched(folder: str, folders: Mapping[str, int]) -> bool:
    """Return whether no file was added to or removed from a set since its folders' times (ns) were recorded.

    Each folder is checked once, and no file: the cost of a rescan must not grow with finished sets. A rescan checks
    tens of thousands of folders; with strings this takes half as long as with `Path` objects.
    """
    try:
        for inner, at in folders.items():
            if os.stat(f"{folder}/{inner}").st_mtime_ns != at:  # noqa: PTH116 - see above
                return False
    except OSError:
        return False  # the folder will then be listed, which reports the reason
    return True


def _is_published_into(root: Path) -> bool:
    """Return whether something was published in a folder, by this or the older program."""
    names = durable_files.names(root)
    return any(ANON_NAME.fullmatch(name) or tracking_lines.FILE_NAME.fullmatch(name) for name in names)


def _is_named_like_a_set(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if why_folder_left(name) or ANON_NAME.fullmatch(name):
        return False
    return not is_named_like_sheets(name) or not is_sheets_folder(Path(entry.path))


def is_named_like_sheets(name: str) -> bool:
    """Return whether a folder has the name of the sheets' folder."""
    return name.casefold() in {SHEETS_NAME, OTHER_SHEETS_NAME}


def is_collection(folder: str) -> bool:
    """Return whether a folder is a collection of its own."""
    try:
        return is_there(f"{folder}/{SETTINGS_NAME}")
    except OSError:
        return False  # unknown: treated as an unreadable set for now


def is_loose_dicom(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry of a root is a DICOM file in no set's folder."""
    return (
        entry.is_file(follow_symlinks=False)
        and not entry.name.endswith(_OURS_BESIDE)
        and not_taken.is_dicom(entry.path, by_name=True)
    )
