"""Receiving is killed before each of its changes on disk; the next call ends as if nothing had happened."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from services.exchange import deliveries, delivery_key, receiving
from services.exchange.deliveries import Wanted
from services.maintenance import doctor, withdraw
from services.publication import republish
from services.runtime.settings import Settings
from services.store import records
from services.store.collection import Collection
from tests.delivered import collected, publish
from tests.sets import make_collection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    Killed = Callable[[int, Callable[[], object]], bool]

RENUMBER = '[receive]\nidentity = "renumber"\n'


class Sent(NamedTuple):
    """A hospital's deliveries in sequence."""

    first: Path
    """A set."""

    second: Path
    """The set, republished."""

    third: Path
    """The set, withdrawn."""

    other: Path
    """Another set."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, module_client: redis.Redis) -> Sent:
    """Deliver, revise and withdraw a set of one hospital; deliver a set of another."""
    place = tmp_path_factory.mktemp("deliveries")
    house = collected(place / "North", module_client, "Huber Josef")
    first = delivered(house, "first")
    (house / "structures.csv").write_text("source,target,state,sets,note\nPTV,PTV_High,confirmed,,\n")
    republish.request(Collection.open(house), 6)
    publish(house, module_client, "Huber Josef")
    second = delivered(house, "second")
    withdraw.withdraw_set(Collection.open(house), 6)
    third = delivered(house, "third")
    module_client.flushall()
    return Sent(first, second, third, delivered(collected(place / "South", module_client, "Maier Anna"), "other"))


def delivered(house: Path, name: str) -> Path:
    """Deliver everything that a hospital has published."""
    collection, place = Collection.open(house), house.with_name(name)
    key = delivery_key.of_user(collection, Settings(delivery_key_file=house.with_name(f"{house.name}.key")))
    assert deliveries.make(collection, place, key, Wanted(unread_words=True), lambda *_: None).delivery is not None
    return place


def receive(root: Path, delivery: Path) -> list[str]:
    """Receive a delivery in a reopened collection, and return the outcomes of its sets."""
    told = receiving.receive(Collection.open(root), delivery, Settings(), is_trusted=lambda *_: None)
    return [f"{one.state} {one.anon}" for one in told.sets]


def state(root: Path) -> dict[str, object]:
    """Return everything that must be the same after any interruption."""
    collection = Collection.open(root)
    there = {path.name for path in (root / ".anonymizer").iterdir()}
    kept = [records.read(collection, index) for index in records.indices(collection)]
    return {
        "folders": {path.name: {one.name: one.read_bytes() for one in path.iterdir()} for path in root.glob("ANON_*")},
        "records": {one.index: (one.set_id, bool(one.withdrawn), one.content["received"]["revision"]) for one in kept},
        "lines": [line for path in root.glob("VicRapidPlan*") for line in path.read_text().splitlines()[1:]],
        "wrong": [one.code for one in doctor.examine(collection) if one.is_wrong],
        **{
            name: sorted(path.name for path in (collection.state / name).iterdir())
            for name in there & {"claims", "sets", "staging", "tracking", "withdrawn", "received"}
        },
        "replaced": [sorted(one.name for one in path.iterdir()) for path in collection.replaced.glob("*")],
    }


def killed_everywhere(root: Path, delivery: Path, killed_before: Killed) -> tuple[Path, int]:
    """Receive a delivery killed before each change in turn, then completely; compare with the undisturbed result.

    Returns the collection after it, and how many changes there were.
    """
    good = shutil.copytree(root, root.with_name(f"{root.name} then"))
    receive(good, delivery)
    expected, tried, step = state(good), root.with_name("tried"), 0
    while True:
        shutil.copytree(root, tried)
        if not killed_before(step, lambda: receive(tried, delivery)):
            break
        receive(tried, delivery)
        assert state(tried) == expected, step
        shutil.rmtree(tried)
        step += 1
    shutil.rmtree(tried)
    return good, step


def test_a_set_its_revision_and_its_withdrawal_arrive(tmp_path: Path, sent: Sent, killed_before: Killed) -> None:
    """Each completely, under one number, without remains."""
    centre = make_collection(tmp_path / "centre", patient_id="multi", more=RENUMBER)
    Collection.open(centre)
    for delivery in sent[:3]:
        centre, changes = killed_everywhere(centre, delivery, killed_before)
        assert changes > 10
    assert list(centre.glob("ANON_*")) == []


def test_a_set_that_is_unchanged_arrives(tmp_path: Path, sent: Sent, killed_before: Killed) -> None:
    """Byte for byte."""
    centre = make_collection(tmp_path / "centre")
    Collection.open(centre)
    centre, _ = killed_everywhere(centre, sent.first, killed_before)
    kept = {path.name: path.read_bytes() for path in (sent.first / "ANON_006").iterdir()}
    assert {path.name: path.read_bytes() for path in (centre / "ANON_006").iterdir()} == kept


def test_an_interrupted_receipt_blocks_no_number_for_another_delivery(
    tmp_path: Path, sent: Sent, killed_before: Killed
) -> None:
    """Whichever delivery comes next: nothing remains of a set never taken, and no number is skipped."""
    centre = make_collection(tmp_path / "centre", patient_id="multi", more=RENUMBER)
    Collection.open(centre)
    step, tried = 0, tmp_path / "tried"
    while True:
        shutil.copytree(centre, tried)
        if not killed_before(step, lambda: receive(tried, sent.first)) or (tried / "ANON_006").exists():
            break
        assert receive(tried, sent.other) == ["taken ANON_006"], step
        assert [path.name for path in (tried / ".anonymizer" / "claims").iterdir()] == ["000006.json"], step
        assert list((tried / ".anonymizer" / "staging").iterdir()) == [], step
        shutil.rmtree(tried)
        step += 1
    assert step > 10


def test_a_revision_that_was_cut_off_leaves_the_set_as_it_was(
    tmp_path: Path, sent: Sent, killed_before: Killed
) -> None:
    """If the next delivery is another one, either the earlier files are in place, or the new ones."""
    centre = make_collection(tmp_path / "centre", patient_id="multi", more=RENUMBER)
    receive(centre, sent.first)
    before, step, tried = state(centre)["folders"]["ANON_006"], 0, tmp_path / "tried"
    good = shutil.copytree(centre, tmp_path / "undisturbed")
    receive(good, sent.second)
    after = state(good)["folders"]["ANON_006"]
    while True:
        shutil.copytree(centre, tried)
        if not killed_before(step, lambda: receive(tried, sent.second)):
            break
        receive(tried, sent.other)
        found = state(tried)
        assert found["folders"]["ANON_006"] in (before, after), step
        assert (found["wrong"], found["staging"]) == ([], []), step
        shutil.rmtree(tried)
        step += 1
