"""Actionable refusals and notes: which machine would fit, which file is meant, what the sheet says."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.machines import descriptor
from services.policy.table import policy_for
from services.verdict import check
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.verdict.verdict import Verdict
    from tests.sets import Edit, MadeSet

ROW_OF_UIDS = re.compile(r"(\d+\.){5,}\S*, \S*(\d+\.){5,}")


def judge(made: MadeSet, machines: Sequence[str] = ("VicRapidPlan",), **options: object) -> Verdict:
    """Check a folder."""
    wanted = Options(machine=tuple(machines), **options)  # type: ignore[arg-type]
    return check.judge(made.folder, wanted, descriptor.named(machines, descriptor.folders()), policy_for(wanted))


def angles(first: float) -> Edit:
    """Set every beam's first gantry angle."""

    def edit(made: MadeSet) -> None:
        for beam in made.plan.BeamSequence:
            beam.ControlPointSequence[0].GantryAngle = first

    return edit


def metersets_in_minutes(made: MadeSet) -> None:
    """State metersets in minutes, like cobalt units."""
    for beam in made.plan.BeamSequence:
        beam.PrimaryDosimeterUnit = "MINUTE"


def another_patient(made: MadeSet) -> None:
    """Add another patient's set."""
    other = make_set(made.folder.parent / "other", ct=len(made.ct), seed=7)
    made.objects += other.objects


def beside_the_slices(made: MadeSet) -> None:
    """Move all contours half a millimetre off their slices."""
    sets.move_contours(made, 0.5)


def isocentre_outside(made: MadeSet) -> None:
    """Move the isocentre outside the CT."""
    for beam in made.plan.BeamSequence:
        beam.ControlPointSequence[0].IsocenterPosition = [0, 0, 900]


def fine_contours(made: MadeSet) -> None:
    """Draw one structure in steps of 0.1 mm on pixels of 0.33 mm."""
    for image in made.ct:
        image.PixelSpacing = [0.3, 0.3]
    contour = made.structure_set.ROIContourSequence[0].ContourSequence[0]
    z = contour.ContourData[2]
    contour.ContourData = [number for step in range(400) for number in (step / 10, step % 2 / 10, z)]
    contour.NumberOfContourPoints = 400


def equal_names(made: MadeSet) -> None:
    """Make two names differ only in their 17th character."""
    for letter, roi in zip("LR", made.structure_set.StructureSetROISequence, strict=True):
        roi.ROIName = f"OpticNerve_PRV03_{letter}"


def test_the_shipped_machine_that_would_take_the_plan_is_named(tmp_path):
    """With the line for the form."""
    (fault,) = judge(make_set(tmp_path, sets.hd120)).faults
    assert (
        'The shipped descriptor VicRapidPlanHD fits this plan: with machine = ["VicRapidPlan", "VicRapidPlanHD"]'
        in (fault.remedy)
    )


def test_where_no_shipped_machine_would_take_it_that_is_stated(tmp_path):
    """A centre can then add its own."""
    (fault,) = judge(make_set(tmp_path, sets.energy("4"))).faults
    assert fault.remedy.startswith("No shipped descriptor fits this plan. Add a descriptor of a machine that has it")


def test_a_plan_on_its_own_machine_has_notes_on_what_no_machine_does(tmp_path):
    """It is published unchanged, with a note for importers."""
    notes = judge(make_set(tmp_path, angles(581), metersets_in_minutes), ()).notes
    for number in (1, 2):
        assert f"Beam {number} has a gantry angle of 581°, not of 0° to 360°." in " ".join(notes)
        assert f"Beam {number} has a meterset in the unit MINUTE and not in MU." in " ".join(notes)


def test_two_patients_are_reported_as_two_patients(tmp_path):
    """Once separated, nothing else is wrong, and no option makes one set of them."""
    (fault,) = judge(make_set(tmp_path, another_patient)).faults
    assert fault.code == "two-patients"
    assert "plans" not in fault.remedy


