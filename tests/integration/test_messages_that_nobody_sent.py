"""A message that is none of ours, or that nobody can read, ends no worker: it is set aside, counted and logged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from anonymizer.embedded.redis_server import redis_server
from phantom.sets import write_demo
from services.runtime.settings import Settings
from tests.waiting import wait_until
from worker import messages
from worker.app import QUEUE, connect, key_of, make_app
from worker.messages import fault_of
from worker.queue import Queue
from worker.set_key import SetKey

if TYPE_CHECKING:
    from collections.abc import Iterator

ANONYMIZER = Path(sys.executable).with_name("anonymizer")
NAME = SetKey("c" * 32, "0" * 32)
DEEP = 100_000


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """Start a Redis."""
    with redis_server() as url:
        yield Settings(redis_url=url)


@pytest.fixture(scope="module")
def ours(settings: Settings) -> bytes:
    """Return a message as the watcher sends it."""
    with closing(connect(settings)) as client:
        queue = Queue(client, make_app(lambda: settings))
        queue.put(NAME)
        (found,) = client.lrange(key_of(QUEUE), 0, -1)  # type: ignore[misc]  # the client is no asynchronous one
        queue.clear()
    return found  # type: ignore[no-any-return]  # as above


def body(value: bytes | str) -> str:
    """Encode a body as Celery does."""
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def malformed(ours: bytes) -> dict[str, bytes]:
    """Return messages of every kind that ended a worker, or could."""

    def but(*path: str, to: Any) -> bytes:
        message = json.loads(ours)
        inner = message
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to
        return json.dumps(message).encode()

    of_another = json.dumps([["Meier^Anna"], {}, {}])
    return {
        "nothing": b"",
        "no text": b"\xff\xfe\x00Meier",
        "no JSON": b"Meier^Anna {",
        "a list": b"[]",
        "a number": b"7",
        "nested": b"[" * DEEP + b"]" * DEEP,
        "huge": but("body", to="A" * 200_000),
        "no headers": but("headers", to=None),
        "no properties": but("properties", to={}),
        "no delivery": but("properties", "delivery_info", to=None),
        "a priority": but("properties", "priority", to="x"),
        "a time limit": but("headers", "timelimit", to=["x", 0]),
        "a time limit that ends it": but("headers", "timelimit", to=[0.001, None]),
        "an eta": but("headers", "eta", to="Meier"),
        "an expiry": but("headers", "expires", to={"a": 1}),
        "another id": but("headers", "id", to=["x"]),
        "tries": but("headers", "retries", to="many"),
        "stamps": but("headers", "stamps", to=7),
        "packed": but("headers", "compression", to="zlib"),
        "a type of content": but("content-type", to="application/x-python-serialize"),
        "an encoding": but("content-encoding", to="binary"),
        "another task": but("headers", "task", to="celery.backend_cleanup"),
        "no task": but("headers", "task", to=None),
        "a task that is a list": but("headers", "task", to=[]),
        "a body of another": but("body", to=body(of_another)),
        "a body in the clear": but("body", to=of_another),
        "a body that is no JSON": but("body", to=body("Meier^Anna")),
        "a nested body": but("body", to=body("[" * DEEP + "]" * DEEP)[:60_000]),
        "a body with more to do": but("body", to=body(json.dumps([list(NAME), {}, {"chain": [{"task": "x"}]}]))),
        "other arguments": but("body", to=body(json.dumps([[1, 2], {}, {}]))),
    }


def test_a_message_of_ours_is_known(ours: bytes) -> None:
    """Whatever Celery adds to a message on its second way."""
    again = json.loads(ours)
    again["headers"]["redelivered"] = again["properties"]["delivery_info"]["redelivered"] = True

    assert fault_of(ours) == ""
    assert fault_of(json.dumps(again).encode()) == ""


def test_each_malformed_message_is_told_without_its_content(ours: bytes) -> None:
    """In a few words of ours."""
    told = {name: fault_of(data) for name, data in malformed(ours).items()}

    assert [name for name, why in told.items() if not why] == []
    assert not any("Meier" in why for why in told.values())


def test_what_is_set_aside_is_bounded(settings: Settings) -> None:
    """The last hundred, the beginning of each; all are counted."""
    with closing(connect(settings)) as client:
        client.flushall()
        for _ in range(messages.KEPT + 7):
            messages.set_aside(client, b"x" * (messages.KEPT_BYTES + 1), "no JSON")

        assert messages.count(client) == messages.KEPT + 7
        assert client.hlen(messages.ASIDE) == messages.KEPT
        assert client.hstrlen(messages.ASIDE, "1") == messages.KEPT_BYTES
        client.flushall()


def test_a_worker_outlives_them_all(tmp_path: Path, settings: Settings, ours: bytes) -> None:
    """And does the set that comes behind them; the log quotes nothing."""
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
            ending.callback(process.wait, 30)
            ending.callback(process.terminate)
            started.append(process)
        wait_until(lambda: messages.count(client) == len(given), log.read_text)
        write_demo(share / "BATCH", sets=1, ct=10)
        wait_until((share / "BATCH/ANON_006").exists, log.read_text)

        assert [process.poll() for process in started] == [None, None]
        assert client.hlen(messages.ASIDE) == len(given)
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert len([line for line in lines if line["event"] == "message.set-aside"]) == len(given)
    assert "Meier" not in log.read_text()
    assert isinstance(client, redis.Redis)
