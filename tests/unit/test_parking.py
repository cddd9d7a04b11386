"""A set that fails repeatedly is parked for an operator, who can bring it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.maintenance import doctor
from services.pipeline.parking import count_failure
from services.store import failures, notes, registry
from services.store.collection import Collection
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection of one set."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="set")
    return Collection.open(root)


def fail(collection: Collection, why: str, times: int = 1) -> list[str]:
    """Fail on its set, and return the reasons for parking; empty if not parked."""
    locator = registry.register(collection, "set")
    for _ in range(times):
        count_failure(collection, locator, why)
    outcome = registry.read_outcome(collection, locator)
    return list(outcome.codes) if outcome and outcome.state == "parked" else []


def test_the_third_failure_parks_a_set(collection: Collection) -> None:
    """With the classes of all three; counting then restarts, for changed contents."""
    assert fail(collection, "ValueError", failures.MOST - 1) == []
    parked = ["ValueError", "ValueError", "NotClean"]
    assert fail(collection, "NotClean") == parked
    assert fail(collection, "WorkerLostError", failures.MOST - 1) == parked
    assert fail(collection, "WorkerLostError") == ["WorkerLostError"] * 3


def test_a_parking_that_was_cut_off_is_made_up_for_by_the_next_failure(collection: Collection, monkeypatch) -> None:
    """Counting does not restart before the reasons for parking are stored."""
    fail(collection, "ValueError", failures.MOST - 1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(registry, "write_outcome", die)
        with pytest.raises(KeyboardInterrupt):
            fail(collection, "ValueError")

    assert fail(collection, "ValueError") == ["ValueError"] * 3


PROOF = (
    "machine: is not the machine's at RTPLAN BeamSequence[2].TreatmentMachineName",
    "pixels: differ at CT PixelData",
)


def test_a_failed_proof_parks_a_set_at_once_and_says_where(collection: Collection) -> None:
    """It would fail again. Outcome, note and doctor give object and attribute; a retry restarts the count."""
    locator = registry.register(collection, "set")
    count_failure(collection, locator, "NotClean", proof=PROOF)

    outcome = registry.read_outcome(collection, locator)
    assert outcome is not None
    assert (outcome.state, outcome.codes, outcome.proof) == ("parked", ("NotClean",), PROOF)
    assert outcome.text.endswith("The proof found:\n" + "\n".join(PROOF))
    note = notes.beside(collection.root / "set", notes.NOTE).read_text("utf-8-sig")
    assert [line for line in note.splitlines() if line in PROOF] == list(PROOF)
    found = [(one.code, one.where, one.found) for one in doctor.examine(collection)]
    assert found == [("proof-failed", "set", "\n".join(PROOF))]
    registry.reopen(collection, locator)
    assert [one.code for one in doctor.examine(collection)] == []
    assert fail(collection, "ValueError", failures.MOST - 1) == []


def test_of_many_reasons_a_few_are_reported_to_a_person(collection: Collection) -> None:
    """The outcome has all, the note the first ones."""
    locator, proof = registry.register(collection, "set"), tuple(f"files: {number}" for number in range(40))
    count_failure(collection, locator, "NotClean", proof=proof)
    outcome = registry.read_outcome(collection, locator)
    assert outcome is not None
    assert outcome.proof == proof
    assert outcome.text.splitlines()[1:] == [*proof[:6], "and 34 more, which are in the log"]
