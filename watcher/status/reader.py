"""Status of a collection's sets: the share's data, and from Redis which are queued or being processed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.errors import SettingsWrong
from services.forms import identity_list
from services.forms.identity_list import as_text
from services.machines import descriptor
from services.store import given_identities
from services.store.collection import Collection, collection_id, has_state
from watcher.folders import loose_dicom
from watcher.identities import listed_identities
from watcher.ignored_entries import beside_the_sets
from watcher.opened_collection import changed
from watcher.set_states import SetStatuses
from watcher.status import new_collection
from watcher.status.collection_status import CollectionStatus
from watcher.status.queued import Queued
from watcher.status.rows import RowMaker
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from pathlib import Path

    from services.runtime.settings import Settings


class StatusReader:
    """Repeatedly reads the status of one collection, re-reading only what has changed.

    Parameters
    ----------
    by_hand
        Whether sets wait for a person; as set in the collection by default.
    """

    def __init__(self, root: Path, settings: Settings, *, by_hand: bool | None = None) -> None:
        self._root = root
        self._settings = settings
        self._by_hand = by_hand
        self._form: object = None
        self._collection: Collection | None = None

    def read(self) -> CollectionStatus:
        """Read the status once; obstacles are part of the result."""
        root = str(self._root)
        try:
            if not has_state(self._root):
                return new_collection.read(self._root, self._settings, by_hand=self._by_hand)
            collection = self._look()
            statuses = self._statuses.take()
            self._rows.refresh()
            with collection.speaking():
                wrong = as_text(listed_identities.faults(collection))
                differs = "\n".join(one.says for one in given_identities.changed(collection))
            loose, beside = loose_dicom(self._root), beside_the_sets(self._root, collection)
        except SettingsWrong as wrong:
            return CollectionStatus(root, str(wrong))
        except CIRCUMSTANCES as circumstance:
            return CollectionStatus(root, describe(circumstance))
        queued = Queued.ask(collection, statuses, self._settings)
        rows = [
            self._rows.row(one, queued.states.get(one.locator), queued.in_work.get(one.locator)) for one in statuses
        ]
        left_out = [one for status in statuses if status.outcome for one in status.outcome.not_taken]
        return CollectionStatus(
            root, wrong or queued.obstacle, rows, loose, warning=differs, not_taken=[*beside, *left_out]
        )

    def _look(self) -> Collection:
        """Open the collection, reopening it only if its form or its list of identities has changed."""
        form = changed(self._root, identity_list.FILE_NAME)
        if self._collection is None or form != self._form or collection_id(self._root) != self._collection.id:
            self._collection = Collection.look(self._root)
            descriptor.named(self._collection.options.machine, descriptor.folders(self._settings.machines))
            self._statuses = SetStatuses(self._collection)
            self._rows = RowMaker(self._collection, by_hand=self._by_hand)
            self._form = form
        return self._collection
