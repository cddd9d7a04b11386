"""Lease of a worker on a set, which avoids duplicate work but guarantees nothing.

It expires when the worker is killed, stopped or disconnected, after which two may work on one set. Both result in the
same published folder, which claim, attempt and publication ensure.

The number of starts since the set last completed is stored, too. The death of a process is seen by its worker's main
process, but that of a whole worker by nobody: if a set exhausts a container's memory, the kernel kills everything in it
(`memory.oom.group`, as in Kubernetes), and only this number shows it.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.queues.set_key import SetKey

LEASE_S: Final = 6.0
"""Seconds until another worker takes a dead worker's set."""

RENEWALS: Final = 3
"""Renewals per lease duration."""

BEGINNINGS_KEPT_S: Final = 86_400
TOGETHER_S = 5.0
"""Copies of a message started within this many seconds count as one start: nobody died between them."""


def key(name: SetKey) -> str:
    """Return the Redis key of the lease."""
    return f"anonymizer:lease:{name}"


def _beginnings(name: SetKey) -> str:
    """Return the Redis key of the number of starts."""
    return f"anonymizer:begun:{name}"


def _begin(client: redis.Redis, name: SetKey) -> int:
    """Count a start, and return the number since the set last completed."""
    count = _beginnings(name)
    if client.set(f"{count}:lately", b"", nx=True, px=int(TOGETHER_S * 1000)):
        client.incr(count)
        client.expire(count, BEGINNINGS_KEPT_S)
    return int(client.get(count) or 1)


@contextmanager
def lease(client: redis.Redis, name: SetKey) -> Iterator[int]:
    """Hold the lease on a set for the duration of the block.

    Returns
    -------
    int
        Number of starts since the set last completed, including this one; 0 if another worker holds the lease.
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
    """Release the lease of a worker process that died."""
    client.delete(key(name), _beginnings(name))


def _renew(client: redis.Redis, note: str, token: str, done: threading.Event) -> None:
    while not done.wait(LEASE_S / RENEWALS):
        with suppress(redis.RedisError):
            if client.get(note) != token.encode():
                return
            client.pexpire(note, int(LEASE_S * 1000))
