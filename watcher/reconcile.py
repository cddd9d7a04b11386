"""Reconciliation of a collection's state with the share, every minute and after interruptions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from services.layout import is_there
from services.publication import claims, publish, unread_words
from services.publication.attempts import AbandonedWork
from services.runtime import durable_files
from services.store import failures, notes, registry
from services.store.set_state import SetState
from services.store.tracking_lines import TrackingFiles
from worker.queues.set_key import SetKey

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from services.exchange.inbox import Inbox
    from services.publication.index_ledger import Ledger
    from services.store.collection import Collection
    from worker.queues.set_queue import Queue
    from worker.queues.sheet_queue import Sheets

SCANS: Final = 3
"""Consecutive checks at which a folder must be missing to be gone, since a share under load omits names."""

log = structlog.get_logger()


class Reconciler:
    """Completes and cleans up after killed processes.

    One at a time acts on a collection, though two would do no harm.
    """

    def __init__(
        self,
        collection: Collection,
        ledger: Ledger,
        queue: Queue,
        clock: Callable[[], float] = time.monotonic,
        *,
        sheets: Sheets | None = None,
    ) -> None:
        self._collection = collection
        self._ledger = ledger
        self._queue = queue
        self._sheets = sheets
        self._inbox: Inbox | None = None
        self._still = AbandonedWork(collection, clock)
        self._tracking = TrackingFiles(collection)
        self.sheets: dict[str, int] = {}
        """Number of `missing` and `failed` sheets, as of the last reconciliation; empty if nobody requests sheets."""
        self._missed: dict[str, int] = {}
        self._gone: dict[str, int] = {}

    def reconcile(self, states: Mapping[str, SetState]) -> None:
        """Finish publications, release indices, compare Redis with the share, delete old attempts, render the lists.

        Also request missing sheets, and the receiving of deliveries in the inbox, if enabled.

        Parameters
        ----------
        states
            States of the collection's existing folders, as just checked.

        Raises
        ------
        OSError, redis.RedisError
            Temporary. The next call catches up.
        """
        self._collection.check_there()
        for index in publish.recover(self._collection):
            claim = claims.at(self._collection, index)
            log.info("set.published", set=claim.locator if claim else "", index=index, recovered=True)
        by_locator = {self._collection.locator(folder): state for folder, state in states.items()}
        self._give_back(by_locator)
        self._forget_gone(by_locator)
        audit = self._ledger.audit()
        if audit.withdrawn or audit.unreadable:
            log.warning("index.disagreement", withdrawn=audit.withdrawn, unreadable=audit.unreadable)
        self._still.clear(self._is_leased)
        self._look_again(folder for folder, state in states.items() if state.is_reopened_by_form)
        self.render_lists()
        if self._sheets is not None and self._collection.options.sheets:
            missing = self._sheets.ask_for_missing(self._collection)
            self.sheets = {"missing": len(missing), "failed": len(self._sheets.failures(self._collection))}
        if self._sheets is not None and self._collection.options.inbox:
            for mark in self._due():
                self._sheets.ask_to_receive(self._collection.id, mark)

    def render_lists(self) -> None:
        """Update the tracking files and the list of words.

        Raises
        ------
        OSError, SettingsWrong
            A file cannot be written, or a person just changed it. The next call catches up.
        """
        self._tracking.render()
        unread_words.render(self._collection)

    def _due(self) -> Sequence[str]:
        """Return the deliveries in the inbox that should be received."""
        from services.exchange.inbox import Inbox  # noqa: PLC0415 - few collections have one, and its imports take long

        self._inbox = self._inbox or Inbox(self._collection)
        return self._inbox.due()

    def _look_again(self, refused: Iterable[str]) -> None:
        """Reset refused sets whose REFUSED file was removed, or never written."""
        for folder in refused:
            if not is_there(notes.beside(self._collection.root / folder, notes.REFUSED)):
                registry.reopen(self._collection, self._collection.locator(folder))

    def _give_back(self, states: Mapping[str, SetState]) -> None:
        """Release the indices of sets that are gone, or not among the concluded sets of their folder.

        These were parked, or refused after getting an index; or the folder now holds another set.
        """
        missed: dict[str, int] = {}
        for claim in list(claims.unpublished(self._collection)):
            if self._is_leased(claim.locator):
                continue
            state = states.get(claim.locator)
            if state is None:
                missed[claim.set_id] = self._missed.get(claim.set_id, 0) + 1
            concluded = state is not None and state.is_concluded and not state.is_rechecked
            outcome = registry.read_outcome(self._collection, claim.locator) if concluded else None
            is_over = outcome is not None and claim.set_id not in outcome.set_ids
            if (is_over or missed.get(claim.set_id, 0) >= SCANS) and self._ledger.release(claim.set_id):
                log.info("index.released", set=claim.locator, index=claim.index)
        self._missed = missed

    def _forget_gone(self, present: Container[str]) -> None:
        """Remove files beside folders that are gone, unless they were done, which `doctor` handles."""
        gone = {}
        for name in durable_files.names(self._collection.outcomes):
            locator, _, suffix = name.partition(".")
            if suffix != "json" or locator in present:
                continue
            gone[locator] = self._gone.get(locator, 0) + 1
            if gone[locator] != SCANS:
                continue
            outcome, folder = registry.read_outcome(self._collection, locator), None
            if outcome is not None and not outcome.state.is_finished:
                folder = registry.folder_of(self._collection, locator)
            # A folder in a hospital's folder may turn out to be part of a set, and not a set of its own.
            if folder is not None and (self._collection.options.by_hospital or not folder.exists()):
                notes.clear(folder)
                failures.forget_folder(self._collection, locator)
                registry.forget(self._collection, locator)
        self._gone = gone

    def _is_leased(self, locator: str) -> bool:
        name = SetKey(self._collection.id, locator)
        return self._queue.holding([name]).get(name) is SetState.IN_WORK
