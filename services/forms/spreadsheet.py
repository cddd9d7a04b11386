"""Tables that people work on in a spreadsheet, read as spreadsheets write CSV.

Any of three separators, or the one that a first line `sep=;` states, with or without a mark, in UTF-8, as Unicode text,
or in the code page of Windows.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services import plain_files
from services.errors import SettingsWrong
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LARGEST_BYTES: Final = 4 << 20

_SEPARATORS: Final = ";,\t"
_STATED: Final = re.compile(r'"?sep=([;,\t|])"?[;,\t| ]*(?:\r\n|\r|\n)', re.IGNORECASE)
"""A first line that names the separator, for spreadsheets of other countries; it is read, and not written again."""
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How XLSX and ODS begin, and the XLS before them."""
_FORMULA: Final = tuple("=+-@0123456789")
"""A spreadsheet would reckon with, or make a date of, what begins so; an apostrophe before it makes it text."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read: its columns as it spells them, its rows, and how it parts them."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """The number of each line, and its cells."""
    separator: str = ";"
    line_end: str = "\r\n"


def read(data: bytes, name: str, *, needed: Sequence[str], known: Sequence[str]) -> Table:
    """Read a table; an empty one where nothing was stored.

    Parameters
    ----------
    name
        Of the file, for the sentences.
    needed, known
        Columns without which it is none, and columns that are added where they are missing.

    Raises
    ------
    SettingsWrong
        Says which line, and what is wrong in it.
    """
    if data.startswith(_WORKBOOKS):
        raise SettingsWrong(f"{name}: this is a workbook of a spreadsheet: save it as CSV.")
    text = _text(data)
    if not text.strip():
        return Table()
    stated = _STATED.match(text)
    text = text[stated.end() :] if stated else text
    separator = stated[1] if stated else max(_SEPARATORS, key=text.splitlines()[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    above = 1 if stated else 0
    columns: tuple[str, ...] = ()
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        for fields in reader:
            if not any(map(str.strip, fields)):
                continue
            if columns:
                rows.append((above + reader.line_num, tuple(fields)))
            else:
                columns = _header(fields, name, needed, known)
    except csv.Error:
        raise SettingsWrong(f"{name}, line {above + reader.line_num}: this is no line of a table.") from None
    return Table(columns, tuple(rows), separator, "\r\n" if "\r\n" in text else "\n")


def write(table: Table) -> bytes:
    """Write a table: in UTF-8 with its mark, which spreadsheets know it by."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=table.separator, lineterminator=table.line_end)
    writer.writerow(table.columns)
    writer.writerows(cells for _, cells in table.rows)
    return text.getvalue().encode("utf-8-sig")


def stored(path: Path) -> bytes:
    """Return what a file holds; nothing where there is none.

    Raises
    ------
    SettingsWrong
        It is too large, or no file.
    """
    try:
        return plain_files.read(path, LARGEST_BYTES)
    except FileNotFoundError:
        return b""


def by_name(columns: Iterable[str], cells: Iterable[str]) -> dict[str, str]:
    """Return the cells of a row by the names of their columns, in small letters."""
    return {column.strip().casefold(): cell.strip() for column, cell in zip(columns, cells, strict=False)}


def filled(columns: Sequence[str], cells: Sequence[str], values: dict[str, str]) -> tuple[str, ...]:
    """Return a row with new values in the columns of these names; what stands in all others stays."""
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    for at, column in enumerate(columns):
        padded[at] = values.get(column.strip().casefold(), padded[at])
    return tuple(padded)


def guarded(cell: str) -> str:
    """Write a cell so that a spreadsheet takes it for text."""
    return f"'{cell}" if cell.startswith((*_FORMULA, "'")) else cell


def unguarded(cell: str) -> str:
    """Read a cell that `guarded` wrote."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell


def _text(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _header(fields: list[str], name: str, needed: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    names = [field.strip().casefold() for field in fields]
    missing = [column for column in needed if column not in names]
    if missing:
        raise SettingsWrong(f"{name}: the first line names the columns, and {' and '.join(missing)} is missing.")
    if len({each for each in names if each}) < len([each for each in names if each]):
        raise SettingsWrong(f"{name}: two columns have the same name.")
    return (*fields, *(column for column in known if column not in names))


def store(path: Path, data: bytes, *, instead_of: bytes, there: bytes) -> None:
    """Write a file that a person works on, too.

    Parameters
    ----------
    instead_of, there
        What was read, and the new table was made of; and what stands there now, written the same way.

    Raises
    ------
    SettingsWrong
        A person changed the file meanwhile: their work counts, and ours is done again.
    """
    if there != instead_of:
        raise SettingsWrong(f"{path.name} was changed just now. Nothing was written: do it once more.")
    durable_files.write_atomically(path, data)
