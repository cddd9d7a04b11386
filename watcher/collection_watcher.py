"""Watches one collection.

A collection that cannot be processed at the moment (its form is half saved, its share unavailable, or another service
holds it) pauses with a reason; nothing is deleted or renumbered, and it resumes by itself.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog
from structlog.contextvars import bound_contextvars

from services.errors import SettingsWrong
from services.maintenance import word_decisions
from services.publication import high_water
from services.publication.high_water import NumbersLost
from services.publication.index_ledger import Ledger
from services.store.arbiter import BEAT_S, Arbiter, migrate
from services.store.share import COPIED
from watcher import notify
from watcher.counts import StatusCounts
from watcher.dispatcher import Dispatcher
from watcher.ignored_entries import beside_the_sets
from watcher.opened_collection import OpenedCollection
from watcher.reconcile import Reconciler
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Collection as Names
    from pathlib import Path

    import redis

    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from services.store.set_state import SetState
    from watcher.identities.overlaps import Overlap
    from watcher.settling import Rest
    from worker.queues.set_queue import Queue
    from worker.queues.sheet_queue import Sheets

SHORTEST_PAUSE_S: Final = 0.5
"""Minimum seconds between two checks of a collection, however many events arrive."""

UNFORESEEN: Final = "an unexpected error: see the log of the service, and anonymizer doctor"

STANDS_BY: Final = "another service, or a run, has this collection"
"""Reason for the inactivity of the second of two watchers; it takes over when the first is gone."""

SHARE_OF_TIME: Final = 4
"""After a check, at least this many times its duration passes without one."""

LISTS_S: Final = 5.0
"""Minimum seconds between renderings of the tracking files and words, however many sets are published."""

log = structlog.get_logger()


class CollectionWatcher:
    """Watches one collection, whatever happens to it.

    Parameters
    ----------
    clock
        Monotonic clock, in seconds.
    by_hand
        Whether sets wait for a person; as set in the collection by default.
    sheets
        Queue for the sheets of published sets; none by default.
    seen
        Earlier fingerprints of its folders, and since when by `clock`.
    """

    def __init__(
        self,
        root: Path,
        queue: Queue,
        client: redis.Redis,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        *,
        by_hand: bool | None = None,
        sheets: Sheets | None = None,
        seen: Mapping[str, Rest] | None = None,
    ) -> None:
        self.root = root
        self.states: dict[str, SetState] = {}
        """State of each of its folders, as of the last check."""
        self.for_a_person: frozenset[str] = frozenset()
        """Folders whose sets wait for a person's decision."""
        self.counts = StatusCounts()
        """Counts of the last check."""
        self.paused = ""
        """Reason why it is paused; empty if it is not."""
        self.overlap: Overlap | None = None
        """Another collection that could give the same new identities."""
        self.numbers_lost: NumbersLost | None = None
        """Why a person must state the number above which to continue; None if not needed."""
        self.has_other = False
        """Whether another service or run was seen to hold it."""
        self.is_copied = False
        """Whether another collection under the share has the same id."""
        self.due = self.rests_until = clock()
        """Time of the next check, and the time before which there is none, whatever happens."""
        self._queue = queue
        self._redis = client
        self._settings = settings
        self._clock = clock
        self._by_hand = by_hand
        self._sheets = sheets
        self._seen = seen
        self._beside = 0
        self._opened = OpenedCollection(root, settings)
        self._begun_with: Collection | None = None
        self._arbiter: Arbiter | None = None
        self._holds = self._is_migrated = False
        self._beat_at = self._reconcile_at = self._lists_at = clock()
        self._listed_at = 0.0  # when the latest set in the lists was published

    @property
    def collection_id(self) -> str:
        """Return its id; empty until its form has been read once."""
        return self._opened.id

    @property
    def unfinished(self) -> bool:
        """Return whether the service itself still has something to do."""
        return any(not state.is_concluded for folder, state in self.states.items() if folder not in self.for_a_person)

    @property
    def settles_at(self) -> float:
        """When the next set will have settled, by its clock; infinite if none is to, or while paused."""
        return float("inf") if self.paused or self._arbiter is None else self._dispatcher.settles_at

    def beat(self) -> bool:
        """Renew the lock periodically, or try to acquire it; return False if we do not hold it."""
        if self.is_copied:
            self._holds = False
            self.pause(COPIED)
            return False
        if self._clock() < self._beat_at:
            return self._holds
        self._holds = False
        with self._pausing():
            arbiter = self._open()
            self._holds = arbiter.hold()
            self.has_other = arbiter.other_lives
            if self._holds and not self._is_migrated:
                migrate(self._dispatcher.collection)
                self._is_migrated = True
            if not self._holds:
                self._stand_by()
        self._beat_at = self._clock() + (BEAT_S if self._holds else BEAT_S / 4)
        return self._holds

    def look(self, suspects: Names[str] = ()) -> None:
        """Check it once, and reconcile it if due."""
        began = self._clock()
        if self.beat():
            with self._pausing(), bound_contextvars(collection=self._dispatcher.collection.id):
                self._open()
                if began >= self._reconcile_at:
                    high_water.check(self._redis, self._dispatcher.collection, self._settings.health)
                    self.numbers_lost = None
                self.states = self._dispatcher.look(suspects)
                self.for_a_person = self._dispatcher.for_a_person
                if began >= self._reconcile_at:
                    self._beside = len(beside_the_sets(self.root, self._dispatcher.collection))
                not_taken = self._dispatcher.not_taken + self._beside
                dispatcher, sheets = self._dispatcher, self._reconciler.sheets
                self.counts = self.counts.next(
                    self.states, dispatcher.codes, began, not_taken, held_up=dispatcher.held_up, sheets=sheets
                )
                if began >= self._reconcile_at:
                    self._reconciler.reconcile(self.states)
                    self._reconcile_at = began + self._settings.reconcile_s
                    self._listed_at = self.counts.published_at
                elif self.counts.published_at > self._listed_at and began >= self._lists_at:
                    self._render_lists()
                self.paused = ""
        now = self._clock()
        pause = min(self._settings.rescan_s, self._settings.quiet_s / 2) if self.unfinished else self._settings.rescan_s
        self.rests_until = now + max(SHORTEST_PAUSE_S, (now - began) * SHARE_OF_TIME)
        self.due = max(self.rests_until, now + pause)

    def _render_lists(self) -> None:
        """Update the lists after publications, often enough for people, but not for every set."""
        began, published_at = self._clock(), self.counts.published_at
        self._reconciler.render_lists()
        self._listed_at = published_at
        self._lists_at = began + max(LISTS_S, (self._clock() - began) * SHARE_OF_TIME)

    def to_report(self, long_s: float) -> dict[str, str] | None:
        """Return the sets a person should know of, by locator: refused, parked, or waiting for this many seconds.

        None if unknown at the moment.
        """
        if not self.counts.at or self.paused or not self._holds:
            return None
        collection, now, found = self._dispatcher.collection, self._clock(), {}
        for folder, (state, since) in self.counts.since.items():
            waits = state.is_rechecked and now - since >= long_s
            if state in notify.TOLD or waits:
                found[collection.locator(folder)] = notify.TOLD.get(state, notify.WAITS)
        held_up = (folder for folder, since in self.counts.held_up.items() if now - since >= long_s)
        return dict.fromkeys(map(collection.locator, held_up), notify.WAITS) | found

    def reconcile_soon(self) -> None:
        """Reconcile at the next check, even if not due."""
        self._reconcile_at = self._clock()

    def pause(self, why: str, logged: str = "") -> None:
        """Pause until the next check.

        Parameters
        ----------
        logged
            Replaces in the log a reason that quotes a person's text.
        """
        if why != self.paused:
            log.warning("collection.paused", collection=self.collection_id, waits=logged or why)
        self.paused = why

    def _stand_by(self) -> None:
        """Leave it to its current holder; nothing is wrong, and nobody is notified."""
        if self.paused != STANDS_BY:
            log.info("collection.stands-by", collection=self.collection_id)
        self.paused = STANDS_BY

    def fail(self, error: Exception) -> None:
        """Pause for a while after an unexpected error, so that other collections are not affected."""
        if self.paused != UNFORESEEN:
            log.error("collection.failed", collection=self.collection_id, exc_info=error)
        self.paused = UNFORESEEN
        self.due = self.rests_until = self._clock() + self._settings.rescan_s

    def leave(self) -> None:
        """Release it to another service."""
        if self._arbiter:
            with self._pausing():
                self._arbiter.release()

    def _open(self) -> Arbiter:
        """Restart with the form and the lists if they have changed."""
        collection = self._opened.read()
        if self._arbiter is None or collection is not self._begun_with:
            by_hand = collection.options.is_by_hand(self._by_hand)
            self._dispatcher = Dispatcher(
                collection, self._queue, self._settings, self._clock, by_hand=by_hand, seen=self._seen
            )
            ledger = Ledger(collection, self._redis)
            self._reconciler = Reconciler(collection, ledger, self._queue, self._clock, sheets=self._sheets)
            self._arbiter = self._arbiter or Arbiter(collection, self._clock)
            self._begun_with = collection
            if collection.words.is_dir():
                word_decisions.follow(collection)
        return self._arbiter

    @contextmanager
    def _pausing(self) -> Iterator[None]:
        try:
            yield
        except NumbersLost as lost:
            self.numbers_lost = lost
            self.pause(str(lost), logged=describe(lost))
        except SettingsWrong as wrong:
            line = re.search(r"\b(?:line|row) \d+", str(wrong))
            where = f", at {line[0]}" if line else ""
            self.pause(str(wrong), logged=f"{describe(wrong)}{where}: anonymizer status says more")
        except CIRCUMSTANCES as circumstance:
            self.pause(describe(circumstance))
