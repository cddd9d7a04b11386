"""The one running service, or `run`, that a collection goes through.

It saves double work and keeps one hand on the tracking file; that no number is given twice does not hang on it. Two
that hold it for a moment do no harm.
"""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from services import plain_files
from services.runtime import durable_files
from services.store import registry
from services.store.collection import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.store.collection import Collection

BEAT_S: Final = 2.0
"""So often whoever holds a collection says that it lives."""

STANDS_STILL_S: Final = 20.0
"""Whoever has not been seen to live for so long, on our own clock, is dead."""


class Arbiter:
    """A collection's seat, as one process sees it.

    Parameters
    ----------
    clock
        A clock that is never set. Times of other hosts are never compared with ours: a counter says that they live.
    """

    def __init__(self, collection: Collection, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = collection.arbiter
        self._staging = collection.staging
        self._clock = clock
        self._mine: dict[str, Any] = {"owner": uuid4().hex, "counter": 0, "host": _host(), "pid": os.getpid()}
        self._other: tuple[Any, float] = (None, 0.0)
        self._other_lives = False

    @property
    def other_lives(self) -> bool:
        """Return whether another one was seen to live: its counter changed under our eyes."""
        return self._other_lives

    def hold(self) -> bool:
        """Take the seat if it is free or its holder dead, or say that we still live in it; to be called every beat.

        Who takes it from a dead one holds it from the next call on: two may have taken it at the same moment.
        """
        stored = durable_files.read(self._path)
        if stored is None and not self._path.exists():
            self._other_lives = False
            return durable_files.write_exclusively(self._path, durable_files.encode(self._mine), staging=self._staging)
        if stored is not None and stored.get("owner") == self._mine["owner"]:
            self._other_lives = False
            self._sit_down()
            return True
        if self._is_dead(stored or {}):
            self._sit_down()
        return False

    def release(self) -> None:
        """Leave the seat, if it is ours."""
        durable_files.remove_exactly(self._path, durable_files.encode(self._mine), staging=self._staging)

    def _sit_down(self) -> None:
        self._mine["counter"] += 1
        durable_files.write_atomically(self._path, durable_files.encode(self._mine), staging=self._staging)

    def _is_dead(self, stored: dict[str, Any]) -> bool:
        now, look = self._clock(), (stored.get("owner"), stored.get("counter"))
        before, since = self._other
        if before != look:
            self._other_lives = before is not None and before[0] == look[0]
            self._other = look, now
            since = now
        return now - since >= STANDS_STILL_S or _was_killed_here(stored)


def migrate(collection: Collection) -> bool:
    """Bring the state of an older version up to this format, as whoever holds the collection; false where it is.

    Format 2 has outcomes with an entry for each set of a folder. Nothing is renamed and nothing removed; both kinds are
    read, so a migration that was cut off goes on at the next start, and the format is raised last. An outcome keeps its
    time and its fingerprint: what was finished stays finished, and is not looked at again.

    Raises
    ------
    OSError
        A circumstance: it is tried again.
    """
    path = collection.state / "format"
    if int(plain_files.read(path)) >= FORMAT:
        return False
    for locator, outcome in registry.outcomes(collection):
        place = collection.outcomes / f"{locator}.json"
        if (durable_files.read(place) or {}).get("schema") != registry.OUTCOME_SCHEMA:
            written = place.stat().st_mtime_ns
            registry.write_outcome(collection, locator, outcome)
            os.utime(place, ns=(written, written))  # a form that changed since opens what was refused
    durable_files.write_atomically(path, b"%d\n" % FORMAT, staging=collection.staging)
    return True


def _was_killed_here(stored: dict[str, Any]) -> bool:
    """Return whether the holder ran where we do and is gone: after a kill nobody should have to wait."""
    if stored.get("host") != _host() or not isinstance(stored.get("pid"), int):
        return False
    try:
        os.kill(stored["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _host() -> str:
    """Name this host until it is started again, and where in it process numbers mean the same.

    Containers may have their host's name and not see its processes.
    """
    started = processes = ""
    with suppress(OSError):
        started = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        processes = str(Path("/proc/self/ns/pid").readlink())
    return f"{platform.node()} {started} {processes}".rstrip()
