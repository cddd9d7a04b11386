"""What the sets cost, summed up in Redis over all workers: seconds, bytes, words of ours; for whoever watches over it.

A Redis that is emptied begins the sums anew; whoever draws them knows that sums can do that. What could not be added
while Redis was away is added with the next set; published sets are counted by what the share says (`high_water`).
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import redis

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "anonymizer:measures"
PUBLISHED: Final = "outcome:published"
"""Counted once for each number, not for each attempt."""
HEARD: Final = "anonymizer:heard"
"""When each service was heard of last, by its name."""
BOUNDS_S: Final = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Steps are counted by the first of these that they stay within, so that a few slow ones show beside many fast ones."""


_unsent: defaultdict[str, float] = defaultdict(float)
"""What this process has to add, and could not while Redis was away."""


@dataclass(slots=True)
class Measures:
    """The sums since Redis was last emptied."""

    outcomes: dict[str, int] = field(default_factory=dict)
    """How often a worker came to which end: `published`, `refused` …, `failed`."""

    bytes: int = 0
    """Of all published files."""

    seconds: dict[str, float] = field(default_factory=dict)
    """In all, of each step of the way."""

    within: dict[str, list[int]] = field(default_factory=dict)
    """Of each step, how many took no longer than each of the bounds, and longer than the one before; last: longer."""


def add(client: redis.Redis, outcome: str, seconds: Mapping[str, float], size_bytes: int = 0) -> None:
    """Add what one set cost. A Redis that is away never fails a set."""
    _unsent[f"outcome:{outcome}"] += 1
    _unsent["bytes"] += size_bytes
    for step, took_s in seconds.items():
        bound = sum(took_s > bound for bound in BOUNDS_S)
        _unsent[f"within:{step}:{bound}"] += 1
        _unsent[f"seconds:{step}"] += took_s
    _unsent.pop(PUBLISHED, None)
    pipeline = client.pipeline()
    for name, amount in _unsent.items():
        if name.startswith("seconds:"):
            pipeline.hincrbyfloat(KEY, name, amount)
        else:
            pipeline.hincrby(KEY, name, int(amount))
    with suppress(redis.RedisError):
        pipeline.execute()
        _unsent.clear()


def heard(client: redis.Redis, service: str) -> None:
    """Note that a service lives, on Redis' own clock. A Redis that is away stops nobody."""
    with suppress(redis.RedisError):
        client.hset(HEARD, service, _now(client))


def ended(client: redis.Redis, service: str) -> None:
    """Note that a service was ended on purpose: nobody misses it. Others of its name are heard again at once."""
    with suppress(redis.RedisError):
        client.hdel(HEARD, service)


def silent_s(client: redis.Redis) -> dict[str, int]:
    """Return how many seconds ago each service was heard of last.

    Raises
    ------
    redis.RedisError
        Nobody can tell.
    """
    stored, now = cast("dict[bytes, bytes]", client.hgetall(HEARD)), _now(client)
    return {service.decode(): max(now - int(at), 0) for service, at in stored.items()}


def _now(client: redis.Redis) -> int:
    return int(client.time()[0])


def read(client: redis.Redis) -> Measures:
    """Return the sums.

    Raises
    ------
    redis.RedisError
        Nobody can tell.
    """
    made = Measures()
    for name, value in cast("dict[bytes, bytes]", client.hgetall(KEY)).items():
        what, *of = name.decode().split(":")
        if what == "bytes":
            made.bytes = int(value)
        elif what == "outcome":
            made.outcomes[of[0]] = int(value)
        elif what == "seconds":
            made.seconds[of[0]] = float(value)
        elif what == "within":
            made.within.setdefault(of[0], [0] * (len(BOUNDS_S) + 1))[int(of[1])] = int(value)
    return made
