"""Which patient was published under which number and as whom, and what a list of identities says against that."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from services.forms.identity_list import RowFault, folded
from services.language import gettext
from services.runtime import durable_files
from services.store import tracking_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.forms.identity_list import ListedIdentity
    from services.store.collection import Collection


@dataclass(frozen=True, slots=True, order=True)
class Given:
    """One number that was given to a published set."""

    index: int
    original_id: str
    """Empty where the set was withdrawn: its line is gone."""
    patient_id: str
    person: str
    """As `Collection.person` names them; empty in what earlier versions published."""
    hospital: str = ""
    """Of the line."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that says something else than what was published of its patient."""

    row: int
    index: int
    says: str


def given(collection: Collection) -> list[Given]:
    """Return what was published, by number; of the older program's numbers nothing is known."""
    found = []
    for name in durable_files.names(collection.tracking):
        entry = tracking_lines.ENTRY_NAME.fullmatch(name)
        if entry is None:
            continue
        index = int(entry[1])
        with suppress(FileNotFoundError):
            if entry[2] == "json":
                original, new, hospital = _line(collection.tracking / name)
                person = collection.person(original, _folder_of(collection, hospital)) if original else ""
                found.append(Given(index, original, new, person, hospital))
            else:
                found.append(Given(index, "", *_published(collection.records / f"ANON_{index:03d}.json")))
    return sorted(found)


def collisions(collection: Collection) -> Iterator[RowFault]:
    """Find rows of the list that give a patient what was given to another one."""
    by_index = {one.index: one for one in given(collection)}
    by_id = {folded(one.patient_id): one for one in reversed(by_index.values()) if one.patient_id}
    originals = {folded(one.original_id) for one in by_index.values()} - {""}
    for row in collection.identities.rows:
        holder, same = by_index.get(row.index or 0), by_id.get(folded(row.patient_id))
        if holder is not None and not _is_of(collection, row, holder):
            yield RowFault(row.row, gettext("index {index} was given to another patient.", index=row.index))
        elif holder is None and row.index is not None and _is_adopted(collection, row.index):
            yield RowFault(row.row, gettext("index {index} was given by the older program.", index=row.index))
        if same is not None and not _is_of(collection, row, same):
            yield RowFault(
                row.row, gettext("patient_id was given to another patient, as ANON_{index:03d}.", index=same.index)
            )
        if folded(row.patient_id) in originals and folded(row.patient_id) != folded(row.original_id):
            yield RowFault(row.row, gettext("patient_id is the original ID of a patient who was published."))


def changed(collection: Collection) -> Iterator[Changed]:
    """Find rows that say something else than what was published of their patient: told, never applied."""
    if not collection.identities.is_there:
        return
    for one in given(collection):
        row = collection.identities.of(one.original_id, one.hospital) if one.original_id else None
        if row is not None and folded(row.patient_id) != folded(one.patient_id):
            yield Changed(
                row.row,
                one.index,
                gettext(
                    "Row {row} of identities.csv names its patient otherwise now. What was published stays as it is.",
                    row=row.row,
                ),
            )
    for row in collection.identities.rows:
        of_row = [one for one in given(collection) if one.original_id and _is_of(collection, row, one)]
        if row.index is not None and of_row and row.index not in {one.index for one in of_row}:
            yield Changed(
                row.row,
                of_row[0].index,
                gettext(
                    "Row {row} of identities.csv gives its patient the number {index} now. What was published stays "
                    "as it is.",
                    row=row.row,
                    index=row.index,
                ),
            )


def _is_of(collection: Collection, row: ListedIdentity, one: Given) -> bool:
    """Return whether a published set is of the patient of a row."""
    if not collection.options.by_hospital:
        return folded(one.original_id) == folded(row.original_id) or one.person == collection.person(row.original_id)
    if row.hospital and one.original_id and folded(one.hospital) != folded(row.hospital):
        return False
    person = collection.person(row.original_id, _folder_of(collection, row.hospital))
    return folded(one.original_id) == folded(row.original_id) or one.person == person


def _folder_of(collection: Collection, hospital: str) -> str:
    """Return the hospital's folder as a person's name has it: none for the hospital of the form."""
    is_form = not collection.options.by_hospital or hospital == collection.identity.hospital
    return "" if is_form else hospital


def _is_adopted(collection: Collection, index: int) -> bool:
    return (collection.records / f"ANON_{index:03d}.json").exists()


@lru_cache(maxsize=1 << 17)
def _line(path: Path) -> tuple[str, str, str]:
    """Read both patient IDs and the hospital of a line; an entry is written once and never changes."""
    stored = _stored(path)
    fields = tracking_lines.fields(str(stored.get("line", "")).encode())
    return (fields[0], fields[1], fields[3]) if len(fields) > 3 else ("", "", "")


@lru_cache(maxsize=1 << 17)
def _published(path: Path) -> tuple[str, str]:
    """Read from a record who its patient became, and the mark of the person; neither changes under a number."""
    stored = _stored(path)
    identity = stored.get("identity") or {}
    return str(identity.get("patient_id", "")), str(stored.get("person", ""))


def _stored(path: Path) -> dict[str, Any]:
    """Read a file; one that is not there, or not whole, is read anew next time."""
    stored = durable_files.read(path)
    if stored is None:
        raise FileNotFoundError
    return stored
