"""The names of a collection's structures as the console shows them: the same file that the command line works on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from console.reader_pool import reading_apart
from services.errors import SettingsWrong
from services.forms import structure_list
from services.maintenance.structure_survey import Reader, survey
from services.publication import republish
from services.store.collection import Collection
from services.store.records import index_of
from watcher.folders import folders_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from services.forms.structure_list import Sheet, State
    from services.maintenance.structure_survey import Survey


def said_of(sheet: Sheet, name: str) -> str:
    """Return what a list decides about a name, in one line: by it a form tells whether it was overtaken."""
    row = sheet.naming.decision(name)
    return f"{row.state} {row.target}" if row else ""


class Namer:
    """Lists and decides the names of one collection. Reads no set twice that did not change."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._reader = Reader()
        self._lock = threading.Lock()

    def look(self) -> Survey:
        """List the names as they are now.

        Raises
        ------
        SettingsWrong
            The form or the list cannot be read.
        OSError
            The share is away.
        """
        with self._lock:
            collection = Collection.look(self._root)
            folders = [self._root / name for name in folders_of(collection)]
            with reading_apart() as pool:
                sets = self._reader.read(collection, folders, pool.map)
            return survey(collection, structure_list.read(self._root), sets)

    def decide(self, targets: Mapping[str, str], state: State, shown: Mapping[str, str] | None = None) -> int:
        """Note what a person decided about names, and return about how many.

        Parameters
        ----------
        shown
            What the list said of names when the person saw it, as `said_of` writes it.

        Raises
        ------
        SettingsWrong
            A target is none that a planning system keeps, the file was changed just now, or somebody else has
            decided about one of the names since it was shown.
        OSError
            Nothing can be written just now.
        """
        with self._lock:
            before = structure_list.read(self._root)
            overtaken = [name for name, was in (shown or {}).items() if said_of(before, name) != was]
            if overtaken:
                raise SettingsWrong(
                    f"Somebody else decided about {', '.join(overtaken[:5])}{' …' if overtaken[5:] else ''} since you "
                    "saw the list. Nothing was written: see what stands there now, and decide again."
                )
            sheet = before.all_decided({structure_list.escaped(name): to for name, to in targets.items()}, state)
            if sheet != before:
                structure_list.write(self._root, sheet, instead_of=before)
        return len(targets)

    def do_again(self, anons: Iterable[str]) -> int:
        """Do published sets again, and return how many.

        Raises
        ------
        SettingsWrong
            One cannot be.
        OSError
            A circumstance.
        """
        collection = Collection.open(self._root)
        indices = [index_of(anon) for anon in anons]
        for index in indices:
            republish.request(collection, index)
        return len(indices)
