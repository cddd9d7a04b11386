"""`words.csv`: unknown words in kept texts, for a person to decide on before they leave the hospital.

The program fills in the word, its locations, the number of sets, and the reason for asking; state, note and all unknown
columns belong to the person. It holds names as people typed them, and so stays on the share, like the tracking file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, get_args

from services.errors import SettingsWrong
from services.forms import spreadsheet
from services.forms.spreadsheet import Table, by_name, guarded, unguarded
from services.language import gettext
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME: Final = "words.csv"

State = Literal["unread", "fine", "remove"]
"""`fine`: kept; `remove`: removed from every set; `unread`: not decided."""

COLUMNS: Final = ("word", "texts", "sets", "why", "state", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """One word."""

    word: str
    texts: str = ""
    """Locations by kind, with examples of the texts."""
    sets: str = ""
    """Number of sets that contain it."""
    why: str = ""
    state: State = "unread"
    note: str = ""
    cells: tuple[str, ...] = ()
    """Cells of the line as read, which preserves a person's own columns."""


@dataclass(frozen=True)
class Decisions:
    """Decisions of a person on words; spellings that fold alike are one word."""

    fine: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def is_fine(self, word: str) -> bool:
        """Return whether a person decided to keep a word."""
        return bool(self.fine) and fold(word) in self.fine

    def is_removed(self, word: str) -> bool:
        """Return whether a person decided to remove a word."""
        return bool(self.removed) and fold(word) in self.removed

    @cached_property
    def digest(self) -> str:
        """Digest that identifies the decisions; empty if there are none."""
        if not (self.fine or self.removed):
            return ""
        return sha256(repr((sorted(self.fine), sorted(self.removed))).encode()).hexdigest()


@dataclass(frozen=True)
class Sheet:
    """The file as read."""

    rows: tuple[Row, ...] = ()
    columns: tuple[str, ...] = COLUMNS
    separator: str = ";"
    line_end: str = "\r\n"

    @cached_property
    def decisions(self) -> Decisions:
        """The decisions; of two rows for one word the stricter applies."""
        removed = frozenset(fold(row.word) for row in self.rows if row.state == "remove")
        return Decisions(frozenset(fold(row.word) for row in self.rows if row.state == "fine") - removed, removed)

    def decided(self, words: Iterable[str], state: State) -> Sheet:
        """Return the list with a decision on words; the rest of their rows is unchanged."""
        rows = list(self.rows)
        for word in words:
            folded = fold(word)
            at = [number for number, row in enumerate(rows) if fold(row.word) == folded]
            for number in at:
                rows[number] = replace(rows[number], state=state)
            if not at:
                rows.append(Row(word, state=state))
        return replace(self, rows=tuple(rows))

    def updated(self, found: Iterable[Row]) -> Sheet:
        """Return the list with the program's columns updated; state, note and order of existing rows are the person's.

        A word that no longer occurs keeps its row only if someone wrote into it.
        """
        fresh = {fold(row.word): row for row in found}
        rows: list[Row] = []
        for row in self.rows:
            new = fresh.pop(fold(row.word), None)
            if new is not None:
                rows.append(replace(row, texts=new.texts, sets=new.sets, why=new.why))
            elif row.state != "unread" or row.note or self._own_cells(row):
                rows.append(replace(row, texts="", sets="0"))
        return replace(self, rows=(*rows, *fresh.values()))

    def encoded(self) -> bytes:
        """Return the file's contents."""
        rows = tuple((0, spreadsheet.filled(self.columns, row.cells, _values(row))) for row in self.rows)
        return spreadsheet.write(Table(self.columns, rows, self.separator, self.line_end))

    def _own_cells(self, row: Row) -> bool:
        return any(value for column, value in by_name(self.columns, row.cells).items() if column not in COLUMNS)


def read(root: Path) -> Sheet:
    """Read the words of a collection; empty if there is no file.

    Raises
    ------
    SettingsWrong
        States which line is invalid and what to write instead. An invalid list is not applied in part.
    """
    table = spreadsheet.read(spreadsheet.stored(root / FILE_NAME), FILE_NAME, needed=("word", "state"), known=COLUMNS)
    if not table.columns:
        return Sheet()
    rows = tuple(_row(table.columns, cells, line) for line, cells in table.rows)
    return Sheet(tuple(row for row in rows if row.word), table.columns, table.separator, table.line_end)


def write(root: Path, sheet: Sheet, *, instead_of: Sheet) -> None:
    """Write the words of a collection.

    Parameters
    ----------
    instead_of
        The list as read, from which the new one was made.

    Raises
    ------
    SettingsWrong
        A person changed the file meanwhile: their changes win, and ours must be repeated.
    """
    spreadsheet.store(root / FILE_NAME, sheet.encoded(), instead_of=instead_of.encoded(), there=read(root).encoded())


def _row(columns: tuple[str, ...], cells: tuple[str, ...], line: int) -> Row:
    known = by_name(columns, cells)
    state = known.get("state", "").casefold() or "unread"
    if state not in get_args(State):
        states = ", ".join(get_args(State))
        raise SettingsWrong(
            gettext("{file}, line {line}: state must be one of {states}.", file=FILE_NAME, line=line, states=states)
        )
    return Row(
        unguarded(known.get("word", "")),
        unguarded(known.get("texts", "")),
        known.get("sets", ""),
        unguarded(known.get("why", "")),
        state,  # type: ignore[arg-type]  # just looked up in it
        known.get("note", ""),
        cells,
    )


def _values(row: Row) -> dict[str, str]:
    known = {"word": guarded(row.word), "texts": guarded(row.texts), "sets": row.sets}
    return known | {"why": guarded(row.why), "state": row.state, "note": row.note}
