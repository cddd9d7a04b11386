"""A check that cannot fail proves nothing: each promise is broken once, and the proof must say which."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.config import disable_value_validation

from services.dicom import part10
from services.errors import NotClean, SetChanged
from services.proof.compare_elements import Walk
from services.proof.evidence import Reasons
from services.proof.prove import Expected, Proof, prove
from tests import sets
from tests.anonymized import IDENTITY, anonymize_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Damage = Callable[[Dataset], object]


class Published(NamedTuple):
    """A valid set with everything that its proof needs."""

    source: list[tuple[str, Path]]
    output: Path
    expected: Expected
    made: sets.MadeSet
    proof: Proof


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """Anonymize a valid set once."""
    folder = tmp_path_factory.mktemp("sound")
    made = sets.make_set(folder, rois=20, ct=5)
    done = anonymize_folder(made.folder, folder / "ANON_006", scanner="SCANNER_A")
    replacements = done.replacements
    return Published(
        [(data.Modality, made.path(data)) for data in made.objects],
        done.anon,
        Expected(IDENTITY, replacements.policy, replacements.machine, replacements.scanner),
        made,
        done.proof,
    )


@pytest.fixture
def published(sound: Published, tmp_path: Path) -> Published:
    """Copy the set for damage."""
    shutil.copytree(sound.output, tmp_path / "ANON_006")
    return sound._replace(output=tmp_path / "ANON_006")


def proven(published: Published) -> Proof:
    """Repeat the proof."""
    return prove(published.source, published.output, published.expected)


def reasons(published: Published) -> str:
    """Return the reasons why the set is not clean."""
    with pytest.raises(NotClean) as not_clean:
        proven(published)
    return "\n".join(not_clean.value.reasons)


def one(published: Published, kind: str) -> Path:
    """Return one file of a kind: `CT`, `RS`, `RP`, `RD`."""
    return min(published.output.glob(f"{kind}.*"))


def damage(published: Published, kind: str, change: Damage) -> None:
    """Change one output file of a kind, with everything else in it unchanged."""
    path = one(published, kind)
    data = dcmread(path)
    with disable_value_validation():
        change(data)
        dcmwrite(path, data, enforce_file_format=False)


def original(published: Published, kind: str) -> Dataset:
    """Return the first source object of a kind."""
    return {"CT": published.made.ct[0], "RS": published.made.structure_set, "RP": published.made.plan}[kind]


def test_a_sound_set_passes_again_with_the_same_proof(published: Published) -> None:
    """The proof depends on the files only, not on their history."""
    assert proven(published) == published.proof


def test_what_pydicom_writes_again_unchanged_still_passes(published: Published) -> None:
    """So it is the damages below that fail the proof, not rewriting by pydicom."""
    for kind in ("CT", "RS", "RP", "RD"):
        damage(published, kind, lambda _: None)
    assert proven(published).checks == published.proof.checks


def test_every_check_examined_something(published: Published) -> None:
    """A check that examined nothing would always pass."""
    assert all(published.proof.checks.values())
    assert set(published.proof.checks) == {
        "files",
        "kept values",
        "pixels",
        "uids",
        "dates",
        "identity",
        "free text",
        "machine",
        "method",
        "links",
        "identifiers",
        "elements",
    }


def test_the_proof_and_its_reasons_hold_no_original_value(published: Published) -> None:
    """Records and logs name only attributes and counts."""
    damage(published, "CT", lambda data: data.update(original(published, "CT")))
    told = str(published.proof.as_json()) + reasons(published)
    assert not [planted.kind for planted in published.made.manifest.planted if planted.value in told]
    assert not [uid for uid in published.made.manifest.uids if uid in told]
    assert not [day for day in published.made.manifest.dates if day in told]


# Pixels and numbers


def test_one_pixel_that_differs_in_one_bit(published: Published) -> None:
    """Pixels are compared byte for byte."""
    path = one(published, "CT")
    written = bytearray(path.read_bytes())
    written[-101] ^= 1
    path.write_bytes(written)
    assert reasons(published) == "pixels: differ at CT PixelData"


def _leaf(plan: Dataset) -> None:
    positions = plan.BeamSequence[0].ControlPointSequence[1].BeamLimitingDevicePositionSequence[-1]
    positions.LeafJawPositions = [float(positions.LeafJawPositions[0]) - 0.1, *positions.LeafJawPositions[1:]]


def _contour(structure_set: Dataset) -> None:
    drawn = structure_set.ROIContourSequence[0].ContourSequence[0]
    drawn.ContourData = [float(drawn.ContourData[0]) + 0.01, *drawn.ContourData[1:]]


NUMBERS = {
    "a leaf": ("RP", _leaf, "ControlPointSequence[1].BeamLimitingDevicePositionSequence[0].LeafJawPositions"),
    "a contour's point": ("RS", _contour, "RTSTRUCT ROIContourSequence[0].ContourSequence[0].ContourData"),
    "a meterset": (
        "RP",
        lambda plan: setattr(plan.FractionGroupSequence[0].ReferencedBeamSequence[0], "BeamMeterset", "1.0"),
        "FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset",
    ),
    "the dose scaling": ("RD", lambda dose: setattr(dose, "DoseGridScaling", "0.001"), "RTDOSE DoseGridScaling"),
    "a DVH": (
        "RD",
        lambda dose: setattr(dose.DVHSequence[0], "DVHData", [1.0, 2.0]),
        "RTDOSE DVHSequence[0].DVHData",
    ),
    "a position": ("CT", lambda ct: setattr(ct, "SliceThickness", "2.9"), "CT SliceThickness"),
    "a modality": ("CT", lambda ct: setattr(ct, "RescaleIntercept", "-1000"), "CT RescaleIntercept"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_differs(published: Published, name: str) -> None:
    """Numbers used by planning systems equal the source's to the last character."""
    kind, change, place = NUMBERS[name]
    damage(published, kind, change)
    assert "elements: differs, and should be kept at" in (told := reasons(published))
    assert place in told