def test_a_second_plan_of_one_of_two_patients_is_reported_as_well(tmp_path):
    """Separating them would not suffice."""
    codes = [fault.code for fault in judge(make_set(tmp_path, another_patient, sets.second("RTPLAN"))).faults]
    assert codes == ["two-patients", "second-plan"]


def without_position(made: MadeSet) -> None:
    """Remove the slices' positions."""
    for image in made.ct:
        del image.ImagePositionPatient


@pytest.mark.parametrize(
    "edit",
    [
        sets.second("RTPLAN"),
        sets.second("RTDOSE"),
        sets.second("RTSTRUCT"),
        sets.second_ct_series,
        sets.second_slice_at_same_position,
        sets.setting(DeidentificationMethod="rt-set-anonymizer 0.1.0"),
        without_position,
        sets.without("RTDOSE"),
        another_patient,
    ],
)
def test_no_sentence_is_a_row_of_uids(tmp_path, edit):
    """Of files named by UIDs one is given, or each on its own line."""
    verdict = judge(make_set(tmp_path, edit, ct=5))
    texts = [text for fault in (*verdict.faults, *verdict.missing) for text in (fault.found, fault.remedy)]
    assert texts
    assert not [line for text in (*texts, *verdict.notes) for line in text.split("\n") if ROW_OF_UIDS.search(line)]


def test_the_few_slices_of_another_orientation_are_named_and_not_the_many(tmp_path):
    """The first file may be the wrong one."""

    def sagittal(made: MadeSet) -> None:
        made.ct[0].ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    made = make_set(tmp_path, sagittal, ct=5)
    fault = next(fault for fault in judge(made).faults if fault.code == "ct-orientations")
    name = made.path(made.ct[0]).name
    assert fault.found == f"1 of 5 CT slices have another orientation than the others: {name}."


def test_of_a_plan_dose_and_others_that_are_refused_the_plans_is_named(tmp_path):
    """If extra objects are refused, the doses to remove are known."""

    def beam_dose_beside(made: MadeSet) -> None:
        other = copy.deepcopy(made.dose)
        other.SOPInstanceUID += ".1"
        other.DoseSummationType = "BEAM"
        made.objects.append(other)

    made = make_set(tmp_path, beam_dose_beside)
    (fault,) = judge(made, extra_objects="refuse").faults
    assert f"of which one is the dose of the plan ({made.path(made.dose).name})" in fault.found


def test_contours_beside_the_slices_that_they_name_are_refused_where_most_are(tmp_path):
    """References do not place contours on slices; a collection may accept such sets."""
    made = make_set(tmp_path, beside_the_slices)
    assert [fault.code for fault in judge(made).faults] == ["contours-off-slices"]
    accepted = judge(made, accept=frozenset(("contours-off-slices",)))
    assert accepted.good
    assert accepted.accepted == {"contours-off-slices": 1}


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (isocentre_outside, "The RT Plan has an isocentre outside the CT."),
        (sets.without_slices(1), "The CT slices are not evenly spaced: 3 to 6 mm. Are slices missing?"),
        (sets.setting("RTDOSE", DoseType="EFFECTIVE"), "The RT Dose is a biologically effective dose and not the "),
        (fine_contours, "1 structure is drawn between CT slices or finer than their pixels (high resolution)."),
        (equal_names, "2 structures have names that are equal in the first 16 characters."),
        (sets.dose_without_plan, "The RT Dose does not state for which plan it was calculated."),
    ],
)
def test_what_is_reported_may_be_on_the_sheet(tmp_path, edit, told):
    """Objects are described by kind, without names of files, structures and plans."""
    made = make_set(tmp_path, edit, ct=4)
    verdict = judge(made)
    assert any(note.startswith(told) for note in verdict.record_notes)
    assert not [note for note in verdict.record_notes if ".dcm" in note or "OpticNerve" in note]
