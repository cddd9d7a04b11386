"""Dispatching of one collection's sets: settled ones are queued, lost ones requeued, until all are concluded."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from services.store import notes, registry
from services.store.set_state import SetState
from watcher.set_states import SetStatuses
from watcher.settling import Settling
from worker.queues.set_key import SetKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Collection as Names

    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from watcher.set_states import SetStatus
    from watcher.settling import Rest
    from worker.queues.set_queue import Queue

log = structlog.get_logger()

FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0

ON_ITS_WAY_S: Final = 600.0
"""A set that has been queued or in work for this many seconds is progressing; one that is held up returns sooner."""


@dataclass(slots=True)
class Asked:
    """Requests for a set in its current form, and when it may be requested again."""

    fingerprint: str
    times: int = 0
    since: float = 0.0
    """Time of the first request."""
    not_before: float = 0.0
    on_its_way_since: float | None = None
    """Since when it has been queued or in work; None if it is neither."""
    second_look: bool = False
    """Whether the time of a second check was set."""

    def put_off(self, now: float) -> None:
        """Increase the delay each time, since a cause (a full disk, a lost share) may persist."""
        self.not_before = now + min(FIRST_PAUSE_S * 2 ** max(self.times - 1, 0), LONGEST_PAUSE_S)


class Dispatcher:
    """Checks the sets of one collection, and queues those that are due.

    Parameters
    ----------
    settings
        Used are `quiet_s`, `patience_s` and `young_s`.
    clock
        Monotonic clock, in seconds.
    by_hand
        Whether each set waits for a person to start it.
    seen
        Earlier fingerprints of folders, and since when by `clock`.
    """

    def __init__(
        self,
        collection: Collection,
        queue: Queue,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        *,
        by_hand: bool = False,
        seen: Mapping[str, Rest] | None = None,
    ) -> None:
        self.collection = collection
        self.codes: Mapping[str, int] = {}
        """Number of sets by code, as of the last check."""
        self.for_a_person: frozenset[str] = frozenset()
        """Folders whose sets were waiting for a person at the last check."""
        self.held_up: Mapping[str, float] = {}
        """Folders whose sets were requested more than once because of a temporary error, and since when."""
        self.settles_at = float("inf")
        """When the next set will have settled, as of the last check; infinite if none is to."""
        self.not_taken = 0
        """Number of entries in sets' folders that may hold DICOM but are ignored, as of the last check."""
        self._queue = queue
        self._patience_s = settings.patience_s
        self._clock = clock
        self._settling = Settling(settings.quiet_s, clock)
        for folder, rest in (seen or {}).items():
            self._settling.remember(collection.locator(folder), rest)
        self._statuses = SetStatuses(collection, young_s=settings.young_s, clock=clock)
        self._by_hand = by_hand
        self._asked: dict[str, Asked] = {}
        self._closed: frozenset[str] = frozenset()

    def look(self, suspects: Names[str] = ()) -> dict[str, SetState]:
        """Check every set once, queue what is due, and return the state of each folder.

        States are those of an outcome (`published`, `refused` …), or `settling`, `not started`, `queued`, `in work`,
        `waiting`.

        Raises
        ------
        OSError, redis.RedisError, kombu.exceptions.OperationalError
            Temporary. The next check catches up.
        """
        statuses = self._statuses.take(suspects)
        unfinished = [status for status in statuses if not status.concluded and status.can_be_listed]
        self.not_taken = sum(len(status.outcome.not_taken) for status in statuses if status.outcome)
        self.codes = Counter(code for status in statuses if status.outcome for code in status.outcome.codes)
        self.for_a_person = frozenset(
            status.folder for status in statuses if status.outcome and status.outcome.waits_for_person
        )
        locators = {status.locator for status in unfinished}
        self._settling.forget_all_but(locators)
        self._asked = {locator: asked for locator, asked in self._asked.items() if locator in locators}
        held = self._queue.holding(map(self._name, unfinished))
        states: dict[str, SetState] = {status.folder: status.outcome.state for status in statuses if status.outcome}
        self._report_unreadable(statuses)
        for status in unfinished:
            states[status.folder] = self._attend(status, held.get(self._name(status)))
        self.settles_at = self._settling.next_at()
        self.held_up = {
            status.folder: self._asked[status.locator].since
            for status in unfinished
            if status.outcome is None and self._is_held_up(self._asked[status.locator])
        }
        return states

    def _is_held_up(self, asked: Asked) -> bool:
        """Return whether a set without an outcome was returned by a worker or lost, which may recur."""
        since = asked.on_its_way_since
        return asked.times > 1 and (since is None or self._clock() - since < ON_ITS_WAY_S)

    def _attend(self, status: SetStatus, held: SetState | None) -> SetState:
        rests = self._settling.look(status.locator, status.fingerprint)
        asked = self._asked.get(status.locator)
        if asked is None or asked.fingerprint != status.fingerprint:
            asked = self._asked[status.locator] = Asked(status.fingerprint)
        now = self._clock()
        if held:
            asked.put_off(now)
            asked.on_its_way_since = now if asked.on_its_way_since is None else asked.on_its_way_since
            return held
        asked.on_its_way_since = None
        if self._by_hand and not registry.is_started(self.collection, status.locator, status.fingerprint):
            return SetState.NOT_STARTED if rests else SetState.SETTLING
        waits = status.outcome is not None and status.outcome.state is SetState.WAITING
        if status.outcome and status.outcome.needs_second_check:
            waits = False
            if not asked.second_look:
                asked.second_look, asked.not_before = True, max(asked.not_before, now + self._settling.quiet_s)
        patience_over = self._settling.quiet_for_s(status.locator) >= self._patience_s
        if rests and now >= asked.not_before and (patience_over or not waits):
            log.info("set.settled", set=status.locator)
            registry.register(self.collection, status.folder)
            self._queue.put(self._name(status), last_chance=patience_over)
            asked.since = asked.since or now
            asked.times += 1
            asked.put_off(now)
            return SetState.QUEUED
        if not rests:
            return SetState.SETTLING
        return status.outcome.state if status.outcome else SetState.WAITING

    def _report_unreadable(self, statuses: Iterable[SetStatus]) -> None:
        """Write a note beside a folder that cannot be listed.

        The worker that processes the set replaces or removes it.
        """
        closed = {status.locator: status for status in statuses if not status.can_be_listed}
        for locator in closed.keys() - self._closed:
            log.warning("set.not-readable", set=locator)
            before, status = registry.read_outcome(self.collection, locator), closed[locator]
            if status.outcome and (before is None or not before.state.is_concluded):
                with suppress(OSError), self.collection.speaking():  # it is also reported elsewhere
                    notes.write_note(self.collection.root / status.folder, status.outcome.text)
        self._closed = frozenset(closed)

    def _name(self, status: SetStatus) -> SetKey:
        return SetKey(self.collection.id, status.locator)
