"""`structures.csv`: what the structures of a collection are to be called, as a person confirmed it.

The file stands beside `collection.toml` and is worked on in a spreadsheet. So it is read as spreadsheets write it: any
of three separators, with or without a mark, columns in any order; and what the program does not know in it stays: other
columns, other rows, their order. Only confirmed rows are ever applied.

It holds names as hospitals give them, and so stays on the share, as the tracking file does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, get_args

from services.errors import SettingsWrong
from services.forms import spreadsheet
from services.forms.spreadsheet import Table, by_name, guarded, unguarded
from services.vocabulary.structure_names import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


FILE_NAME: Final = "structures.csv"

State = Literal["proposed", "confirmed", "ignored"]
"""`ignored`: a person decided that nothing is to be done about it."""

COLUMNS: Final = ("source", "target", "state", "sets", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """What one name, or all names of one pattern, are to become."""

    source: str
    """The name as it is without this list. `*` stands for any letters; `[*]` for a star."""

    target: str = ""
    state: State = "proposed"

    sets: str = ""
    """In how many sets it stands: told by the program, at the last look."""

    note: str = ""

    cells: tuple[str, ...] = ()
    """The line as it was read: what stands in columns that are a person's own stays."""

    def fits(self, name: str) -> bool:
        """Return whether the row speaks of a name."""
        if _is_pattern(self.source):
            return _compiled(self.source).fullmatch(_plain(name)) is not None
        return _literal(self.source).casefold() == _plain(name).casefold()


@dataclass(frozen=True)
class Naming:
    """What a person decided: which name a structure gets, and which are left as they are."""

    rows: tuple[Row, ...] = ()
    """None of them only proposed."""

    def target(self, name: str) -> str | None:
        """Return the name that was confirmed for a name; None where nobody confirmed one."""
        row = self.decision(name)
        return row.target if row and row.state == "confirmed" else None

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that was confirmed for one."""
        return frozenset(row.target for row in self.rows if row.state == "confirmed")

    def is_ignored(self, name: str) -> bool:
        """Return whether a person decided that nothing is to be done about a name."""
        row = self.decision(name)
        return row is not None and row.state == "ignored"

    @cached_property
    def digest(self) -> str:
        """What tells one list from another: SHA-256 of what was decided; empty where nothing was."""
        return sha256(self.encoded()).hexdigest() if self.rows else ""

    def encoded(self) -> bytes:
        """Return what was decided alone, as it is kept for later proofs."""
        return Sheet(tuple(Row(row.source, row.target, row.state) for row in self.rows)).encoded()

    def decision(self, name: str) -> Row | None:
        """Find what was decided: in its own row, letter by letter, then in any case; else by the first pattern."""
        name = _plain(name)
        own = self._own.get(name) or self._own_folded.get(name.casefold())
        return own or next((row for pattern, row in self._patterns if pattern.fullmatch(name)), None)

    @cached_property
    def _own(self) -> dict[str, Row]:
        return {_literal(row.source): row for row in self.rows if not _is_pattern(row.source)}

    @cached_property
    def _own_folded(self) -> dict[str, Row]:
        return {name.casefold(): row for name, row in reversed(self._own.items())}

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], Row], ...]:
        return tuple((_compiled(row.source), row) for row in self.rows if _is_pattern(row.source))


@dataclass(frozen=True)
class Sheet:
    """The file as it stands."""

    rows: tuple[Row, ...] = ()
    columns: tuple[str, ...] = COLUMNS
    """In their order, as the file spells them."""
    separator: str = ";"
    line_end: str = "\r\n"

    @cached_property
    def naming(self) -> Naming:
        """What is decided."""
        return Naming(tuple(row for row in self.rows if row.state != "proposed"))

    def row(self, name: str) -> Row | None:
        """Find the row that speaks of a name: the one that decides on it, else one that proposes something."""
        return self.naming.decision(name) or self._proposed.decision(name)

    @cached_property
    def _proposed(self) -> Naming:
        return Naming(tuple(row for row in self.rows if row.state == "proposed"))

    def decided(self, source: str, state: State, target: str = "") -> Sheet:
        """Note what a person decided about a name or a pattern; what else stands in its row stays.

        Parameters
        ----------
        source
            As it stands in the row: a name that is meant letter by letter goes through `escaped` first.

        Raises
        ------
        SettingsWrong
            The target is none that a planning system keeps.
        """
        return self.all_decided({source: target}, state)

    def all_decided(self, targets: Mapping[str, str], state: State) -> Sheet:
        """Note the same decision about many names or patterns, given with their targets; errors as `decided`."""
        rows = list(self.rows)
        places = {row.source: at for at, row in reversed(list(enumerate(rows)))}
        for source, target in targets.items():
            plain = _plain(source)
            at = places.setdefault(plain, len(rows))
            if at == len(rows):
                rows.append(Row(plain))
            row = replace(rows[at], state=state, target=target or rows[at].target)
            if wrong := _wrong(row):
                raise SettingsWrong(f"This cannot be confirmed: {wrong}")
            rows[at] = row
        return replace(self, rows=tuple(rows))

    def encoded(self) -> bytes:
        """Write the file: in UTF-8 with its mark, which spreadsheets know it by."""
        rows = tuple((0, spreadsheet.filled(self.columns, row.cells, _values(row))) for row in self.rows)
        return spreadsheet.write(Table(self.columns, rows, self.separator, self.line_end))


def read(root: Path) -> Sheet:
    """Read the list of a collection; an empty one where there is no file.

    Raises
    ------
    SettingsWrong
        Says which line, and what to write instead. Nothing is done with half a list.
    """
    return decoded(spreadsheet.stored(root / FILE_NAME))


def write(root: Path, sheet: Sheet, *, instead_of: Sheet) -> None:
    """Write the list of a collection.

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


