"""A folder with several doses or with localizers: what is used, excluded and refused."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from phantom.modules import reference
from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.verdict import check
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from services.verdict.verdict import Verdict
    from tests.sets import Edit, MadeSet

KEEP = Options(machine=())


def judge(made: MadeSet, options: Options = KEEP) -> Verdict:
    """Check a folder."""
    return check.judge(made.folder, options, [], policy_for(Choice(keep_machine=True)))


def another_dose(**values: object) -> Edit:
    """Add a dose that differs from the plan's in an attribute."""

    def edit(made: MadeSet) -> None:
        data = copy.deepcopy(made.dose)
        data.SOPInstanceUID += f".{len(made.objects)}"
        for keyword, value in values.items():
            setattr(data, keyword, value)
        made.objects.append(data)

    return edit


def of_another_plan(made: MadeSet) -> None:
    """Add the dose of another plan."""
    another_dose()(made)
    made.objects[-1].ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID += ".404"


def of_one_beam(made: MadeSet) -> None:
    """Add a dose of type PLAN that names one of two beams."""
    whole = made.dose
    made.dose = copy.deepcopy(whole)
    sets.beam_dose(1)(made)
    made.dose.DoseSummationType = "PLAN"
    made.dose.SOPInstanceUID += ".1"
    made.objects.append(made.dose)
    made.dose = whole


OTHERS: list[tuple[Edit, str]] = [
    (another_dose(DoseSummationType="BEAM"), "(BEAM)"),
    (another_dose(DoseSummationType="FRACTION"), "(FRACTION)"),
    (another_dose(DoseSummationType=""), "(without a summation type)"),
    (another_dose(DoseType="EFFECTIVE"), "(PLAN, EFFECTIVE)"),
    (another_dose(DoseType="ERROR"), "(PLAN, ERROR)"),
    (another_dose(DoseUnits="RELATIVE"), "(PLAN in RELATIVE)"),
    (of_another_plan, "(PLAN)"),
    (of_one_beam, "(PLAN)"),
]


@pytest.mark.parametrize(("edit", "what"), OTHERS)
@pytest.mark.parametrize("first", [False, True])
def test_the_one_dose_of_the_plan_is_taken(tmp_path: Path, edit: Edit, what: str, first: bool) -> None:
    """Wherever it is in the folder; the other one is described."""
    made = make_set(tmp_path, edit)
    if first:
        made.path(made.objects[-1]).rename(made.folder / "AA.dcm")
    verdict = judge(made)
    rtset = verdict.good_set()
    assert rtset.dose.sop_instance_uid == made.dose.SOPInstanceUID
    assert [one.sop_instance_uid for one in rtset.left_out] == [made.objects[-1].SOPInstanceUID]
    told = f"Left out, because it belongs to no set: RT Dose {rtset.left_out[0].path} {what}."
    assert told in verdict.notes
    assert verdict.counts["RTDOSE"] == 1


@pytest.mark.parametrize(("edit", "what"), OTHERS)
def test_a_collection_that_refuses_what_is_extra_refuses_it(tmp_path: Path, edit: Edit, what: str) -> None:
    """As usual."""
    verdict = judge(make_set(tmp_path, edit), replace(KEEP, extra_objects="refuse"))
    assert [fault.code for fault in verdict.faults] == ["second-dose"], what


def test_of_two_that_may_be_the_plans_a_person_chooses(tmp_path: Path) -> None:
    """By grid, date and maximum."""

    def other(made: MadeSet) -> None:
        another_dose(DoseGridScaling=made.dose.DoseGridScaling * 2, InstanceCreationDate="20200102")(made)

    made = make_set(tmp_path, other)
    (fault,) = judge(made).faults
    assert fault.code == "second-dose"
    assert "2 of them are the dose of the whole plan" in fault.found
    for data in (made.dose, made.objects[-1]):
        most = f"at most {data.pixel_array.max() * data.DoseGridScaling:.2f} Gy"
        assert f"{data.Columns} x {data.Rows} x {data.NumberOfFrames} voxels" in fault.found
        assert most in fault.found
    assert "of 20200102" in fault.found


