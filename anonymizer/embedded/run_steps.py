"""The steps of a run: its sets are watched, and their sheets drawn, until every set is concluded."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import redis

from anonymizer.terminal import console
from services.errors import SettingsWrong
from services.runtime.progress import WAITS, InWork, durations, read_all
from services.store import registry
from services.store.set_state import SetState
from watcher.collection_watcher import SHARE_OF_TIME
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from anonymizer.embedded.supervisor import Supervised
    from services.store.collection import Collection
    from watcher.collection_watcher import CollectionWatcher
    from worker.queues.sheet_queue import Sheets

STEP_S: Final = 0.005
"""Interval in seconds at which new outcomes are looked for, at the cost of one system call."""

FEW: Final = 4
"""Maximum number of unfinished sets that are checked in every step instead of at intervals."""

GRACE_S: Final = 30.0
"""Time allowed for finishing sets in work when the run is stopped."""

LAST_STEPS_S: Final = 5.0
"""Time limit for retrying the final steps after all sets are done; the next run completes them."""

EARLY_DEATHS: Final = 3
"""Number of consecutive early deaths of a process after which it is reported."""

BETWEEN_TRIES_S: Final = 0.1

SERVED: Final = "Another service or run is processing this collection. Wait for it or stop it."


def take_over(attended: CollectionWatcher) -> None:
    """Wait until the collection is this run's, and say why it is not: nothing else is shown before.

    Raises
    ------
    SettingsWrong
        Another service or run has it.
    """
    waits = ""
    while not attended.beat():
        if attended.has_other:
            raise SettingsWrong(SERVED)
        if attended.paused != waits:
            waits = attended.paused
            console(stderr=True).print(f"waits: {waits}")
        time.sleep(BETWEEN_TRIES_S)


@dataclass(frozen=True, slots=True)
class Look:
    """Status of a run."""

    states: Mapping[str, SetState]
    """By folder: its outcome, or `settling`, `queued`, `in work`, `waiting`."""

    in_work: Mapping[str, InWork]
    """By locator: its progress, or why it waits."""

    waits: str
    """Why the whole run is waiting; empty otherwise."""

    finished: bool


class Batch:
    """A run over one collection."""

    def __init__(
        self,
        collection: Collection,
        attended: CollectionWatcher,
        client: redis.Redis,
        processes: Sequence[Supervised],
        sheets: Sheets,
        start_drawing: Callable[[], Supervised],
        *,
        at_once: int,
        of_some: bool = False,
    ) -> None:
        self.collection = collection
        self.finished = False
        self._attended = attended
        self._redis = client
        self._processes = processes
        self._sheets = sheets
        self._start_drawing = start_drawing
        self._at_once = at_once
        self._of_some = of_some
        self._drawing: Supervised | None = None
        self._drawn_for = 0
        self._concluded_at: float | None = None
        self._soon = 0.0
        self._outcomes_ns = self._changed_ns()

    def look(self) -> Look:
        """Take one step of the run and return its status."""
        self._tend()
        attended = self._attended
        began = time.monotonic()
        if began >= attended.due or (began >= self._soon and (self._are_few or began >= attended.settles_at)):
            attended.look()
            self._soon = time.monotonic() + SHARE_OF_TIME * (time.monotonic() - began)
            if attended.has_other:
                raise SettingsWrong(SERVED)
            if attended.numbers_lost:
                raise attended.numbers_lost
        self.finished = self._is_finished()
        self._draw_beside()
        try:
            in_work, waits = read_all(self._redis, self.collection.id), attended.paused
        except redis.RedisError as lost:
            in_work, waits = {}, describe(lost)
        return Look(attended.states, in_work, waits, self.finished)

    def wait(self, longest_s: float) -> None:
        """Wait until there is something new: an outcome, or a settled set."""
        now = time.monotonic()
        until = min(now + longest_s, max(self._attended.settles_at, self._soon, now + STEP_S))
        while now < until:
            time.sleep(min(STEP_S, until - now))
            now, changed_ns = time.monotonic(), self._changed_ns()
            if changed_ns != self._outcomes_ns:
                self._outcomes_ns, self._soon = changed_ns, 0.0
                return

    def _changed_ns(self) -> int:
        """Return the time of the last outcome; a share that updates folder times late only delays the next step."""
        try:
            return self.collection.outcomes.stat().st_mtime_ns
        except OSError:
            return 0

    def is_in_work(self) -> bool:
        """Return whether a worker is processing a set; True if unknown."""
        try:
            return any(one.step != WAITS for one in read_all(self._redis, self.collection.id).values())
        except redis.RedisError:
            return True

    def _draw_beside(self) -> None:
        """Draw sheets of published sets in a separate low-priority process.

        It is started if there are more sets than are processed in parallel, so that its imports are done before the
        first set is published. Otherwise the workers draw the sheets.
        """
        states = self._attended.states.values()
        if not self.collection.options.sheets:
            return
        if self._drawing is None and sum(not state.is_concluded for state in states) > self._at_once:
            self._drawing = self._start_drawing()
        published = sum(state.is_published for state in states)
        if published != self._drawn_for:
            with suppress(*CIRCUMSTANCES):  # tried again in the next step
                self._sheets.ask_for_missing(self.collection)
                self._drawn_for = published

    def sheets_to_come(self) -> list[int]:
        """Request the missing sheets once all sets are done, and return those not made yet."""
        if not self.collection.options.sheets:
            return []
        self._tend()
        self._attended.beat()
        return self._sheets.ask_for_missing(self.collection)

    @property
    def sheets_wait(self) -> str:
        """What the missing sheets wait for; empty if nothing."""
        return self._sheets.waits

    def sheets_failed(self) -> list[int]:
        """Return the sheets that could not be made."""
        return self._sheets.failures(self.collection) if self.collection.options.sheets else []

    def folder_of(self, locator: str) -> str:
        """Return a set's folder, also while the share is unavailable."""
        try:
            folder = registry.folder_of(self.collection, locator)
        except OSError:
            names = self._attended.states
            return next((name for name in names if self.collection.locator(name) == locator), "")
        return self.collection.name_of(folder) if folder else ""

    def seconds(self) -> dict[str, float]:
        """Return the duration of each set in seconds, by locator; empty if unknown."""
        try:
            return durations(self._redis, self.collection.id)
        except redis.RedisError:
            return {}

    def _tend(self) -> None:
        if self._drawing is not None:
            self._drawing.tend()
        for process in self._processes:
            process.tend()
            if process.early_deaths >= EARLY_DEATHS:
                raise SettingsWrong("A required process does not start. Run again with --debug for the reason.")

    @property
    def _are_few(self) -> bool:
        """Return whether few sets are unfinished, so that each step may be the last one and is cheap."""
        return sum(not state.is_concluded for state in self._attended.states.values()) <= FEW

    @property
    def _unfinished(self) -> bool:
        """Return whether requested sets are unfinished; in a run over some sets, the others wait for a person."""
        if not self._of_some:
            return self._attended.unfinished
        waiting = (
            state for folder, state in self._attended.states.items() if folder not in self._attended.for_a_person
        )
        return any(not state.is_concluded and state is not SetState.NOT_STARTED for state in waiting)

    def _is_finished(self) -> bool:
        """Reconcile once more when all sets are concluded: last tracking lines and returned indices.

        The workers have a moment to report the last sets as done. If the rest fails (for example, because the tracking
        file is read-only), it is not retried for long.
        """
        attended = self._attended
        if self._unfinished or not attended.counts.at:
            self._concluded_at = None
            return False
        if self._concluded_at is None:
            self._concluded_at = time.monotonic()
            attended.reconcile_soon()
            attended.look()
        if self._unfinished:
            return False
        since_s = time.monotonic() - self._concluded_at
        if self.is_in_work():
            return since_s > GRACE_S
        return not attended.paused or since_s > LAST_STEPS_S
