"""`anonymizer verify` checks a published set against its recorded promises, not against the current form."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from services.dicom import dates
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
    """Publish a set, and keep only its record of how it was made."""
    root = make_collection(tmp_path / "BATCH", more=MORE)
    make_set(root, name="set")
    assert Desk(Collection.open(root), client).do("set").state == "published"
    return root


def proven(root: Path) -> Proof:
    """Prove it again."""
    return verify_published(root / "set", root / "ANON_006", Collection.look(root), descriptor.folders())


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_promised_then_holds(root: Path, change: str) -> None:
    """Whatever the form says now."""
    form = root / "collection.toml"
    old, new = CHANGES[change]
    assert old in form.read_text()
    form.write_text(form.read_text().replace(old, new))
    record = json.loads((root / ".anonymizer/records/ANON_006.json").read_text())

    assert proven(root).as_json() == record["proof"]


def test_a_descriptor_that_was_changed_since_says_nothing_of_earlier_sets(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record has the values used."""
    monkeypatch.setattr(descriptor, "find", lambda *_: pytest.fail("it was looked up"))
    assert proven(root).files


def test_a_set_that_was_made_under_an_older_policy_is_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it fails under ours, so that nobody suspects a forgery."""
    monkeypatch.setattr(table, "POLICY_EDITION", "2030-01-01")
    assert proven(root).files

    next((root / "ANON_006").glob("RD.*")).unlink()
    with pytest.raises(NotClean, match="against that of 2030-01-01"):
        proven(root)


def test_files_are_held_against_the_hashes_of_the_record(root: Path) -> None:
    """Even if every element is right."""
    plan = next((root / "ANON_006").glob("RP.*"))
    record = root / ".anonymizer/records/ANON_006.json"
    stored = json.loads(record.read_text())
    stored["proof"]["files"][plan.name]["sha256"] = "0" * 64
    stored["proof"]["files"]["CT.2.25.1.dcm"] = stored["proof"]["files"][plan.name]
    record.write_text(json.dumps(stored))
    with pytest.raises(NotClean) as not_clean:
        proven(root)
    assert set(not_clean.value.reasons) == {
        f"record: {plan.name} is not the file that was published",
        "record: CT.2.25.1.dcm was published, and is not here",
    }


def test_new_uids_are_made_again_from_the_key(root: Path) -> None:
    """A UID replaced consistently in every file by one of the same form is detected."""
    data = dcmread(next((root / "ANON_006").glob("RP.*")))
    old = data.StudyInstanceUID
    for path in (root / "ANON_006").iterdir():
        path.write_bytes(path.read_bytes().replace(old.encode(), f"{old[:-1]}{(int(old[-1]) + 1) % 10}".encode()))
    with pytest.raises(NotClean, match="uids: does not follow from the collection's key at CT StudyInstanceUID"):
        proven(root)


def test_dates_moved_as_the_key_says(tmp_path: Path, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates consistently moved by one more week are detected."""
    root = make_collection(tmp_path / "BATCH", more=MORE)
    make_set(root, name="set")
    chosen = dates.choose_shift
    with monkeypatch.context() as patched:
        patched.setattr(dates, "choose_shift", lambda key, days: chosen(key, days) + timedelta(weeks=1))
        assert Desk(Collection.open(root), client).do("set").state == "published"
    with pytest.raises(NotClean) as not_clean:
        proven(root)
    (reason,) = not_clean.value.reasons
    assert reason.startswith("dates: moved by another interval than the collection's key determines at")


STRICTER = {
    "a fault that was accepted": (relative_dose, 'accept = ["relative-dose"]', "accept = []"),
    "references that were rebuilt": (dose_of_another_plan, 'on_broken_links = "relink"', 'on_broken_links = "refuse"'),
    "objects that were left out": (other_object("RTIMAGE"), 'extra_objects = "leave out"', 'extra_objects = "refuse"'),
}


@pytest.mark.parametrize("stricter", STRICTER)
def test_a_stricter_form_changes_no_original(tmp_path: Path, client: redis.Redis, stricter: str) -> None:
    """The doctor must not report a change."""
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
