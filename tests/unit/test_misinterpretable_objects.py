"""Objects that users of a collection could misinterpret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from phantom.modules import item
from services.forms.collection_form import ACCEPTABLE
from services.rtset import folder_listing, reader
from services.verdict.checks import importability
from services.verdict.selection import members
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from services.verdict.checks.importability import Meaning
    from tests.sets import MadeSet


def judge(made: MadeSet, *, machine_replaced: bool = True) -> Meaning:
    """Check a folder."""
    chosen = members.choose(reader.read(made.folder, folder_listing.take(made.folder)).objects)
    return importability.judge(chosen.objects, machine_replaced=machine_replaced)


def codes(judged: Meaning) -> list[str]:
    """Return the codes of faults."""
    return [fault.code for fault in judged.faults]


def dose_of(kind: str, **plan: object) -> sets.Edit:
    """Set the dose's summation type."""

    def edit(made: MadeSet) -> None:
        made.dose.DoseSummationType = kind
        for keyword, value in plan.items():
            setattr(made.dose.ReferencedRTPlanSequence[0], keyword, value)

    return edit


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (sets.relative_dose, "relative-dose"),
        (sets.plan_sum, "plan-sum"),
        (dose_of("MULTI_PLAN"), "plan-sum"),
        (sets.beam_dose(1), "partial-beam-dose"),
        (dose_of("BEAM"), "partial-beam-dose"),
        (dose_of("CONTROL_POINT"), "partial-beam-dose"),
        (dose_of("RECORD"), "delivered-dose"),
        (sets.verification_plan, "verification-plan"),
        (sets.plan_for_a_device, "treatment-device-plan"),
        (sets.structures_in_two_frames_of_reference, "two-frames"),
        (sets.enhanced_ct, "enhanced-ct"),
        (sets.burned_in, "burned-in-annotation"),
        (sets.setting("RTDOSE", BurnedInAnnotation="YES"), "burned-in-annotation"),
    ],
)
def test_what_means_something_else_is_refused_with_a_code_to_accept(tmp_path, edit, code):
    """Each code is allowed in `accept`."""
    assert codes(judge(make_set(tmp_path, edit))) == [code]
    assert code in ACCEPTABLE


def plan_named_twice(made: MadeSet) -> None:
    """Make the dose reference its plan in two items."""
    made.dose.ReferencedRTPlanSequence.append(made.dose.ReferencedRTPlanSequence[0])


@pytest.mark.parametrize(
    "edit",
    [
        sets.beam_dose(1, 2),
        plan_named_twice,
        dose_of("FRACTION", ReferencedFractionGroupSequence=[item(ReferencedFractionGroupNumber=1)]),
        sets.setting("RTDOSE", DoseUnits="GY", DoseSummationType="PLAN"),
        sets.setting("CT", BurnedInAnnotation="NO"),
    ],
)
def test_the_whole_dose_of_the_plan_is_no_matter_what_it_is_called(tmp_path, edit):
    """A BEAM dose that covers every beam with meterset is the plan dose, as written by Oncentra."""
    assert codes(judge(make_set(tmp_path, edit))) == []


@pytest.mark.parametrize("meterset", [None, b"120,50"])
def test_a_meterset_that_is_not_stated_or_no_number_is_not_none(tmp_path, meterset):
    """The dose of one of two beams remains partial."""

    def edit(made: MadeSet) -> None:
        metersets(made, meterset)

    assert codes(judge(make_set(tmp_path, edit, sets.beam_dose(1)))) == ["partial-beam-dose"]
    assert codes(judge(make_set(tmp_path / "whole", edit, sets.beam_dose(1, 2)))) == []


@pytest.mark.parametrize("edit", [sets.verification_plan, sets.plan_for_a_device])
def test_a_plan_that_keeps_its_machine_may_verify_it(tmp_path, edit):
    """Then it is only a note."""
    judged = judge(make_set(tmp_path, edit), machine_replaced=False)
    assert codes(judged) == []
    assert any(note.startswith("RT Plan RP.") for note in judged.notes)


def second_fraction_group(made: MadeSet) -> None:
    """Add a second fraction group to the plan."""
    group = Dataset.from_json(made.plan.FractionGroupSequence[0].to_json())
    group.FractionGroupNumber = 2
    made.plan.FractionGroupSequence.append(group)


