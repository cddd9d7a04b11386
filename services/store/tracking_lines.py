"""Tracking files: which patient got which number, one line per published set.

There is one file per day of publication. Entries in `.anonymizer/tracking/`, written once at publication, are
authoritative; the files are rendered from them, so anyone may open, sort or delete them and they are restored in full.
Lines of other origin are kept and come first. A spreadsheet may have saved a file with another separator or encoding;
such files are read, and rewritten in one encoding, in the original's format.
"""

from __future__ import annotations

import codecs
import csv
import os
import re
import stat
from collections import defaultdict
from dataclasses import dataclass
from errno import EACCES, EAGAIN
from typing import TYPE_CHECKING, Any, Final

from services import plain_files
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from services.store.collection import Collection

HEADER: Final = "OrigPatientID, NewPatientID, OrigPlanID, Hospital"
FILE_NAME: Final = re.compile(r"VicRapidPlan_trackingFile_(\d{8})\.txt")
ENTRY_NAME: Final = re.compile(r"(\d{6,})\.(json|withdrawn)")
WITHDRAWN: Final = ".withdrawn"
"""Suffix of the entry that replaces a withdrawn line; it holds a mark by which the line is removed from the file."""
_COLUMNS: Final = tuple(HEADER.split(", "))
_NUMBER: Final = re.compile(r"[+-]?\d+([.,]\d+)?")
_NEEDS_QUOTES: Final = re.compile(r'[",]|^\s|\s$')
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class TrackingLine:
    """Tracking line and the day of its file, fixed at publication in the configured time zone."""

    orig_patient_id: str
    new_patient_id: str
    orig_plan_id: str
    hospital: str
    day: date

    @property
    def text(self) -> str:
        """The line as in the file, without its line break."""
        return ", ".join(map(_field, (self.orig_patient_id, self.new_patient_id, self.orig_plan_id, self.hospital)))

    def entry(self, index: int) -> dict[str, Any]:
        """Return the stored entry: the line's final text, its file's day, and its position."""
        return {"schema": 1, "index": index, "day": f"{self.day:%Y%m%d}", "line": self.text}


def file_name(day: str) -> str:
    """Return the name of the tracking file of a day such as `20261122`."""
    return f"VicRapidPlan_trackingFile_{day}.txt"


def files_in(root: Path) -> list[Path]:
    """Return the tracking files of a root folder, the earliest first."""
    return [root / name for name in sorted(durable_files.names(root)) if FILE_NAME.fullmatch(name)]


def numbers_in_files(root: Path, patient_id: str) -> set[int]:
    """Return the indices with this patient ID in any tracking file of a root, whoever wrote it."""
    ours = re.compile(re.escape(patient_id) + r"([0-9]{1,200})")
    return {
        int(found[1])
        for path in files_in(root)
        for line in lines_of(path)
        if len(read := fields(line)) > 1 and (found := ours.fullmatch(read[1]))
    }


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a tracking file in UTF-8 as far as possible, whoever saved it.

    Raises
    ------
    NotPlain
        It is not a regular file, or far too large.
    OSError
        It does not exist or cannot be read.
    """
    return list(_lines(plain_files.read(path)))


def formulas(line: str) -> list[str]:
    """Return the columns of one of our lines that a spreadsheet would interpret as formulas."""
    return [name for name, value in zip(_COLUMNS, fields(line.encode()), strict=False) if is_formula(value)]


def is_formula(value: str) -> bool:
    """Return whether a spreadsheet would interpret a value as a formula."""
    value = value.strip()
    return value.startswith(("=", "+", "-", "@")) and len(value) > 1 and _NUMBER.fullmatch(value) is None


def columns(collection: Collection, index: int) -> list[str]:
    """Return the fields of a set's line in header order; empty if it was withdrawn or does not exist."""
    stored = durable_files.read(collection.tracking / f"{index:06d}.json") or {}
    return fields(str(stored.get("line", "")).encode())


def withdraw(collection: Collection, index: int) -> None:
    """Withdraw the line of a set; the next rendering removes it. What remains is anonymous."""
    entry = collection.tracking / f"{index:06d}.json"
    stored = durable_files.read(entry)
    if stored is not None:
        mark = collection.mark(str(stored.get("line", "")).encode())
        left = durable_files.encode({"schema": 1, "index": index, "day": stored.get("day"), "mark": mark})
        durable_files.write_exclusively(entry.with_suffix(WITHDRAWN), left, staging=collection.staging)
        entry.unlink(missing_ok=True)
        durable_files.fsync_folder(collection.tracking)


