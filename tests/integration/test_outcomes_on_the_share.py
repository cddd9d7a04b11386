"""Outcomes are on the share: later bookkeeping never overturns them, and counters catch up."""

from __future__ import annotations

import json
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from billiard.exceptions import WorkerLostError

from anonymizer.embedded.redis_server import redis_server
from services.pipeline import parking
from services.publication import high_water
from services.rtset import folder_listing
from services.runtime import metrics
from services.runtime.progress import Progress, read_all
from services.runtime.settings import Settings
from services.store import failures, registry
from services.store.registry import Outcome
from services.store.set_state import SetState
from services.store.share import Share
from tests.logged import logged
from tests.sets import make_set
from worker.connection import connect
from worker.tasks import attempt, deaths, set_tasks
from worker.tasks.set_tasks import anonymize_set
from worker.tasks.station import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from services.store.collection import Collection


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Collection, str, redis.Redis], str]]:
    """Run a set's task in this process, like a worker."""
    metrics._unsent.clear()

    def do(collection: Collection, locator: str, client: redis.Redis) -> str:
        here = Station(Settings(share=collection.root.parent), client, Share(collection.root.parent))
        monkeypatch.setattr(set_tasks, "station", lambda: here)
        task = SimpleNamespace(request=SimpleNamespace(id="t", delivery_info={"routing_key": "anonymizer"}))
        return str(anonymize_set.run.__func__(task, collection.id, locator))

    yield do
    metrics._unsent.clear()


def test_a_set_that_is_published_while_redis_goes_away_is_published_and_counted_once(
    collection: Collection,
    work: Callable[[Collection, str, redis.Redis], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Flower is notified; the counter is updated when Redis is back, exactly once."""
    locator = registry.register(collection, make_set(collection.root).folder.name)
    process = attempt.process
    with redis_server() as url, closing(connect(Settings(redis_url=url))) as client:

        def then_redis_ends(*arguments: object, **named: object) -> Outcome | None:
            outcome = process(*arguments, **named)  # type: ignore[arg-type]
            client.shutdown(nosave=True)
            return outcome

        monkeypatch.setattr(attempt, "process", then_redis_ends)
        assert work(collection, locator, client) == "published"
    with redis_server() as url, closing(connect(Settings(redis_url=url))) as client:
        for _ in range(2):
            high_water.check(client, collection)
            high_water.remember(client, collection.id, 6)
        metrics.add(client, "refused", {"read": 0.2})
        told = metrics.read(client)
    assert told.outcomes == {"published": 1, "refused": 1}
    assert told.bytes > 0  # what the set cost is added late, and not lost
    assert sum(told.within["written"]) == 1


def test_a_published_set_that_is_looked_at_again_is_counted_once(
    collection: Collection, client: redis.Redis, work: Callable[[Collection, str, redis.Redis], str]
) -> None:
    """Numbers of the older program do not count."""
    locator = registry.register(collection, make_set(collection.root).folder.name)
    assert [work(collection, locator, client) for _ in range(2)] == ["published", "published"]
    (collection.records / "ANON_003.json").write_text('{"schema": 1, "index": 3, "adopted": true}')
    high_water.check(client, collection)
    assert metrics.read(client).outcomes == {"published": 1}


def test_a_circumstance_is_reported_as_one(
    collection: Collection, client: redis.Redis, work: Callable[[Collection, str, redis.Redis], str]
) -> None:
    """The set is retried."""
    locator = registry.register(collection, make_set(collection.root).folder.name)
    (collection.root / "collection.toml").write_text("[identity\n")
    assert work(collection, locator, client) == "waits"


def test_a_late_message_does_not_begin_a_parked_set_again(
    collection: Collection, client: redis.Redis, work: Callable[[Collection, str, redis.Redis], str]
) -> None:
    """It waits for an operator, even if it is good."""
    locator = registry.register(collection, make_set(collection.root).folder.name)
    for _ in range(failures.MOST):
        parking.count_failure(collection, locator, "WorkerLostError")
    before = registry.read_outcome(collection, locator)
    assert work(collection, locator, client) == "parked"
    assert (registry.read_outcome(collection, locator), list(collection.root.glob("ANON_*"))) == (before, [])


@pytest.mark.parametrize("state", [SetState.PUBLISHED, SetState.REFUSED])
def test_a_death_after_the_outcome_was_written_does_not_park_the_set(collection: Collection, state: SetState) -> None:
    """However often; if the form has changed since, it counts."""
    folder = make_set(collection.root).folder
    locator = registry.register(collection, folder.name)
    outcome = Outcome(state, folder_listing.fingerprint(folder), "2026-11-29T12:00:00+00:00", index=6)
    registry.write_outcome(collection, locator, outcome)
    for _ in range(failures.MOST):
        parking.count_failure(collection, locator, "WorkerLostError")
    assert (registry.read_outcome(collection, locator).state, failures.all_of(collection)) == (state, [])


def test_the_log_says_which_signal_ended_a_process_and_in_which_step(
    collection: Collection, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the ids that identify the set's other lines."""
    locator = registry.register(collection, make_set(collection.root).folder.name)
    Progress(client, collection.id, locator).step("written", 3, 6)
    here = Station(Settings(share=collection.root.parent), client, Share(collection.root.parent))
    monkeypatch.setattr(deaths, "station", lambda: here)
    with logged() as written:
        deaths.count_process(
            anonymize_set,
            WorkerLostError("Worker exited prematurely: signal 9 (SIGKILL) Job: 3."),
            (collection.id, locator),
            task_id="t",
        )
    (line,) = map(json.loads, written.getvalue().splitlines())
    line.pop("timestamp")
    assert read_all(client, collection.id) == {}, "nobody is told that it is still in work"
    assert line == {
        "event": "set.failed",
        "level": "error",
        "error": "WorkerLostError",
        "signal": "SIGKILL",
        "step": "written",
        "collection": collection.id,
        "set": locator,
        "task": "t",
    }
