"""What reconciliation completes, releases, and leaves alone after kills."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from services.publication import claims, publish
from services.publication.attempts import Attempt
from services.publication.index_ledger import Ledger
from services.store import records, registry
from services.store.set_state import SetState
from services.store.tracking_lines import TrackingLine
from watcher.reconcile import SCANS, Reconciler
from worker.app import app
from worker.queues.lease import lease
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    import redis

    from services.store.collection import Collection

SET, FOLDER = "1" * 32, "Mustermann Erika"


@pytest.fixture
def locator(collection: Collection, client: redis.Redis) -> str:
    """Give the first number to a set in work."""
    name = registry.register(collection, FOLDER)
    assert Ledger(collection, client).claim(SET, name) == 6
    return name


@pytest.fixture
def reconciler(collection: Collection, client: redis.Redis) -> Reconciler:
    """Reconcile as the watcher does."""
    return Reconciler(collection, Ledger(collection, client), Queue(client, app))


def test_a_publication_that_was_cut_off_is_finished(
    collection: Collection, locator: str, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after the rename, with the dropped folder gone: record and tracking line still follow."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    assert locator
    attempt = Attempt.begin(collection, SET, 6)
    (attempt.folder / "RP.2.25.1.dcm").write_bytes(b"plan")
    line = TrackingLine("1", "zzz_AnusGE006", "Plan", "Demo Hospital", date(2026, 11, 29))
    with monkeypatch.context() as patch:
        patch.setattr(publish, "_finish", die)
        with pytest.raises(KeyboardInterrupt):
            publish.publish(attempt, {}, line, "RP.2.25.1.dcm")
    assert records.read(collection, 6) is None

    reconciler.reconcile({})

    assert records.read(collection, 6) is not None
    (tracking,) = collection.root.glob("VicRapidPlan_trackingFile_*.txt")
    assert tracking.read_text().splitlines()[1:] == ["1, zzz_AnusGE006, Plan, Demo Hospital"]


def test_a_number_is_given_back_when_its_folder_was_missed_three_times_in_a_row(
    collection: Collection, locator: str, reconciler: Reconciler
) -> None:
    """A share under load omits names: a folder seen in between was never gone."""
    del locator
    there = {FOLDER: SetState.WAITING}
    missed: list[dict[str, SetState]] = [{}] * (SCANS - 1)
    for seen in [*missed, there, *missed]:
        reconciler.reconcile(seen)
    assert claims.held(collection, SET) is not None

    reconciler.reconcile({})

    assert claims.held(collection, SET) is None


def test_the_number_of_a_set_in_work_is_not_given_back(
    collection: Collection, client: redis.Redis, locator: str, reconciler: Reconciler
) -> None:
    """However often its folder is missing: its worker notices and reports it."""
    with lease(client, SetKey(collection.id, locator)):
        for _ in range(2 * SCANS):
            reconciler.reconcile({})

        assert claims.held(collection, SET) is not None
