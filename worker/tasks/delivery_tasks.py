"""Tasks that receive deliveries from the inbox, one after the other, in the queue of the sheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from structlog.contextvars import bound_contextvars

from worker.app import app
from worker.queues.sheet_queue import DELIVERY_TASK, Sheets
from worker.tasks.station import station, tolerating

if TYPE_CHECKING:
    from celery import Task

LONGEST_TASK_S: Final = 6 * 3600

log = structlog.get_logger()


@app.task(bind=True, name=DELIVERY_TASK, time_limit=LONGEST_TASK_S)  # type: ignore[untyped-decorator]
def receive_delivery(self: Task, collection_id: str, mark: str) -> None:
    """Receive a delivery in the inbox, continuing where a killed worker stopped."""
    from services.exchange import inbox  # noqa: PLC0415 - it imports cryptography, which no other task needs

    bound = bound_contextvars(collection=collection_id, delivery=mark, task=self.request.id)
    with bound, tolerating("delivery.waits"):
        here = station()
        sheets = Sheets(here.redis, app, self.request.delivery_info["routing_key"])
        with sheets.receiving(collection_id, mark):
            result = inbox.take(here.open(collection_id), mark, here.settings, here.redis)
        log.info("delivery.received", state=result)
        sheets.received(collection_id, mark)
