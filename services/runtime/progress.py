"""How far each set in work is, for `status` and the progress bars: opaque names and numbers, which fade by themselves.

Nothing depends on it: a Redis that is lost never fails a set, nor slows it down more than once in a while.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHOWN_S: Final = 60
"""What a dead worker said last is forgotten after so long."""

WAITS_SHOWN_S: Final = 900
"""Why a set waits is shown until it is tried again."""

EVERY_S: Final = 0.2
AFTER_AN_ERROR_S: Final = 5.0


STEPS: Final = ("read", "written", "verified")
"""What happens to the files of a set, in this order."""


class InWork(NamedTuple):
    """How far one set is."""

    step: str
    """`waits` when nothing is done just now."""

    done: int
    total: int

    reason: str
    """Why it waits: a word of ours."""

    @property
    def part(self) -> float:
        """How much of the way is done, between 0 and 1: each step is as long as the others."""
        if self.step not in STEPS or not self.total:
            return 0.0
        return (STEPS.index(self.step) + self.done / self.total) / len(STEPS)


class Progress:
    """Tells how far one set is."""

    def __init__(
        self,
        client: redis.Redis,
        collection_id: str,
        locator: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._index = _index(collection_id)
        self._key = f"{self._index}:{locator}"
        self._locator = locator
        self._clock = clock
        self.seconds: dict[str, float] = {}
        """How long each step took that is over."""
        self.size_bytes = 0
        """Of all files that were written and proven."""
        self._step = ""
        self._began = self._next = self._lost_until = 0.0

    def step(self, name: str, done: int = 0, total: int = 0) -> None:
        """Report how many files a step, `read` say, has done; to be called as often as one likes."""
        now = self._clock()
        if now < self._next and name == self._step:
            return
        if name != self._step:
            self._end_step(now)
            self._step, self._began = name, now
        self._next = now + EVERY_S
        self._say(InWork(name, done, total, ""), SHOWN_S)

    def waits(self, reason: str) -> None:
        """Report that the set cannot go on just now, and why."""
        self._say(InWork("waits", 0, 0, reason), WAITS_SHOWN_S)

    def done(self) -> None:
        """Report that nobody works on the set any more."""
        self._end_step(self._clock())
        with self._sending() as pipeline:
            pipeline.delete(self._key)
            pipeline.srem(self._index, self._locator)

    def _end_step(self, now: float) -> None:
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._began
        self._step = ""

    def _say(self, now: InWork, shown_s: int) -> None:
        fields: dict[Any, Any] = now._asdict()
        with self._sending() as pipeline:
            pipeline.hset(self._key, mapping=fields)
            pipeline.expire(self._key, shown_s)
            pipeline.sadd(self._index, self._locator)
            pipeline.expire(self._index, WAITS_SHOWN_S)

    @contextmanager
    def _sending(self) -> Iterator[redis.client.Pipeline]:
        """Send what the block puts in; while Redis is lost, try only now and then."""
        pipeline = self._redis.pipeline(transaction=False)
        yield pipeline
        if self._clock() < self._lost_until:
            return
        try:
            pipeline.execute()
        except redis.RedisError:
            self._lost_until = self._clock() + AFTER_AN_ERROR_S


def read_all(client: redis.Redis, collection_id: str) -> dict[str, InWork]:
    """Return how far each set of a collection is that is in work, by its locator.

    Raises
    ------
    redis.RedisError
        Nobody can tell.
    """
    index = _index(collection_id)
    locators = sorted(name.decode() for name in cast("set[bytes]", client.smembers(index)))
    with client.pipeline(transaction=False) as pipeline:
        for locator in locators:
            pipeline.hgetall(f"{index}:{locator}")
        answers: list[dict[bytes, bytes]] = pipeline.execute()
    return {locator: _in_work(stored) for locator, stored in zip(locators, answers, strict=True) if stored}


def step_of(client: redis.Redis, collection_id: str, locator: str) -> str:
    """Return the step that a set in work was at last; empty where nobody knows."""
    with suppress(redis.RedisError):
        step = cast("bytes | None", client.hget(f"{_index(collection_id)}:{locator}", "step"))
        return (step or b"").decode()
    return ""


def _in_work(stored: dict[bytes, bytes]) -> InWork:
    said = {key.decode(): value.decode() for key, value in stored.items()}
    return InWork(said["step"], int(said["done"]), int(said["total"]), said["reason"])


def _index(collection_id: str) -> str:
    return f"anonymizer:progress:{collection_id}"
