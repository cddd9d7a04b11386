"""Names on the share: what is a collection's, what is the product's own, what is left alone, and how that is told."""

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
"""The folder beside the sets in which their sheets stand."""

OTHER_SHEETS_NAME: Final = "anonymizer-sheets"
"""Where they stand when somebody's set is called `sheets`."""

ANON_NAME: Final = re.compile(r"ANON_(\d+)", re.IGNORECASE)
"""The older program's folders too, and where the file system does not tell ANON from anon. Right under a root only."""

SHEET_NAME: Final = re.compile(r"(ANON_\d+|report)\.(html|pdf)")
"""The mark of the folder of the sheets: a folder in which one of these lies is ours."""

DEEPEST: Final = 64
"""Folders inside each other. Nobody exports deeper; a mount that contains itself does."""

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
    """Something that lies in a collection, may hold DICOM, and is not taken."""

    name: str
    """Its path, relative to the collection's root: for the share's users only."""

    why: str
    remedy: str


def why_folder_left(name: str) -> str | None:
    """Return why a folder of this name is left alone, in a few words of English; None where it is not."""
    if name.startswith("."):
        return _HIDDEN
    return _OF_THE_SYSTEMS_OWN if is_of_the_system(name) else None


def is_of_the_system(name: str) -> bool:
    """Return whether an operating system or a file server makes folders of this name."""
    return name.casefold() in _OF_THE_SYSTEM


def why_file_left(name: str) -> str | None:
    """Return why a file of this name is left alone, in a few words of English; None where it is not."""
    if name.startswith("."):
        return _HIDDEN
    return _A_TEMPORARY_NAME if _TEMPORARY.fullmatch(name) else None


def quoted(name: str) -> str:
    """Return a folder's name as a shell takes it, for the commands that a sentence advises; always in quotes.

    Line ends and other control characters cannot be typed, and become spaces.
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in name)
    return "'" + shown.replace("'", "'\"'\"'") + "'"


def is_litter(name: str) -> bool:
    """Return whether Explorer and Finder leave files of this name in folders that a person looks into."""
    return name.casefold() in _LITTER or name.startswith("._")


def published_in(folder: Path) -> list[str]:
    """Return what an ANON folder holds, in order, without files that Explorer and Finder left there.

    Raises
    ------
    OSError
        The folder is not there, or may not be listed.
    """
    with os.scandir(folder) as entries:
        return sorted(one.name for one in entries if not is_litter(one.name) or not one.is_file(follow_symlinks=False))


def is_there(path: Path | str) -> bool:
    """Return whether something has this name; a link counts, wherever it leads.

    Raises
    ------
    OSError
        Nobody can tell: only "not found" means that it is not there.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def sheets_folder(root: Path) -> Path:
    """Return the folder of a collection's sheets, made or to be made: never one in which a person's files lie."""
    place = root / SHEETS_NAME
    return root / OTHER_SHEETS_NAME if is_there(place) and not is_sheets_folder(place) else place


def is_sheets_folder(folder: Path) -> bool:
    """Tell whether a folder is that of the sheets: a sheet lies in it, or it is empty where sheets were made before."""
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
        return False  # then it is told like any other folder that may not be looked into
