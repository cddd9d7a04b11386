"""Messages of every kind that could end a worker, made from a valid one."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import closing
from typing import TYPE_CHECKING, Any

from worker.app import make_app
from worker.connection import QUEUE, connect, key_of
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    from services.runtime.settings import Settings

NAME = SetKey("c" * 32, "0" * 32)
DEEP = 100_000


def well_formed(settings: Settings, queue: str = QUEUE) -> bytes:
    """Return a message as sent by the watcher, leaving the queue empty."""
    with closing(connect(settings)) as client:
        sending = Queue(client, make_app(lambda: settings), queue)
        sending.put(NAME)
        (found,) = client.lrange(key_of(queue), 0, -1)  # type: ignore[misc]  # the client is no asynchronous one
        sending.clear()
    return found  # type: ignore[no-any-return]  # as above


def body(value: bytes | str) -> str:
    """Encode a body as Celery does."""
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def malformed(ours: bytes) -> dict[str, bytes]:
    """Return messages of every kind that could end a worker."""

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
