"""References are rebuilt if the collection requests it and geometry agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from services.dicom import part10
from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.rtset import references
from services.rtset.geometry import Volume, plane
from services.rtset.reader import read
from services.rtset.references import Objects
from services.verdict import check
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from services.rtset.reader import RtSet, SetFile
    from services.verdict.verdict import Verdict
    from tests.sets import MadeSet

RELINK = Options(machine=(), on_broken_links="relink")
REFERENCES = (
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "ReferencedFrameOfReferenceUID",
    "ReferencedFrameOfReferenceSequence",
    "ReferencedRTPlanSequence",
    "ReferencedStructureSetSequence",
    "ContourImageSequence",
)


def judge(made: MadeSet) -> Verdict:
    """Check a folder with relinking."""
    return check.judge(made.folder, RELINK, [], policy_for(Choice(keep_machine=True)))


def states(rtset: RtSet) -> dict[str, str]:
    """Evaluate the links of a set in memory."""
    planes = [plane(one.view) for one in rtset.slices]
    assert planes[0]
    positions = tuple(one.corner.along(planes[0].normal) for one in planes if one)
    objects = Objects(rtset.slices, Volume(planes[0], positions), rtset.structure_set, rtset.plan, rtset.dose)
    return dict(references.judge(objects).states)


def written(file: SetFile, folder: Path) -> Dataset:
    """Write an object with its pixels and read it with pydicom."""
    source = file.file
    elements, end = source.before_pixels()
    target = folder / "written.dcm"
    part10.write(
        target,
        source,
        [source.data[elements[0][2] : end]],
        [source.data[end:]] if source.pixels else [],
        sop_class_uid=file.sop_class_uid.encode(),
        sop_instance_uid=file.sop_instance_uid.encode(),
        buffer=bytearray(1000),
    )
    data = pydicom.dcmread(target)
    target.unlink()
    return data


def without_references(data: Dataset) -> Dataset:
    """Remove what rebuilding may change."""
    for keyword in REFERENCES:
        data.pop(keyword, None)
    for element in data:
        if element.VR == "SQ":
            for one in element.value:
                without_references(one)
    return data


BROKEN = [
    sets.dose_of_another_plan,
    sets.dose_without_plan,
    sets.plan_of_another_structure_set,
    sets.plan_without_structure_set,
    sets.contours_on_other_images,
    sets.contours_without_images,
    sets.other_frame_of_reference("RTPLAN"),
    sets.other_frame_of_reference("RTDOSE"),
    sets.other_frame_of_reference("RTSTRUCT"),
    sets.plan_without_frame_of_reference,
]


@pytest.mark.parametrize("edit", BROKEN)
def test_every_broken_or_absent_link_is_rebuilt(tmp_path, edit):
    """All four links are shown afterwards, in one study."""
    verdict = judge(make_set(tmp_path, edit, sets.two_studies))
    rtset = verdict.good_set()
    assert rtset.relinked
    assert "relinked" in verdict.links.values()
    assert states(rtset) == dict.fromkeys(references.LINKS, "shown")
    assert len({file.uid("StudyInstanceUID") for file in rtset.set_files}) == 1


@pytest.mark.parametrize("syntax", sets.TRANSFER_SYNTAXES)
def test_nothing_but_references_is_changed(tmp_path, syntax):
    """In every encoding, including pixels and contours; pydicom reads the result."""

    def all_broken(made: MadeSet) -> None:
        for edit in (sets.dose_of_another_plan, sets.contours_on_other_images, sets.other_frame_of_reference("RTPLAN")):
            edit(made)

    made = make_set(tmp_path, all_broken, sets.encoded(syntax))
    rtset = judge(made).good_set()
    assert rtset.relinked
    objects = read(made.folder, rtset.listing).objects
    for file in (rtset.structure_set, rtset.plan, rtset.dose):
        before, after = written(objects[file.kind][0], tmp_path), written(file, tmp_path)
        assert before != after
        assert without_references(after) == without_references(before)


def test_each_contour_refers_to_the_slice_it_lies_on(tmp_path):
    """Even those without references; the list names all slices."""
    made = make_set(tmp_path, sets.contours_without_images, sets.without_image_list, ct=5)
    structure_set = written(judge(made).good_set().structure_set, tmp_path)
    at = {float(data.ImagePositionPatient[2]): data.SOPInstanceUID for data in made.ct}
    for roi in structure_set.ROIContourSequence:
        for contour in roi.ContourSequence:
            (image,) = contour.ContourImageSequence
            assert image.ReferencedSOPInstanceUID == at[float(contour.ContourData[2])]
    (frame,) = structure_set.ReferencedFrameOfReferenceSequence
    (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert [image.ReferencedSOPInstanceUID for image in series.ContourImageSequence] == list(at.values())


def test_a_reference_to_the_plan_keeps_its_fraction_group_and_beams(tmp_path):
    """Only the UID was wrong."""
    made = make_set(tmp_path, sets.beam_dose(1, 2), sets.dose_of_another_plan)
    (plan,) = written(judge(made).good_set().dose, tmp_path).ReferencedRTPlanSequence
    assert plan.ReferencedSOPInstanceUID == made.plan.SOPInstanceUID
    assert len(plan.ReferencedFractionGroupSequence[0].ReferencedBeamSequence) == 2


def test_a_set_whose_links_are_shown_is_left_alone(tmp_path):
    """Two studies alone are no reason to rebuild."""
    rtset = judge(make_set(tmp_path, sets.two_studies)).good_set()
    assert not rtset.relinked
    assert len({file.uid("StudyInstanceUID") for file in rtset.set_files}) == 2


def isocentre_far_away(made: MadeSet) -> None:
    """Move the plan away."""
    for beam in made.plan.BeamSequence:
        beam.ControlPointSequence[0].IsocenterPosition = [0, 0, 9999]


def dose_far_away(made: MadeSet) -> None:
    """Move the dose away."""
    made.dose.ImagePositionPatient = [0, 0, 9999]


def prone(made: MadeSet) -> None:
    """Change the patient position of the plan."""
    made.plan.PatientSetupSequence = [Dataset()]
    made.plan.PatientSetupSequence[0].PatientPosition = "FFP"


@pytest.mark.parametrize(
    ("disagrees", "code"),
    [
        (isocentre_far_away, "isocentre-outside-ct"),
        (dose_far_away, "dose-beside-ct"),
        (prone, "patient-position"),
        (sets.contours_between_slices, "contours-off-slices"),
        (sets.structures_in_two_frames_of_reference, "two-frames"),
    ],
)
def test_nothing_is_rebuilt_against_geometry(tmp_path, disagrees, code):
    """Objects of two plans would become one fictitious set."""
    verdict = judge(make_set(tmp_path, sets.dose_of_another_plan, disagrees))
    codes = {fault.code for fault in (*verdict.faults, *verdict.missing)}
    assert {"dose-of-another-plan", code} <= codes
    assert verdict.rtset is None


def test_slices_that_are_missing_are_waited_for_first(tmp_path):
    """Rebuilding begins once everything is present."""
    verdict = judge(make_set(tmp_path, sets.dose_of_another_plan, sets.without_slices(0)))
    assert [fault.code for fault in verdict.missing] == ["slices-missing"]
    assert verdict.rtset is None


def another(**values: str) -> sets.Edit:
    """Let the dose refer to a missing plan, and state something else of the patient; an ID is everybody's."""

    def edit(made: MadeSet) -> None:
        sets.dose_of_another_plan(made)
        sets.setting(PatientName="Müller^Anna", PatientBirthDate="19610503", SpecificCharacterSet="ISO_IR 192")(made)
        sets.setting("" if "PatientID" in values else "RTDOSE", **{"PatientID": made.dose.PatientID} | values)(made)

    return edit


