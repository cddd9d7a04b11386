"""Status of a collection's sets: the share's data, and from Redis which are queued or being processed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from services.errors import SettingsWrong
from services.forms import identity_list
from services.forms.collection_form import read_settings
from services.forms.identity_list import as_text
from services.language import speaking
from services.machines import descriptor
from services.publication import high_water
from services.publication.high_water import NumbersLost
from services.runtime.progress import read_all
from services.store import given_identities, registry
from services.store.collection import Collection, check_new, collection_id, has_state
from services.store.records import folder_name
from services.store.releases import ReleaseReader
from services.store.set_state import SetState
from watcher.folders import beside_the_sets, loose_dicom, set_folders
from watcher.hospital_folders import HospitalFolders
from watcher.identities import listed_identities
from watcher.opened_collection import changed
from watcher.set_states import SetStatuses
from worker.app import app, connect
from worker.queue import Queue
from worker.set_key import SetKey
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from pathlib import Path

    from services.layout import NotTaken
    from services.runtime.progress import InWork
    from services.runtime.settings import Settings
    from services.store.registry import SetOutcome
    from watcher.set_states import SetStatus


@dataclass(frozen=True, slots=True)
class Row:
    """Status of one set."""

    folder: str
    """Relative to the root, including a hospital's folder."""
    state: SetState
    anon: str
    why: str

    hospital: str = ""
    """The set's hospital: of its folder, else the form's."""
    locator: str = ""
    fingerprint: str = ""
    codes: tuple[str, ...] = ()
    at: str = ""
    """Time of the outcome; empty if there is none."""
    how_far: InWork | None = None

    release: str = ""
    """Decision on the published set: `released` or `sent back`; empty if there is none."""

    sets: tuple[SetOutcome, ...] = ()
    """Outcomes of the sets of a multi-set folder."""

    each: tuple[Row, ...] = ()
    """Rows of the sets of a multi-set folder."""


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """Status of one collection."""

    root: str
    paused: str
    """Why it cannot be processed; empty if it can."""
    sets: list[Row] = field(default_factory=list)
    loose_dicom: int = 0
    warning: str = ""
    """Something that a person should handle, but that stops nothing."""
    not_taken: list[NotTaken] = field(default_factory=list)
    """Entries that may hold DICOM but are ignored."""

    @property
    def not_readable(self) -> int:
        """Number of its unreadable sets."""
        return sum(row.state is SetState.NOT_READABLE for row in self.sets)


def hospital_in(folder: str, of_form: str) -> str:
    """Return the hospital of a set, by its relative path."""
    hospital, slash, _ = folder.partition("/")
    return hospital if slash else of_form


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
                return self._read_new()
            collection = self._look()
            statuses = self._statuses.take()
            self._releases.look()
            with speaking(collection.options.language):
                wrong = as_text(listed_identities.faults(collection))
                differs = "\n".join(one.says for one in given_identities.changed(collection))
            loose, beside = loose_dicom(self._root), beside_the_sets(self._root, collection)
        except SettingsWrong as wrong:
            return CollectionStatus(root, str(wrong))
        except CIRCUMSTANCES as circumstance:
            return CollectionStatus(root, describe(circumstance))
        queued, in_work, away = self._ask_redis(collection, statuses)
        rows = [
            self._row(collection, status, queued.get(status.locator), in_work.get(status.locator))
            for status in statuses
        ]
        left_out = [one for status in statuses if status.outcome for one in status.outcome.not_taken]
        return CollectionStatus(root, wrong or away, rows, loose, warning=differs, not_taken=[*beside, *left_out])

    def _read_new(self) -> CollectionStatus:
        """Read the status of a collection without state, and why it cannot be given one."""
        identity, options = read_settings(self._root)
        paused = ""
        try:
            check_new(self._root, identity, options)
            descriptor.named(options.machine, descriptor.folders(self._settings.machines))
        except SettingsWrong as wrong:
            paused = str(wrong)
        state = SetState.NOT_STARTED if options.is_by_hand(self._by_hand) else SetState.NEW
        names = set_folders(self._root, HospitalFolders(self._root) if options.by_hospital else None)
        sets = [Row(name, state, "", "", hospital_in(name, identity.hospital)) for name in names]
        with speaking(options.language):
            beside = beside_the_sets(self._root, None)
        return CollectionStatus(str(self._root), paused, sets, loose_dicom(self._root), not_taken=beside)

    def _look(self) -> Collection:
        """Open the collection, reopening it only if its form or its list of identities has changed."""
        form = changed(self._root, identity_list.FILE_NAME)
        if self._collection is None or form != self._form or collection_id(self._root) != self._collection.id:
            self._collection = Collection.look(self._root)
            descriptor.named(self._collection.options.machine, descriptor.folders(self._settings.machines))
            self._statuses = SetStatuses(self._collection)
            self._releases = ReleaseReader(self._collection)
            self._form = form
        return self._collection

    def _ask_redis(
        self, collection: Collection, statuses: list[SetStatus]
    ) -> tuple[dict[str, SetState], dict[str, InWork], str]:
        """Ask Redis which sets are queued, and the progress of those being processed.

        Unknown without the service's Redis.
        """
        if self._settings.redis_url is None:
            return {}, {}, ""
        its_id = collection.id
        try:
            with connect(self._settings) as client:
                asked = [SetKey(its_id, status.locator) for status in statuses if not status.concluded]
                held = Queue(client, app).holding(asked)
                lost = high_water.missing(client, collection, self._settings.health)
                away = str(NumbersLost(max(lost))) if lost else ""
                return {name.locator: state for name, state in held.items()}, read_all(client, its_id), away
        except CIRCUMSTANCES as circumstance:
            return {}, {}, describe(circumstance)

    def _row(self, collection: Collection, status: SetStatus, queued: SetState | None, how_far: InWork | None) -> Row:
        state, anon, why, outcome = queued or SetState.NEW, "", "", status.outcome
        if outcome and (status.concluded or not (queued or how_far)):
            state, why = outcome.state, outcome.text
            anon = ", ".join(map(folder_name, outcome.indices))
        elif how_far and how_far.reason:
            state, why = SetState.WAITING, how_far.reason
        elif how_far:
            state, why = SetState.IN_WORK, f"{how_far.step} {how_far.done} of {how_far.total} files"
        elif state is SetState.NEW and collection.options.is_by_hand(self._by_hand):
            started = registry.is_started(collection, status.locator, status.fingerprint)
            state = state if started else SetState.NOT_STARTED
        row = Row(
            status.folder,
            state,
            anon,
            why,
            hospital_in(status.folder, collection.identity.hospital),
            status.locator,
            status.fingerprint,
            outcome.codes if outcome else (),
            outcome.at if outcome else "",
            None if status.concluded else how_far,
            self._releases.state_of(outcome.index) if outcome and outcome.state.is_published else "",
        )
        if not (outcome and outcome.sets) or state is not outcome.state:
            return row
        each = tuple(self._row_of(row, one) for one in outcome.sets)
        of_all = {one.release for one in each}
        return replace(row, sets=outcome.sets, each=each, release=of_all.pop() if len(of_all) == 1 else "")

    def _row_of(self, row: Row, one: SetOutcome) -> Row:
        """Return the row of one set of a multi-set folder."""
        return replace(
            row,
            state=one.state,
            anon=folder_name(one.index) if one.index is not None else "",
            why=one.text,
            codes=one.codes,
            release=self._releases.state_of(one.index) if one.state.is_published else "",
        )
