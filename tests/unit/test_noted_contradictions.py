"""Contradictory numbers, dates and doses in a set are reported as notes and do not refuse it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from phantom.modules import item
from tests import sets
from tests.sets import make_set
from tests.unit.test_contradictory_values import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from services.verdict.verdict import Verdict
    from tests.sets import Edit, MadeSet

NOWHERE = "refers to items that are not there: "


def verdict(tmp_path: Path, *edits: Edit, size: int = 16) -> Verdict:
    """Make a set, and check it."""
    return judge(make_set(tmp_path, *edits, ct=3, size=size).folder)


def plan(change: Callable[[Dataset], object]) -> Edit:
    """Change the plan."""
    return lambda made: change(made.plan) and None


def group(made_plan: Dataset) -> Dataset:
    """Return the fraction group."""
    return made_plan.FractionGroupSequence[0]


def point(made_plan: Dataset) -> Dataset:
    """Return the second control point of the first beam."""
    return made_plan.BeamSequence[0].ControlPointSequence[1]


def of_dose(**reference: object) -> Edit:
    """Let the dose refer to a part of the plan."""

    def edit(made: MadeSet) -> None:
        made.dose.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence = [item(**reference)]

    return edit


NUMBERS: list[tuple[str, str, Edit]] = [
    ("RT Plan", "ReferencedPatientSetupNumber (3)", plan(lambda data: data.pop("PatientSetupSequence"))),
    ("RT Plan", "ReferencedToleranceTableNumber (3)", plan(lambda data: data.pop("ToleranceTableSequence"))),
    (
        "RT Plan",
        "ReferencedToleranceTableNumber",
        plan(lambda data: setattr(data.BeamSequence[1], "ReferencedToleranceTableNumber", 7)),
    ),
    (
        "RT Plan",
        "ReferencedROINumber",
        plan(lambda data: setattr(data.BeamSequence[0], "ReferencedBolusSequence", [item(ReferencedROINumber=77)])),
    ),
    (
        "RT Plan",
        "ReferencedROINumber",
        plan(lambda data: setattr(data.DoseReferenceSequence[0], "ReferencedROINumber", 77)),
    ),
    (
        "RT Plan",
        "ReferencedDoseReferenceNumber",
        plan(lambda data: setattr(group(data).ReferencedDoseReferenceSequence[0], "ReferencedDoseReferenceNumber", 77)),
    ),
    (
        "RT Plan",
        "ReferencedWedgeNumber",
        plan(
            lambda data: setattr(
                point(data), "WedgePositionSequence", [item(ReferencedWedgeNumber=3, WedgePosition="IN")]
            )
        ),
    ),
    (
        "RT Plan",
        "RTBeamLimitingDeviceType",
        plan(
            lambda data: setattr(point(data).BeamLimitingDevicePositionSequence[0], "RTBeamLimitingDeviceType", "MLCY")
        ),
    ),
    ("RT Dose", "ReferencedFractionGroupNumber", of_dose(ReferencedFractionGroupNumber=9)),
    (
        "RT Dose",
        "ReferencedBeamNumber",
        of_dose(ReferencedFractionGroupNumber=1, ReferencedBeamSequence=[item(ReferencedBeamNumber=9)]),
    ),
    (
        "RT Structure Set",
        "ReferencedROINumber",
        lambda made: setattr(made.structure_set.RTROIObservationsSequence[1], "ReferencedROINumber", 77),
    ),
]


@pytest.mark.parametrize("edit", [None, sets.electrons, sets.wedge, sets.ion_plan, sets.brachy_plan])
def test_a_sound_set_contradicts_nothing(tmp_path: Path, edit: Edit | None) -> None:
    """Whatever kind of plan it has."""
    made = verdict(tmp_path, *filter(None, (edit,)))
    assert made.good, made.faults
    told = (NOWHERE, "fraction group", "dated before", "highest dose")
    assert not [one for one in made.notes if any(part in one for part in told)]


@pytest.mark.parametrize(("kind", "names", "edit"), NUMBERS)
def test_a_number_that_leads_nowhere_is_named(tmp_path: Path, kind: str, names: str, edit: Edit) -> None:
    """A planning system would leave out what the number stands for, without a word."""
    made = verdict(tmp_path, edit)
    assert made.good, made.faults
    assert f"The {kind} {NOWHERE}{names}." in made.record_notes


def test_a_beam_in_no_fraction_group_or_twice_in_one_is_told(tmp_path: Path) -> None:
    """Its monitor units are not stated, or added up."""
    made = verdict(tmp_path / "1", plan(lambda data: group(data).ReferencedBeamSequence.pop(1)))
    assert "1 treatment beam of the RT Plan is in none of its fraction groups." in made.record_notes
    made = verdict(
        tmp_path / "2",
        plan(
            lambda data: group(data).ReferencedBeamSequence.append(copy.deepcopy(group(data).ReferencedBeamSequence[0]))
        ),
    )
    assert "A fraction group of the RT Plan has 1 beam twice." in made.record_notes


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        ("RT Plan", sets.setting("RTPLAN", RTPlanDate="20010203")),
        ("RT Structure Set", sets.setting("RTSTRUCT", StructureSetDate="20010203")),
    ],
)
def test_what_is_older_than_its_ct_is_told_without_a_date(tmp_path: Path, kind: str, edit: Edit) -> None:
    """The dates of a set identify."""
    notes = verdict(tmp_path, edit).record_notes
    assert f"The {kind} is dated before the CT." in notes
    assert not any("2001" in one for one in notes)


@pytest.mark.parametrize("day", ["19000101", "", "00010101", "20xx", None])
def test_a_date_that_states_nothing_is_before_nothing(tmp_path: Path, day: str | None) -> None:
    """Placeholders are frequent."""
    made = verdict(tmp_path, sets.setting("RTPLAN", RTPlanDate=day))
    assert not any("dated before" in one for one in made.notes)


def scaled(times: float) -> Edit:
    """Scale the dose, whose maximum is 72 Gy."""

    def edit(made: MadeSet) -> None:
        made.dose.DoseGridScaling = f"{float(made.dose.DoseGridScaling) * times:.9g}"

    return edit


def without_prescription(made: MadeSet) -> None:
    """Let the plan state no dose."""
    del made.plan.DoseReferenceSequence
    del group(made.plan).ReferencedDoseReferenceSequence
    for beam in group(made.plan).ReferencedBeamSequence:
        beam.pop("BeamDose", None)


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ((scaled(0.6),), ""),
        ((scaled(2.5),), ""),
        ((scaled(1 / 35),), "The highest dose of the RT Dose is 2.056 Gy; the RT Plan prescribes 70 Gy."),
        ((scaled(100),), "The highest dose of the RT Dose is 7197 Gy; the RT Plan prescribes 70 Gy."),
        ((scaled(1e9),), "The highest dose of the RT Dose is 7.197e+10 Gy; the RT Plan prescribes 70 Gy."),
        ((without_prescription, scaled(10)), ""),
        ((without_prescription, scaled(100)), "The highest dose of the RT Dose is 7197 Gy."),
        ((sets.brachy_plan, scaled(100)), ""),
        (
            (sets.setting("RTDOSE", DoseUnits=""), scaled(100)),
            "The highest dose of the RT Dose is 7197 Gy; the RT Plan",
        ),
    ],
)
def test_a_dose_far_from_the_prescribed_one_is_told(tmp_path: Path, edits: tuple[Edit, ...], told: str) -> None:
    """In cGy, of one fraction, or scaled by mistake: the sheet would show it as the plan's."""
    made = verdict(tmp_path, *edits)
    found = [one for one in made.record_notes if "highest dose" in one]
    assert bool(found) == bool(told), made.faults
    assert told in "".join(found)


