"""Notes on a set's use in a RapidPlan model, without names."""

from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.rtset import references
from services.rtset.folder_listing import take
from services.rtset.reader import read
from services.verdict import check
from tests.sets import make_set

TYPES = "RTROIInterpretedType"


def told(made):
    """Check a folder without refusal, and return the notes for record and sheet."""
    verdict = check.judge(made.folder, Options(machine=()), [], policy_for(Choice(keep_machine=True)))
    assert verdict.good
    assert set(verdict.record_notes) <= set(verdict.notes)
    return verdict.record_notes


def typed(*types):
    """Set the structures' types."""

    def edit(made):
        for one, kind in zip(made.structure_set.RTROIObservationsSequence, types, strict=True):
            one.RTROIInterpretedType = kind

    return edit


def prescribed(made):
    """Prescribe a dose to the first structure."""
    for one in made.plan.DoseReferenceSequence:
        one.DoseReferenceType = "TARGET"
        one.TargetPrescriptionDose = 60
        one.ReferencedROINumber = made.structure_set.StructureSetROISequence[0].ROINumber


def prescribed_to_no_structure(made):
    """Prescribe a dose to a volume without structure."""
    for one in made.plan.DoseReferenceSequence:
        one.pop("ReferencedROINumber", None)


def never_drawn(made):
    """Remove the contours of one structure."""
    del made.structure_set.ROIContourSequence[-1].ContourSequence


def without_codes(made):
    """Remove the structures' codes."""
    for one in made.structure_set.RTROIObservationsSequence:
        one.pop("RTROIIdentificationCodeSequence", None)


@pytest.mark.parametrize(
    ("edits", "note"),
    [
        ([typed("PTV", "ORGAN")], "No structure is the outline of the body (type EXTERNAL)."),
        ([typed("EXTERNAL", "ORGAN")], "No target (type PTV, CTV or GTV) has contours."),
        ([typed("EXTERNAL", "PTV"), never_drawn], "No target (type PTV, CTV or GTV) has contours."),
        ([typed("PTV", "ORGAN"), prescribed_to_no_structure], "The plan prescribes no dose to a contoured target."),
        ([never_drawn], "1 structure is empty."),
        ([without_codes], "2 structures are without a code."),
        ([typed("SUPPORT", "PTV")], "1 structure is of the couch (type SUPPORT)."),
    ],
)
def test_a_missing_feature_is_a_note(tmp_path, edits, note):
    """Without naming structures."""
    assert note in told(make_set(tmp_path, *edits))


def test_a_complete_set_has_no_note(tmp_path):
    """It has body, target, prescription and codes."""
    notes = told(make_set(tmp_path, typed("PTV", "EXTERNAL"), prescribed))
    assert [note for note in notes if "code" not in note] == []


def blanks_before_numbers(made):
    """Pad ROI numbers in front, as PS3.5 6.2 allows for IS."""
    for one in made.structure_set.ROIContourSequence:
        one["ReferencedROINumber"] = padded(0x30060084, one.ReferencedROINumber)


def padded(tag, number):
    """Write a number with blanks around it."""
    return RawDataElement(Tag(tag), "IS", 4, f" {number} ".ljust(4).encode(), 0, False, True)


def test_numbers_with_blanks_before_them_are_the_same_numbers(tmp_path):
    """A structure is found by its number, however that is padded."""
    made = make_set(tmp_path, typed("PTV", "EXTERNAL"), blanks_before_numbers)
    structure_set = next(iter(read(made.folder, take(made.folder)).objects["RTSTRUCT"]))
    drawn = {contour.roi_number for contour in references.contours(structure_set)}
    assert references.targets(structure_set) & drawn
    assert references.contoured_frames(structure_set) == {made.ct[0].FrameOfReferenceUID}
