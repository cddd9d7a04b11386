"""The task: one set, named by two opaque strings. What waits, what counts as a failure, and what is final.

* A set that is refused, incomplete or done is an outcome, which the pipeline notes on the share.
* A circumstance (a full disk, a share or a Redis that is away, a set that changes under our hands) uses nothing up. The
  message is done with; the watcher asks again, later each time.
* An exception that nobody foresaw, or the death of the process, counts. After three the set is parked.
* A proof that failed would fail again: the set is parked at once, and told where it failed.
* The death of a whole worker is as a rule no set's fault: it counts from the fifth in a row on.

No exception leaves the task: Celery would put its text into logs and events, and the text may hold a name.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import structlog
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import signals
from celery.worker import state as worker_state
from structlog.contextvars import bound_contextvars

from services.errors import NotClean, SetsFailed, SettingsWrong
from services.language import speaking
from services.layout import SETTINGS_NAME
from services.pipeline.answers import parked_text
from services.pipeline.folder_run import process
from services.publication import high_water
from services.publication.index_ledger import Ledger
from services.rtset import folder_listing
from services.runtime import metrics
from services.runtime.progress import Progress, step_of
from services.runtime.settings import Settings
from services.store import failures, notes, registry
from services.store.collection import Collection
from services.store.registry import Outcome
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
    from pathlib import Path

    import redis
    from celery import Task


FREE_BEGINNINGS: Final = 5
"""A set may be begun so often without coming to an end before that counts as a failure: whole workers die of much else,
and then take along whatever they were at."""

WORKER_KILLED: Final = "WorkerKilled"
"""What that failure is called, where others have the class of an exception."""

WAITS: Final = "waits"
"""What became of an attempt that a circumstance ended: the set comes again."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Station:
    """What a worker process works with."""

    settings: Settings
    redis: redis.Redis
    share: Share


@cache
def station() -> Station:
    """Read the settings and connect: once in each process, when its first set comes."""
    settings = Settings.of_process()
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE is not set. It names the folder under which the collections lie.")
    return Station(settings, connect(settings), Share(settings.share))


@app.task(bind=True, name=TASK, Request=TaskRequest)  # type: ignore[untyped-decorator]  # Celery has no types
def anonymize_set(self: Task, collection_id: str, locator: str) -> str:
    """Do one set, unless another worker is doing it. What became of it, in a word, is for Flower: kept nowhere else."""
    name = SetKey(collection_id, locator)
    with bound_contextvars(collection=collection_id, set=locator, task=self.request.id):
        try:
            here = station()
            queue = Queue(here.redis, app, self.request.delivery_info["routing_key"])
            patience_over = queue.begin(name)
            with lease.lease(here.redis, name) as beginnings:
                if not beginnings:
                    return str(SetState.IN_WORK)
                log.info("set.begun")
                began = time.monotonic()
                ended = _work(here, name, beginnings, patience_over=patience_over)
                with _overturning_nothing():
                    queue.took(name, time.monotonic() - began)
                return ended
        except CIRCUMSTANCES as circumstance:
            log.warning("set.waits", waits=describe(circumstance))
            return WAITS


@contextmanager
def _overturning_nothing() -> Iterator[None]:
    """Note something beside an outcome that stands on the share already: what cannot be noted changes nothing of it."""
    try:
        yield
    except CIRCUMSTANCES as circumstance:
        log.warning("redis.away", waits=describe(circumstance))


def _work(here: Station, name: SetKey, beginnings: int, *, patience_over: bool) -> str:
    """Do one set, and give what became of it: an outcome's state, `failed`, or `gone`."""
    progress = Progress(here.redis, name.collection_id, name.locator)
    try:
        collection = Collection.open(here.share.find(name.collection_id))
        if beginnings > FREE_BEGINNINGS:
            log.error("set.failed", error=WORKER_KILLED)
            count_failure(collection, name, WORKER_KILLED, failures.begun(collection, name.locator))
        if _is_parked(collection, name.locator):
            return str(SetState.PARKED)
        ledger = Ledger(collection, here.redis)
        try:
            outcome = process(collection, name.locator, ledger, progress, here.settings, patience_over=patience_over)
        except CIRCUMSTANCES:
            raise
        except SetsFailed as several:
            for plan, error in several.errors.items():
                log.exception("set.failed", exc_info=error)
                count_failure(collection, name, type(error).__name__, plan, _said_by_proof(error))
            ended = "failed"
        except Exception as error:
            log.exception("set.failed")
            count_failure(collection, name, type(error).__name__, proof=_said_by_proof(error))
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
    """Start counting failures anew for each set that came to an end, and log what became of it."""
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