def again(where: Callable[[Dataset], Dataset], sequence: str) -> Callable[[Dataset], object]:
    """Repeat the first item of a sequence."""
    return lambda data: where(data)[sequence].value.append(copy.deepcopy(where(data)[sequence].value[0]))


def beam(made_plan: Dataset) -> Dataset:
    """Return the first beam."""
    return made_plan.BeamSequence[0]


TWICE: list[tuple[str, str, Edit]] = [
    *(
        ("RT Plan", f"{name}Number", plan(again(lambda data: data, f"{name}Sequence")))
        for name in ("PatientSetup", "ToleranceTable", "DoseReference", "FractionGroup")
    ),
    ("RT Plan", "RTBeamLimitingDeviceType", plan(again(beam, "BeamLimitingDeviceSequence"))),
    (
        "RT Plan",
        "RTBeamLimitingDeviceType",
        plan(again(lambda data: beam(data).ControlPointSequence[0], "BeamLimitingDevicePositionSequence")),
    ),
    (
        "RT Plan",
        "WedgeNumber",
        plan(lambda data: setattr(beam(data), "WedgeSequence", [item(WedgeNumber=1), item(WedgeNumber=1)])),
    ),
    (
        "RT Structure Set",
        "ReferencedROINumber",
        lambda made: again(lambda data: data, "ROIContourSequence")(made.structure_set) and None,
    ),
    (
        "RT Structure Set",
        "ObservationNumber",
        lambda made: again(lambda data: data, "RTROIObservationsSequence")(made.structure_set) and None,
    ),
]


@pytest.mark.parametrize(("kind", "names", "edit"), TWICE)
def test_items_that_nothing_tells_apart_are_reported(tmp_path: Path, kind: str, names: str, edit: Edit) -> None:
    """A planning system takes one of them."""
    told = [note for note in verdict(tmp_path, edit).notes if "items of the same number or type" in note]
    assert told == [f"The {kind} has several items of the same number or type: {names}."]


def test_a_set_has_no_items_that_nothing_tells_apart(tmp_path: Path) -> None:
    """Two observations of one structure are allowed."""
    told = verdict(tmp_path).notes
    assert not any("items of the same number or type" in note for note in told)