@pytest.mark.parametrize(
    ("values", "is_doubted"),
    [
        ({"PatientBirthDate": "19620503"}, True),
        ({"PatientBirthDate": "19000101"}, False),
        ({"PatientBirthDate": "1961.05.03"}, False),
        ({"PatientBirthDate": "1962.05.03"}, True),
        ({"PatientBirthDate": ""}, False),
        ({"PatientName": "Meier^Eva"}, False),  # the ID is the same: she married
        ({"PatientName": ""}, False),
    ],
)
def test_geometry_is_no_evidence_if_patients_may_differ(
    tmp_path: Path, values: dict[str, str], *, is_doubted: bool
) -> None:
    """Two patients on one couch have grids alike."""
    verdict = judge(make_set(tmp_path, another(**values), ct=3, size=16))
    assert ("patients-differ" in {fault.code for fault in verdict.faults}) == is_doubted
    assert verdict.good != is_doubted


@pytest.mark.parametrize(
    ("name", "is_doubted"), [("Meier^Eva", True), ("MUELLER^ANNA ", False), ("Müller Anna", False)]
)
def test_without_an_id_names_must_agree(tmp_path: Path, name: str, *, is_doubted: bool) -> None:
    """In any spelling."""

    def nobody(made: MadeSet) -> None:
        another(PatientID="")(made)
        made.dose.PatientName = name

    verdict = judge(make_set(tmp_path, nobody, ct=3, size=16))
    assert ("patients-differ" in {fault.code for fault in verdict.faults}) == is_doubted
    assert verdict.good != is_doubted


def test_an_invalid_uid_is_referred_to_as_it_is_written(tmp_path: Path) -> None:
    """Byte for byte, even if it is no text."""

    def odd(made: MadeSet) -> None:
        sets.dose_of_another_plan(made)
        made.plan[0x00080018] = RawDataElement(Tag(0x00080018), "UI", 6, b"1.2.\xe4\0", 0, False, True)

    rtset = judge(make_set(tmp_path, odd)).good_set()
    assert states(rtset)["dose → plan"] == "shown"
