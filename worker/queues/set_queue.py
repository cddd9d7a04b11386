"""The queue, and detection of lost messages.

Celery on Redis loses messages: a worker killed between taking one and recording that takes it along. It also duplicates
them. The queue is therefore a hint, accompanied by a list of what was queued. Messages leave the queue in order: one
still on the list when a later one was started, or when the queue is empty, was lost, and the watcher requeues it. A set
queued twice is processed once, which the pipeline ensures, not the queue.

Sets are stored in Redis by two opaque strings, and nothing else about them ever is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.store.set_state import SetState
from worker.connection import QUEUE, key_of
from worker.queues import lease

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis
    from celery import Celery

    from worker.queues.set_key import SetKey

TASK: Final = "anonymize_set"
SHOWN: Final = 8
"""Digits of an id that distinguish a set in a list."""

LAST_CHANCES_KEPT: Final = 10_000
"""Number of recent messages for which a last chance is remembered, since copies of a message arrive late."""


def shortened(*arguments: object) -> str:
    """Return a task's arguments as shown by Flower, last one first, with ids long enough for `anonymizer which`."""
    return ", ".join(f"{text[:SHOWN]}…" if len(text := str(one)) > SHOWN else text for one in reversed(arguments))


class Queue:
    """One of Celery's queues, with its list."""

    def __init__(self, client: redis.Redis, app: Celery, queue: str = QUEUE) -> None:
        self.queue = queue
        self._redis = client
        self._app = app
        self._pending = f"anonymizer:{queue}:pending"  # sorted set: each set, by the number of its message
        self._last = f"anonymizer:{queue}:last"  # number of the last message
        self._begun = f"anonymizer:{queue}:begun"  # sorted set of one member: the highest number that a worker started
        self._last_chance = f"anonymizer:{queue}:patience-over"  # sorted set, as pending: those whose patience is over

    def put(self, name: SetKey, *, last_chance: bool = False) -> None:
        """Queue a set; with `last_chance` it is refused if it is still incomplete.

        The list is written first, so that a message lost before sending is found missing like any other.
        """
        number = self._redis.incr(self._last)
        with self._redis.pipeline() as step:
            step.zadd(self._pending, {str(name): number})
            step.zrem(self._last_chance, str(name))
            if last_chance:
                step.zadd(self._last_chance, {str(name): number})
            step.zremrangebyscore(self._last_chance, "-inf", number - LAST_CHANCES_KEPT)
            step.execute()
        self._app.send_task(TASK, args=list(name), argsrepr=shortened(*name), queue=self.queue)

    def connect(self) -> None:
        """Connect for sending in advance, since Celery's imports for it take a third of a second.

        Raises
        ------
        kombu.exceptions.OperationalError
            Redis does not answer.
        """
        app = self._app
        _ = app.AsyncResult, app.backend, app.events.Dispatcher, app.amqp.send_task_message  # made when asked for
        with app.producer_pool.acquire(block=True) as producer:
            producer.connection.ensure_connection(max_retries=1)

    def begin(self, name: SetKey) -> bool:
        """Remove a set from the list, for a worker that starts it; return True if its patience is over."""
        number = self._redis.zscore(self._pending, str(name))
        with self._redis.pipeline() as step:
            if number is not None:
                step.zadd(self._begun, {"number": number}, gt=True)
                step.zremrangebyscore(self._pending, "-inf", number)  # those it overtook were lost
            step.zrem(self._pending, str(name))
            step.zscore(self._last_chance, str(name))
            *_, last_chance = step.execute()
        return last_chance is not None

    def clear(self) -> None:
        """Delete everything in Redis about a queue that is no longer used."""
        self._redis.delete(key_of(self.queue), self._pending, self._last, self._begun, self._last_chance)

    def holding(self, names: Iterable[SetKey]) -> dict[SetKey, SetState]:
        """Return which of these sets are `queued`, as far as known, and which are `in work`."""
        asked = list(names)
        if not asked:
            return {}
        with self._redis.pipeline(transaction=False) as step:
            step.llen(key_of(self.queue))
            step.zscore(self._begun, "number")
            for name in asked:
                step.zscore(self._pending, str(name))
                step.exists(lease.key(name))
            waiting, begun, *found = step.execute()
        states: dict[SetKey, SetState] = {}
        for name, number, leased in zip(asked, found[::2], found[1::2], strict=True):
            if leased:
                states[name] = SetState.IN_WORK
            elif waiting and number is not None and number > (begun or 0):
                states[name] = SetState.QUEUED
        lease.bound(
            self._redis, (lease.key(name) for name, state in states.items() if state is SetState.IN_WORK), lease.LEASE_S
        )
        return states
