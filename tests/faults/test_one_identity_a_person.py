"""Persons with several sets, in three runs with kills and an emptied Redis: one identity each, none shared.

PERSONS=200 WORKERS=8 pytest tests/faults/test_one_identity_a_person.py      the long one
"""

from __future__ import annotations

import json
import os
import random
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pydicom
import pytest

from tests.sets import make_collection, setting, undated_codes
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.service import Service

PERSONS = int(os.environ.get("PERSONS", "10"))
WORKERS = int(os.environ.get("WORKERS", "2"))
MOST_SETS = 4
RUNS = 3
CHANGES = 70
"""Changes on disk for a set; before one of them its process or worker dies."""


class Visit(NamedTuple):
    """One set of a person."""

    person: int
    name: str


@pytest.mark.timeout(60 * (10 + PERSONS))
@pytest.mark.parametrize("same_patient", ["link", "tell"])
def test_each_person_is_one_and_no_other(service: Service, same_patient: str) -> None:
    """If linked: exact intervals, one identity and birth date; otherwise nothing in common."""
    make_collection(service.root, more=f'[people]\nsame_patient = "{same_patient}"\n')
    chance = random.Random(PERSONS)
    persons = range(PERSONS if same_patient == "link" else max(3, PERSONS // 4))
    visits = [Visit(one, f"Mustermann {one} {at}") for one in persons for at in range(1 + chance.randrange(MOST_SETS))]
    chance.shuffle(visits)
    for one in visits:
        if chance.random() < 0.5:
            how = chance.choice(["kill-child", "kill-child", "kill-child", "kill-worker"])
            service.faults[service.locator(one.name)] = [[chance.randrange(CHANGES), how]]
    service.start(workers=WORKERS)
    for run in range(RUNS):
        for at, one in enumerate(visits[run::RUNS]):
            born = f"19{40 + one.person % 50}0704"
            who = setting(PatientID=f"Q{one.person}Z", PatientBirthDate=born, PatientSex="F", PatientAge=None)
            service.drop(one.name, who, undated_codes)
            if at % 10 == 5:
                service.redis.client().flushall()
        service.redis.client().flushall()
        wait_until(service.at_rest, lambda: (service.states(), service.left()), within_s=60 * (10 + PERSONS))
    assert set(service.states().values()) == {"published"}

    found = [Found(service.root, one) for one in visits]
    assert sorted(one.index for one in found) == list(range(6, 6 + len(visits)))
    if same_patient == "link":
        by_person = {person: [one for one in found if one.visit.person == person] for person in persons}
        assert all(len({(one.who, one.moved_days) for one in mine}) == 1 for mine in by_person.values())
        assert len({one.who[0] for one in found}) == len(persons)
        for mine in by_person.values():
            assert sorted(one.study_id for one in mine) == sorted(map(str, range(1, len(mine) + 1)))
    else:
        assert len({one.who[0] for one in found}) == len(found)
        assert all(not one.uids & other.uids for one, other in pairwise(sorted(found, key=lambda one: one.visit)))


class Found:
    """What was published of a set."""

    def __init__(self, root: Path, visit: Visit) -> None:
        self.visit = visit
        (before,) = (pydicom.dcmread(path) for path in (root / visit.name).glob("RP*"))
        state = root / ".anonymizer"
        folders = {path.stem: json.loads(path.read_bytes())["folder"] for path in (state / "folders").iterdir()}
        locator = next(one for one, folder in folders.items() if folder == visit.name)
        self.index = json.loads((state / "outcomes" / f"{locator}.json").read_bytes())["index"]
        (plan,) = (pydicom.dcmread(path) for path in (root / f"ANON_{self.index:03d}").glob("RP*"))
        self.who = (plan.PatientID, str(plan.PatientName), plan.PatientBirthDate)
        self.study_id = plan.StudyID
        self.moved_days = (date.fromisoformat(before.StudyDate) - date.fromisoformat(plan.StudyDate)).days
        self.uids = {plan.SOPInstanceUID, plan.StudyInstanceUID, plan.FrameOfReferenceUID}
