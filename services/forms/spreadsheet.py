"""CSV tables edited by people in spreadsheets.

The separator is one of three or declared by a first line `sep=;`; the encoding is UTF-8, UTF-16 or the Windows code
page, with or without a byte order mark.
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
from services.language import gettext
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LARGEST_BYTES: Final = 4 << 20

_MOST_NAMED: Final = 5
_SEPARATORS: Final = ";,\t"
_STATED: Final = re.compile(r'"?sep=([;,\t|])"?[;,\t| ]*(?:\r\n|\r|\n)', re.IGNORECASE)
"""First line that declares the separator, used in some locales; read, but not written back."""
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""Signatures of XLSX and ODS files, and of XLS files."""
_FORMULA: Final = tuple("=+-@0123456789")
"""First characters of cells that a spreadsheet would interpret as a formula, number or date; a preceding apostrophe
prevents that.
"""
_CONVERTED: Final = re.compile(
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|mrz|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    r"|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\.?[ ./-]?\d{1,4}|true|false|wahr|falsch",
    re.IGNORECASE,
)
"""Other cells that one would convert: a month and a number to a date, `Dec 1`, and logical values."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read: column names as spelled, rows, and separator."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """Line number and cells of each row."""
    separator: str = ";"
    line_end: str = "\r\n"


def read(data: bytes, name: str, *, needed: Sequence[str], known: Sequence[str]) -> Table:
    """Parse a table; empty data gives an empty table.

    Parameters
    ----------
    name
        File name, for messages.
    needed, known
        Required columns, and columns that are added if missing.

    Raises
    ------
    SettingsWrong
        States which line is invalid, and why.
    """
    if data.startswith(_WORKBOOKS):
        raise SettingsWrong(gettext("{file}: this is a spreadsheet workbook: save it as CSV.", file=name))
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
        line = above + reader.line_num
        raise SettingsWrong(
            gettext("{file}, line {line}: this is not a line of a table.", file=name, line=line)
        ) from None
    return Table(columns, tuple(rows), separator, "\r\n" if "\r\n" in text else "\n")


def write(table: Table) -> bytes:
    """Return a table as CSV in UTF-8 with a byte order mark, by which spreadsheets recognize it."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=table.separator, lineterminator=table.line_end)
    writer.writerow(table.columns)
    writer.writerows(cells for _, cells in table.rows)
    return text.getvalue().encode("utf-8-sig")


def stored(path: Path) -> bytes:
    """Return the contents of a file; empty if it does not exist.

    Raises
    ------
    SettingsWrong
        The file is too large, or not a regular file.
    """
    try:
        return plain_files.read(path, LARGEST_BYTES)
    except FileNotFoundError:
        return b""


def by_name(columns: Iterable[str], cells: Iterable[str]) -> dict[str, str]:
    """Return the cells of a row by lower-case column name."""
    return {column.strip().casefold(): cell.strip() for column, cell in zip(columns, cells, strict=False)}


def filled(columns: Sequence[str], cells: Sequence[str], values: dict[str, str]) -> tuple[str, ...]:
    """Return a row with new values in the named columns and all others unchanged."""
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    for at, column in enumerate(columns):
        padded[at] = values.get(column.strip().casefold(), padded[at])
    return tuple(padded)


def guarded(cell: str) -> str:
    """Return a cell escaped so that a spreadsheet treats it as text."""
    return f"'{cell}" if _is_converted(cell) else cell


def unguarded(cell: str) -> str:
    """Undo `guarded`."""
    return cell[1:] if cell.startswith("'") and _is_converted(cell[1:]) else cell


def _is_converted(cell: str) -> bool:
    return cell.startswith((*_FORMULA, "'")) or _CONVERTED.fullmatch(cell) is not None


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
        conjunction = gettext("and")
        columns = f" {conjunction} ".join(missing)
        raise SettingsWrong(
            gettext("{file}: the first line names the columns, and {columns} is missing.", file=name, columns=columns)
        )
    if len({each for each in names if each}) < len([each for each in names if each]):
        raise SettingsWrong(gettext("{file}: two columns have the same name.", file=name))
    return (*fields, *(column for column in known if column not in names))


def overtaken(names: Sequence[str]) -> SettingsWrong:
    """Return the error of a decision on names or words that somebody else has just decided about."""
    listed = f"{', '.join(names[:_MOST_NAMED])}{' …' if names[_MOST_NAMED:] else ''}"
    return SettingsWrong(
        gettext(
            "Somebody else decided about {names} since you loaded the list. Nothing was changed: check the current "
            "entries and decide again.",
            names=listed,
        )
    )


def store(path: Path, data: bytes, *, instead_of: bytes, there: bytes) -> None:
    """Write a file that people edit, too.

    Parameters
    ----------
    instead_of, there
        The contents from which the new table was made, and the current contents in the same form.

    Raises
    ------
    SettingsWrong
        A person changed the file meanwhile: their changes win, and ours must be repeated.
    """
    if there != instead_of:
        raise SettingsWrong(gettext("{file} was changed just now. Nothing was written: try again.", file=path.name))
    durable_files.write_atomically(path, data)