def uneven(made: MadeSet) -> None:
    """Move the highest slice up."""
    x, y, z = made.ct[-1].ImagePositionPatient
    made.ct[-1].ImagePositionPatient = [x, y, z + 2]


def recentred(made: MadeSet) -> None:
    """Shift the position of one slice."""
    x, y, z = made.ct[1].ImagePositionPatient
    made.ct[1].ImagePositionPatient = [x + 5, y, z]


def only_setup_fields(made: MadeSet) -> None:
    """Make all beams setup fields."""
    for beam in made.plan.BeamSequence:
        beam.TreatmentDeliveryType = "SETUP"


def metersets(made: MadeSet, value: object) -> None:
    """Set every beam's meterset, or remove it, and the delivery type."""
    for beam in made.plan.BeamSequence:
        if beam.TreatmentDeliveryType == "TREATMENT":
            del beam.TreatmentDeliveryType
    for beam in made.plan.FractionGroupSequence[0].ReferencedBeamSequence:
        beam.pop("BeamMeterset", None)
        if value is not None:
            beam[0x300A0086] = RawDataElement(
                Tag(0x300A0086), "DS", 6, value, 0, is_implicit_VR=True, is_little_endian=True
            )


def without_number_of_fractions(made: MadeSet) -> None:
    """Empty the number of fractions."""
    made.plan.FractionGroupSequence[0].NumberOfFractionsPlanned = None


def without_isocentre(made: MadeSet) -> None:
    """Remove the isocentres."""
    for beam in made.plan.BeamSequence:
        for point in beam.ControlPointSequence:
            point.pop("IsocenterPosition", None)


def same_numbers(made: MadeSet) -> None:
    """Give two beams, and two structures, the same number."""
    made.plan.BeamSequence[1].BeamNumber = made.plan.BeamSequence[0].BeamNumber
    first, second = made.structure_set.StructureSetROISequence
    second.ROINumber = first.ROINumber


def never_drawn(made: MadeSet) -> None:
    """Remove all contours."""
    del made.structure_set.ROIContourSequence


@pytest.mark.parametrize(
    ("edit", "note"),
    [
        (recentred, "two series in one"),
        (only_setup_fields, "no treatment beam"),
        (same_numbers, "2 beams in RT Plan RP."),
        (same_numbers, "2 structures in RT Structure Set RS."),
        (same_numbers, "refers to 1 beam that it does not have"),
        (sets.setting("RTPLAN", BeamSequence=None, FractionGroupSequence=None), "has no beams"),
        (never_drawn, "has no contours"),
        (sets.setting("RTDOSE", DoseType="EFFECTIVE"), "biologically effective"),
        (sets.setting("RTDOSE", DoseType="ERROR"), "a difference between two doses"),
        (sets.tilted_gantry, "tilted gantry"),
        (sets.rle, "3 CT slices are compressed"),
        (uneven, "not evenly spaced"),
        (second_fraction_group, "2 fraction groups"),
        (sets.setting("RTPLAN", PlanIntent="MACHINE_QA"), "quality assurance"),
        (sets.setting("RTPLAN", ApprovalStatus="REJECTED"), "was rejected"),
        (without_number_of_fractions, "does not state its number of fractions"),
        (without_isocentre, "does not state the isocentre of 3 beams"),
        (sets.setting("CT", RescaleIntercept=None), "3 CT slices do not state how their numbers become Hounsfield"),
        (sets.setting("RTPLAN", RTPlanLabel="HN longer label"), "The plan's label has 15 characters"),
    ],
)
def test_what_is_worth_knowing_is_a_note(tmp_path, edit, note):
    """It causes no refusal."""
    judged = judge(make_set(tmp_path, edit))
    assert codes(judged) == []
    assert [found for found in judged.notes if note in found]


def test_names_that_a_planning_system_cuts_short_are_noted(tmp_path):
    """Two names that differ only in their 17th character become one."""

    def rename(made: MadeSet) -> None:
        for letter, roi in zip("LR", made.structure_set.StructureSetROISequence, strict=True):
            roi.ROIName = f"OpticNerve_PRV03_{letter}"

    notes = judge(make_set(tmp_path, rename, sets.setting("RTPLAN", RTPlanLabel="HN"))).notes
    assert notes == [
        "2 structures have names of more than 16 characters; Eclipse shortens them.",
        "2 structures are called OpticNerve_PRV03 in the first 16 characters.",
    ]
