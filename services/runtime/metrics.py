"""What the sets cost, summed up in Redis over all workers: seconds, bytes, words of ours; for whoever watches over it.

A Redis that is emptied begins the sums anew; whoever draws them knows that sums can do that.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import redis

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY: Final = "anonymizer:measures"
BOUNDS_S: Final = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Steps are counted by the first of these that they stay within, so that a few slow ones show beside many fast ones."""


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
    pipeline = client.pipeline(transaction=False)
    pipeline.hincrby(KEY, f"outcome:{outcome}", 1)
    pipeline.hincrby(KEY, "bytes", size_bytes)
    for step, took_s in seconds.items():
        bound = sum(took_s > bound for bound in BOUNDS_S)
        pipeline.hincrby(KEY, f"within:{step}:{bound}", 1)
        pipeline.hincrbyfloat(KEY, f"seconds:{step}", took_s)
    with suppress(redis.RedisError):
        pipeline.execute()


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
