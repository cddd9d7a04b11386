"""Errors in a collection's list of identities, including in relation to its sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.errors import SettingsWrong
from services.forms.identity_list import RowFault, as_text
from services.language import gettext
from services.publication.new_identity import zeros_lost
from watcher.folders import folders_of
from watcher.identities.stated_patient import stated_by

if TYPE_CHECKING:
    from services.store.collection import Collection


def check(collection: Collection) -> None:
    """Raise if there is any error in the list; until it is corrected, no set is processed.

    Raises
    ------
    SettingsWrong
        Lists every invalid row.
    """
    if wrong := faults(collection):
        raise SettingsWrong(as_text(wrong))


def faults(collection: Collection) -> tuple[RowFault, ...]:
    """Return the errors of the list: its own, and listed IDs that match a set's except for leading zeros."""
    if collection.identities.faults or not collection.identities.is_there:
        return collection.identities.faults
    found: set[RowFault] = set()
    for name in folders_of(collection):
        row = collection.identities.but_for_zeros(stated_by(collection.root / name).patient_id)
        if row is not None:
            fault = zeros_lost(row)
            found.add(
                RowFault(
                    row.row, gettext("a set's patient ID is this one but for zeros. {remedy}", remedy=fault.remedy)
                )
            )
    return tuple(sorted(found))
