"""The task that processes one set, given by two opaque strings; handling of temporary errors, failures and outcomes.

* A set that is refused, incomplete or done is an outcome, which the pipeline stores on the share.
* A temporary error (a full disk, an unavailable share or Redis, a set that changes during processing) does not count.
  The message is acknowledged; the watcher requeues the set, later each time.
* An unexpected exception, or the death of the process, counts. After three the set is parked.
* A failed proof would fail again: the set is parked at once, with the findings.
* The death of a whole worker is usually no set's fault: it counts from the fifth in a row on.

No exception leaves the task, since Celery would put its text, which may contain a name, into logs and events.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import structlog
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import signals
from celery.worker import state as worker_state
from structlog.contextvars import bound_contextvars

from services.errors import SetsFailed, SettingsWrong
from services.pipeline import parking
from services.pipeline.folder_run import process
from services.publication import high_water
from services.publication.index_ledger import Ledger
from services.runtime import metrics
from services.runtime.progress import Progress, forget, step_of
from services.runtime.settings import Settings
from services.store import failures
from services.store.collection import Collection
from services.store.set_state import SetState
from services.store.share import Share
from worker import lease
from worker.app import app, connect
from worker.ends import TaskRequest, signal_of
from worker.queue import TASK, Queue
from worker.set_key import SetKey
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    from celery import Task

    from services.store.registry import Outcome


FREE_BEGINNINGS: Final = 5
"""Number of starts without completion before they count as a failure: whole workers die for many reasons, whatever they
are processing.
"""

WORKER_KILLED: Final = "WorkerKilled"
"""Name of that failure, in place of an exception's class."""

WAITS: Final = "waits"
"""Result of an attempt ended by a temporary error: the set is retried."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Station:
    """Resources of a worker process."""

    settings: Settings
    redis: redis.Redis
    share: Share


@cache
def station() -> Station:
    """Read the settings and connect, once per process on its first set."""
    settings = Settings.of_process()
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE is not set. It is the folder that contains the collections.")
    return Station(settings, connect(settings), Share(settings.share))


@app.task(bind=True, name=TASK, Request=TaskRequest)  # type: ignore[untyped-decorator]  # Celery has no types
def anonymize_set(self: Task, collection_id: str, locator: str) -> str:
    """Process one set, unless another worker does. The return value, the result in a word, is only for Flower."""
    name = SetKey(collection_id, locator)
    with bound_contextvars(collection=collection_id, set=locator, task=self.request.id):
        try:
            here = station()
            patience_over = Queue(here.redis, app, self.request.delivery_info["routing_key"]).begin(name)
            with lease.lease(here.redis, name) as beginnings:
                if not beginnings:
                    return str(SetState.IN_WORK)
                log.info("set.begun")
                return _work(here, name, beginnings, patience_over=patience_over)
        except CIRCUMSTANCES as circumstance:
            log.warning("set.waits", waits=describe(circumstance))
            return WAITS


@contextmanager
def _overturning_nothing() -> Iterator[None]:
    """Suppress errors of recording something in addition to an outcome already stored on the share."""
    try:
        yield
    except CIRCUMSTANCES as circumstance:
        log.warning("redis.away", waits=describe(circumstance))


def _work(here: Station, name: SetKey, beginnings: int, *, patience_over: bool) -> str:
    """Process one set, and return the result: an outcome's state, `failed`, or `gone`."""
    progress = Progress(here.redis, name.collection_id, name.locator)
    try:
        collection = Collection.open(here.share.find(name.collection_id))
        if beginnings > FREE_BEGINNINGS:
            log.error("set.failed", error=WORKER_KILLED)
            parking.count_failure(collection, name.locator, WORKER_KILLED, failures.begun(collection, name.locator))
        if parking.is_parked(collection, name.locator):
            return str(SetState.PARKED)
        ledger = Ledger(collection, here.redis)
        try:
            outcome = process(collection, name.locator, ledger, progress, here.settings, patience_over=patience_over)
        except CIRCUMSTANCES:
            raise
        except SetsFailed as several:
            for plan, error in several.errors.items():
                log.exception("set.failed", exc_info=error)
                parking.count_error(collection, name.locator, error, plan)
            ended = "failed"
        except Exception as error:
            log.exception("set.failed")
            parking.count_error(collection, name.locator, error)
            ended = "failed"
        else:
            ended = str(outcome.state if outcome else SetState.GONE)
            _note_end(here, collection, name, outcome, progress)
    except CIRCUMSTANCES as circumstance:
        progress.waits(describe(circumstance))
        raise
    progress.done()
    metrics.add(here.redis, ended, progress.seconds, progress.size_bytes)
    return ended


def _note_end(here: Station, collection: Collection, name: SetKey, outcome: Outcome | None, progress: Progress) -> None:
    """Reset the failures of each completed set, and log its outcome."""
    entries = outcome.entries if outcome else ()
    took_s = round(sum(progress.seconds.values()), 3)
    with _overturning_nothing():
        failures.forget(collection, name.locator)
        for one in entries:
            if one.plan and one.state is not SetState.PARKED:
                failures.forget(collection, failures.of_set(name.locator, one.plan))
    for one in entries:
        if one.state is SetState.PUBLISHED and one.index is not None:
            high_water.remember(here.redis, collection.id, one.index)
        event = f"set.{one.state.replace(' ', '-')}"
        log.info(event, index=one.index, codes=one.codes, seconds=took_s)


@signals.task_failure.connect  # type: ignore[untyped-decorator]
def count_death(sender: Task, exception: BaseException, args: tuple[Any, ...], task_id: str = "", **_: object) -> None:
    """Count, in the worker's main process, the death of a set's process, including those killed for being stuck.

    It counts against the set, unless the whole worker is being stopped.
    """
    stopping = worker_state.should_stop not in {None, False}  # otherwise it is the exit code, usually 0
    if stopping or sender.name != TASK or not isinstance(exception, (WorkerLostError, TimeLimitExceeded)):
        return
    name = SetKey(*args)
    with bound_contextvars(collection=name.collection_id, set=name.locator, task=task_id):
        why = type(exception).__name__
        try:
            here = station()
            step = step_of(here.redis, *name)
            log.error("set.failed", error=why, signal=signal_of(str(exception)), step=step)
            lease.drop(here.redis, name)
            forget(here.redis, *name)
            collection = Collection.open(here.share.find(name.collection_id))
            parking.count_failure(collection, name.locator, why, failures.begun(collection, name.locator))
        except CIRCUMSTANCES as circumstance:
            log.warning("set.waits", waits=describe(circumstance))
