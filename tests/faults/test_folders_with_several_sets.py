"""Patients' folders with several plans, while processes die before any change on disk and Redis is emptied."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from services.maintenance import doctor
from services.maintenance.verify_again import verify_published
from services.runtime import durable_files
from tests.exports import first
from tests.invariants import remember
from tests.sets import make_collection
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exports import Export
    from tests.faults.service import Service

FOLDERS = 3
KILLS = 2
"""Of each folder's processes."""
CHANGES = 120
"""Approximate number for a folder with two sets."""


def dropped(root: Path) -> list[Export]:
    """Drop folders with at least two plans, each with a complete set."""
    found: list[Export] = []

    def wanted(export: Export) -> bool:
        whole = not export.two_patients and len(export.sets) == len(export.plans) >= 2
        return whole and export.plans not in [one.plans for one in found]

    found.extend(first(root, wanted, f"Mustermann {number}") for number in range(FOLDERS))
    return found


def test_each_set_is_published_once_whatever_dies(service: Service) -> None:
    """None is lost or duplicated, numbers have no gaps, the outcome names every set, originals are untouched."""
    make_collection(service.root, machine="keep", more='[check]\nplans = "each"\n[people]\nsame_patient = "tell"\n')
    exports = dropped(service.root)
    chance = random.Random(FOLDERS)
    for one in exports:
        service.dropped |= remember(one.folder)
        kills = [[chance.randrange(CHANGES), chance.choice(["kill-child", "kill-worker"])] for _ in range(KILLS)]
        service.faults[service.locator(one.folder.name)] = kills
    plans = sorted(plan for one in exports for plan in one.plans)
    state = service.root / ".anonymizer"

    def done() -> bool:
        kept = [len(durable_files.names(state / name)) for name in ("records", "tracking", "claims", "staging")]
        return service.concluded() and kept == [len(plans), len(plans), len(plans), 0]

    service.start(workers=2)
    wait_until(service.happened, service.states)
    service.redis.client().flushall()
    wait_until(done, lambda: (service.states(), service.left()))

    assert set(service.states().values()) == {"published"}
    anons = sorted(path.name for path in service.root.glob("ANON_*"))
    assert anons == [f"ANON_{6 + number:03d}" for number in range(len(plans))]
    for one in exports:
        outcome = json.loads((state / "outcomes" / f"{service.locator(one.folder.name)}.json").read_bytes())
        indices = [each["index"] for each in outcome["sets"]]
        assert (len(indices), outcome["schema"]) == (len(one.plans), 2)
        for index in indices:
            verify_published(one.folder, service.root / f"ANON_{index:03d}", service.collection, [])
    assert {name: one for path in exports for name, one in remember(path.folder).items()} == service.dropped
    assert [one for one in doctor.examine(service.collection) if one.is_wrong] == []
