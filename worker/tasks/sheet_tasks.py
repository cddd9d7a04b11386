"""Tasks that make sheets, in their own queue beside the sets (`worker.queues.sheet_queue`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
from celery import signals
from structlog.contextvars import bound_contextvars

from sheets import paths
from worker.app import app
from worker.drawing import ENDING
from worker.queues.sheet_queue import TASK, Sheets
from worker.tasks.ends import DEATHS, TaskRequest
from worker.tasks.station import station, tolerating
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from celery import Task
    from celery.apps.worker import Worker

    from services.store.collection import Collection

LONGEST_TASK_S: Final = 600
"""A sheet of 124 MB takes five seconds."""

log = structlog.get_logger()


@app.task(bind=True, name=TASK, time_limit=LONGEST_TASK_S, Request=TaskRequest)  # type: ignore[untyped-decorator]  # Celery has no types
def make_sheet(self: Task, collection_id: str, index: int) -> None:
    """Make the sheet of a published set, unless it exists."""
    bound = bound_contextvars(collection=collection_id, index=index, task=self.request.id)
    with bound, tolerating("sheet.waits"):
        here = station()
        sheets = Sheets(here.redis, app, self.request.delivery_info["routing_key"])
        collection = here.open(collection_id)
        if index in paths.missing(collection):
            try:
                with sheets.making(collection_id, index):
                    _make(collection, index)
            except CIRCUMSTANCES as circumstance:
                sheets.put_off(collection_id, index, describe(circumstance))
                raise
            except Exception:
                log.exception("sheet.failed")
                sheets.failed(collection_id, index)
                return
            log.info("sheet.made")
        sheets.done(collection_id, index)


def _make(collection: Collection, index: int) -> None:
    from sheets.set_sheet import make  # noqa: PLC0415 - drawing takes a second to import, and workers of sets never draw

    make(collection, index)


@signals.celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def prepare(instance: Worker, **_: object) -> None:
    """Import what sheets need before the first request, in a worker that does nothing else."""
    if all(queue.endswith(ENDING) for queue in instance.app.amqp.queues.consume_from):
        import sheets.set_sheet  # noqa: F401, PLC0415 - see `_make`


@signals.task_failure.connect  # type: ignore[untyped-decorator]
def note_death(sender: Task, exception: BaseException, args: tuple[Any, ...], **_: object) -> None:
    """Note in the worker's main process that a sheet killed its process, so that it is not retried at once."""
    if sender.name == TASK and isinstance(exception, DEATHS):
        with tolerating("sheet.waits"):
            Sheets(station().redis, app).failed(*args)
