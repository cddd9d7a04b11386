"""A foreign or unreadable message ends no worker: it is set aside, counted and logged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from anonymizer.embedded.redis_server import redis_server
from phantom.sets import write_demo
from services.runtime.settings import Settings
from tests.malformed_messages import malformed, well_formed
from tests.waiting import wait_until
from worker import messages
from worker.connection import QUEUE, connect, key_of
from worker.messages import fault_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ANONYMIZER = Path(sys.executable).with_name("anonymizer")


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """Start a Redis."""
    with redis_server() as url:
        yield Settings(redis_url=url)


@pytest.fixture(scope="module")
def ours(settings: Settings) -> bytes:
    """Return a message as the watcher sends it."""
    return well_formed(settings)


def test_a_message_of_ours_is_known(ours: bytes) -> None:
    """Including what Celery adds on redelivery."""
    again = json.loads(ours)
    again["headers"]["redelivered"] = again["properties"]["delivery_info"]["redelivered"] = True

    assert fault_of(ours) == ""
    assert fault_of(json.dumps(again).encode()) == ""


def test_each_malformed_message_is_reported_without_its_content(ours: bytes) -> None:
    """In a few fixed words."""
    told = {name: fault_of(data) for name, data in malformed(ours).items()}

    assert [name for name, why in told.items() if not why] == []
    assert not any("Meier" in why for why in told.values())


def test_what_is_set_aside_is_bounded(settings: Settings) -> None:
    """The beginnings of the last hundred; all are counted."""
    with closing(connect(settings)) as client:
        client.flushall()
        for _ in range(messages.KEPT + 7):
            messages.set_aside(client, b"x" * (messages.KEPT_BYTES + 1), "no JSON")

        assert messages.count(client) == messages.KEPT + 7
        assert client.hlen(messages.ASIDE) == messages.KEPT
        assert client.hstrlen(messages.ASIDE, "1") == messages.KEPT_BYTES
        client.flushall()


def test_foreign_messages_end_no_worker(tmp_path: Path, settings: Settings, ours: bytes) -> None:
    """It processes the set queued after them; the log quotes nothing."""
    share, log = tmp_path / "share", tmp_path / "worker.log"
    share.mkdir()
    given = malformed(ours)
    values = {"REDIS_URL": settings.redis_url, "SHARE": str(share), "QUIET_S": "1", "RESCAN_S": "1"}
    environment = os.environ | {f"ANONYMIZER_{name}": str(value) for name, value in values.items()}
    environment["ANONYMIZER_LOG_FORMAT"] = "json"
    with ExitStack() as ending, log.open("wb") as written:
        client = ending.enter_context(closing(connect(settings)))
        client.flushall()
        client.lpush(key_of(QUEUE), *given.values())
        started = []
        for command in (["worker", "--processes", "1"], ["watch"]):
            process = subprocess.Popen([ANONYMIZER, *command], env=environment, stderr=written, stdout=written)
            ending.callback(process.wait)
            ending.callback(process.terminate)
            started.append(process)
        wait_until(lambda: messages.count(client) == len(given), log.read_text)
        write_demo(share / "BATCH", sets=1, ct=10, size=64)
        wait_until((share / "BATCH/ANON_006").exists, log.read_text)

        assert [process.poll() for process in started] == [None, None]
        assert client.hlen(messages.ASIDE) == len(given)
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert len([line for line in lines if line["event"] == "message.set-aside"]) == len(given)
    assert "Meier" not in log.read_text()
    assert isinstance(client, redis.Redis)
