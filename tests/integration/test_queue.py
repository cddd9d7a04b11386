"""Lost messages are detected, and a lease keeps two workers from processing one set."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from celery import Celery

from anonymizer.embedded.redis_server import redis_server
from services.runtime.settings import Settings
from tests.waiting import wait_until
from worker.app import celery_settings
from worker.connection import connect
from worker.queues import lease as leases
from worker.queues import set_queue as queues
from worker.queues.lease import drop, lease
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

A, B, C = (SetKey("c" * 32, letter * 32) for letter in "012")


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """Return settings with our own Redis."""
    with redis_server() as url:
        yield Settings(redis_url=url)


@pytest.fixture
def client(settings: Settings) -> redis.Redis:
    """Connect to an empty Redis."""
    client = connect(settings)
    client.flushall()
    return client


@pytest.fixture
def queue(client: redis.Redis, settings: Settings) -> Queue:
    """Return an empty queue without workers."""
    app = Celery("test", set_as_current=False)
    app.add_defaults(lambda: celery_settings(settings))
    return Queue(client, app)


def test_sets_wait_in_the_queue_until_they_are_begun(queue: Queue, client: redis.Redis) -> None:
    """In order of arrival."""
    queue.put(A)
    queue.put(B)
    assert queue.holding([A, B, C]) == {A: "queued", B: "queued"}
    client.rpop("anonymizer:anonymizer")
    queue.begin(A)
    assert queue.holding([A, B, C]) == {B: "queued"}


def test_a_message_that_a_later_one_overtook_was_lost(queue: Queue, client: redis.Redis) -> None:
    """Its worker was killed just after taking it."""
    for name in (A, B, C):
        queue.put(name)
    client.rpop("anonymizer:anonymizer", 2)
    queue.begin(B)
    assert queue.holding([A, B, C]) == {C: "queued"}


def test_when_the_queue_is_empty_everything_that_was_not_begun_was_lost(queue: Queue, client: redis.Redis) -> None:
    """For example after Redis restarted without data."""
    queue.put(A)
    client.delete("anonymizer:anonymizer")
    assert queue.holding([A]) == {}


def test_redis_keeps_nothing_of_messages_that_were_lost(queue: Queue, client: redis.Redis) -> None:
    """Their sets may be gone, and never started."""
    for name in (A, B, C):
        queue.put(name)
    queue.begin(B)
    assert client.zrange("anonymizer:anonymizer:pending", 0, -1) == [str(C).encode()]


def test_entries_of_last_checks_expire(queue: Queue, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of late message copies are kept, but over months there are many sets."""
    monkeypatch.setattr(queues, "LAST_CHANCES_KEPT", 2)
    queue.put(A, last_chance=True)
    queue.put(B, last_chance=True)
    assert [queue.begin(A), queue.begin(A)] == [True, True]
    queue.put(C)
    assert [queue.begin(A), queue.begin(B)] == [False, True]
    assert client.zcard("anonymizer:anonymizer:patience-over") == 1


def test_a_lost_set_is_queued_again(queue: Queue, client: redis.Redis) -> None:
    """After the others, once."""
    queue.put(A)
    queue.put(B)
    client.rpop("anonymizer:anonymizer", 2)
    queue.begin(B)
    queue.put(A)
    assert queue.holding([A, B]) == {A: "queued"}


def test_patience_is_over_when_the_last_message_said_so(queue: Queue) -> None:
    """Not if the set was queued again because it changed."""
    queue.put(A, last_chance=True)
    last = queue.begin(A)
    queue.put(A)
    assert (last, queue.begin(A)) == (True, False)


def test_only_opaque_strings_stand_in_redis(queue: Queue, client: redis.Redis) -> None:
    """Message contents are shown by Flower, too."""
    queue.put(A)
    message = json.loads(client.lindex("anonymizer:anonymizer", 0))
    assert json.loads(base64.b64decode(message["body"]))[:2] == [[*A], {}]
    assert message["headers"]["argsrepr"] == "00000000…, cccccccc…"  # the set first
    assert client.zrange("anonymizer:anonymizer:patience-over", 0, -1) == []
    assert client.zrange("anonymizer:anonymizer:pending", 0, -1) == [str(A).encode()]


def test_one_worker_at_a_time_holds_a_lease(client: redis.Redis, queue: Queue) -> None:
    """It is shown as in work."""
    with lease(client, A) as mine, lease(client, A) as also_mine, lease(client, B) as another:
        assert (mine, also_mine, another) == (True, False, True)
        assert queue.holding([A, B, C]) == {A: "in work", B: "in work"}
    assert queue.holding([A, B, C]) == {}


def test_a_lease_is_renewed_as_long_as_the_work_continues(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its duration."""
    monkeypatch.setattr(leases, "LEASE_S", 60.0)
    monkeypatch.setattr(leases, "RENEWALS", 600)
    with lease(client, A):
        for _ in range(3):
            client.pexpire(leases.key(A), 30_000)
            wait_until(lambda: client.pttl(leases.key(A)) > 30_000)


def test_a_dead_workers_lease_can_be_dropped_and_lapses(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the process that noticed its death, or by expiry."""
    client.set(leases.key(A), "dead")
    drop(client, A)
    with lease(client, A) as mine:
        assert mine
    monkeypatch.setattr(leases, "LEASE_S", 0.1)
    client.set(leases.key(B), "dead", px=100)
    time.sleep(0.15)
    with lease(client, B) as mine:
        assert mine


def test_a_dead_workers_lease_lapses_although_redis_clock_was_set_back(client: redis.Redis, queue: Queue) -> None:
    """Redis notes the time of day at which it expires. A living worker's is left as it is."""
    client.set(leases.key(A), "dead", px=86_400_000)
    client.set(leases.key(B), "living", px=2_000)
    assert queue.holding([A, B, C]) == {A: "in work", B: "in work"}
    assert 0 < client.pttl(leases.key(A)) <= leases.LEASE_S * 1000
    assert 0 < client.pttl(leases.key(B)) <= 2_000
    assert not client.exists(leases.key(C))


def test_a_lapsed_lease_that_another_took_is_not_renewed(client: redis.Redis) -> None:
    """It would otherwise outlive that worker, and block the set after the worker's death."""
    looks = iter([False, False, True])

    class ThreeLooks(threading.Event):
        def wait(self, _: float | None = None) -> bool:
            return next(looks)

    client.set(leases.key(A), "another", px=5_000)
    leases._renew(client, leases.key(A), "mine", 6.0, ThreeLooks())
    assert client.pttl(leases.key(A)) <= 5_000


def test_a_lapsed_lease_that_another_took_is_left_alone(client: redis.Redis) -> None:
    """A frozen worker wakes up and finds the set leased to another."""
    with lease(client, A):
        client.set(leases.key(A), "another")
    assert client.get(leases.key(A)) == b"another"
