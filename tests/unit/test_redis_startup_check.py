"""The start-up check: each problem of a Redis in one sentence with its remedy."""

from __future__ import annotations

import pytest

from worker.redis_server import LEAST_MEMORY_BYTES, unfit

GOOD = {
    "redis_mode": "standalone",
    "cluster_enabled": 0,
    "role": "master",
    "maxmemory": 256 << 20,
    "maxmemory_policy": "noeviction",
    "used_memory": 1 << 20,
}


@pytest.mark.parametrize(
    "info", [{}, GOOD, GOOD | {"maxmemory": 0, "used_memory": 8 << 30}, GOOD | {"maxmemory": LEAST_MEMORY_BYTES}]
)
def test_of_a_sound_one_nothing_is_said(info: dict[str, object]) -> None:
    """Nor for one that hides its configuration, or has no memory limit."""
    assert list(unfit(info)) == []


@pytest.mark.parametrize(
    ("differs", "says", "remedy"),
    [
        ({"redis_mode": "cluster"}, "cluster mode", "cluster-enabled no"),
        ({"cluster_enabled": 1}, "cluster mode", "cluster-enabled no"),
        ({"role": "slave"}, "replica", "primary"),
        ({"maxmemory_policy": "allkeys-lru"}, "allkeys-lru", "maxmemory-policy noeviction"),
        ({"maxmemory": 8 << 20}, "8 MB", "maxmemory 256mb"),
        ({"used_memory": 250 << 20}, "250 of its 256 MB", "raise maxmemory"),
    ],
)
def test_each_fault_is_one_sentence_with_its_remedy(differs: dict[str, object], says: str, remedy: str) -> None:
    """In Redis' own terms."""
    (sentence,) = unfit(GOOD | differs)

    assert says in sentence
    assert remedy in sentence
    assert sentence.endswith(".")
    assert ". " not in sentence
