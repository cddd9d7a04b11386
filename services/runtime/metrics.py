"""Cost of processing, summed in Redis over all workers (seconds, bytes, outcomes), for monitoring.

If Redis is emptied the sums restart, as counters may. Amounts that could not be added while Redis was unavailable are
added with the next set; published sets are counted from the share (`high_water`).
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
"""Counted once per index, not per attempt."""
HEARD: Final = "anonymizer:heard"
"""Hash of the time each service was last seen, by its name."""
BOUNDS_S: Final = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Histogram bounds in seconds, so that a few slow steps show among many fast ones."""


_unsent: defaultdict[str, float] = defaultdict(float)
"""Amounts that this process could not add while Redis was unavailable."""


@dataclass(slots=True)
class Measures:
    """Sums since Redis was last emptied."""

    outcomes: dict[str, int] = field(default_factory=dict)
    """Number of worker results by outcome: `published`, `refused` …, `failed`."""

    bytes: int = 0
    """Total size of published files."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Total seconds by processing step."""

    within: dict[str, list[int]] = field(default_factory=dict)
    """By step, the count within each bound but above the previous one; last: above all bounds."""


def add(client: redis.Redis, outcome: str, seconds: Mapping[str, float], size_bytes: int = 0) -> None:
    """Add the cost of one set. Never raises if Redis is unavailable."""
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
    """Note that a service is alive, by Redis' clock. Never raises if Redis is unavailable."""
    with suppress(redis.RedisError):
        client.hset(HEARD, service, _now(client))


def ended(client: redis.Redis, service: str) -> None:
    """Note that a service was stopped on purpose, so is not missing. Others of its name reappear at once."""
    with suppress(redis.RedisError):
        client.hdel(HEARD, service)


def silent_s(client: redis.Redis) -> dict[str, int]:
    """Return how many seconds ago each service was last seen.

    Raises
    ------
    redis.RedisError
        Redis is unavailable.
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
        Redis is unavailable.
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
