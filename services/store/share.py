"""The share: a folder with collections at any depth, found by the id given in messages."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from services.errors import SettingsWrong
from services.language import gettext, gettext_noop
from services.layout import ANON_NAME, DEEPEST, SETTINGS_NAME, is_there, why_folder_left
from services.store.collection import ShareAway, collection_id

if TYPE_CHECKING:
    from collections.abc import Mapping

COPIED: Final = gettext_noop(
    "Two collections under this share have the same id: one is a copy of the other. Move the copy away; or delete its "
    ".anonymizer folder, then it is a collection of its own."
)

AT_ONCE: Final = 500
"""Folders to scan before the service attends to its sets again: half a second at one millisecond each."""

REMEMBERED: Final = 20
"""Times that a seemingly unchanged folder is reused before it is scanned again, as not every share updates folder
times.
"""

SETTLED_NS: Final = 3_000_000_000
"""A folder changed this recently may change again without a new time, given the time's resolution."""


class Share:
    """Finds collections. Never looks inside a set, whose folders are many and belong to a person."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.closed: tuple[Path, ...] = ()
        """Folders that could not be read during the last search, each possibly a collection."""
        self._known: dict[str, Path] = {}
        self._listed: dict[str, _Listed] = {}
        self._search: _Search | None = None

    def roots(self) -> list[Path]:
        """Return every folder with a form.

        Raises
        ------
        OSError
            The share itself is unavailable. Unreadable folders in it are in `closed`.
        """
        search = _Search(self.root, {})
        while not search.go_on(AT_ONCE):
            pass
        self.closed = tuple(sorted(search.closed))
        return sorted(search.found)

    def ids(self) -> dict[Path, str | None]:
        """Return the id of each collection; None for one without state, or whose state cannot be read at the moment.

        Raises
        ------
        OSError
            As `roots`.
        """
        return {root: _id_if_readable(root) for root in self.roots()}

    def search(self) -> dict[Path, str | None] | None:
        """Continue searching for collections for a bounded time; return their ids once the search is complete.

        Scanned folders are remembered until they change, and rescanned occasionally even so.

        Raises
        ------
        OSError
            As `roots`.
        """
        if self._search is None:
            self._search = _Search(self.root, self._listed)
        try:
            is_over = self._search.go_on(AT_ONCE)
        except OSError:
            self._search = None
            raise
        if not is_over:
            return None
        self._listed = self._search.listed
        self.closed = tuple(sorted(self._search.closed))
        found, self._search = sorted(self._search.found), None
        return {root: _id_if_readable(root) for root in found}

    def find(self, wanted: str) -> Path:
        """Return the collection with this id, wherever this host has mounted it.

        The search proceeds level by level, so that large unrelated folders deeper down do not delay it.

        Raises
        ------
        SettingsWrong
            Two collections at the same depth have it.
        ShareAway
            None has it at the moment.
        """
        known = self._known.get(wanted)
        if known and (known / SETTINGS_NAME).exists() and collection_id(known) == wanted:
            return known
        search, is_over = _Search(self.root, {}), False
        found: list[Path] = []
        while not is_over and not found:
            is_over = search.go_on(len(search.waiting))
            found, search.found = [root for root in search.found if _id_if_readable(root) == wanted], []
        if not found:
            raise ShareAway
        if len(found) > 1:
            raise SettingsWrong(gettext(COPIED))
        self._known[wanted] = found[0]
        return found[0]


class _Listed(NamedTuple):
    """Scan result of a folder."""

    changed_ns: tuple[int, int]
    """Its own mtime and ctime, which change with its entries and its permissions."""
    seen: int
    """Number of times in a row that it was reused."""
    is_collection: bool
    inner: tuple[str, ...]
    """Subfolders that may hold collections."""


class _Search:
    """Breadth-first search through the share for collections, including those directly inside another.

    Anything else inside a collection is a set.

    Parameters
    ----------
    remembered
        Scan results of the previous search.
    """

    def __init__(self, root: Path, remembered: Mapping[str, _Listed]) -> None:
        self.found: list[Path] = []
        self.closed: list[Path] = []
        self.listed: dict[str, _Listed] = {}
        with os.scandir(root):  # otherwise an empty result could not be told from an unavailable share
            pass
        self.waiting = deque([(os.fspath(root), 0, False)])
        self._remembered = remembered

    def go_on(self, most: int) -> bool:
        """Scan up to this many folders; return True when none are left."""
        for _ in range(min(most, len(self.waiting))):
            place, depth, is_in_collection = self.waiting.popleft()
            if not is_in_collection or _may_be_collection(place):
                self._walk(place, depth)
        return not self.waiting

    def _walk(self, place: str, depth: int) -> None:
        seen = self._listing(place)
        if seen.is_collection:
            self.found.append(Path(place))
        if depth < DEEPEST:
            above = place.rstrip("/")
            self.waiting.extend((f"{above}/{name}", depth + 1, seen.is_collection) for name in seen.inner)

    def _listing(self, place: str) -> _Listed:
        is_collection, changed_ns = False, (0, 0)
        try:
            status = os.stat(place)  # noqa: PTH116 - of tens of thousands, a path for each costs as much
            changed_ns = status.st_mtime_ns, status.st_ctime_ns
            before = self._remembered.get(place)
            if before is not None and before.changed_ns == changed_ns and before.seen < REMEMBERED:
                seen = before._replace(seen=before.seen + 1)
                self.listed[place] = seen
                return seen
            is_collection = is_there(f"{place}/{SETTINGS_NAME}")
            with os.scandir(place) as entries:
                inner = tuple(entry.name for entry in entries if _may_hold_collections(entry))
        except (FileNotFoundError, NotADirectoryError):
            return _Listed(changed_ns, 0, is_collection, ())
        except OSError:
            if not is_collection:  # a collection reports by itself that it cannot be read
                self.closed.append(Path(place))
            return _Listed(changed_ns, 0, is_collection, ())
        seen = _Listed(changed_ns, 0, is_collection, inner)
        if time.time_ns() - max(changed_ns) > SETTLED_NS:
            self.listed[place] = seen
        return seen


def _may_hold_collections(entry: os.DirEntry[str]) -> bool:
    left = why_folder_left(entry.name) is not None or ANON_NAME.fullmatch(entry.name) is not None
    return not left and entry.is_dir(follow_symlinks=False)


def _may_be_collection(folder: str) -> bool:
    """Return whether a folder in a collection is one itself; if unknown, it is an unreadable set."""
    try:
        return is_there(f"{folder}/{SETTINGS_NAME}")
    except OSError:
        return False


def _id_if_readable(root: Path) -> str | None:
    """Return a collection's id, or None if reading it fails, so that the others are still found."""
    try:
        return collection_id(root)
    except OSError:
        return None
