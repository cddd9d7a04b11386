"""`identities.csv`: new identities of patients, for trials that assign pseudonyms.

The file is next to `collection.toml` and belongs to a person: it is read but never written, and it is confidential,
since it links pseudonyms to patients. It is validated as a whole: all errors are reported at once, by row, and no set
is processed while there are any. A row with an index reserves that number.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from services.errors import SettingsWrong
from services.forms import spreadsheet
from services.forms.identity import LAST_INDEX, LONGEST_VALUE, NewIdentity, check_part
from services.language import english, gettext
from services.layout import is_there

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.forms.identity import Identity

FILE_NAME: Final = "identities.csv"
NEEDED: Final = ("original_id", "patient_id")
COLUMNS: Final = (*NEEDED, "family_name", "first_name", "index", "hospital", "note")

_SCIENTIFIC: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_ERROR: Final = re.compile(r"#(?:N/A|NV|REF!|BEZUG!|NAME\?|VALUE!|WERT!|DIV/0!|NUM!|ZAHL!|#+)")
_MONTHS: Final = "Jan|Feb|Mar|Mär|Mrz|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez"
_MADE: Final = re.compile(
    rf"TRUE|FALSE|WAHR|FALSCH|(?:\d{{1,2}}[-. ]+)?(?:{_MONTHS})[a-zä]*[-. ]+\d{{2,4}}", re.IGNORECASE
)
"""Text that spreadsheets make of `1-47` and of booleans."""
_LIKELY_MADE: Final = re.compile(
    r"\d{1,2}([./])\d{1,2}\1\d{2,4}(?: \d\d?:\d\d(?::\d\d)?)?|\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?|\d+[.,]0+|=.*"
)
"""A date, a decimal number with zero fraction, or a formula: possible as an ID, but unlikely."""
_NO_TEXT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ud800-\udfff\ufeff]")
"""Control characters, zero-width characters, direction marks, and lone surrogates."""
_SHORTEST: Final = 4
_SHORTEST_INSIDE: Final = 6
"""Minimum length of an original ID to be recognized as a name or inside a longer value."""
_LOST: Final = "\ufffd"


class RowFault(NamedTuple):
    """Error in a row. Quotes no original ID."""

    row: int
    """As counted by a spreadsheet: the first line, with the column names, is 1."""

    says: str

    def __str__(self) -> str:
        return gettext("{file}, row {row}: {says}", file=FILE_NAME, row=self.row, says=self.says)


@dataclass(frozen=True, slots=True)
class ListedIdentity:
    """One row: the new identity of a patient."""

    row: int
    original_id: str = field(repr=False)
    patient_id: str
    family_name: str = ""
    first_name: str = ""
    index: int | None = None
    """The number reserved for the patient; None to take the next one."""
    hospital: str = ""

    def numbered(self, identity: Identity, index: int) -> NewIdentity:
        """Return the new identity of a set of this patient, using the form for empty fields."""
        family = self.family_name or f"{identity.family_name}{index:03d}"
        return NewIdentity(self.patient_id, f"{family}^{self.first_name or identity.first_name}", index)


@dataclass(frozen=True)
class IdentityList:
    """The list as read."""

    rows: tuple[ListedIdentity, ...] = field(default=(), repr=False)
    faults: tuple[RowFault, ...] = ()
    """Errors in the file itself; collisions with what was published are found elsewhere (`store.given_identities`)."""
    is_there: bool = False
    by_hospital: bool = False
    """Whether a row with a hospital applies only to that hospital's patients."""

    def of(self, patient_id: str, hospital: str = "") -> ListedIdentity | None:
        """Return the row of a patient; None if there is none.

        Parameters
        ----------
        hospital
            If hospitals have folders: a row with this hospital precedes one without.
        """
        found = self._by_id.get(folded(patient_id), [])
        if not self.by_hospital:
            return found[0] if found else None
        own = [row for row in found if row.hospital and folded(row.hospital) == folded(hospital)]
        of_any = [row for row in found if not row.hospital]
        return next(iter(own + of_any), None)

    def but_for_zeros(self, patient_id: str) -> ListedIdentity | None:
        """Return the row that would match a patient if leading zeros were ignored."""
        bare = _without_zeros(patient_id)
        return self._by_bare_id.get(bare) if bare and folded(patient_id) not in self._by_id else None

    @cached_property
    def indices(self) -> frozenset[int]:
        """The numbers reserved by rows."""
        return frozenset(row.index for row in self.rows if row.index is not None)

    @cached_property
    def _by_id(self) -> dict[str, list[ListedIdentity]]:
        found: defaultdict[str, list[ListedIdentity]] = defaultdict(list)
        for row in self.rows:
            found[folded(row.original_id)].append(row)
        return dict(found)

    @cached_property
    def _by_bare_id(self) -> dict[str, ListedIdentity]:
        return {_without_zeros(row.original_id): row for row in reversed(self.rows)}


