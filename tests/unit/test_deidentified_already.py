"""Sets that were de-identified before, and placeholder dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.verdict import check
from tests import sets
from tests.anonymized import anonymize_folder
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from services.verdict.verdict import Verdict
    from tests.sets import Edit


def judge(folder: Path) -> Verdict:
    """Judge a folder."""
    return check.judge(folder, Options(machine=()), [], policy_for(Choice(keep_machine=True)))


def test_a_published_set_under_another_name_is_refused(tmp_path: Path) -> None:
    """A copy of ANON_006 is not a patient."""
    done = anonymize_folder(make_set(tmp_path).folder, tmp_path / "Copy of a set")
    (fault,) = judge(done.anon).faults
    assert fault.code == "already-ours"
    assert fault.found.startswith("6 objects were anonymized by this program before (")


@pytest.mark.parametrize("modality", ["CT", "RTSTRUCT", "RTPLAN", "RTDOSE"])
def test_one_object_of_ours_is_enough(tmp_path: Path, modality: str) -> None:
    """A published dose in an export is always a mistake."""
    edit = sets.setting(
        modality, DeidentificationMethod=["rt-set-anonymizer 0.1.0", "policy 2026-11-29 of PS3.15-2026d"]
    )
    assert [fault.code for fault in judge(make_set(tmp_path, edit).folder).faults] == ["already-ours"]


def test_what_another_program_removed_is_reported(tmp_path: Path) -> None:
    """In words suitable for record and sheet."""
    edit = sets.setting("RTPLAN", PatientIdentityRemoved="YES", DeidentificationMethod="Mustermann's own script")
    verdict = judge(make_set(tmp_path, edit).folder)
    assert verdict.good
    assert "1 of 6 objects state that the patient's identity was removed before." in verdict.record_notes
    no = sets.setting("RTPLAN", PatientIdentityRemoved="NO")
    assert not [note for note in judge(make_set(tmp_path / "no", no).folder).record_notes if "removed" in note]


PLACEHOLDERS = [
    "00010101",
    "00000000",
    "19000101",
    "18991230",
    "17530101",
    "11111111",
    "29991231",
    "99991231",
    "UNKNOWN",
]


@pytest.mark.parametrize("day", PLACEHOLDERS)
@pytest.mark.parametrize(
    "edit",
    [lambda day: sets.setting(PatientBirthDate=day), lambda day: sets.setting(PatientBirthDate=day, PatientAge=None)],
)
def test_a_placeholder_is_no_birth_date(tmp_path: Path, day: str, edit: object) -> None:
    """Whether or not an age is stated, the set is published."""
    wanted: Edit = edit(day)  # type: ignore[operator]
    done = anonymize_folder(make_set(tmp_path, wanted).folder, tmp_path / "ANON_006")
    assert done.plan.PatientBirthDate[:4] in {"", *map(str, range(1940, 1970))}


@pytest.mark.parametrize("day", PLACEHOLDERS)
def test_a_placeholder_beside_a_birth_date_is_no_second_one(tmp_path: Path, day: str) -> None:
    """No review is needed."""
    verdict = judge(make_set(tmp_path, sets.setting("RTDOSE", PatientBirthDate=day)).folder)
    assert not [note for note in verdict.notes if "birth dates" in note]


@pytest.mark.parametrize("day", PLACEHOLDERS)
@pytest.mark.parametrize(
    ("modality", "keyword"), [("RTPLAN", "RTPlanDate"), ("CT", "AcquisitionDate"), ("", "StudyDate")]
)
def test_other_dates_may_be_placeholders_too(tmp_path: Path, day: str, modality: str, keyword: str) -> None:
    """The set is published."""
    anonymize_folder(make_set(tmp_path, sets.setting(modality, **{keyword: day})).folder, tmp_path / "ANON_006")
