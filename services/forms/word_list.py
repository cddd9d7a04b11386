"""`words.csv`: words of texts that stay and that nobody knows, for a person to decide on before they leave the house.

The program fills in the word, where it stands, in how many sets, and why it is asked about; state, note and all columns
that the program does not know are the person's. Names stand in it as people typed them, so that it stays on the share,
as the tracking file does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, get_args

from services.errors import SettingsWrong
from services.forms import spreadsheet
from services.forms.spreadsheet import Table, by_name, guarded, unguarded
from services.vocabulary.spelling import fold

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE_NAME: Final = "words.csv"

State = Literal["unread", "fine", "remove"]
"""`fine`: it stays; `remove`: it goes from every set; `unread`: nobody has said."""

COLUMNS: Final = ("word", "texts", "sets", "why", "state", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """One word."""

    word: str
    texts: str = ""
    """Where it stands, by kind, with some of the texts."""
    sets: str = ""
    """In how many sets it stands."""
    why: str = ""
    state: State = "unread"
    note: str = ""
    cells: tuple[str, ...] = ()
    """The line as it was read: what stands in columns that are a person's own stays."""


@dataclass(frozen=True)
class Decisions:
    """What a person decided about words; spellings that fold alike are one word."""

    fine: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def is_fine(self, word: str) -> bool:
        """Return whether a person said that a word may stay."""
        return bool(self.fine) and fold(word) in self.fine

    def is_removed(self, word: str) -> bool:
        """Return whether a person said that a word is to go."""
        return bool(self.removed) and fold(word) in self.removed

    @cached_property
    def digest(self) -> str:
        """What tells one list of decisions from another; empty where nothing was decided."""
        if not (self.fine or self.removed):
            return ""
        return sha256(repr((sorted(self.fine), sorted(self.removed))).encode()).hexdigest()


@dataclass(frozen=True)
class Sheet:
    """The file as it stands."""

    rows: tuple[Row, ...] = ()
    columns: tuple[str, ...] = COLUMNS
    separator: str = ";"
    line_end: str = "\r\n"

    @cached_property
    def decisions(self) -> Decisions:
        """What is decided; of two rows for one word the stricter counts."""
        removed = frozenset(fold(row.word) for row in self.rows if row.state == "remove")
        return Decisions(frozenset(fold(row.word) for row in self.rows if row.state == "fine") - removed, removed)

    def decided(self, words: Iterable[str], state: State) -> Sheet:
        """Note what a person decided about words; what else stands in their rows stays."""
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
        """Bring the program's columns up to date: state, note and order of what stands there are the person's.

        A word that stands in no set any more keeps its row only where somebody wrote something into it.
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
        """Write the file."""
        rows = tuple((0, spreadsheet.filled(self.columns, row.cells, _values(row))) for row in self.rows)
        return spreadsheet.write(Table(self.columns, rows, self.separator, self.line_end))

    def _own_cells(self, row: Row) -> bool:
        return any(value for column, value in by_name(self.columns, row.cells).items() if column not in COLUMNS)


def read(root: Path) -> Sheet:
    """Read the words of a collection; an empty list where there is no file.

    Raises
    ------
    SettingsWrong
        Says which line, and what to write instead. Nothing is done with half a list.
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
        What was read, and the new list was made of.

    Raises
    ------
    SettingsWrong
        A person changed the file meanwhile: their work counts, and ours is done again.
    """
    spreadsheet.store(root / FILE_NAME, sheet.encoded(), instead_of=instead_of.encoded(), there=read(root).encoded())


def _row(columns: tuple[str, ...], cells: tuple[str, ...], line: int) -> Row:
    known = by_name(columns, cells)
    state = known.get("state", "").casefold() or "unread"
    if state not in get_args(State):
        raise SettingsWrong(f"{FILE_NAME}, line {line}: state must be one of {', '.join(get_args(State))}.")
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