def only(*numbers: int) -> Edit:
    """Replace the plan dose by doses of single beams."""

    def edit(made: MadeSet) -> None:
        made.objects.remove(made.dose)
        for number in numbers:
            another_dose(DoseSummationType="BEAM")(made)
            made.objects[-1].SOPInstanceUID += f".{number}"

    return edit


def test_where_none_is_the_plans_all_are_refused(tmp_path: Path) -> None:
    """They are not summed."""
    (fault,) = judge(make_set(tmp_path, only(1, 2))).faults
    assert fault.code == "second-dose"
    assert "None of them is the physical dose, in Gy and of type PLAN, of RT Plan" in fault.found


def test_a_dose_in_single_planes_has_an_advice_of_its_own(tmp_path: Path) -> None:
    """Sixty files are not sixty doses."""

    def planes(made: MadeSet) -> None:
        made.objects.remove(made.dose)
        for frame in range(3):
            another_dose(NumberOfFrames=1)(made)
            made.objects[-1].SOPInstanceUID += f".{frame}"

    (fault, *_) = judge(make_set(tmp_path, planes)).faults
    assert fault.code == "second-dose"
    assert "each of one plane" in fault.found
    assert "three-dimensional grid in one file" in fault.remedy


def localizer(*, same_series: bool, coronal: bool, listed: bool = False) -> Edit:
    """Add a topogram to the CT."""

    def edit(made: MadeSet) -> None:
        data: Dataset = copy.deepcopy(made.ct[0])
        data.SOPInstanceUID += ".55"
        data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        if not same_series:
            data.SeriesInstanceUID += ".55"
        if coronal:
            data.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        else:
            x, y, z = data.ImagePositionPatient
            data.ImagePositionPatient = [x, y, z - 3]
        made.objects.append(data)
        if listed:
            (study,) = made.structure_set.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
            images = study.RTReferencedSeriesSequence[0].ContourImageSequence
            images.append(reference(data.SOPClassUID, data.SOPInstanceUID))

    return edit


@pytest.mark.parametrize("same_series", [False, True])
@pytest.mark.parametrize("coronal", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_a_localizer_is_left_out(tmp_path: Path, same_series: bool, coronal: bool, listed: bool) -> None:
    """In the CT's series or its own; even if listed by the structure set, it is not waited for."""
    made = make_set(tmp_path, localizer(same_series=same_series, coronal=coronal, listed=listed))
    verdict = judge(made)
    rtset = verdict.good_set()
    assert [one.sop_instance_uid for one in rtset.slices] == [data.SOPInstanceUID for data in made.ct]
    assert verdict.links == dict.fromkeys(verdict.links, "shown")
    assert any(note.endswith("(localizer).") for note in verdict.notes)
    assert not judge(made, replace(KEEP, extra_objects="refuse")).good or (same_series and not coronal)


def drawn_on(made: MadeSet) -> None:
    """Make a contour reference the localizer, too."""
    contour = next(iter(sets.contours(made)))
    contour.ContourImageSequence.append(reference(made.ct[0].SOPClassUID, made.objects[-1].SOPInstanceUID))


def planned_with(made: MadeSet) -> None:
    """Make a beam reference the localizer."""
    made.plan.BeamSequence[0].ReferencedReferenceImageSequence = [
        reference(made.ct[0].SOPClassUID, made.objects[-1].SOPInstanceUID)
    ]


@pytest.mark.parametrize("refers", [drawn_on, planned_with])
def test_a_localizer_that_is_referred_to_is_a_slice(tmp_path: Path, refers: Edit) -> None:
    """Its name does not matter."""
    made = make_set(tmp_path, localizer(same_series=False, coronal=True), refers)
    assert "second-ct-series" in {fault.code for fault in judge(made).faults}


def begins_like_the_localizer(made: MadeSet) -> None:
    """Give the plan a UID that begins with the localizer's."""
    made.dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = f"{made.objects[-1].SOPInstanceUID}1"
    made.plan.SOPInstanceUID = f"{made.objects[-1].SOPInstanceUID}1"


def test_a_uid_that_begins_like_the_localizers_is_another(tmp_path: Path) -> None:
    """Systems number objects of an examination, and .55 is not .551."""
    made = make_set(tmp_path, localizer(same_series=False, coronal=True), begins_like_the_localizer)
    assert judge(made).good
