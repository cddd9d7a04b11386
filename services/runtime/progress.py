"""Progress of each set being processed and its duration, for `status`, `run` and the progress bars.

Opaque names and numbers that expire.

Nothing depends on it: an unavailable Redis never fails a set, and delays it only occasionally.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHOWN_S: Final = 60
"""Seconds after which a dead worker's last report expires."""

WAITS_SHOWN_S: Final = 900
"""Seconds for which the reason for waiting is shown, at most until the next try."""

EVERY_S: Final = 0.2
AFTER_AN_ERROR_S: Final = 5.0

DURATIONS_KEPT_S: Final = 86_400


WAITS: Final = "waits"
"""Step of a set that is not being processed at the moment."""

STEPS: Final = ("read", "written", "verified")
"""Steps a set's files go through, in order."""


class InWork(NamedTuple):
    """Progress of one set."""

    step: str
    """One of `STEPS`, or `WAITS`."""

    done: int
    total: int

    reason: str
    """Code of the reason for waiting."""

    @property
    def part(self) -> float:
        """Fraction completed, 0 to 1; all steps count alike."""
        if self.step not in STEPS or not self.total:
            return 0.0
        return (STEPS.index(self.step) + self.done / self.total) / len(STEPS)


class Progress:
    """Reports the progress of one set."""

    def __init__(
        self,
        client: redis.Redis,
        collection_id: str,
        locator: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._index = _index(collection_id)
        self._durations = _durations(collection_id)
        self._key = f"{self._index}:{locator}"
        self._locator = locator
        self._clock = clock
        self.seconds: dict[str, float] = {}
        """Duration of each completed step in seconds."""
        self.size_bytes = 0
        """Total size of the files written and proven."""
        self._step = ""
        self._began = self._next = self._lost_until = 0.0
        self._created = clock()

    def step(self, name: str, done: int = 0, total: int = 0) -> None:
        """Report how many files a step such as `read` has processed; may be called as often as needed."""
        now = self._clock()
        if now < self._next and name == self._step:
            return
        if name != self._step:
            self._end_step(now)
            self._step, self._began = name, now
        self._next = now + EVERY_S
        self._write(InWork(name, done, total, ""), SHOWN_S)

    def waits(self, reason: str) -> None:
        """Report that the set cannot continue for the moment, and why."""
        self._write(InWork(WAITS, 0, 0, reason), WAITS_SHOWN_S)

    def done(self) -> None:
        """Report that the set is no longer being processed, and the time since this object was created."""
        now = self._clock()
        self._end_step(now)
        with self._sending() as pipeline:
            pipeline.hset(self._durations, self._locator, f"{now - self._created:.2f}")
            pipeline.expire(self._durations, DURATIONS_KEPT_S)
            pipeline.delete(self._key)
            pipeline.srem(self._index, self._locator)

    def _end_step(self, now: float) -> None:
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._began
        self._step = ""

    def _write(self, now: InWork, shown_s: int) -> None:
        fields: dict[Any, Any] = now._asdict()
        with self._sending() as pipeline:
            pipeline.hset(self._key, mapping=fields)
            pipeline.expire(self._key, shown_s)
            pipeline.sadd(self._index, self._locator)
            pipeline.expire(self._index, WAITS_SHOWN_S)

    @contextmanager
    def _sending(self) -> Iterator[redis.client.Pipeline]:
        """Send the commands of the block; while Redis is unavailable, try only occasionally."""
        pipeline = self._redis.pipeline(transaction=False)
        yield pipeline
        if self._clock() < self._lost_until:
            return
        try:
            pipeline.execute()
        except redis.RedisError:
            self._lost_until = self._clock() + AFTER_AN_ERROR_S


def read_all(client: redis.Redis, collection_id: str) -> dict[str, InWork]:
    """Return the progress of each set of a collection being processed, by locator.

    Raises
    ------
    redis.RedisError
        Redis is unavailable.
    """
    index = _index(collection_id)
    locators = sorted(name.decode() for name in cast("set[bytes]", client.smembers(index)))
    with client.pipeline(transaction=False) as pipeline:
        for locator in locators:
            pipeline.hgetall(f"{index}:{locator}")
        answers: list[dict[bytes, bytes]] = pipeline.execute()
    return {locator: _in_work(stored) for locator, stored in zip(locators, answers, strict=True) if stored}


def durations(client: redis.Redis, collection_id: str) -> dict[str, float]:
    """Return how long each recently processed set took, in seconds, by locator.

    Raises
    ------
    redis.RedisError
        Redis is unavailable.
    """
    stored = cast("dict[bytes, bytes]", client.hgetall(_durations(collection_id)))
    return {locator.decode(): float(seconds) for locator, seconds in stored.items()}


def forget(client: redis.Redis, collection_id: str, locator: str) -> None:
    """Remove the progress of a set whose process died.

    Raises
    ------
    redis.RedisError
        Redis is unavailable.
    """
    index = _index(collection_id)
    with client.pipeline(transaction=False) as pipeline:
        pipeline.delete(f"{index}:{locator}")
        pipeline.srem(index, locator)
        pipeline.execute()


def step_of(client: redis.Redis, collection_id: str, locator: str) -> str:
    """Return the last reported step of a set; empty if unknown."""
    with suppress(redis.RedisError):
        step = cast("bytes | None", client.hget(f"{_index(collection_id)}:{locator}", "step"))
        return (step or b"").decode()
    return ""


def _in_work(stored: dict[bytes, bytes]) -> InWork:
    values = {key.decode(): value.decode() for key, value in stored.items()}
    return InWork(values["step"], int(values["done"]), int(values["total"]), values["reason"])


def _durations(collection_id: str) -> str:
    return f"anonymizer:seconds:{collection_id}"


def _index(collection_id: str) -> str:
    return f"anonymizer:progress:{collection_id}"
