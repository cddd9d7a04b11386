"""Redis is killed, emptied, reset, hung, disconnected and full. No number is given twice."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
import redis

from tests.faults.service import Service
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETS = 24


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Service]:
    """Provide a service whose Redis keeps its data through a restart."""
    with Service(tmp_path, keeps=True) as made:
        yield made


def in_full_swing(service: Service, sets: int = SETS) -> None:
    """Start, and drop sets until a third of them are published."""
    for number in range(sets):
        service.drop(f"Mustermann Erika {number}")
    service.faults["*"] = []
    service.start()
    wait_until(lambda: len(published(service)) >= sets // 3)


def published(service: Service) -> list[Path]:
    """Find what is."""
    return list(service.root.glob("ANON_*"))


@pytest.mark.parametrize("how", ["killed, kept", "killed, empty", "emptied", "emptied again and again"])
def test_redis_is_killed_or_emptied_in_full_swing(keeping: Service, how: str) -> None:
    """The AOF restores everything; without it, the share shows the numbers given."""
    in_full_swing(keeping)
    server = keeping.redis
    if how.startswith("killed"):
        server.signal(signal.SIGKILL)
        time.sleep(1.5)
        server.keeps = how == "killed, kept"
        server.start()
    else:
        for _ in range(1 if how == "emptied" else 20):
            server.client().flushall()
            time.sleep(0.05)

    keeping.all_published()


def test_an_older_state_of_redis_is_brought_back(service: Service) -> None:
    """It shows numbers as free that were given since. Nobody publishes under them."""
    for number in range(4):
        service.drop(f"Mustermann Erika {number}")
    service.start()
    service.all_published()
    client = service.redis.client()
    key = f"anonymizer:ledger:{service.collection.id}"
    older = client.dump(key)
    for number in range(4, 10):
        service.drop(f"Mustermann Erika {number}")
    service.all_published()

    client.restore(key, 0, older, replace=True)
    for number in range(10, 16):
        service.drop(f"Mustermann Erika {number}")
    service.all_published()

    assert sorted(path.name for path in published(service)) == [f"ANON_{index:03d}" for index in range(6, 22)]


def test_redis_hangs(service: Service) -> None:
    """Nobody waits forever; work continues without Redis, or is repeated."""
    in_full_swing(service)
    service.redis.signal(signal.SIGSTOP)
    time.sleep(14)  # longer than the time we give it to answer
    service.redis.signal(signal.SIGCONT)

    service.all_published()


def test_connections_are_cut_off_again_and_again(service: Service) -> None:
    """Each disconnection duplicates messages in work."""
    in_full_swing(service)
    client = service.redis.client()
    for _ in range(40):
        for kind in ("normal", "pubsub"):
            client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        time.sleep(0.1)

    service.all_published()


def test_redis_is_full(service: Service) -> None:
    """It refuses every write. The sets wait, and continue automatically."""
    in_full_swing(service)
    client = service.redis.client()
    client.config_set("maxmemory", 1)
    before = 0
    while (now := len(published(service))) != before:  # what had its number already may still be published
        before = now
        time.sleep(4)
    assert now < SETS
    with pytest.raises(redis.ResponseError):
        client.set("no", "room")
    client.config_set("maxmemory", 0)

    service.all_published()


def test_redis_is_not_there_yet_when_all_starts(service: Service) -> None:
    """The watcher and the workers wait for it."""
    service.drop("Mustermann Erika")
    service.write_plan()
    service.start_watcher()
    service.start_worker()
    time.sleep(3)
    service.redis.start()

    service.all_published()
