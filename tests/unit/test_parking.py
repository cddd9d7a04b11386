"""A set on which we fail again and again is parked: for an operator, who brings it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.store import failures, registry
from services.store.collection import Collection
from tests.sets import make_collection, make_set
from worker.set_key import SetKey
from worker.tasks import count_failure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection of one set."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="set")
    return Collection.open(root)


def fail(collection: Collection, why: str, times: int = 1) -> list[str]:
    """Fail on its set, and give the reasons for which it is parked; none while it is not."""
    locator = registry.register(collection, "set")
    for _ in range(times):
        count_failure(collection, SetKey(collection.id, locator), why)
    outcome = registry.read_outcome(collection, locator)
    return list(outcome.codes) if outcome and outcome.state == "parked" else []


def test_the_third_failure_parks_a_set(collection: Collection) -> None:
    """With the classes of all three; after it counting begins anew, for the set as somebody changed it."""
    assert fail(collection, "ValueError", failures.MOST - 1) == []
    parked = ["ValueError", "ValueError", "NotClean"]
    assert fail(collection, "NotClean") == parked
    assert fail(collection, "WorkerLostError", failures.MOST - 1) == parked
    assert fail(collection, "WorkerLostError") == ["WorkerLostError"] * 3


def test_a_parking_that_was_cut_off_is_made_up_for_by_the_next_failure(collection: Collection, monkeypatch) -> None:
    """Counting does not begin anew before a person could read why the set is parked."""
    fail(collection, "ValueError", failures.MOST - 1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(registry, "write_outcome", die)
        with pytest.raises(KeyboardInterrupt):
            fail(collection, "ValueError")

    assert fail(collection, "ValueError") == ["ValueError"] * 3
