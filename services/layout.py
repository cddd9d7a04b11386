"""Names on the share: which belong to a collection, which to this program, which are ignored, and why."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from services.language import gettext_noop

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS_NAME: Final = "collection.toml"
STATE_NAME: Final = ".anonymizer"
SHEETS_NAME: Final = "sheets"
"""Folder for the sheets, next to the sets."""

OTHER_SHEETS_NAME: Final = "anonymizer-sheets"
"""Used instead if a set's folder is called `sheets`."""

ANON_NAME: Final = re.compile(r"ANON_([0-9]{1,200})", re.IGNORECASE)
"""Also matches folders of the older program and, on case-insensitive file systems, `anon_…`. Directly under a root
only. A longer number would neither be a number to Python nor fit into names of files.
"""

SHEET_NAME: Final = re.compile(r"(ANON_[0-9]+|report)\.(html|pdf)")
"""A folder that contains one of these files is a sheets folder of ours."""

DEEPEST: Final = 64
"""Maximum folder depth. No export is deeper; a mount that contains itself is."""

_OF_THE_SYSTEM: Final = frozenset(
    ("$recycle.bin", "#recycle", "#snapshot", "@eadir", "__macosx", "lost+found", "system volume information")
)
_TEMPORARY: Final = re.compile(
    r"~.*|.*~|.*\.(part|partial|filepart|crdownload|download|tmp|temp)", re.IGNORECASE | re.DOTALL
)


_LITTER: Final = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store"))
_HIDDEN: Final = gettext_noop("hidden")
_OF_THE_SYSTEMS_OWN: Final = gettext_noop("a folder of the system's own")
_A_TEMPORARY_NAME: Final = gettext_noop("a temporary name")


class NotTaken(NamedTuple):
    """Entry of a collection that may hold DICOM but is not processed."""

    name: str
    """Path relative to the collection's root; for the share's users only."""

    why: str
    remedy: str


def why_folder_left(name: str) -> str | None:
    """Return in a few words of English why a folder of this name is ignored, or None if it is not."""
    if name.startswith("."):
        return _HIDDEN
    return _OF_THE_SYSTEMS_OWN if is_of_the_system(name) else None


def is_of_the_system(name: str) -> bool:
    """Return whether operating systems or file servers create folders of this name."""
    return name.casefold() in _OF_THE_SYSTEM


def why_file_left(name: str) -> str | None:
    """Return in a few words of English why a file of this name is ignored, or None if it is not."""
    if name.startswith("."):
        return _HIDDEN
    return _A_TEMPORARY_NAME if _TEMPORARY.fullmatch(name) else None


def quoted(name: str) -> str:
    """Return a folder name quoted for a shell, for commands suggested in sentences.

    Line breaks and other control characters become spaces, since they cannot be typed.
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in name)
    return "'" + shown.replace("'", "'\"'\"'") + "'"


def is_litter(name: str) -> bool:
    """Return whether Explorer or Finder leave files of this name in folders that a person opens."""
    return name.casefold() in _LITTER or name.startswith("._")


def published_in(folder: Path) -> list[str]:
    """Return the sorted contents of an ANON folder, without files left there by Explorer or Finder.

    Raises
    ------
    OSError
        The folder does not exist or cannot be listed.
    """
    with os.scandir(folder) as entries:
        return sorted(one.name for one in entries if not is_litter(one.name) or not one.is_file(follow_symlinks=False))


def is_there(path: Path | str) -> bool:
    """Return whether a path exists; a symbolic link counts, wherever it leads.

    Raises
    ------
    OSError
        Existence cannot be determined; only "not found" means that the path does not exist.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def sheets_folder(root: Path) -> Path:
    """Return the folder of a collection's sheets, existing or not: never one that holds a person's files."""
    place = root / SHEETS_NAME
    return root / OTHER_SHEETS_NAME if is_there(place) and not is_sheets_folder(place) else place


def is_sheets_folder(folder: Path) -> bool:
    """Return whether a folder is the sheets folder: it contains a sheet, or it is empty and sheets were made before."""
    if folder.name.casefold() not in {SHEETS_NAME, OTHER_SHEETS_NAME} or folder.is_symlink():
        return False
    is_empty = True
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if SHEET_NAME.fullmatch(entry.name):
                    return True
                is_empty = is_empty and entry.name.startswith(".")
        return is_empty and is_there(folder.parent / STATE_NAME / SHEETS_NAME)
    except OSError:
        return False  # reported later, like any other folder that cannot be read
