"""A worker's note that it works on a set: it saves double work and guarantees nothing.

It lapses when the worker is killed, stopped or cut off, and then two may work on one set. Both end in the same
published folder; claim, attempt and publication see to that.

Beside it stands how often the set was begun since it last came to an end. A process that dies is seen by the main
process of its worker; a worker that dies whole is seen by nobody, and where a set exhausts the memory of a container,
the kernel kills all that is in it (`memory.oom.group`, Kubernetes' way): only that number tells.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.set_key import SetKey

LEASE_S: Final = 6.0
"""So long a dead worker's set waits before another takes it."""

RENEWALS: Final = 3
"""So often a lease is renewed before it would lapse."""

BEGINNINGS_KEPT_S: Final = 86_400
TOGETHER_S = 5.0
"""Copies of a message that begin within so short a time count as one beginning: nobody died between them."""


def key(name: SetKey) -> str:
    """Where the note stands in Redis."""
    return f"anonymizer:lease:{name}"


def _beginnings(name: SetKey) -> str:
    """Where it stands how often the set was begun."""
    return f"anonymizer:begun:{name}"


def _begin(client: redis.Redis, name: SetKey) -> int:
    """Count a beginning, and give how many there were since the set last came to an end."""
    count = _beginnings(name)
    if client.set(f"{count}:lately", b"", nx=True, px=int(TOGETHER_S * 1000)):
        client.incr(count)
        client.expire(count, BEGINNINGS_KEPT_S)
    return int(client.get(count) or 1)


@contextmanager
def lease(client: redis.Redis, name: SetKey) -> Iterator[int]:
    """Note that this process works on a set, as long as the block runs.

    Returns
    -------
    int
        How often the set was begun since it last came to an end, this time included; 0 when another works on it.
    """
    note, token = key(name), uuid.uuid4().hex
    if not client.set(note, token, nx=True, px=int(LEASE_S * 1000)):
        yield 0
        return
    begun = _begin(client, name)
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(client, note, token, done), daemon=True)
    renewal.start()
    try:
        yield begun
    finally:
        done.set()
        renewal.join()
        with suppress(redis.RedisError):
            client.delete(_beginnings(name))
            if client.get(note) == token.encode():
                client.delete(note)


def drop(client: redis.Redis, name: SetKey) -> None:
    """Take the note away in the name of a worker process that died."""
    client.delete(key(name), _beginnings(name))


def _renew(client: redis.Redis, note: str, token: str, done: threading.Event) -> None:
    while not done.wait(LEASE_S / RENEWALS):
        with suppress(redis.RedisError):
            if client.get(note) != token.encode():
                return
            client.pexpire(note, int(LEASE_S * 1000))