def folded(patient_id: str) -> str:
    """Return a normalized form of an ID, equal for all its spellings.

    Surrounding blanks, case, and composed or decomposed accents are ignored.
    """
    return unicodedata.normalize("NFC", patient_id).strip(" \0\t\u00a0").casefold()


def read(root: Path, identity: Identity, *, numbers_too: bool, by_hospital: bool = False) -> IdentityList:
    """Read the list of a collection; errors in it are part of the result.

    Parameters
    ----------
    numbers_too
        Whether unlisted patients take the next number under the identity of the form.
    by_hospital
        Whether patients of several hospitals may share a patient ID.

    Raises
    ------
    OSError
        The file exists but cannot be read.
    """
    if not is_there(root / FILE_NAME):
        return IdentityList()
    return _decoded(root / FILE_NAME, identity, numbers_too=numbers_too, by_hospital=by_hospital)


def _decoded(path: Path, identity: Identity, *, numbers_too: bool, by_hospital: bool) -> IdentityList:
    try:
        data = spreadsheet.stored(path)
        table = spreadsheet.read(data, FILE_NAME, needed=NEEDED, known=())
    except SettingsWrong as wrong:
        where = re.search(r"line (\d+)", english(wrong.args[0]))
        says = str(wrong).partition(": ")[2] or str(wrong)
        return IdentityList((), (RowFault(int(where[1]) if where else 1, says),), is_there=True)
    if not table.columns:
        return IdentityList(
            (), (RowFault(1, gettext("the file is empty: name the columns {names}.", names=", ".join(NEEDED))),), True
        )
    rows: list[ListedIdentity] = []
    faults: list[RowFault] = []
    as_text: set[int] = set()
    width = len(table.columns)
    for number, cells in table.rows:
        if not any(cell.strip() for cell in cells):
            continue
        faults += [RowFault(number, says) for says in _torn(cells, width)]
        named = spreadsheet.by_name(table.columns, cells)
        meant = {column for column in NEEDED if named.get(column, "").startswith("'")}
        if meant:
            as_text.add(number)
        values = {column: spreadsheet.unguarded(named.get(column, "")) for column in COLUMNS}
        faults += [RowFault(number, says) for says in _wrong(values, identity, meant)]
        rows.append(_row(number, values))
    faults += _twice(rows, by_hospital=by_hospital)
    faults += _zeros_lost(rows, as_text)
    if numbers_too:
        faults += _as_numbered(rows, identity)
    return IdentityList(tuple(rows), tuple(sorted(set(faults))), is_there=True, by_hospital=by_hospital)


def _row(number: int, values: dict[str, str]) -> ListedIdentity:
    index = values["index"]
    return ListedIdentity(
        number,
        values["original_id"],
        values["patient_id"],
        values["family_name"],
        values["first_name"],
        int(index) if _is_number(index) else None,
        values["hospital"],
    )


def _is_number(index: str) -> bool:
    return index.isascii() and index.isdigit() and len(index) <= len(str(LAST_INDEX)) + 3


def _torn(cells: tuple[str, ...], width: int) -> Iterator[str]:
    if any(cell.strip() for cell in cells[width:]):
        yield (
            gettext(
                "it has more cells than there are columns ({width}). If a value contains the separator, put the value"
                " in quotes.",
                width=width,
            )
        )


def _wrong(values: dict[str, str], identity: Identity, meant: set[str]) -> Iterator[str]:
    """Yield errors of one row that do not depend on other rows.

    Parameters
    ----------
    meant
        Columns whose values are preceded by an apostrophe.
    """
    yield from _made(values, meant)
    for column, value in values.items():
        if _LOST in value:
            yield gettext("{column} holds a character that was lost: save the file as CSV in UTF-8.", column=column)
        elif column != "note" and _NO_TEXT.search(value):
            yield gettext("{column} holds a character that is not text.", column=column)
    yield from _wrong_original(values["original_id"])
    yield from _wrong_identity(values, identity)
    yield from _wrong_index(values["index"], identity)
    yield from _showing(values)


def _made(values: dict[str, str], meant: set[str]) -> Iterator[str]:
    """Yield missing values, and IDs mangled by a spreadsheet."""
    for column in NEEDED:
        value = values[column]
        if not value:
            yield gettext("{column} is empty.", column=column)
        elif any(pattern.fullmatch(value) for pattern in (_SCIENTIFIC, _ERROR, _MADE)):
            yield gettext(
                "{column} was changed by a spreadsheet: format the column as text and enter the value again.",
                column=column,
            )
        elif column not in meant and _LIKELY_MADE.fullmatch(value):
            yield gettext(
                "{column} looks like a value changed by a spreadsheet: format the column as text and enter it "
                "again, or put ' before it if it is intended.",
                column=column,
            )


def _showing(values: dict[str, str]) -> Iterator[str]:
    """Yield new values that contain the row's own original ID; equality with another row's is checked elsewhere."""
    original = folded(values["original_id"])
    for column in ("patient_id", "family_name", "first_name"):
        value = folded(values[column])
        inside = len(original) >= _SHORTEST_INSIDE and original in value and value != original
        if inside or (column != "patient_id" and value == original and len(original) >= _SHORTEST):
            yield gettext("{column} holds the original ID of this patient.", column=column)


