"""The status of a collection that has no state yet, by its form and its folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.errors import SettingsWrong
from services.forms.collection_form import read_settings
from services.language import speaking
from services.machines import descriptor
from services.store.collection import check_new
from services.store.set_state import SetState
from watcher.folders import loose_dicom, set_folders
from watcher.hospital_folders import HospitalFolders
from watcher.ignored_entries import beside_the_sets
from watcher.status.collection_status import CollectionStatus
from watcher.status.rows import Row, hospital_in

if TYPE_CHECKING:
    from pathlib import Path

    from services.runtime.settings import Settings


def read(root: Path, settings: Settings, *, by_hand: bool | None) -> CollectionStatus:
    """Read the status of a collection without state, and why it cannot be given one."""
    identity, options = read_settings(root)
    paused = ""
    try:
        check_new(root, identity, options)
        descriptor.named(options.machine, descriptor.folders(settings.machines))
    except SettingsWrong as wrong:
        paused = str(wrong)
    state = SetState.NOT_STARTED if options.is_by_hand(by_hand) else SetState.NEW
    names = set_folders(root, HospitalFolders(root) if options.by_hospital else None)
    sets = [Row(name, state, "", "", hospital_in(name, identity.hospital)) for name in names]
    with speaking(options.language):
        beside = beside_the_sets(root, None)
    return CollectionStatus(str(root), paused, sets, loose_dicom(root), not_taken=beside)
