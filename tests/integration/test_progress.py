"""Progress of each set in Redis; losing Redis stops nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.runtime.progress import AFTER_AN_ERROR_S, EVERY_S, InWork, Progress, durations, read_all

if TYPE_CHECKING:
    from collections.abc import Callable

ID, ONE, TWO = "c" * 32, "1" * 32, "2" * 32


class Clock:
    """A clock set by tests."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_sets_in_work_show_until_they_are_done(client: redis.Redis) -> None:
    """By locator only."""
    clock = Clock()
    one, two = Progress(client, ID, ONE, clock), Progress(client, ID, TWO, clock=clock)
    one.step("read", 3, 184)
    two.step("verify", 184, 184)

    assert read_all(client, ID) == {
        ONE: InWork("read", 3, 184, ""),
        TWO: InWork("verify", 184, 184, ""),
    }
    one.done()
    assert list(read_all(client, ID)) == [TWO]
    two.waits("the disk is full")
    assert read_all(client, ID)[TWO] == InWork("waits", 0, 0, "the disk is full")
    assert read_all(client, "d" * 32) == {}


def test_the_duration_is_known_when_a_set_is_done(client: redis.Redis) -> None:
    """No later than its progress ends, so that a run without sets in work has all durations."""
    clock = Clock()
    progress = Progress(client, ID, ONE, clock)
    progress.step("read", 1, 2)
    clock.now += 2.5
    assert durations(client, ID) == {}

    progress.done()
    assert (durations(client, ID), read_all(client, ID)) == ({ONE: 2.5}, {})


def test_a_step_is_reported_five_times_a_second_and_a_new_one_at_once(client: redis.Redis) -> None:
    """Whatever the number of files."""
    clock = Clock()
    progress = Progress(client, ID, ONE, clock=clock)

    def shown(name: str, done: int) -> tuple[str, int]:
        progress.step(name, done, 9)
        now = read_all(client, ID)[ONE]
        return now.step, now.done

    assert shown("read", 1) == ("read", 1)
    assert shown("read", 2) == ("read", 1)
    assert shown("write", 1) == ("write", 1)
    clock.now += EVERY_S
    assert shown("write", 2) == ("write", 2)


def test_entries_of_a_dead_worker_expire(client: redis.Redis) -> None:
    """Every key expires."""
    Progress(client, ID, ONE).step("read")

    keys = client.keys()
    assert len(keys) == 2
    assert all(client.ttl(key) > 0 for key in keys)
    client.delete(max(keys))
    assert read_all(client, ID) == {}
    Progress(client, ID, ONE).done()
    keys = client.keys()
    assert [client.ttl(key) > 0 for key in keys] == [True]


@pytest.mark.parametrize("say", [lambda p: p.step("read"), lambda p: p.waits("why"), lambda p: p.done()])
def test_a_lost_redis_stops_nothing_and_is_not_asked_all_the_time(say: Callable[[Progress], None]) -> None:
    """Each attempt may take a whole timeout."""
    clock, asked = Clock(), []
    lost = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    connect = lost.connection_pool.get_connection
    lost.connection_pool.get_connection = lambda *a, **b: asked.append(1) or connect(*a, **b)
    progress = Progress(lost, ID, ONE, clock=clock)

    for seconds in (0.0, EVERY_S, AFTER_AN_ERROR_S):
        clock.now += seconds
        say(progress)
    assert len(asked) == 2
    with pytest.raises(redis.ConnectionError):
        read_all(lost, ID)