def _wrong_original(original_id: str) -> Iterator[str]:
    if len(original_id) > LONGEST_VALUE:
        yield gettext(
            "original_id has {count} characters; a patient ID has at most {most}.",
            count=len(original_id),
            most=LONGEST_VALUE,
        )
    if "\\" in original_id:
        yield gettext("original_id holds \\, which no patient ID does.")


def _wrong_identity(values: dict[str, str], identity: Identity) -> Iterator[str]:
    for column, forbidden in (("patient_id", "\\"), ("family_name", "\\^="), ("first_name", "\\^=")):
        if values[column] and not _NO_TEXT.search(values[column]) and _LOST not in values[column]:
            try:
                check_part(column, values[column], forbidden=forbidden)
            except SettingsWrong as wrong:
                yield str(wrong)
    made = _row(0, values).numbered(identity, LAST_INDEX)
    for column, value in (("patient_id", made.patient_id), ("family_name with first_name", made.patient_name)):
        if len(value) > LONGEST_VALUE:
            yield gettext(
                "{column} has {count} characters; DICOM allows at most {most}.",
                column=column,
                count=len(value),
                most=LONGEST_VALUE,
            )


def _wrong_index(index: str, identity: Identity) -> Iterator[str]:
    if not index:
        return
    if not _is_number(index) or not identity.initial_index <= int(index) <= LAST_INDEX:
        yield gettext(
            "index must be a whole number from {first} (initial_index) to {last}, or empty.",
            first=identity.initial_index,
            last=LAST_INDEX,
        )


def _twice(rows: list[ListedIdentity], *, by_hospital: bool) -> Iterator[RowFault]:
    """Yield values that may occur once but are in two rows, and new IDs that are someone's original ID."""
    for column, key in (
        ("original_id", [_whose(row, by_hospital=by_hospital) for row in rows]),
        ("patient_id", [folded(row.patient_id) for row in rows]),
        ("index", [str(row.index or "") for row in rows]),
    ):
        places: defaultdict[str, list[int]] = defaultdict(list)
        for row, value in zip(rows, key, strict=True):
            if value:
                places[value].append(row.row)
        for numbers in places.values():
            for number in numbers if len(numbers) > 1 else ():
                others = ", ".join(str(other) for other in numbers if other != number)
                yield RowFault(
                    number, gettext("{column} is the same as in row {others}.", column=column, others=others)
                )
    originals = {folded(row.original_id) for row in rows} - {""}
    for row in rows:
        if folded(row.patient_id) in originals:
            yield RowFault(row.row, gettext("patient_id is the original ID of a patient of this list."))


def _whose(row: ListedIdentity, *, by_hospital: bool) -> str:
    whose = folded(row.original_id)
    return f"{whose}\0{folded(row.hospital)}" if whose and by_hospital else whose


def _zeros_lost(rows: list[ListedIdentity], as_text: set[int]) -> Iterator[RowFault]:
    """Yield numbers shorter than those with leading zeros, which suggests that a spreadsheet removed zeros.

    A preceding apostrophe marks a value as intended.
    """
    for column in NEEDED:
        numbers = {row.row: value for row in rows if (value := getattr(row, column)).isascii() and value.isdigit()}
        widths = Counter(len(value) for value in numbers.values() if value.startswith("0") and len(value) > 1)
        if len(widths) != 1:
            continue
        width = next(iter(widths))
        for number, value in numbers.items():
            if len(value) < width and number not in as_text:
                yield RowFault(
                    number,
                    gettext(
                        "{column} has {count} digits, and those that begin with zeros have {width}: a spreadsheet "
                        "removed zeros. Format the column as text and enter the value again, or put ' before it if it"
                        " is intended.",
                        column=column,
                        count=len(value),
                        width=width,
                    ),
                )


def _as_numbered(rows: list[ListedIdentity], identity: Identity) -> Iterator[RowFault]:
    """Yield new IDs that an unlisted patient would be given with a number."""
    pattern = re.compile(re.escape(identity.patient_id) + r"(\d{3,6})", re.IGNORECASE)
    for row in rows:
        found = pattern.fullmatch(row.patient_id)
        if found is None or f"{int(found[1]):03d}" != found[1] or int(found[1]) < identity.initial_index:
            continue
        if row.index != int(found[1]):
            yield RowFault(
                row.row,
                gettext(
                    "patient_id is what a patient who is not listed becomes with the number {number}: choose another "
                    "one, or write {number} as its index.",
                    number=int(found[1]),
                ),
            )


def _without_zeros(patient_id: str) -> str:
    return folded(patient_id).lstrip("0")


def as_text(faults: Iterable[RowFault]) -> str:
    """Return the errors as text, one line per row."""
    return "\n".join(map(str, faults))