def _is_parked(collection: Collection, locator: str) -> bool:
    """Return whether a set waits for an operator: a message that comes back late must not set it going again."""
    outcome = registry.read_outcome(collection, locator)
    folder = registry.folder_of(collection, locator)
    if outcome is None or outcome.state is not SetState.PARKED or folder is None or not folder.is_dir():
        return False
    return folder_listing.fingerprint(folder) == outcome.fingerprint


def _said_by_proof(error: Exception) -> tuple[str, ...]:
    """Return what a failed proof says; nothing where something else went wrong, which may pass by itself."""
    return error.reasons if isinstance(error, NotClean) else ()


def count_failure(collection: Collection, name: SetKey, why: str, plan: str = "", proof: tuple[str, ...] = ()) -> None:
    """Count that we failed on a set, and park it when that was once too often, or would be so again.

    Its index, if it had one, is given back by the next reconciling.

    Parameters
    ----------
    why
        The class of what went wrong last; never its text.
    plan
        Of a folder with several sets, the mark of the plan of the one that is meant: its neighbours go on.
    proof
        What a failed proof says. It would say so of the same files again, and is not asked.
    """
    key = failures.of_set(name.locator, plan)
    folder = registry.folder_of(collection, name.locator)
    if folder is not None and _is_concluded(collection, name.locator, folder):
        return  # whoever died had written down what became of the set: that stands
    reasons = failures.with_one_more(collection, key, why)
    if (proof or len(reasons) >= failures.MOST) and folder is not None:
        fingerprint = folder_listing.fingerprint(folder)
        log.error("set.parked", codes=reasons, reasons=proof or reasons)
        if plan:
            failures.park(collection, key, reasons, fingerprint, proof)
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with speaking(collection.options.language):
            text = parked_text(proof)
            notes.write_note(folder, text)
        parked = Outcome(SetState.PARKED, fingerprint, at, codes=reasons, text=text, proof=proof)
        registry.write_outcome(collection, name.locator, parked)
        reasons = () if proof else reasons
    # Last: a parking that is cut off is made up for by the next failure.
    failures.keep(collection, key, reasons)


def _is_concluded(collection: Collection, locator: str, folder: Path) -> bool:
    """Return whether the share says what became of a folder as it is now, and under the form of now."""
    outcome = registry.read_outcome(collection, locator)
    if outcome is None or not outcome.state.is_concluded or outcome.waits_for_list:
        return False
    if outcome.state in {SetState.PARKED, SetState.NOT_READABLE}:  # these are taken up again while they look the same
        return False
    if outcome.fingerprint != folder_listing.fingerprint(folder):
        return False
    form_changed_ns = (collection.root / SETTINGS_NAME).stat().st_ctime_ns
    return not outcome.is_reopened_by_form or registry.written_ns(collection, locator) > form_changed_ns


@signals.task_failure.connect  # type: ignore[untyped-decorator]
def count_death(sender: Task, exception: BaseException, args: tuple[Any, ...], task_id: str = "", **_: object) -> None:
    """Count, in the worker's main process, that the process of a set died or was ended because it was stuck.

    It counts for the set, unless the whole worker is being stopped.
    """
    stopping = worker_state.should_stop not in {None, False}  # else it is the exit code, 0 as a rule
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
            collection = Collection.open(here.share.find(name.collection_id))
            count_failure(collection, name, why, failures.begun(collection, name.locator))
        except CIRCUMSTANCES as circumstance:
            log.warning("set.waits", waits=describe(circumstance))
