"""The status of each set as a row: its outcome on the share, or how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.store import registry
from services.store.records import folder_name
from services.store.releases import ReleaseReader
from services.store.set_state import SetState

if TYPE_CHECKING:
    from services.runtime.progress import InWork
    from services.store.collection import Collection
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

    @property
    def every(self) -> tuple[Row, ...]:
        """Rows of its sets, or itself; a folder's own state, that of its least finished set, hides the others."""
        return self.each or (self,)


def hospital_in(folder: str, of_form: str) -> str:
    """Return the hospital of a set, by its relative path."""
    hospital, slash, _ = folder.partition("/")
    return hospital if slash else of_form


class RowMaker:
    """Makes the rows of one collection.

    Parameters
    ----------
    by_hand
        Whether sets wait for a person; as set in the collection by default.
    """

    def __init__(self, collection: Collection, *, by_hand: bool | None) -> None:
        self._collection = collection
        self._waits_for_a_person = collection.options.is_by_hand(by_hand)
        self._releases = ReleaseReader(collection)

    def refresh(self) -> None:
        """Read the decisions made since the last time."""
        self._releases.look()

    def row(self, status: SetStatus, queued: SetState | None, how_far: InWork | None) -> Row:
        """Return the row of a set.

        Parameters
        ----------
        queued
            Its state in the queue; None if it is not there.
        how_far
            Its progress; None if no worker has it.
        """
        state, anon, why, outcome = queued or SetState.NEW, "", "", status.outcome
        if outcome and (status.concluded or not (queued or how_far)):
            state, why = outcome.state, outcome.text
            anon = ", ".join(map(folder_name, outcome.indices))
        elif how_far and how_far.reason:
            state, why = SetState.WAITING, how_far.reason
        elif how_far:
            state, why = SetState.IN_WORK, f"{how_far.step} {how_far.done} of {how_far.total} files"
        elif state is SetState.NEW and self._waits_for_a_person:
            started = registry.is_started(self._collection, status.locator, status.fingerprint)
            state = state if started else SetState.NOT_STARTED
        row = Row(
            status.folder,
            state,
            anon,
            why,
            hospital_in(status.folder, self._collection.identity.hospital),
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