def decoded(data: bytes) -> Sheet:
    """Make a list of what was stored."""
    table = spreadsheet.read(data, FILE_NAME, needed=("source", "target", "state"), known=COLUMNS)
    if not table.columns:
        return Sheet()
    rows: list[Row] = []
    answers: dict[str, str] = {}
    for line, cells in table.rows:
        row = _row(table.columns, cells, line)
        if row.state == "confirmed" and answers.setdefault(row.source, row.target) != row.target:
            raise SettingsWrong(f"{FILE_NAME}, line {line}: confirmed before, with another target.")
        rows.append(row)
    return Sheet(tuple(rows), table.columns, table.separator, table.line_end)


def escaped(name: str) -> str:
    """Write a name so that it stands for itself alone."""
    return _plain(name).replace("*", "[*]")


# Reading --------------------------------------------------------------------------------------------------------------


def _row(columns: tuple[str, ...], cells: tuple[str, ...], line: int) -> Row:
    known = by_name(columns, cells)
    state = known.get("state", "").casefold() or "proposed"
    if state not in get_args(State):
        raise SettingsWrong(f"{FILE_NAME}, line {line}: state must be one of {', '.join(get_args(State))}.")
    row = Row(
        unguarded(known.get("source", "")),
        known.get("target", ""),
        state,  # type: ignore[arg-type]  # just looked up in it
        known.get("sets", ""),
        known.get("note", ""),
        cells,
    )
    if wrong := _wrong(row):
        raise SettingsWrong(f"{FILE_NAME}, line {line}: {wrong}")
    return row


def _values(row: Row) -> dict[str, str]:
    known = {"source": guarded(row.source), "target": row.target, "state": row.state}
    return known | {"sets": row.sets, "note": row.note}


def _wrong(row: Row) -> str:
    if row.state != "confirmed":
        return ""
    if not row.source:
        return "it is confirmed, and names no source."
    if not row.target:
        return "it is confirmed, and has no target."
    if len(row.target) > LONGEST_NAME:
        return f"the target has {len(row.target)} characters; planning systems keep {LONGEST_NAME}."
    if not (row.target.isascii() and row.target.isprintable() and "\\" not in row.target):
        return "the target may have English letters, digits and signs, and no \\."
    return ""


# Patterns -------------------------------------------------------------------------------------------------------------

_STAR: Final = re.compile(r"\[\*\]|\*")


def _plain(name: str) -> str:
    return " ".join(name.strip(" \0").split())


def _is_pattern(source: str) -> bool:
    return "*" in source.replace("[*]", "")


def _literal(source: str) -> str:
    return _plain(source).replace("[*]", "*")


@lru_cache(maxsize=1024)
def _compiled(source: str) -> re.Pattern[str]:
    source, made, last = _plain(source), "", 0
    for star in _STAR.finditer(source):
        made += re.escape(source[last : star.start()]) + (".*" if star[0] == "*" else r"\*")
        last = star.end()
    return re.compile(made + re.escape(source[last:]), re.IGNORECASE)