def test_contours_that_are_gone(published: Published) -> None:
    """No element or item is lost."""
    damage(published, "RS", lambda data: data.ROIContourSequence.pop())
    assert "elements: items were lost or inserted at RTSTRUCT ROIContourSequence" in reasons(published)


def test_an_element_that_is_gone(published: Published) -> None:
    """A missing kept attribute is noticed."""
    damage(published, "CT", lambda data: data.pop("KVP"))
    assert "elements: is lost at CT KVP" in reasons(published)
    assert "types: Type 2 and gone at CT KVP" in reasons(published)


# UIDs and links


def test_an_original_uid(published: Published) -> None:
    """No UID of the source may be left."""
    uid = original(published, "CT").StudyInstanceUID
    damage(published, "CT", lambda data: setattr(data, "StudyInstanceUID", uid))
    assert "uids: " in reasons(published)


def test_an_original_uid_in_every_object(published: Published) -> None:
    """Even if it is kept consistently, with valid links."""
    for path in published.output.iterdir():
        data = dcmread(path)
        data.FrameOfReferenceUID = original(published, "CT").FrameOfReferenceUID
        if data.Modality == "RTSTRUCT":
            for roi in data.StructureSetROISequence:
                roi.ReferencedFrameOfReferenceUID = data.FrameOfReferenceUID
            data.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = data.FrameOfReferenceUID
        dcmwrite(path, data, enforce_file_format=False)
    assert reasons(published) == "uids: an original UID is left at CT FrameOfReferenceUID"


def test_uids_that_are_not_of_the_promised_form(published: Published) -> None:
    """A new UID is 2.25 and a number."""
    damage(published, "RP", lambda data: setattr(data.ReferencedDoseSequence[0], "ReferencedSOPInstanceUID", "1.2.3"))
    assert "uids: is not a UID of the form 2.25.… at RTPLAN ReferencedDoseSequence" in reasons(published)


