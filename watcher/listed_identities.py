"""What is wrong in the list of identities of a collection, seen together with the sets that lie there."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from services.dicom import dataset, part10
from services.dicom.elements import Malformed
from services.dicom.part10 import NotDicom
from services.errors import SetRefused, SettingsWrong
from services.forms.identity_list import RowFault, as_text
from services.publication.new_identity import zeros_lost
from services.rtset import folder_listing
from watcher.folders import folders_of

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection

LOOKED_INTO: Final = 20
"""So many files of a set are opened at most until one of them states a patient ID."""


def check(collection: Collection) -> None:
    """Refuse a list in which anything is wrong: no set is taken while that is so.

    Raises
    ------
    SettingsWrong
        Names every bad row.
    """
    if wrong := faults(collection):
        raise SettingsWrong(as_text(wrong))


def faults(collection: Collection) -> tuple[RowFault, ...]:
    """Tell what is wrong in the list: in itself, and in that a set has a listed ID but for zeros."""
    if collection.identities.faults or not collection.identities.is_there:
        return collection.identities.faults
    found: set[RowFault] = set()
    for name in folders_of(collection):
        row = collection.identities.but_for_zeros(stated_patient_id(collection.root / name))
        if row is not None:
            fault = zeros_lost(row)
            found.add(RowFault(row.row, f"a set's patient ID is this one but for zeros. {fault.remedy}"))
    return tuple(sorted(found))


def stated_patient_id(folder: Path) -> str:
    """Return the patient ID that the first object of a folder states; empty where none does, or none can be read."""
    try:
        return _stated(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=1 << 15)
def _stated(folder: Path, _changed_ns: int) -> str:
    try:
        entries = folder_listing.take(folder).entries
    except SetRefused:
        return ""
    for entry in islice(entries, LOOKED_INTO):
        try:
            stated = dataset.root_view(part10.read(folder / entry.path)).text("PatientID")
        except (NotDicom, Malformed):
            continue
        if stated:
            return stated
    return ""
