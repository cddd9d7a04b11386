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
    from collections.abc import Iterable, Iterator

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
    try:
        with renewed(client, note, token, LEASE_S):
            yield begun
    finally:
        with suppress(redis.RedisError):
            client.delete(_beginnings(name))
            if client.get(note) == token.encode():
                client.delete(note)


def drop(client: redis.Redis, name: SetKey) -> None:
    """Release the lease of a worker process that died."""
    client.delete(key(name), _beginnings(name))


@contextmanager
def renewed(client: redis.Redis, note: str, value: str, lasting_s: float) -> Iterator[None]:
    """Keep a key as long as it has this value and this process lives; afterwards it expires within `lasting_s`."""
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(client, note, value, lasting_s, done), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        done.set()
        renewal.join()


def bound(client: redis.Redis, notes: Iterable[str], lasting_s: float) -> None:
    """Have keys expire within the time they were given, even if Redis' clock was set back since.

    Redis keeps the time of day at which a key expires. Before 7.0 it cannot be asked for this: there, a set of a dead
    worker waits until the clock has caught up.
    """
    with client.pipeline(transaction=False) as step:
        for note in notes:
            step.pexpire(note, int(lasting_s * 1000), lt=True)
        step.execute(raise_on_error=False)


def _renew(client: redis.Redis, note: str, value: str, lasting_s: float, done: threading.Event) -> None:
    while not done.wait(lasting_s / RENEWALS):
        with suppress(redis.RedisError):
            if client.get(note) != value.encode():
                return
            client.pexpire(note, int(lasting_s * 1000))
