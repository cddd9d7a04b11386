"""The new identity of a set's patient: from the list if listed, otherwise from the form with the next number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.errors import Fault, SetWaits
from services.forms.identity import NewIdentity
from services.forms.identity_list import FILE_NAME, folded
from services.language import gettext
from services.publication import persons
from services.store import given_identities, records

if TYPE_CHECKING:
    from services.forms.identity import Identity
    from services.forms.identity_list import ListedIdentity
    from services.rtset.reader import RtSet
    from services.store.collection import Collection
    from services.store.records import Record

UNLISTED: Final = "unlisted"
ZEROS_LOST: Final = "zeros-lost"


@dataclass(frozen=True, slots=True)
class Becomes:
    """New identity of a patient before the number is known."""

    hospital: str
    """For the tracking file."""

    row: ListedIdentity | None = None

    index: int | None = None
    """The number reserved by the list; None to take the next one."""

    before: NewIdentity | None = None
    """For a republished set, its published identity."""

    def numbered(self, identity: Identity, index: int) -> NewIdentity:
        """Return the new identity with a number."""
        if self.before is not None:
            return self.before
        return self.row.numbered(identity, index) if self.row else identity.numbered(index)


def decide(collection: Collection, patient_id: str, hospital: str = "", published: Record | None = None) -> Becomes:
    """Determine the new identity of a patient.

    Parameters
    ----------
    hospital
        The hospital whose folder holds the set; empty for the form's.
    published
        The record of a set being republished, which keeps its identity whatever form and list now say.

    Raises
    ------
    SetWaits
        The patient is not listed but should be, or matches a row only approximately.
    """
    of_form = collection.identity.hospital
    if published is not None and (identity := published.content.get("identity")):
        before = NewIdentity(identity["patient_id"], identity["patient_name"], published.index)
        return Becomes(hospital or of_form, before=before)
    row = listed(collection, patient_id, hospital)
    if row is None:
        return Becomes(hospital or of_form)
    return Becomes(hospital or row.hospital or of_form, row, _held_for(collection, row))


def listed(collection: Collection, patient_id: str, hospital: str = "") -> ListedIdentity | None:
    """Return the row of a patient, or None if unlisted patients take the next number.

    Raises
    ------
    SetWaits
        As `decide`.
    """
    identities = collection.identities
    if not identities.is_there:
        return None
    row = identities.of(patient_id, hospital or collection.identity.hospital)
    if row is not None:
        _refuse_shared(collection, row, collection.person(patient_id, hospital))
        return row
    if almost := identities.but_for_zeros(patient_id):
        raise SetWaits(zeros_lost(almost))
    if collection.options.unlisted == "next":
        return None
    raise SetWaits(
        Fault(
            UNLISTED,
            gettext("Its patient is not in {file}.", file=FILE_NAME)
            if patient_id.strip()
            else gettext("It states no patient ID, by which it could be found in {file}.", file=FILE_NAME),
            gettext(
                'Add a row with its patient ID as original_id; or set unlisted = "next" under [people] in '
                "collection.toml, and patients who are not listed take the next number."
            ),
        )
    )


def zeros_lost(row: ListedIdentity) -> Fault:
    """Return the fault of a patient whose ID matches a row except for leading zeros removed by a spreadsheet."""
    return Fault(
        ZEROS_LOST,
        gettext(
            "Row {row} of {file} has its patient ID except for leading zeros: a spreadsheet removed or added them.",
            row=row.row,
            file=FILE_NAME,
        ),
        gettext("Write original_id in that row exactly as the patient ID in the set, in a column formatted as text."),
    )


def of_published(collection: Collection, index: int) -> NewIdentity:
    """Return the identity that form and list would now give the patient of a published set."""
    record = records.read(collection, index)
    if record is not None and record.content.get(persons.KEY, persons.OF_SET) != persons.OF_SET:
        identity = record.content["identity"]  # of a linked person: neither form nor list changes it
        return NewIdentity(identity["patient_id"], identity["patient_name"], index)
    one = next((one for one in given_identities.given(collection) if one.index == index), None)
    row = collection.identities.of(one.original_id, one.hospital) if one and one.original_id else None
    return row.numbered(collection.identity, index) if row else collection.identity.numbered(index)


def patient_id_of(rtset: RtSet) -> str:
    """Return the patient ID of a set: the plan's, else that of another object."""
    views = (rtset.plan.view, *(file.view for file in rtset.set_files))
    return next((value for view in views if (value := view.text("PatientID"))), "")


def _refuse_shared(collection: Collection, row: ListedIdentity, person: str) -> None:
    """Raise `SetWaits` if a row without hospital is in use by a patient of another hospital."""
    if not collection.options.by_hospital or row.hospital:
        return
    same = [one for one in given_identities.given(collection) if folded(one.patient_id) == folded(row.patient_id)]
    if any(one.person != person for one in same):
        raise SetWaits(
            Fault(
                UNLISTED,
                gettext(
                    "Row {row} of {file} names no hospital, and a patient of another hospital has its identity.",
                    row=row.row,
                    file=FILE_NAME,
                ),
                gettext("Write the hospital's folder into the column hospital, and add a row for this patient."),
            )
        )


def _held_for(collection: Collection, row: ListedIdentity) -> int | None:
    """Return the number that a row reserves, unless a set of this patient was already published under it."""
    if row.index is None or any(one.index == row.index for one in given_identities.given(collection)):
        return None
    return row.index
