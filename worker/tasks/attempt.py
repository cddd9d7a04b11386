"""One attempt at a set: what it comes to, and what counts as a failure.

* A set that is refused, incomplete or done is an outcome, which the pipeline stores on the share.
* A temporary error (a full disk, an unavailable share or Redis, a set that changes during processing) does not count,
  and is left to the caller.
* An unexpected exception, or the death of the process (`deaths`), counts. After three the set is parked.
* A failed proof would fail again: the set is parked at once, with the findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from services.errors import SetsFailed
from services.pipeline import parking
from services.pipeline.folder_run import process
from services.publication import high_water
from services.publication.index_ledger import Ledger
from services.runtime import metrics
from services.runtime.progress import Progress
from services.store import failures
from services.store.set_state import SetState
from worker.tasks import deaths
from worker.tasks.station import tolerating
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from services.store.collection import Collection
    from services.store.registry import SetOutcome
    from worker.queues.set_key import SetKey
    from worker.tasks.station import Station

FAILED: Final = "failed"
"""Result of an attempt ended by an error that counts."""

log = structlog.get_logger()


def attempt(here: Station, name: SetKey, beginnings: int, *, patience_over: bool) -> str:
    """Process one set, and return the result: an outcome's state, `failed`, or `gone`.

    Parameters
    ----------
    beginnings
        Number of starts since the set last completed, including this one.
    patience_over
        Whether the set is refused if it is still incomplete.

    Raises
    ------
    CIRCUMSTANCES
        Temporary; the reason is shown, and the attempt does not count.
    """
    progress = Progress(here.redis, name.collection_id, name.locator)
    try:
        collection = here.open(name.collection_id)
        deaths.count_workers(collection, name.locator, beginnings)
        if parking.is_parked(collection, name.locator):
            return str(SetState.PARKED)
        ended = _process(here, collection, name.locator, progress, patience_over=patience_over)
    except CIRCUMSTANCES as circumstance:
        progress.waits(describe(circumstance))
        raise
    progress.done()
    metrics.add(here.redis, ended, progress.seconds, progress.size_bytes)
    return ended


def _process(here: Station, collection: Collection, locator: str, progress: Progress, *, patience_over: bool) -> str:
    """Run the pipeline; count the errors that end it."""
    ledger = Ledger(collection, here.redis)
    try:
        outcome = process(collection, locator, ledger, progress, here.settings, patience_over=patience_over)
    except CIRCUMSTANCES:
        raise
    except SetsFailed as several:
        for plan, error in several.errors.items():
            log.exception("set.failed", exc_info=error)
            parking.count_error(collection, locator, error, plan)
        return FAILED
    except Exception as error:
        log.exception("set.failed")
        parking.count_error(collection, locator, error)
        return FAILED
    entries = outcome.entries if outcome else ()
    _forget_failures(collection, locator, entries)
    _log_outcomes(here.redis, collection, entries, progress)
    return str(outcome.state if outcome else SetState.GONE)


def _forget_failures(collection: Collection, locator: str, entries: Sequence[SetOutcome]) -> None:
    """Reset the failures of each completed set."""
    with tolerating("redis.away"):  # the outcome is already stored on the share
        failures.forget(collection, locator)
        for one in entries:
            if one.plan and one.state is not SetState.PARKED:
                failures.forget(collection, failures.of_set(locator, one.plan))


def _log_outcomes(
    client: redis.Redis, collection: Collection, entries: Sequence[SetOutcome], progress: Progress
) -> None:
    """Remember the numbers that were published, and log the outcome of each set."""
    took_s = round(sum(progress.seconds.values()), 3)
    for one in entries:
        if one.state is SetState.PUBLISHED and one.index is not None:
            high_water.remember(client, collection.id, one.index)
        event = f"set.{one.state.replace(' ', '-')}"
        log.info(event, index=one.index, codes=one.codes, seconds=took_s)
