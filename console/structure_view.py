"""Structure names of a collection in the console, in the same file as for the command line."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from console.reader_pool import reading_apart
from services.forms import spreadsheet, structure_list
from services.maintenance.structures.reading import Reader
from services.maintenance.structures.survey import survey
from services.publication import republish
from services.store.collection import Collection
from services.store.records import index_of
from watcher.folders import folders_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from services.forms.structure_list import Sheet, State
    from services.maintenance.structures.survey import Survey


def decision_line(sheet: Sheet, name: str) -> str:
    """Return the decision about a name as one line, by which a form detects concurrent changes."""
    row = sheet.naming.decision(name)
    return f"{row.state} {row.target}" if row else ""


class Namer:
    """Lists and decides the names of one collection. Unchanged sets are read only once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._reader = Reader()
        self._lock = threading.Lock()

    def look(self) -> Survey:
        """Return the current names.

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
        """Store decisions about names and return their number.

        Parameters
        ----------
        shown
            The decisions when the list was shown, from `decision_line`.

        Raises
        ------
        SettingsWrong
            A target is not a valid name for planning systems, the file was just changed, or another user has decided
            about one of the names since the list was shown.
        OSError
            The file cannot be written.
        """
        with self._lock:
            before = structure_list.read(self._root)
            overtaken = [name for name, was in (shown or {}).items() if decision_line(before, name) != was]
            if overtaken:
                raise spreadsheet.overtaken(overtaken)
            sheet = before.all_decided({structure_list.escaped(name): to for name, to in targets.items()}, state)
            if sheet != before:
                structure_list.write(self._root, sheet, instead_of=before)
        return len(targets)

    def do_again(self, anons: Iterable[str]) -> int:
        """Request reprocessing of published sets, and return their number.

        Raises
        ------
        SettingsWrong
            A set cannot be processed again.
        OSError
            The request cannot be written.
        """
        collection = Collection.open(self._root)
        indices = [index_of(anon) for anon in anons]
        for index in indices:
            republish.request(collection, index)
        return len(indices)
