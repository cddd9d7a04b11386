"""Identities and numbers already given to published patients, and conflicts of a list of identities with them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from services.forms.identity_list import RowFault, folded
from services.language import gettext
from services.runtime import durable_files
from services.store import records, tracking_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.forms.identity_list import ListedIdentity
    from services.store.collection import Collection


@dataclass(frozen=True, slots=True, order=True)
class Given:
    """Number given to a published set."""

    index: int
    original_id: str
    """Empty if the set was withdrawn, since its line is gone."""
    patient_id: str
    person: str
    """As returned by `Collection.person`; empty for sets published by earlier versions."""
    hospital: str = ""
    """From the tracking line."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Row that differs from what was published of its patient."""

    row: int
    index: int
    says: str


def given(collection: Collection) -> list[Given]:
    """Return the numbers given to published sets; those of the older program are unknown."""
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
                found.append(Given(index, "", *_published(records.path_of(collection, index))))
    return sorted(found)


def collisions(collection: Collection) -> Iterator[RowFault]:
    """Yield rows of the list that give one patient what was given to another."""
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
    """Yield rows that differ from what was published of their patient; these are reported, never applied."""
    if not collection.identities.is_there:
        return
    published = given(collection)
    for one in published:
        row = collection.identities.of(one.original_id, one.hospital) if one.original_id else None
        if row is not None and folded(row.patient_id) != folded(one.patient_id):
            yield Changed(
                row.row,
                one.index,
                gettext(
                    "Row {row} of identities.csv now names its patient differently. What was published stays as it is.",
                    row=row.row,
                ),
            )
    for row in collection.identities.rows:
        if row.index is None:
            continue
        of_row = [one for one in published if one.original_id and _is_of(collection, row, one)]
        if of_row and row.index not in {one.index for one in of_row}:
            yield Changed(
                row.row,
                of_row[0].index,
                gettext(
                    "Row {row} of identities.csv now gives its patient the number {index}. What was published stays "
                    "as it is.",
                    row=row.row,
                    index=row.index,
                ),
            )


def _is_of(collection: Collection, row: ListedIdentity, one: Given) -> bool:
    """Return whether a published set belongs to the patient of a row."""
    if not collection.options.by_hospital:
        return folded(one.original_id) == folded(row.original_id) or one.person == collection.person(row.original_id)
    if row.hospital and one.original_id and folded(one.hospital) != folded(row.hospital):
        return False
    person = collection.person(row.original_id, _folder_of(collection, row.hospital))
    return folded(one.original_id) == folded(row.original_id) or one.person == person


def _folder_of(collection: Collection, hospital: str) -> str:
    """Return the hospital's folder used in the identifier of a person; empty for the hospital of the form."""
    is_form = not collection.options.by_hospital or hospital == collection.identity.hospital
    return "" if is_form else hospital


def _is_adopted(collection: Collection, index: int) -> bool:
    return records.path_of(collection, index).exists()


@lru_cache(maxsize=1 << 17)
def _line(path: Path) -> tuple[str, str, str]:
    """Return both patient IDs and the hospital of a tracking entry, which is written once and never changes."""
    stored = _stored(path)
    fields = tracking_lines.fields(str(stored.get("line", "")).encode())
    return (fields[0], fields[1], fields[3]) if len(fields) > 3 else ("", "", "")


@lru_cache(maxsize=1 << 17)
def _published(path: Path) -> tuple[str, str]:
    """Return the new patient ID and the person's mark of a record; neither changes for a given number."""
    stored = _stored(path)
    identity = stored.get("identity") or {}
    return str(identity.get("patient_id", "")), str(stored.get("person", ""))


def _stored(path: Path) -> dict[str, Any]:
    """Read a state file; a missing or truncated one is read again next time."""
    stored = durable_files.read(path)
    if stored is None:
        raise FileNotFoundError
    return stored
