"""A collection with its form and lists, read again only when one of them has changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from services.forms import identity_list, structure_list, word_list
from services.layout import SETTINGS_NAME
from services.machines import descriptor
from services.runtime import modes
from services.store.collection import Collection
from watcher.identities import listed_identities

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from services.runtime.settings import Settings


class OpenedCollection:
    """A collection that a service processes.

    Raises
    ------
    SettingsWrong
        By `read`: the form or a list is invalid; no set is accepted until it is corrected.
    """

    def __init__(self, root: Path, settings: Settings) -> None:
        self.id = ""
        """Empty until its form has been read once."""
        self._root = root
        self._settings = settings
        self._collection: Collection | None = None
        self._read: object = None
        self._words: tuple[object, str] = (None, "")

    def read(self) -> Collection:
        """Return the collection: the same object as long as its form and lists have not changed."""
        modes.follow(self._root)
        found = changed(self._root, structure_list.FILE_NAME, identity_list.FILE_NAME), self._decisions()
        if self._collection is not None and found == self._read:
            return self._collection
        collection = Collection.open(self._root)
        self.id = collection.id
        listed_identities.check(collection)
        # A missing one would otherwise stop each set separately.
        descriptor.named(collection.options.machine, descriptor.folders(self._settings.machines))
        self._collection, self._read = collection, found
        return collection

    def _decisions(self) -> str:
        """Return a digest of the decisions about words; changes of other columns do not matter."""
        path = self._root / word_list.FILE_NAME
        try:
            look = _signature(path.stat())
        except FileNotFoundError:
            return ""
        if self._words[0] != look:
            self._words = look, word_list.read(self._root).decisions.digest
        return self._words[1]


def changed(root: Path, *lists: str) -> list[tuple[int, ...]]:
    """Return times, sizes and inode numbers of the form and of the lists beside it: they differ after any change."""
    files = [(root / SETTINGS_NAME).stat()]
    for name in lists:
        with suppress(FileNotFoundError):
            files.append((root / name).stat())
    return [_signature(status) for status in files]


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
