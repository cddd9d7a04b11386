"""The share: a folder under which collections lie, at any depth, and which of them an id in a message means."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from services.errors import SettingsWrong
from services.layout import ANON_NAME, DEEPEST, SETTINGS_NAME, is_there, why_folder_left
from services.store.collection import ShareAway, collection_id

if TYPE_CHECKING:
    from collections.abc import Mapping

COPIED: Final = (
    "Two collections under this share have the same id: one is a copy of the other. Move the copy away; or delete its "
    ".anonymizer folder, then it is a collection of its own."
)

AT_ONCE: Final = 500
"""Folders that a service looks into before it sees to its sets again: half a second where each takes a millisecond."""

REMEMBERED: Final = 20
"""So often a folder that seems unchanged is taken as it was: not every share moves a folder's time as it should."""

SETTLED_NS: Final = 3_000_000_000
"""A folder that changed so lately may change once more within the precision of its time."""


class Share:
    """Finds collections. Never looks inside a set, whose folders are many and a person's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.closed: tuple[Path, ...] = ()
        """Folders that could not be looked into when collections were looked for last: one may be a collection."""
        self._known: dict[str, Path] = {}
        self._listed: dict[str, _Listed] = {}
        self._search: _Search | None = None

    def roots(self) -> list[Path]:
        """Find every folder with a form.

        Raises
        ------
        OSError
            The share itself is away. A folder in it that may not be read is `closed`.
        """
        search = _Search(self.root, {})
        while not search.go_on(AT_ONCE):
            pass
        self.closed = tuple(sorted(search.closed))
        return sorted(search.found)

    def ids(self) -> dict[Path, str | None]:
        """Return the id of each collection; none of one that has no state yet, or whose state cannot be read just now.

        Raises
        ------
        OSError
            As `roots`.
        """
        return {root: _id_if_readable(root) for root in self.roots()}

    def search(self) -> dict[Path, str | None] | None:
        """Go on looking for collections, for a bounded while; return their ids when all is looked through.

        What was seen of a folder is remembered until the folder changes, and seen anew now and then all the same.

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
        """Find the collection that has this id, wherever this host has mounted it.

        It is looked for level by level: a large folder of others, deeper down, holds nothing up.

        Raises
        ------
        SettingsWrong
            Two have it, at one depth.
        ShareAway
            None has it, at the moment.
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
            raise SettingsWrong(COPIED)
        self._known[wanted] = found[0]
        return found[0]


class _Listed(NamedTuple):
    """What was seen of a folder."""

    changed_ns: tuple[int, int]
    """Its own times: of what is in it, and of its rights, too."""
    seen: int
    """So often in a row it was taken as it was."""
    is_collection: bool
    inner: tuple[str, ...]
    """The folders in it that may hold collections."""


class _Search:
    """A way through the share, folder by folder and level by level: to collections, and on to those right in one.

    What else lies in a collection is a set.

    Parameters
    ----------
    remembered
        What was seen of each folder the time before.
    """

    def __init__(self, root: Path, remembered: Mapping[str, _Listed]) -> None:
        self.found: list[Path] = []
        self.closed: list[Path] = []
        self.listed: dict[str, _Listed] = {}
        with os.scandir(root):  # else an empty answer would not be told from a share that is away
            pass
        self.waiting = deque([(os.fspath(root), 0, False)])
        self._remembered = remembered

    def go_on(self, most: int) -> bool:
        """Look into so many folders; true when there is none left."""
        for _ in range(min(most, len(self.waiting))):
            place, depth, is_in_collection = self.waiting.popleft()
            if not is_in_collection or _may_be_collection(place):
                self._look(place, depth)
        return not self.waiting

    def _look(self, place: str, depth: int) -> None:
        seen = self._see(place)
        if seen.is_collection:
            self.found.append(Path(place))
        if depth < DEEPEST:
            above = place.rstrip("/")
            self.waiting.extend((f"{above}/{name}", depth + 1, seen.is_collection) for name in seen.inner)

    def _see(self, place: str) -> _Listed:
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
            if not is_collection:  # a collection says by itself that it cannot be looked into
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
    """Return whether a folder in a collection is one itself; where nobody can tell it is a set that may not be read."""
    try:
        return is_there(f"{folder}/{SETTINGS_NAME}")
    except OSError:
        return False


def _id_if_readable(root: Path) -> str | None:
    """Return a collection's id; what stands in the way of reading it must not keep the others from being found."""
    try:
        return collection_id(root)
    except OSError:
        return None
