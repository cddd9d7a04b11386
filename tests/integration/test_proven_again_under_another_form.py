"""`anonymizer verify` holds a published set against what was promised for it, not against what the form says now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from services.errors import NotClean
from services.machines import descriptor
from services.maintenance import doctor
from services.maintenance.verify_again import verify_published
from services.policy import table
from services.store.collection import Collection
from tests.integration.test_two_folders_one_set import Desk
from tests.sets import dose_of_another_plan, make_collection, make_set, other_object, relative_dose

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.proof.prove import Proof

CHANGES = {
    "identity": ('patient_id = "zzz_AnusGE"', 'patient_id = "zzz_Other"'),
    "name": ('family_name = "AnusGE"', 'family_name = "Other"'),
    "machine": ('machine = "VicRapidPlan"', 'machine = "keep"'),
    "no such machine": ('machine = "VicRapidPlan"', 'machine = "NoLonger"'),
    "dates": ('dates = "shift"', 'dates = "remove"'),
    "characteristics": ('patient_characteristics = "retain"', 'patient_characteristics = "age_sex"'),
    "scanner": ('scanner = "SCANNER_A"', 'scanner = "SCANNER_B"'),
}
MORE = '[privacy]\ndates = "shift"\npatient_characteristics = "retain"\nscanner = "SCANNER_A"'


@pytest.fixture
def root(tmp_path: Path, client: redis.Redis) -> Path:
    """Have a set published, whose record is all that is left of how."""
    root = make_collection(tmp_path / "BATCH", more=MORE)
    make_set(root, name="set")
    assert Desk(Collection.open(root), client).do("set").state == "published"
    return root


def proven(root: Path) -> Proof:
    """Prove it again."""
    return verify_published(root / "set", root / "ANON_006", Collection.look(root), descriptor.folders())


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_promised_then_holds(root: Path, change: str) -> None:
    """Whatever a person has written into the form since."""
    form = root / "collection.toml"
    old, new = CHANGES[change]
    assert old in form.read_text()
    form.write_text(form.read_text().replace(old, new))
    record = json.loads((root / ".anonymizer/records/ANON_006.json").read_text())

    assert proven(root).as_json() == record["proof"]


def test_a_descriptor_that_was_changed_since_says_nothing_of_earlier_sets(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the beams got from it stands in the record."""
    monkeypatch.setattr(descriptor, "find", lambda *_: pytest.fail("it was looked up"))
    assert proven(root).files


def test_a_set_that_was_made_under_an_older_policy_is_told_to_be(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it does not stand up to ours: the reader must not look for a forger."""
    monkeypatch.setattr(table, "POLICY_EDITION", "2030-01-01")
    assert proven(root).files

    next((root / "ANON_006").glob("RD.*")).unlink()
    with pytest.raises(NotClean, match="against that of 2030-01-01"):
        proven(root)


STRICTER = {
    "a fault that was accepted": (relative_dose, 'accept = ["relative-dose"]', "accept = []"),
    "references that were rebuilt": (dose_of_another_plan, 'on_broken_links = "relink"', 'on_broken_links = "refuse"'),
    "objects that were left out": (other_object("RTIMAGE"), 'extra_objects = "leave out"', 'extra_objects = "refuse"'),
}


@pytest.mark.parametrize("stricter", STRICTER)
def test_a_stricter_form_changes_no_original(tmp_path: Path, client: redis.Redis, stricter: str) -> None:
    """The doctor must not send anyone to look for whoever did."""
    edit, before, now = STRICTER[stricter]
    root = make_collection(tmp_path / "BATCH", more=f"[check]\n{before}")
    make_set(root, edit, name="set")
    desk = Desk(Collection.open(root), client)
    assert desk.do("set").state == "published"
    desk.reconcile()
    form = root / "collection.toml"
    form.write_text(form.read_text().replace(before, now))

    assert [one for one in doctor.examine(Collection.look(root)) if one.is_wrong] == []
    assert proven(root).files