class TrackingFiles:
    """Renders a collection's tracking files. Only the arbiter does so, though two at once would do no harm."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._entries: dict[str, tuple[str, str]] = {}  # name -> (day, line or mark); entries never change
        self._rendered: dict[
            str, tuple[tuple[str, ...], tuple[int, ...]]
        ] = {}  # day -> (entries, file as last written)

    def render(self) -> list[str]:
        """Bring all tracking files up to date and return the days of those that changed.

        If nothing changed, this costs two directory listings. A line removed from a file by hand is restored.

        Raises
        ------
        OSError
            A file is read-only or locked. Nothing is lost; try again later.
        """
        changed: list[str] = []
        for _ in range(_ROUNDS):
            names = self._names()
            for day, of_day in sorted(self._by_day(names).items()):
                if self._render_day(day, of_day):
                    changed.append(day)
            if self._names() == names:
                break
        return list(dict.fromkeys(changed))

    def _names(self) -> list[str]:
        return sorted(
            (name for name in durable_files.names(self._collection.tracking) if ENTRY_NAME.fullmatch(name)), key=_index
        )

    def _by_day(self, names: list[str]) -> dict[str, list[str]]:
        days: dict[str, list[str]] = defaultdict(list)
        withdrawn = {name for name in names if name.endswith(WITHDRAWN)}
        for name in names:
            if name not in self._entries:
                stored = durable_files.read(self._collection.tracking / name) or {}
                day, line = stored.get("day"), stored.get("mark" if name in withdrawn else "line")
                if not isinstance(day, str) or not isinstance(line, str):
                    continue  # unreadable: reported by `doctor`; must not hold up the other lines
                self._entries[name] = (day, line)
            if name in withdrawn or name.replace(".json", WITHDRAWN) not in withdrawn:
                days[self._entries[name][0]].append(name)
        return days

    def _render_day(self, day: str, names: list[str]) -> bool:
        path = self._collection.root / file_name(day)
        for _ in range(_ROUNDS):
            before = _status(path)
            if before is not None and self._rendered.get(day) == (tuple(names), before):
                return False
            present = None if before is None else plain_files.read(path)
            text = self._compose(present or b"", names)
            if text == present and before is not None:
                self._rendered[day] = (tuple(names), before)
                return False
            _refuse_if_read_only(path)
            if _status(path) == before:
                durable_files.write_atomically(path, text, staging=self._collection.staging)
                return True
        raise BlockingIOError(EAGAIN, os.strerror(EAGAIN))  # someone is still writing to it

    def _compose(self, present: bytes, names: list[str]) -> bytes:
        """Combine the lines of others, unchanged, with ours sorted by index."""
        ours = [self._entries[name][1].encode() for name in names if not name.endswith(WITHDRAWN)]
        marks = {self._entries[name][1] for name in names if name.endswith(WITHDRAWN)}
        known = {*ours, HEADER.encode()}
        foreign = [
            line
            for line, form in _others(present, known)
            if form not in known and not (marks and {self._collection.mark(line), self._collection.mark(form)} & marks)
        ]
        return b"".join(line + b"\n" for line in _in_one_encoding([HEADER.encode(), *foreign, *ours]))


def _others(data: bytes, known: set[bytes]) -> list[tuple[bytes, bytes]]:
    """Return each line not known, as it is to be kept, and in the original's format if it has as many columns.

    A line is kept unchanged unless a spreadsheet separated all lines of the file by something other than a comma.
    """
    lines = [(line, _form_of(line)) for line in _lines(data) if line.strip() and line not in known]
    is_other = any(form == HEADER.encode() and b"," not in line for line, form in lines)
    return [(form, form) for _, form in lines] if is_other else lines


def _form_of(line: bytes) -> bytes:
    found = fields(line)
    if tuple(map(str.strip, found)) == _COLUMNS:
        return HEADER.encode()
    return ", ".join(map(_field, found)).encode() if len(found) == len(_COLUMNS) else line


def _in_one_encoding(lines: list[bytes]) -> list[bytes]:
    """Return the lines, in a single encoding if any of them needs one other than UTF-8.

    The older program writes in the Windows code page.
    """
    texts = [_utf8(line) for line in lines]
    if all(text is None or text.isascii() for text in texts):
        return lines
    return [line if text is not None else _of_code_page(line).encode() for line, text in zip(lines, texts, strict=True)]


def _lines(data: bytes) -> Iterator[bytes]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    elif data[1::2].count(0) > len(data) // 4:  # no byte order mark, but every other byte of most letters is zero
        data = data.decode("utf-16-le", "replace").encode()
    elif data[::2].count(0) > len(data) // 4:
        data = data.decode("utf-16-be", "replace").encode()
    for line in data.removeprefix(codecs.BOM_UTF8).split(b"\n"):
        yield line.removesuffix(b"\r")


def fields(line: bytes) -> list[str]:
    """Return the columns of a line; empty if it is not a valid line."""
    text = _utf8(line)
    if text is None:
        text = _of_code_page(line)
    separator = next((sign for sign in ",\t;" if sign in text), ",")
    try:
        return next(csv.reader([text], skipinitialspace=True, delimiter=separator), [])
    except csv.Error:
        return []


def _utf8(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _of_code_page(line: bytes) -> str:
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")  # five byte values of cp1252 are undefined


def _field(value: str) -> str:
    value = _NO_TEXT.sub(" ", value)
    return '"' + value.replace('"', '""') + '"' if _NEEDS_QUOTES.search(value) else value


def _index(name: str) -> int:
    return int(name.partition(".")[0])


def _status(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _refuse_if_read_only(path: Path) -> None:
    """Respect a read-only file, which a rename would replace all the same."""
    if path.exists() and not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(EACCES, os.strerror(EACCES))
