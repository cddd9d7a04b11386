"""Eight hospitals with one prefix deliver to a coordinating centre whose process is killed repeatedly.

SETS_PER_CENTRE=60 pytest tests/faults/test_eight_centres_become_one_collection.py     as large as such a trial
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from services.exchange import deliveries, delivery_key, receiving
from services.exchange.deliveries import Wanted
from services.maintenance import doctor, withdraw
from services.publication import attempts, republish
from services.runtime.settings import Settings
from services.store import records
from services.store.collection import Collection
from tests.delivered import collected, publish
from tests.integration.conftest import killed_before  # noqa: F401 - a fixture
from tests.sets import make_collection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from services.exchange.incoming.outcome import DeliveryOutcome

CENTRES = 8
SETS = int(os.environ.get("SETS_PER_CENTRE", "2"))
KILLS = 3
"""Kills per delivery before it may complete."""
CHANGES = 25
"""On disk, at least, that taking a set makes."""


def delivered(root: Path, number: int) -> Path:
    """Make the next delivery of a hospital."""
    collection, place = Collection.open(root), root.with_name(f"{root.name}, delivery {number}")
    key = delivery_key.of_user(collection, Settings(delivery_key_file=root.with_name(f"{root.name}.key")))
    assert deliveries.make(collection, place, key, Wanted(unread_words=True), lambda *_: None).delivery is not None
    return place


def received(centre: Path, delivery: Path, killed: Callable[[int, Callable[[], object]], bool]) -> DeliveryOutcome:
    """Receive a delivery: killed a few times, then completed."""
    chance = random.Random(delivery.name)

    def take() -> DeliveryOutcome:
        return receiving.receive(Collection.open(centre), delivery, Settings(), is_trusted=lambda *_: None)

    for _ in range(KILLS):
        killed(chance.randrange(CHANGES * SETS), take)
    return take()


def uids(folder: Path) -> list[str]:
    """Return the UIDs of a published set's objects, which are their files' names."""
    return [path.name.split(".", 1)[1] for path in folder.iterdir()]


@pytest.mark.timeout(3600 if SETS > 2 else 600)
def test_nothing_collides_is_lost_or_doubled(
    tmp_path: Path,
    client: redis.Redis,
    killed_before: Callable[[int, Callable[[], object]], bool],  # noqa: F811 - the fixture
) -> None:
    """Two hospitals treated the same patients, as is reported; a withdrawal and a revision arrive; it exports."""
    houses = []
    for number in range(CENTRES):
        whose = max(number, 1)  # the first two have the same patients
        names = [f"Patient {one} of {whose}" for one in range(SETS)]
        client.flushall()
        houses.append(collected(tmp_path / f"house {number}", client, *names))
    root = make_collection(tmp_path / "CENTRE", patient_id="multi", more='[receive]\nidentity = "renumber"\n')
    told = [received(root, delivered(house, 1), killed_before) for house in houses]
    assert {one.state for each in told for one in each.sets} <= {"taken", "there already"}
    twice = [
        sum(any("the same data as ANON_" in says and "(CT" in says for says in one.says) for one in each.sets)
        for each in told
    ]
    assert twice == [0, SETS, *[0] * (CENTRES - 2)]

    collection = Collection.open(root)
    kept = [records.read(collection, index) for index in records.indices(collection)]
    came = Counter((one.content["received"]["key"], one.content["received"]["folder"]) for one in kept if one)
    assert (len(came), set(came.values())) == (CENTRES * SETS, {1})
    assert len({one.content["identity"]["patient_id"] for one in kept if one}) == CENTRES * SETS
    anons = sorted(root.glob("ANON_*"))
    assert [path.name for path in anons] == [f"ANON_{6 + one:03d}" for one in range(CENTRES * SETS)]
    every = [uid for path in anons for uid in uids(path)]
    assert len(set(every)) == len(every)

    house = houses[2]
    withdraw.withdraw_set(Collection.open(house), 6)
    (house / "structures.csv").write_text("source,target,state,sets,note\nPTV,PTV_High,confirmed,,\n")
    republish.request(Collection.open(house), 7)
    client.flushall()
    publish(house, client, "Patient 1 of 2")
    again = {one.folder: one for one in received(root, delivered(house, 2), killed_before).sets}
    assert again["ANON_006"].state == "withdrawn"
    assert again["ANON_007"].state in {"revised", "there already"}
    revised = records.read(collection, records.index_of(again["ANON_007"].anon))
    assert revised is not None
    assert revised.content["received"]["revision"] == 2
    assert not (root / again["ANON_006"].anon).exists()
    assert [one for one in doctor.examine(collection) if one.is_wrong] == []
    onward = json.loads((delivered(root, 1) / "delivery.json").read_bytes())
    assert len(onward["sets"]) == CENTRES * SETS - 1
    assert attempts.all_of(collection) == []
