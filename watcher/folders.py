"""Which folders of a collection are sets, and has a finished one been touched since.

A set is a folder right under the collection's root, with its files at any depth below. Never a set: what we or the
older program made (sheets among it), what is hidden or being copied, what is a collection itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from services.layout import SETTINGS_NAME, SHEETS_NAME, is_passed_over

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Where a DICOM file says that it is one (PS3.10 7.1); nothing else of a file is ever read here.
PREAMBLE_BYTES = 128


def set_folders(root: Path) -> list[str]:
    """Name the folders of a collection that are sets, in the order in which people sort them."""
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if _may_be_set(entry.name) and entry.is_dir(follow_symlinks=False)]
    place = os.fspath(root)
    sets = (name for name in names if not os.path.lexists(f"{place}/{name}/{SETTINGS_NAME}"))
    return sorted(sets, key=str.casefold)


def loose_dicom(root: Path) -> int:
    """Count the DICOM files that lie in the root itself: told, never taken, for nobody knows whose they are."""
    with os.scandir(root) as entries:
        return sum(_is_dicom(entry) for entry in entries)


def untouched(folder: str, folders: Mapping[str, int]) -> bool:
    """Tell whether no file was added to a set, or taken from it, since its folders' times (ns) were noted.

    One look at each folder, none at the files: the cost of a rescan must not grow with what is finished. Tens of
    thousands of folders are looked at in one rescan; with strings that takes half the time that it takes with paths.
    """
    try:
        for inner, at in folders.items():
            if os.stat(f"{folder}/{inner}").st_mtime_ns != at:  # noqa: PTH116 - see above
                return False
    except OSError:
        return False
    return True


def _may_be_set(name: str) -> bool:
    return not is_passed_over(name) and name.casefold() != SHEETS_NAME


def _is_dicom(entry: os.DirEntry[str]) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    if entry.name.lower().endswith((".dcm", ".dicom")):
        return True
    try:
        with open(entry.path, "rb") as file:  # noqa: PTH123 - what scandir gives is a string
            return file.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] == b"DICM"
    except OSError:
        return False
