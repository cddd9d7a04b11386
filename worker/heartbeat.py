"""Heartbeat of a worker that takes messages: a step of Celery's consumer, active only while that runs.

Celery's own heartbeat goes through Redis, so that every worker looks dead while Redis is unavailable.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import redis
from celery import bootsteps, signals
from celery.worker import state

from services.runtime import heartbeat, metrics
from services.runtime.settings import Settings
from worker.connection import QUEUE, connect, key_of

if TYPE_CHECKING:
    from pathlib import Path

EVERY_S: Final = 5.0
ASK_AFTER_S: Final = 30.0
"""Seconds without a message after which a worker reports the queue's length, so that a probe need not ask Redis."""


class SignOfLife(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Reports every few seconds that the worker's loop is running, its free capacity, and its last message."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        settings = Settings.of_process()
        self._folder: Path | None = settings.health
        self._client = connect(settings)
        self._services = {QUEUE: "worker", f"{QUEUE}.sheets": "sheets"}  # a run's queue is not a service
        self._service = ""
        signals.worker_shutdown.connect(self._end, weak=False)
        self._timer: Any = None
        self._taken = 0
        self._took_at = time.monotonic()

    def start(self, consumer: Any) -> None:
        """Start, on each connection to Redis."""
        self._timer = consumer.timer.call_repeatedly(EVERY_S, self._write, (consumer,))

    def stop(self, _consumer: Any) -> None:
        """Stop, when that connection ends."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, **_: object) -> None:
        """Note that the worker was asked to stop, so is not missing."""
        if self._service:
            metrics.ended(self._client, self._service)

    def _write(self, consumer: Any) -> None:
        taken = sum(state.total_count.values())
        if taken != self._taken:
            self._taken, self._took_at = taken, time.monotonic()
        free = consumer.pool.num_processes - len(state.reserved_requests)
        queue = next(iter(consumer.app.amqp.queues.consume_from))  # in a run, the queue of the sheets comes second
        self._service = self._services.get(queue, "")
        if self._service:
            metrics.heard(self._client, self._service)
        if self._folder is not None:
            is_idle = free > 0 and time.monotonic() - self._took_at > ASK_AFTER_S
            waiting = self._waiting(queue) if is_idle else None
            heartbeat.write(
                self._folder, heartbeat.WORKER, free=free, took_at=self._took_at, queue=queue, waiting=waiting
            )

    def _waiting(self, queue: str) -> int | None:
        """Return the number of messages in a queue; None if Redis does not answer.

        Never over the consumer's connection: it always has a pending BRPOP, and each would receive the other's
        response.
        """
        try:
            return int(self._client.llen(key_of(queue)))
        except (redis.RedisError, OSError):
            return None