def test_a_dose_that_refers_to_another_plan(published: Published) -> None:
    """The links of the output are the source's."""
    damage(
        published,
        "RD",
        lambda data: setattr(data.ReferencedRTPlanSequence[0], "ReferencedSOPInstanceUID", "2.25.1234567890"),
    )
    assert "links: dose → plan differs from the source" in (told := reasons(published))
    assert "uids: one UID became two" in told


def test_two_contours_whose_images_are_swapped(published: Published) -> None:
    """A contour belongs to its slice."""

    def swap(data: Dataset) -> None:
        one, other, *_ = (contour.ContourImageSequence[0] for contour in data.ROIContourSequence[0].ContourSequence)
        one.ReferencedSOPInstanceUID, other.ReferencedSOPInstanceUID = (
            other.ReferencedSOPInstanceUID,
            one.ReferencedSOPInstanceUID,
        )

    damage(published, "RS", swap)
    assert "links: contours → CT differs from the source" in reasons(published)


def test_two_uids_that_became_one(published: Published) -> None:
    """Different UIDs stay different."""

    def merge(data: Dataset) -> None:
        data.DoseReferenceSequence[1].DoseReferenceUID = data.DoseReferenceSequence[0].DoseReferenceUID

    damage(published, "RP", merge)
    assert "uids: two UIDs became one at RTPLAN DoseReferenceSequence[1].DoseReferenceUID" in reasons(published)


def test_a_class_that_was_renamed(published: Published) -> None:
    """The standard's own UIDs stay."""
    damage(
        published,
        "RP",
        lambda data: setattr(data.ReferencedDoseSequence[0], "ReferencedSOPClassUID", "2.25.99"),
    )
    assert "elements: differs, and should be kept at RTPLAN ReferencedDoseSequence[0].ReferencedSOPClassUID" in reasons(
        published
    )


# Dates, and who it is


def test_a_date_that_did_not_move(published: Published) -> None:
    """One shift for all."""
    day = original(published, "RP").RTPlanDate
    damage(published, "RP", lambda data: setattr(data, "RTPlanDate", day))
    assert "dates: the dates of the set moved by 2 different numbers of days" in reasons(published)


def test_dates_that_all_stayed(published: Published) -> None:
    """A shift of zero is not valid, even if equal for all."""
    moved = {str(path): dcmread(path) for path in published.output.iterdir()}
    kept = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "StructureSetDate", "RTPlanDate")
    of_kind = {data.SOPClassUID: data for data in published.made.objects}
    for path, data in moved.items():
        for keyword in kept:
            if keyword in data:
                setattr(data, keyword, of_kind[data.SOPClassUID].get(keyword))
        dcmwrite(path, data, enforce_file_format=False)
    assert "dates: " in reasons(published)


def test_a_date_that_is_gone(published: Published) -> None:
    """Only invalid dates become empty."""
    damage(published, "RP", lambda data: setattr(data, "RTPlanDate", ""))
    assert "dates: a date was removed at RTPLAN RTPlanDate" in reasons(published)


