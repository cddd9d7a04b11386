"""The patient stated in a set, read without the whole set, and whether that person was published before."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom.dataset import read_view
from services.errors import SetRefused
from services.publication import persons, same_person
from services.rtset import folder_listing
from services.store import registry

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection

LOOKED_INTO: Final = 20
"""Maximum files of a set opened to find a patient ID."""


class Stated(NamedTuple):
    """Statements of the first object of a set with a patient ID; empty if there is none, or none is readable."""

    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""


def report(collection: Collection, name: str) -> str:
    """Return a sentence if the patient of a set was published before in another set; otherwise empty."""
    folder = collection.root / name
    stated = stated_by(folder)
    if not stated.patient_id:
        return ""
    outcome = registry.read_outcome(collection, collection.locator(name))
    person = collection.person(stated.patient_id, collection.hospital_of(folder))
    first = persons.known(collection, person)
    if first is None or (outcome is not None and first.index in outcome.indices):
        return ""
    this = persons.stated(collection, person, 0, stated.birth_date, stated.sex)
    with collection.speaking():
        return same_person.report(collection, this, first)


def stated_by(folder: Path) -> Stated:
    """Return the statements of a set, cached until a name in its folder changes."""
    try:
        return _stated(folder, folder.stat().st_mtime_ns)
    except OSError:
        return Stated()


@lru_cache(maxsize=1 << 15)
def _stated(folder: Path, _changed_ns: int) -> Stated:
    try:
        entries = folder_listing.take(folder).entries
    except SetRefused:
        return Stated()
    for entry in islice(entries, LOOKED_INTO):
        view = read_view(folder / entry.path)
        if view is not None and (patient_id := view.text("PatientID")):
            return Stated(patient_id, *same_person.birth_date_and_sex_of(view))
    return Stated()
