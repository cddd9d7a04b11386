"""The share: a folder under which collections lie, at any depth, and which of them an id in a message means."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from services.errors import SettingsWrong
from services.layout import ANON_NAME, DEEPEST, SETTINGS_NAME, is_there, why_folder_left
from services.store.collection import ShareAway, collection_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COPIED: Final = (
    "Two collections under this share have the same id: one is a copy of the other. Move the copy away; or delete its "
    ".anonymizer folder, then it is a collection of its own."
)


class Share:
    """Finds collections. Never looks inside a set, whose folders are many and a person's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.closed: tuple[Path, ...] = ()
        """Folders that could not be looked into when collections were looked for last: one may be a collection."""
        self._known: dict[str, Path] = {}

    def roots(self) -> list[Path]:
        """Find every folder with a form.

        Raises
        ------
        OSError
            The share itself is away. A folder in it that may not be read is `closed`.
        """
        closed: list[Path] = []
        found = sorted(_walk(self.root, DEEPEST, closed, os.scandir(self.root)))
        self.closed = tuple(sorted(closed))
        return found

    def ids(self) -> dict[Path, str | None]:
        """Tell the id of each collection; none of one that has no state yet, or whose state cannot be read just now.

        Raises
        ------
        OSError
            As `roots`.
        """
        return {root: _id_if_readable(root) for root in self.roots()}

    def find(self, wanted: str) -> Path:
        """Find the collection that has this id, wherever this host has mounted it.

        Raises
        ------
        SettingsWrong
            Two have it.
        ShareAway
            None has it, at the moment.
        """
        known = self._known.get(wanted)
        if known and (known / SETTINGS_NAME).exists() and collection_id(known) == wanted:
            return known
        found = [root for root, its_id in self.ids().items() if its_id == wanted]
        if not found:
            raise ShareAway
        if len(found) > 1:
            raise SettingsWrong(COPIED)
        self._known[wanted] = found[0]
        return found[0]


def _walk(
    folder: Path, depth: int, closed: list[Path], entries: Iterator[os.DirEntry[str]] | None = None
) -> Iterator[Path]:
    """Go down to collections, and on to those that lie right in one; what else lies in a collection is a set.

    Parameters
    ----------
    closed
        Takes the folders that cannot be looked into.
    """
    is_collection = False
    try:
        is_collection = _has_form(folder)
        if depth == 0:
            inner = []
        else:
            inner = [entry.name for entry in entries or os.scandir(folder) if _may_hold_collections(entry)]
    except (FileNotFoundError, NotADirectoryError):
        inner = []
    except OSError:
        inner = []
        if not is_collection:  # a collection says by itself that it cannot be looked into
            closed.append(folder)
    if is_collection:
        yield folder
    place = os.fspath(folder)
    for name in inner:
        if not is_collection or _may_be_collection(f"{place}/{name}"):
            yield from _walk(folder / name, depth - 1, closed)


def _may_hold_collections(entry: os.DirEntry[str]) -> bool:
    left = why_folder_left(entry.name) is not None or ANON_NAME.fullmatch(entry.name) is not None
    return not left and entry.is_dir(follow_symlinks=False)


def _may_be_collection(folder: str) -> bool:
    """Tell whether a folder in a collection is one itself; where nobody can tell it is a set that may not be read."""
    try:
        return is_there(f"{folder}/{SETTINGS_NAME}")
    except OSError:
        return False


def _id_if_readable(root: Path) -> str | None:
    """Give a collection's id; what stands in the way of reading it must not keep the others from being found."""
    try:
        return collection_id(root)
    except OSError:
        return None


def _has_form(folder: Path) -> bool:
    return is_there(folder / SETTINGS_NAME)
