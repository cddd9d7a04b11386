"""A worker is killed before each of its changes on disk; its successor reaches the same state."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import redis

from services.publication import claims, publish
from services.publication.attempts import ABANDONED_AFTER_S, AbandonedWork, Attempt
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.store import records
from services.store.tracking_lines import TrackingFiles, TrackingLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.store.collection import Collection

    Killed = Callable[[int, Callable[[], object]], bool]

ONE, TWO = "1" * 32, "2" * 32
LOCATOR = "0" * 32
LINE_OF_ONE = "orig-1, zzz_AnusGE006, Plan, Demo Hospital"


def connect(socket: str) -> redis.Redis:
    """Reconnect, as in a new process."""
    return redis.Redis(unix_socket_path=socket)


def do(collection: Collection, socket: str, set_id: str) -> int:
    """Process a set, without the DICOM."""
    found = publish.find(collection, set_id)
    if found is not None:
        return found.index
    index = Ledger(collection, connect(socket)).claim(set_id, LOCATOR)
    attempt = Attempt.begin(collection, set_id, index)
    for name in (f"CT.{set_id}.dcm", f"RP.{set_id}.dcm"):
        (attempt.folder / name).write_bytes(name.encode())
    new_id = collection.identity.numbered(index).patient_id
    line = TrackingLine(f"orig-{set_id[0]}", new_id, "Plan", "Demo Hospital", date(2026, 11, 22))
    publish.publish(attempt, {"files": 2}, line, f"RP.{set_id}.dcm")
    return index


def tidy_up(collection: Collection, socket: str) -> None:
    """Do what the reconciler does, until ten minutes have passed."""
    now = [0.0]
    still = AbandonedWork(collection, lambda: now[0])
    ledger = Ledger(collection, connect(socket))
    for _ in range(2):
        publish.recover(collection)
        ledger.audit()
        still.clear(lambda _: False)
        now[0] += ABANDONED_AFTER_S
    still.clear(lambda _: False)
    TrackingFiles(collection).render()


def state(collection: Collection) -> dict[str, object]:
    """Return everything that must be the same after any interruption."""
    return {
        "folders": {
            path.name: sorted(durable_files.names(path))
            for path in collection.root.iterdir()
            if path.name.startswith("ANON")
        },
        "claims": sorted(durable_files.names(collection.claims)),
        "records": sorted(durable_files.names(collection.records)),
        "entries": sorted(durable_files.names(collection.tracking)),
        "sets": sorted(durable_files.names(collection.sets)),
        "staging": sorted(durable_files.names(collection.staging)),
        "lines": [line for path in collection.root.glob("VicRapidPlan*") for line in path.read_text().splitlines()[1:]],
    }


PUBLISHED = {
    "folders": {"ANON_006": [f"CT.{ONE}.dcm", f"RP.{ONE}.dcm"]},
    "claims": ["000006.json"],
    "records": ["ANON_006.json"],
    "entries": ["000006.json"],
    "sets": [f"{ONE}.json"],
    "staging": [],
    "lines": [LINE_OF_ONE],
}
NOTHING = {"folders": {}, "claims": [], "records": [], "entries": [], "sets": [], "staging": [], "lines": []}


def restart(collection: Collection) -> None:
    """Bring a collection back to its beginning."""
    for folder in collection.root.glob("ANON*"):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    for path in collection.root.glob("VicRapidPlan*"):
        path.unlink()
    for folder in (collection.claims, collection.records, collection.tracking, collection.sets):
        for path in folder.iterdir():
            path.unlink()


def test_killed_on_the_way_and_done_again(
    collection: Collection, redis_server: str, client: redis.Redis, killed_before: Killed
) -> None:
    """Published once, in the tracking file once, under the first index, without remains."""
    step = 0
    while killed_before(step, lambda: do(collection, redis_server, ONE)):
        if step % 2:
            client.flushall()
        do(collection, redis_server, ONE)
        tidy_up(collection, redis_server)
        assert state(collection) == PUBLISHED, step
        restart(collection)
        client.flushall()
        step += 1
    assert step > 15


def test_killed_twice(collection: Collection, redis_server: str, client: redis.Redis, killed_before: Killed) -> None:
    """A process completing another's work may be killed at any step, too."""
    step = 0
    while killed_before(step, lambda: do(collection, redis_server, ONE)):
        killed_before(4, lambda: do(collection, redis_server, ONE))
        killed_before(1, lambda: publish.recover(collection))
        do(collection, redis_server, ONE)
        tidy_up(collection, redis_server)
        assert state(collection) == PUBLISHED, step
        restart(collection)
        client.flushall()
        step += 1


def test_killed_on_the_way_and_the_source_is_gone(
    collection: Collection, redis_server: str, client: redis.Redis, killed_before: Killed
) -> None:
    """Either the set is completely published, or its index is free and given next."""
    step, outcomes = 0, []
    while killed_before(step, lambda: do(collection, redis_server, ONE)):
        ledger = Ledger(collection, connect(redis_server))
        ledger.release(ONE)
        tidy_up(collection, redis_server)
        assert state(collection) in (PUBLISHED, NOTHING), step
        outcomes.append(state(collection) == PUBLISHED)
        assert ledger.claim(TWO, LOCATOR) == (7 if outcomes[-1] else 6)
        restart(collection)
        client.flushall()
        step += 1
    assert outcomes == sorted(outcomes)
    assert True in outcomes


def test_killed_while_giving_back(
    collection: Collection, redis_server: str, client: redis.Redis, killed_before: Killed
) -> None:
    """The rest is completed by the audit, or by the set when it returns."""

    def give_back() -> None:
        Ledger(collection, connect(redis_server)).release(ONE)

    for finish in (
        lambda: None,
        lambda: Ledger(collection, connect(redis_server)).claim(ONE, LOCATOR),
    ):
        step = 0
        while True:
            ledger = Ledger(collection, client)
            Attempt.begin(collection, ONE, ledger.claim(ONE, LOCATOR))
            if not killed_before(step, give_back):
                break
            finish()
            ledger.release(ONE)
            tidy_up(collection, redis_server)
            assert state(collection) == NOTHING, step
            assert ledger.claim(TWO, LOCATOR) == 6
            restart(collection)
            client.flushall()
            step += 1
        assert step > 5
        restart(collection)
        client.flushall()


def test_a_worker_frozen_before_the_rename_changes_nothing_afterwards(
    collection: Collection, redis_server: str, client: redis.Redis
) -> None:
    """Frozen before the rename, while a copy of the task published the set and the folder was removed."""
    ledger = Ledger(collection, client)
    index = ledger.claim(ONE, LOCATOR)
    frozen = Attempt.begin(collection, ONE, index)
    (frozen.folder / f"RP.{ONE}.dcm").write_bytes(b"")
    do(collection, redis_server, ONE)
    (collection.root / "ANON_006").rename(collection.root.parent / "taken away")
    before = state(collection)

    line = TrackingLine("orig-1", "zzz_AnusGE006", "Plan", "Demo Hospital", date(2026, 11, 23))
    publish.publish(frozen, {}, line, f"RP.{ONE}.dcm")
    assert state(collection) == {**before, "staging": []}
    kept = records.read(collection, 6)
    assert kept is not None
    assert kept.content == {"files": 2}
    assert claims.held(collection, ONE) is not None
