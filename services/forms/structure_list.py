"""`structures.csv`: names that a person confirmed for the structures of a collection.

The file is next to `collection.toml` and is edited in a spreadsheet. It is therefore read in any of the forms
spreadsheets write, with columns in any order, and unknown columns, rows and their order are preserved. Only confirmed
rows are ever applied.

It holds names as given by hospitals, and so stays on the share, like the tracking file.
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
from services.language import gettext
from services.vocabulary.structure_names import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


FILE_NAME: Final = "structures.csv"

State = Literal["proposed", "confirmed", "ignored"]
"""`ignored`: a person decided to leave the name alone."""

COLUMNS: Final = ("source", "target", "state", "sets", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """Target of one name, or of all names that match a pattern."""

    source: str
    """The name without this list. `*` matches any characters; `[*]` a literal star."""

    target: str = ""
    state: State = "proposed"

    sets: str = ""
    """Number of sets with the name, as of the program's last update."""

    note: str = ""

    cells: tuple[str, ...] = ()
    """Cells of the line as read, which preserves a person's own columns."""

    def fits(self, name: str) -> bool:
        """Return whether the row applies to a name."""
        if _is_pattern(self.source):
            return _compiled(self.source).fullmatch(_plain(name)) is not None
        return _literal(self.source).casefold() == _plain(name).casefold()


@dataclass(frozen=True)
class Naming:
    """Decisions of a person: new names of structures, and names left as they are."""

    rows: tuple[Row, ...] = ()
    """Rows with a decision, none merely proposed."""

    def target(self, name: str) -> str | None:
        """Return the confirmed target of a name; None if there is none."""
        row = self.decision(name)
        return row.target if row and row.state == "confirmed" else None

    @cached_property
    def names(self) -> frozenset[str]:
        """All confirmed targets."""
        return frozenset(row.target for row in self.rows if row.state == "confirmed")

    def is_ignored(self, name: str) -> bool:
        """Return whether a person decided to leave a name alone."""
        row = self.decision(name)
        return row is not None and row.state == "ignored"

    @cached_property
    def digest(self) -> str:
        """SHA-256 that identifies the decisions; empty if there are none."""
        return sha256(self.encoded()).hexdigest() if self.rows else ""

    def encoded(self) -> bytes:
        """Return the decisions alone, as stored for later proofs."""
        return Sheet(tuple(Row(row.source, row.target, row.state) for row in self.rows)).encoded()

    def decision(self, name: str) -> Row | None:
        """Return the decision on a name: its own row's (exact, then in any case), else the first fitting pattern's."""
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
    """The file as read."""

    rows: tuple[Row, ...] = ()
    columns: tuple[str, ...] = COLUMNS
    """Column names in order, as spelled in the file."""
    separator: str = ";"
    line_end: str = "\r\n"

    @cached_property
    def naming(self) -> Naming:
        """The decisions in the file."""
        return Naming(tuple(row for row in self.rows if row.state != "proposed"))

    def row(self, name: str) -> Row | None:
        """Return the row that applies to a name: a decision if there is one, else a proposal."""
        return self.naming.decision(name) or self._proposed.decision(name)

    @cached_property
    def _proposed(self) -> Naming:
        return Naming(tuple(row for row in self.rows if row.state == "proposed"))

    def decided(self, source: str, state: State, target: str = "") -> Sheet:
        """Return the list with a decision on a name or pattern; the rest of its row is unchanged.

        Parameters
        ----------
        source
            As in the row; a literal name must be passed through `escaped` first.

        Raises
        ------
        SettingsWrong
            Planning systems would not keep the target.
        """
        return self.all_decided({source: target}, state)

    def all_decided(self, targets: Mapping[str, str], state: State) -> Sheet:
        """Return the list with the same decision on many names or patterns, mapped to their targets.

        Raises as `decided`.
        """
        rows = list(self.rows)
        places = {row.source: at for at, row in reversed(list(enumerate(rows)))}
        for source, target in targets.items():
            plain = _plain(source)
            at = places.setdefault(plain, len(rows))
            if at == len(rows):
                rows.append(Row(plain))
            row = replace(rows[at], state=state, target=target or rows[at].target)
            if wrong := _wrong(row):
                raise SettingsWrong(gettext("This cannot be confirmed: {wrong}", wrong=wrong))
            rows[at] = row
        return replace(self, rows=tuple(rows))

    def encoded(self) -> bytes:
        """Return the file's contents: UTF-8 with a byte order mark, by which spreadsheets recognize it."""
        rows = tuple((0, spreadsheet.filled(self.columns, row.cells, _values(row))) for row in self.rows)
        return spreadsheet.write(Table(self.columns, rows, self.separator, self.line_end))


def read(root: Path) -> Sheet:
    """Read the list of a collection; empty if there is no file.

    Raises
    ------
    SettingsWrong
        States which line is invalid and what to write instead. An invalid list is not applied in part.
    """
    return decoded(spreadsheet.stored(root / FILE_NAME))


def write(root: Path, sheet: Sheet, *, instead_of: Sheet) -> None:
    """Write the list of a collection.

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


def decoded(data: bytes) -> Sheet:
    """Parse stored contents."""
    table = spreadsheet.read(data, FILE_NAME, needed=("source", "target", "state"), known=COLUMNS)
    if not table.columns:
        return Sheet()
    rows: list[Row] = []
    answers: dict[str, str] = {}
    for line, cells in table.rows:
        row = _row(table.columns, cells, line)
        if row.state == "confirmed" and answers.setdefault(row.source, row.target) != row.target:
            raise SettingsWrong(
                gettext("{file}, line {line}: confirmed before, with another target.", file=FILE_NAME, line=line)
            )
        rows.append(row)
    return Sheet(tuple(rows), table.columns, table.separator, table.line_end)


def escaped(name: str) -> str:
    """Return a name escaped so that it matches only itself."""
    return _plain(name).replace("*", "[*]")


# Reading --------------------------------------------------------------------------------------------------------------


def _row(columns: tuple[str, ...], cells: tuple[str, ...], line: int) -> Row:
    known = by_name(columns, cells)
    state = known.get("state", "").casefold() or "proposed"
    if state not in get_args(State):
        states = ", ".join(get_args(State))
        raise SettingsWrong(
            gettext("{file}, line {line}: state must be one of {states}.", file=FILE_NAME, line=line, states=states)
        )
    row = Row(
        unguarded(known.get("source", "")),
        known.get("target", ""),
        state,  # type: ignore[arg-type]  # just looked up in it
        known.get("sets", ""),
        known.get("note", ""),
        cells,
    )
    if wrong := _wrong(row):
        raise SettingsWrong(gettext("{file}, line {line}: {wrong}", file=FILE_NAME, line=line, wrong=wrong))
    return row


def _values(row: Row) -> dict[str, str]:
    known = {"source": guarded(row.source), "target": row.target, "state": row.state}
    return known | {"sets": row.sets, "note": row.note}


def _wrong(row: Row) -> str:
    if row.state != "confirmed":
        return ""
    if not row.source:
        return gettext("it is confirmed, but has no source.")
    if not row.target:
        return gettext("it is confirmed, but has no target.")
    if len(row.target) > LONGEST_NAME:
        return gettext(
            "the target has {count} characters; planning systems keep {most}.",
            count=len(row.target),
            most=LONGEST_NAME,
        )
    if not (row.target.isascii() and row.target.isprintable() and "\\" not in row.target):
        return gettext("the target may have English letters, digits and signs, and no \\.")
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