IDENTITIES: dict[str, tuple[Damage, str]] = {
    "the old name": (
        lambda data: setattr(data, "PatientName", "Somebody^Else"),
        "identity: is not the new identity at RTPLAN PatientName",
    ),
    "another index": (
        lambda data: setattr(data, "PatientID", "zzz_AnusGE007"),
        "identity: is not the new identity at RTPLAN PatientID",
    ),
    "no birth date": (
        lambda data: setattr(data, "PatientBirthDate", ""),
        "identity: the objects disagree on the patient or the study",
    ),
    "another sex": (
        lambda data: setattr(data, "PatientSex", "O"),
        "identity: the objects disagree on the patient or the study",
    ),
    "no name at all": (
        lambda data: data.pop("PatientName"),
        "identity: is not stated at RTPLAN PatientName",
    ),
    "a study ID": (
        lambda data: setattr(data, "StudyID", "2"),
        "elements: is not the constant that the policy names at RTPLAN StudyID",
    ),
    "an accession number": (
        lambda data: setattr(data, "AccessionNumber", "A1"),
        "elements: should be empty at RTPLAN AccessionNumber",
    ),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_object_that_says_something_else_of_the_patient(published: Published, name: str) -> None:
    """Every object makes the promised statement."""
    change, expected = IDENTITIES[name]
    damage(published, "RP", change)
    assert expected in reasons(published)


def _everywhere(published: Published, **values: object) -> None:
    for path in published.output.iterdir():
        data = dcmread(path)
        for keyword, value in values.items():
            setattr(data, keyword, value)
        dcmwrite(path, data, enforce_file_format=False)


def test_an_age_that_the_source_does_not_state(published: Published) -> None:
    """All objects agree on a wrong value."""
    _everywhere(published, PatientAge="012Y")
    assert "identity: is not the age that the source states at PatientAge" in (told := reasons(published))
    assert "identity: the birth date does not match the age" in told


def test_the_real_birth_date(published: Published) -> None:
    """All objects agree and the age fits, but it is the real one."""
    _everywhere(published, PatientBirthDate=original(published, "CT").PatientBirthDate)
    assert "birth date" in reasons(published)


def test_a_sex_that_the_source_does_not_state(published: Published) -> None:
    """The sex must be the source's."""
    other = {"F": "M", "M": "F"}[original(published, "CT").PatientSex]
    _everywhere(published, PatientSex=other)
    assert "identity: is not the sex that the source states" in reasons(published)


# What must be gone


def test_a_private_element_left_at_the_root(published: Published) -> None:
    """Private elements are removed, whatever they hold."""

    def leave(data: Dataset) -> None:
        data.add_new(0x00090010, "LO", "PHANTOM")
        data.add_new(0x00091001, "DS", "1")

    damage(published, "CT", leave)
    assert "private elements: " in reasons(published)


def test_a_private_element_put_into_a_control_point(published: Published) -> None:
    """At every depth."""
    damage(
        published,
        "RP",
        lambda data: data.BeamSequence[0].ControlPointSequence[0].add_new(0x30211001, "UN", b"\1\2"),
    )
    assert "private elements: has no source at RTPLAN BeamSequence[0].ControlPointSequence[0].(3021,1001)" in reasons(
        published
    )


LEFT: dict[str, tuple[str, Damage, str]] = {
    "an unknown attribute": ("CT", lambda data: data.add_new(0x0008FFF0, "LO", "x"), "(0008,FFF0)"),
    "a comment": ("CT", lambda data: setattr(data, "ImageComments", "fine"), "CT ImageComments"),
    "an institution in a beam": (
        "RP",
        lambda data: setattr(data.BeamSequence[0], "InstitutionName", "Klinik"),
        "RTPLAN BeamSequence[0].InstitutionName",
    ),
    "a serial number": ("CT", lambda data: setattr(data, "DeviceSerialNumber", "1"), "CT DeviceSerialNumber"),
    "an operator": ("RS", lambda data: setattr(data, "OperatorsName", "A"), "RTSTRUCT OperatorsName"),
    "an approval": ("RP", lambda data: setattr(data, "ApprovalStatus", "APPROVED"), "RTPLAN ApprovalStatus"),
    "a reviewer": ("RP", lambda data: setattr(data, "ReviewerName", "A^B"), "RTPLAN ReviewerName"),
    "an overlay": ("CT", lambda data: data.add_new(0x60000022, "LO", "x"), "CT OverlayDescription"),
}


@pytest.mark.parametrize("name", LEFT)
def test_something_left_that_should_have_gone(published: Published, name: str) -> None:
    """Whatever its value: the policy does not keep it."""
    kind, change, place = LEFT[name]
    damage(published, kind, change)
    assert place in reasons(published)


def test_a_group_length(published: Published) -> None:
    """It is retired, and could hold any four bytes."""
    path = one(published, "CT")
    written = path.read_bytes()
    begin = 132 + 12 + int.from_bytes(written[140:144], "little")
    path.write_bytes(written[:begin] + b"\x08\x00\x00\x00UL\x04\x00\x07\x00\x00\x00" + written[begin:])
    assert "elements: has no source at CT (0008,0000)" in reasons(published)


def test_a_name_in_the_name_of_a_roi(published: Published) -> None:
    """A cleaned text holds nothing that identifies."""
    name = original(published, "RS").PatientName.family_name
    damage(
        published,
        "RS",
        lambda data: setattr(data.StructureSetROISequence[0], "ROIName", f"PTV {name}"),
    )
    assert "identifiers: left in a text: person at RTSTRUCT StructureSetROISequence[0].ROIName" in reasons(published)


def test_a_name_in_a_coded_string_of_source_and_output(published: Published, tmp_path: Path) -> None:
    """Kept values are searched, too: here a name in place of a defined term."""
    made = sets.make_set(tmp_path, sets.setting("CT", BodyPartExamined="ZYGMUNTOWSKI"), sets.patient("Zygmuntowski^Q"))
    done = anonymize_folder(made.folder, tmp_path / "anonymized")
    assert b"ZYGMUNTOWSKI" not in done.written
    for path in done.anon.glob("CT.*"):
        data = dcmread(path)
        data.BodyPartExamined = "ZYGMUNTOWSKI"
        data.save_as(path)
    files = [(file.kind, made.folder / file.path) for file in done.verdict.good_set().set_files]
    with pytest.raises(NotClean, match="identifiers: left in a text: person"):
        prove(files, done.anon, Expected(IDENTITY, done.replacements.policy, done.replacements.machine))


def test_a_text_that_was_changed_without_need(published: Published) -> None:
    """RapidPlan matches structures by name: harmless names stay."""
    rois = [roi.ROIName for roi in original(published, "RS").StructureSetROISequence]
    damage(
        published,
        "RS",
        lambda data: setattr(data.StructureSetROISequence[rois.index("Brainstem")], "ROIName", "Other"),
    )
    assert f"unnecessarily at RTSTRUCT StructureSetROISequence[{rois.index('Brainstem')}].ROIName" in reasons(published)


def test_two_structures_with_one_name(published: Published) -> None:
    """Cleaning creates no duplicates."""

    def repeat(data: Dataset) -> None:
        rois = data.StructureSetROISequence
        rois[-1].ROIName = rois[-2].ROIName

    damage(published, "RS", repeat)
    assert "free text: two texts became one at RTSTRUCT StructureSetROISequence[19].ROIName" in reasons(published)


def test_a_label_too_long_for_a_planning_system(published: Published) -> None:
    """Replacements must be importable."""
    damage(published, "RP", lambda data: setattr(data, "RTPlanLabel", "Plan with 14 c"))
    assert "free text: the replacement is too long for a planning system at RTPLAN RTPlanLabel" in reasons(published)


def test_a_type_1_attribute_that_was_emptied(published: Published) -> None:
    """The object would be invalid without it."""
    damage(published, "RP", lambda data: setattr(data, "RTPlanLabel", ""))
    assert "types: Type 1 and empty at RTPLAN RTPlanLabel" in reasons(published)


def test_a_type_2_attribute_that_was_dropped(published: Published) -> None:
    """It may be empty but must be present."""
    damage(published, "CT", lambda data: data.pop("ReferringPhysicianName"))
    assert "types: Type 2 and gone at CT ReferringPhysicianName" in reasons(published)


# Machine, scanner, method


def test_a_beam_on_another_machine(published: Published) -> None:
    """All beams are moved, including the setup field."""
    damage(published, "RP", lambda data: setattr(data.BeamSequence[-1], "TreatmentMachineName", "TrueBeam7"))
    assert reasons(published) == "machine: is not the machine's at RTPLAN BeamSequence[2].TreatmentMachineName"


def test_another_scanner(published: Published) -> None:
    """The collection's name for it, or none."""
    damage(published, "CT", lambda data: setattr(data, "StationName", "CT7"))
    assert reasons(published) == "machine: is not the scanner's name at CT StationName"


METHODS: dict[str, tuple[Damage, str]] = {
    "one code more": (
        lambda data: data.DeidentificationMethodCodeSequence.append(data.DeidentificationMethodCodeSequence[0]),
        "method: the codes do not state what was done",
    ),
    "no identity removed": (
        lambda data: setattr(data, "PatientIdentityRemoved", "NO"),
        "method: the objects disagree on what was done",
    ),
    "other dates": (
        lambda data: setattr(data, "LongitudinalTemporalInformationModified", "UNMODIFIED"),
        "method: the objects disagree on what was done",
    ),
    "nothing": (
        lambda data: data.pop("DeidentificationMethod"),
        "identity: is not stated at RTDOSE DeidentificationMethod",
    ),
}


@pytest.mark.parametrize("name", METHODS)
def test_an_object_that_claims_something_else(published: Published, name: str) -> None:
    """The method attributes say exactly what was done."""
    change, expected = METHODS[name]
    damage(published, "RD", change)
    assert expected in reasons(published)


def test_all_objects_that_claim_something_else(published: Published) -> None:
    """Also when they agree."""
    _everywhere(published, LongitudinalTemporalInformationModified="UNMODIFIED", PatientIdentityRemoved="NO")
    told = reasons(published)
    assert "method: does not state what became of the dates" in told
    assert "method: does not state that the identity was removed" in told


def test_a_name_in_what_all_objects_say_of_our_work(published: Published) -> None:
    """The method is described in our words only."""
    name = str(original(published, "CT").PatientName).partition("^")[0]
    said = dcmread(one(published, "RD")).DeidentificationMethod
    _everywhere(published, DeidentificationMethod=[*said, f"of {name}"])
    assert "method: does not state what was done" in reasons(published)


@pytest.mark.parametrize("keyword", ["CodeMeaning", "CodingSchemeDesignator", "CodeValue", "PatientName"])
def test_codes_of_what_was_done_that_say_more(published: Published, keyword: str) -> None:
    """Each item is exactly a standard code; agreement between objects does not matter."""
    codes = dcmread(one(published, "RD")).DeidentificationMethodCodeSequence
    setattr(codes[0], keyword, "SOMETHING")
    _everywhere(published, DeidentificationMethodCodeSequence=codes)
    assert "method: the codes do not state what was done" in reasons(published)


@pytest.mark.parametrize(("prefix", "begin"), [("RD", b"\x12\x00\x63\x00LO"), ("RP", b"\x10\x00\x10\x00PN")])
def test_an_element_that_occurs_twice(published: Published, prefix: str, begin: bytes) -> None:
    """The second could hold what the first must not; readers differ in which they use."""
    path = one(published, prefix)
    data = path.read_bytes()
    at = data.index(begin)
    length = 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    path.write_bytes(data[:at] + data[at : at + length] + data[at:])
    assert "are not encoded as required: identical duplicate elements" in reasons(published)


@pytest.mark.parametrize("prefix", ["RP", "CT"])
@pytest.mark.parametrize("behind", [b"\n", bytes(64)])
def test_bytes_behind_the_last_element(published: Published, prefix: str, behind: bytes) -> None:
    """Readers ignore padding; the output has none."""
    path = one(published, prefix)
    path.write_bytes(path.read_bytes() + behind)
    assert "do not extend to the end of the file" in reasons(published)


@pytest.mark.parametrize("depth", ["at the root", "in an item"])
@pytest.mark.parametrize("order", ["twice", "behind the next"])
def test_the_order_of_tags_is_not_taken_from_the_reader(published: Published, depth: str, order: str) -> None:
    """Even if the reader does not complain, each tag must be higher than the previous one."""
    promised = published.expected
    found = Reasons()
    walk = Walk(promised.policy, promised, found)
    new = part10.read(one(published, "RP"))
    old = part10.read(next(path for kind, path in published.source if kind == "RTPLAN"))
    elements = list(new.elements)
    beams = next(index for index, element in enumerate(elements) if element[0] == 0x300A00B0)
    (start, value, end, inner), *others = elements[beams][5] or []
    changed = elements if depth == "at the root" else list(inner)
    changed[3:5] = [changed[3], changed[3]] if order == "twice" else [changed[4], changed[3]]
    if depth == "in an item":
        elements[beams] = (*elements[beams][:5], [(start, value, end, changed), *others])
    walk.compare("RTPLAN", old, replace(new, elements=elements))
    assert any("occurs twice or out of order" in reason for reason in found.sentences())


# Files


def test_a_file_too_many(published: Published) -> None:
    """The folder holds the set and nothing else."""
    (published.output / "notes.txt").write_text("Mustermann")
    assert reasons(published) == "files: a file is not valid DICOM"


def test_an_object_twice(published: Published) -> None:
    """Even under another name."""
    shutil.copy(one(published, "RP"), published.output / "RP.2.25.1.dcm")
    assert "files: two files contain the same object" in reasons(published)


def test_a_folder_inside(published: Published) -> None:
    """Only files are allowed."""
    (published.output / "more").mkdir()
    assert reasons(published) == "files: the folder contains something other than a file"


def test_a_file_missing(published: Published) -> None:
    """Every object of the source has its output."""
    one(published, "CT").unlink()
    assert reasons(published) == "files: there is no output of a CT"


def test_a_share_that_changes_names(published: Published) -> None:
    """As some mounts of Windows' file systems do: an operator can mount it otherwise, and nobody has to report it."""
    file = one(published, "RD")
    file.rename(file.with_name(file.name.lower()))
    assert reasons(published) == (
        "files: the share changes the case of the letters in the name of a RTDOSE: mount it so that it keeps them"
    )


def test_a_file_with_another_name(published: Published) -> None:
    """Names must be derived from new UIDs, since others could identify."""
    one(published, "RD").rename(published.output / "RD.Mustermann.dcm")
    assert reasons(published) == "files: the name of a RTDOSE is not derived from its new UID"


def test_a_filled_preamble(published: Published) -> None:
    """It has 128 bytes for any content."""
    path = one(published, "CT")
    written = bytearray(path.read_bytes())
    written[:10] = b"MUSTERMANN"
    path.write_bytes(written)
    assert reasons(published) == "file meta information: the preamble of a CT is not empty"


META: dict[str, Damage] = {
    "a source application": lambda data: setattr(data.file_meta, "SourceApplicationEntityTitle", "KLINIK"),
    "the old UID": lambda data: setattr(data.file_meta, "MediaStorageSOPInstanceUID", "1.2.3"),
    "another implementation": lambda data: setattr(data.file_meta, "ImplementationClassUID", "1.2.3"),
    "a version with a name in it": lambda data: setattr(data.file_meta, "ImplementationVersionName", "MUSTERMANN"),
    "nothing": lambda data: data.file_meta.pop("ImplementationVersionName"),
}


@pytest.mark.parametrize("name", META)
def test_file_meta_information_that_is_not_new(published: Published, name: str) -> None:
    """It holds only what must be written, and nothing of the source's."""
    damage(published, "RD", META[name])
    assert "file meta information: of a RTDOSE does not contain exactly what was to be written" in reasons(published)


def test_bytes_behind_the_end(published: Published) -> None:
    """A file ends where its last element does."""
    path = one(published, "RP")
    path.write_bytes(path.read_bytes() + b"MUSTERMANN")
    assert "files: a file is not valid DICOM" in reasons(published)


def test_a_source_that_changed_meanwhile(published: Published, tmp_path: Path) -> None:
    """Not the output's fault: the work restarts."""
    copied = tmp_path / "RTPLAN.dcm"
    copied.write_bytes(b"something else")
    source = [(kind, copied if kind == "RTPLAN" else path) for kind, path in published.source]
    with pytest.raises(SetChanged):
        prove(source, published.output, published.expected)
