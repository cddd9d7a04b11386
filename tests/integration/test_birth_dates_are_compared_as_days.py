"""A birth date in the format of ACR-NEMA, or padded, is the same day, wherever persons are compared."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from receiver.patient_folders import put
from services.forms.identity import stated_day
from services.publication import same_person
from services.store.collection import Collection
from tests import sets
from tests.sets import make_collection, make_set
from tests.unit.test_check import judge
from watcher.identities import stated_patient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEW, OLD, OTHER = "19501103", "1950.11.03", "1950.03.11"


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (NEW, date(1950, 11, 3)),
        (OLD, date(1950, 11, 3)),
        (f" {NEW} ", date(1950, 11, 3)),
        ("", None),
        ("19000101", None),
        ("19501131", None),
        (f"{NEW}\\{OTHER}", None),
    ],
)
def test_a_stated_day_is_the_same_in_any_format(value: str, day: date | None) -> None:
    """Placeholders, invalid dates and several values state none."""
    assert stated_day(value) == day


@pytest.mark.parametrize(("of_plan", "stated"), [(OLD, NEW), (f"{OLD} ", NEW), ("", NEW), (OTHER, "")])
def test_objects_of_a_set_agree_on_a_day(tmp_path: Path, of_plan: str, stated: str) -> None:
    """Only different days are a contradiction, in the note and in the person that is remembered."""

    def edit(made: sets.MadeSet) -> None:
        sets.setting(PatientBirthDate=NEW, PatientSex="F")(made)
        made.plan.PatientBirthDate = of_plan

    verdict = judge(make_set(tmp_path, edit))
    assert verdict.rtset is not None
    assert same_person.birth_date_and_sex(verdict.rtset) == (stated, "F")
    assert any("different birth dates" in note for note in verdict.notes) == (of_plan == OTHER)


@pytest.mark.parametrize(("born", "is_same"), [(OLD, True), (OTHER, False)])
def test_a_person_is_recognized_by_the_day(tmp_path: Path, take: Callable, born: str, *, is_same: bool) -> None:
    """In the outcome, and before, in the status of a set that waits."""
    root = make_collection(tmp_path / "BATCH")
    for name, birth in (("a", NEW), ("b", born)):
        make_set(root, sets.setting(PatientID="A1", PatientBirthDate=birth, PatientSex="F"), name=name, seed=name)
    assert take(root, "a").text == ""
    before = stated_patient.report(Collection.open(root), "b")
    assert (before == "It is the same person as ANON_006.") == is_same
    assert ("birth date or sex differ" in before) != is_same
    assert take(root, "b").text == before


@pytest.mark.parametrize(("born", "folders"), [(OLD, 1), (OTHER, 2)])
def test_received_objects_without_an_id_are_sorted_by_the_day(tmp_path: Path, born: str, folders: int) -> None:
    """An old plan and a new CT of one patient get into one folder."""
    root = make_collection(tmp_path / "BATCH")
    collection = Collection.open(root)

    def edit(made: sets.MadeSet) -> None:
        sets.setting(PatientID="", PatientName="Ode^Jane", PatientBirthDate=NEW)(made)
        made.plan.PatientBirthDate = born

    made = make_set(tmp_path / "sent", edit)
    for path in sorted(path for path in made.folder.rglob("*") if path.is_file()):
        put(collection, root, "SENDER", path)
    assert len([path for path in root.iterdir() if path.name.startswith("no-ID")]) == folders
