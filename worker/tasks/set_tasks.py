"""The task that processes one set, given by two opaque strings.

A temporary error ends it like an outcome: its message is acknowledged, and the watcher requeues the set, later each
time. No exception leaves the task, since Celery would put its text, which may contain a name, into logs and events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from structlog.contextvars import bound_contextvars

from services.store.set_state import SetState
from worker.app import app
from worker.queues.lease import lease
from worker.queues.set_key import SetKey
from worker.queues.set_queue import TASK, Queue
from worker.tasks.attempt import attempt
from worker.tasks.ends import TaskRequest
from worker.tasks.station import station, tolerating

if TYPE_CHECKING:
    from celery import Task

WAITS: Final = "waits"
"""Result of an attempt ended by a temporary error: the set is retried."""

log = structlog.get_logger()


@app.task(bind=True, name=TASK, Request=TaskRequest)  # type: ignore[untyped-decorator]  # Celery has no types
def anonymize_set(self: Task, collection_id: str, locator: str) -> str:
    """Process one set, unless another worker does. The return value, the result in a word, is only for Flower."""
    name = SetKey(collection_id, locator)
    with bound_contextvars(collection=collection_id, set=locator, task=self.request.id), tolerating("set.waits"):
        here = station()
        patience_over = Queue(here.redis, app, self.request.delivery_info["routing_key"]).begin(name)
        with lease(here.redis, name) as beginnings:
            if not beginnings:
                return str(SetState.IN_WORK)
            log.info("set.begun")
            return attempt(here, name, beginnings, patience_over=patience_over)
    return WAITS
