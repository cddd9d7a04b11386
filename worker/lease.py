"""A worker's note that it works on a set: it saves double work and guarantees nothing.

It lapses when the worker is killed, stopped or cut off, and then two may work on one set. Both end in the same
published folder; claim, attempt and publication see to that.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.name import Name

LEASE_S: Final = 6.0
"""So long a dead worker's set waits before another takes it. Renewed three times as often."""


def key(name: Name) -> str:
    """Where the note stands in Redis."""
    return f"anonymizer:lease:{name}"


@contextmanager
def lease(client: redis.Redis, name: Name) -> Iterator[bool]:
    """Note that this process works on a set, as long as the block runs; false when another one does already."""
    note, token = key(name), uuid.uuid4().hex
    if not client.set(note, token, nx=True, px=int(LEASE_S * 1000)):
        yield False
        return
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(client, note, token, done), daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        done.set()
        renewal.join()
        with suppress(redis.RedisError):
            if client.get(note) == token.encode():
                client.delete(note)


def drop(client: redis.Redis, name: Name) -> None:
    """Take the note away in the name of a worker process that died."""
    client.delete(key(name))


def _renew(client: redis.Redis, note: str, token: str, done: threading.Event) -> None:
    while not done.wait(LEASE_S / 3):
        with suppress(redis.RedisError):
            if client.get(note) != token.encode():
                return
            client.pexpire(note, int(LEASE_S * 1000))
