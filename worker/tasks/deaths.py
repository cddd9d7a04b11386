"""Deaths that count against the set in work: no exception reports them, so that such a set would be retried forever.

The death of a process, or its end for being stuck, is seen by its worker's main process and counts as a failure. The
death of a whole worker is seen by nobody, and usually no set's fault: it counts from the fifth in a row on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
from celery import signals
from celery.worker import state as worker_state
from structlog.contextvars import bound_contextvars

from services.pipeline import parking
from services.runtime import progress
from services.store import failures
from worker.queues import lease
from worker.queues.set_key import SetKey
from worker.queues.set_queue import TASK
from worker.tasks.ends import DEATHS, signal_of
from worker.tasks.station import station, tolerating

if TYPE_CHECKING:
    from celery import Task

    from services.store.collection import Collection

FREE_BEGINNINGS: Final = 5
"""Number of starts without completion before they count as a failure: whole workers die for many reasons, whatever they
are processing.
"""

WORKER_KILLED: Final = "WorkerKilled"
"""Name of that failure, in place of an exception's class."""

log = structlog.get_logger()


def count_workers(collection: Collection, locator: str, beginnings: int) -> None:
    """Count a failure of a set if more workers than permitted died while processing it."""
    if beginnings > FREE_BEGINNINGS:
        log.error("set.failed", error=WORKER_KILLED)
        _count(collection, locator, WORKER_KILLED)


@signals.task_failure.connect  # type: ignore[untyped-decorator]  # Celery has no types
def count_process(
    sender: Task, exception: BaseException, args: tuple[Any, ...], task_id: str = "", **_: object
) -> None:
    """Count, in the worker's main process, the death of a set's process, unless the whole worker is being stopped."""
    stopping = worker_state.should_stop not in {None, False}  # otherwise it is the exit code, usually 0
    if stopping or sender.name != TASK or not isinstance(exception, DEATHS):
        return
    name = SetKey(*args)
    bound = bound_contextvars(collection=name.collection_id, set=name.locator, task=task_id)
    with bound, tolerating("set.waits"):
        here, why = station(), type(exception).__name__
        step = progress.step_of(here.redis, *name)
        log.error("set.failed", error=why, signal=signal_of(str(exception)), step=step)
        lease.drop(here.redis, name)
        progress.forget(here.redis, *name)
        _count(here.open(name.collection_id), name.locator, why)


def _count(collection: Collection, locator: str, why: str) -> None:
    """Count a failure of the set that was in work, in a folder of several too."""
    parking.count_failure(collection, locator, why, failures.begun(collection, locator))
