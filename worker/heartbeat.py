"""The worker says that it takes messages: a step of Celery's consumer, which runs only while that does.

Celery has a sign of life of its own, which goes through Redis: while Redis is away, every worker looks dead to it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import redis
from celery import bootsteps, signals
from celery.worker import state

from services.runtime import heartbeat, metrics
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

EVERY_S: Final = 5.0
ASK_AFTER_S: Final = 30.0
"""Whoever has taken nothing for so long tells whether anything waits, so that a probe need not ask Redis."""


class SignOfLife(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Says in every few seconds that the worker's loop goes round, whether it could take more, and when it last did."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        from worker.app import QUEUE, connect, key_of  # noqa: PLC0415 - that module has this step among its own

        settings = Settings.of_process()
        self._key_of = key_of
        self._folder: Path | None = settings.health
        self._client = connect(settings)
        self._services = {QUEUE: "worker", f"{QUEUE}.sheets": "sheets"}  # a run's queue is no service
        self._service = ""
        signals.worker_shutdown.connect(self._end, weak=False)
        self._timer: Any = None
        self._taken = 0
        self._took_at = time.monotonic()

    def start(self, consumer: Any) -> None:
        """Begin, with each connection to Redis."""
        self._timer = consumer.timer.call_repeatedly(EVERY_S, self._say, (consumer,))

    def stop(self, _consumer: Any) -> None:
        """End, when that connection does."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, **_: object) -> None:
        """Say that the worker was asked to end, and is not missed."""
        if self._service:
            metrics.ended(self._client, self._service)

    def _say(self, consumer: Any) -> None:
        taken = sum(state.total_count.values())
        if taken != self._taken:
            self._taken, self._took_at = taken, time.monotonic()
        free = consumer.pool.num_processes - len(state.reserved_requests)
        queue = next(iter(consumer.app.amqp.queues.consume_from))  # in a run, that of the sheets comes behind it
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
        """Count the messages of a queue; None where Redis does not say.

        Never over the consumer's connection: an answer to BRPOP is always on its way there, and either would take the
        other's.
        """
        try:
            return int(self._client.llen(self._key_of(queue)))
        except (redis.RedisError, OSError):
            return None
