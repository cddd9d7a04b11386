"""Redis answers and does not write: a person who asks for the status learns why their sets do not continue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from anonymizer.embedded.redis_server import redis_server
from services.runtime.settings import Settings
from services.store.collection import Collection
from services.store.set_state import SetState
from tests.sets import make_collection, make_set
from watcher.status.reader import StatusReader
from worker.app import make_app
from worker.connection import connect
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    from pathlib import Path

CANNOT = {
    "Redis is full": ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    "Redis is read-only: it is a replica": ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    "Redis has too few replicas to write (NOREPLICAS): restore them, or require fewer": (
        "CONFIG SET min-replicas-to-write 1",
        "CONFIG SET min-replicas-to-write 0",
    ),
}


@pytest.mark.parametrize("why", CANNOT)
def test_the_status_says_why_queued_sets_do_not_continue(tmp_path: Path, why: str) -> None:
    """It shows their state, too, which Redis still answers; and nothing afterwards."""
    root = make_collection(tmp_path / "BATCH")
    collection = Collection.open(root)
    make_set(root, name="a", ct=2, size=8)
    begin, end = CANNOT[why]
    with redis_server() as url:
        settings = Settings(redis_url=url)
        with connect(settings) as client:
            Queue(client, make_app(lambda: settings)).put(SetKey(collection.id, collection.locator("a")))
            reader = StatusReader(root, settings)
            found = []
            for command in (begin, end):
                client.execute_command(*command.split())
                status = reader.read()
                found.append((status.paused, [row.state for row in status.sets]))

    assert found == [(why, [SetState.QUEUED]), ("", [SetState.QUEUED])]
