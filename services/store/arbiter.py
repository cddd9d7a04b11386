"""Lock that gives a collection to one running service or `run`.

It avoids duplicate work and gives the tracking file a single writer. Unique numbers do not depend on it: two
simultaneous holders do no harm.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from services import plain_files
from services.runtime import durable_files, processes
from services.store import registry
from services.store.collection import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.store.collection import Collection

BEAT_S: Final = 2.0
"""Heartbeat interval of the holder, in seconds."""

DEAD_AFTER_S: Final = 20.0
"""A holder whose heartbeat has not changed for this many seconds of our own clock is dead."""


class Arbiter:
    """Lock of a collection, as seen by one process.

    Parameters
    ----------
    clock
        Monotonic clock. Clocks of different hosts are never compared: a heartbeat is a counter.
    """

    def __init__(self, collection: Collection, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = collection.arbiter
        self._staging = collection.staging
        self._clock = clock
        self._mine: dict[str, Any] = {"owner": uuid4().hex, "counter": 0, "host": processes.host(), "pid": os.getpid()}
        self._other: tuple[Any, float] = (None, 0.0)
        self._other_lives = False

    @property
    def other_lives(self) -> bool:
        """Return whether another holder was seen alive: its counter changed while we watched."""
        return self._other_lives

    def hold(self) -> bool:
        """Acquire the lock if it is free or its holder dead, or renew it; to be called at every heartbeat.

        A lock taken from a dead holder is held from the next call on, since two processes may have taken it at once.
        """
        stored = durable_files.read(self._path)
        if stored is None and not self._path.exists():
            self._other_lives = False
            return durable_files.write_exclusively(self._path, durable_files.encode(self._mine), staging=self._staging)
        if stored is not None and stored.get("owner") == self._mine["owner"]:
            self._other_lives = False
            self._take_over()
            return True
        if self._is_dead(stored or {}):
            self._take_over()
        return False

    def release(self) -> None:
        """Release the lock if we hold it."""
        durable_files.remove_exactly(self._path, durable_files.encode(self._mine), staging=self._staging)

    def _take_over(self) -> None:
        self._mine["counter"] += 1
        durable_files.write_atomically(self._path, durable_files.encode(self._mine), staging=self._staging)

    def _is_dead(self, stored: dict[str, Any]) -> bool:
        now, look = self._clock(), (stored.get("owner"), stored.get("counter"))
        before, since = self._other
        if before != look:
            self._other_lives = before is not None and before[0] == look[0]
            self._other = look, now
            since = now
        return now - since >= DEAD_AFTER_S or processes.is_gone(stored.get("host"), stored.get("pid"))


def migrate(collection: Collection) -> bool:
    """Migrate state of an older version to the current format, as the holder of the collection; False if it is current.

    Format 2 stores an outcome for each set of a folder. Nothing is renamed or removed, and both formats can be read, so
    an interrupted migration continues at the next start; the format number is raised last. Outcomes keep their time and
    fingerprint, so finished sets stay finished and are not checked again.

    Raises
    ------
    OSError
        Temporary; the migration is retried.
    """
    path = collection.state / "format"
    if int(plain_files.read(path)) >= FORMAT:
        return False
    for locator, outcome in registry.outcomes(collection):
        place = collection.outcomes / f"{locator}.json"
        if (durable_files.read(place) or {}).get("schema") != registry.OUTCOME_SCHEMA:
            written = place.stat().st_mtime_ns
            registry.write_outcome(collection, locator, outcome)
            os.utime(place, ns=(written, written))  # a form changed since then reopens refused sets
    durable_files.write_atomically(path, b"%d\n" % FORMAT, staging=collection.staging)
    return True
