"""Kept values are valid: a number is a number, a code no ID, and a text ends at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from phantom.modules import item
from services.dicom.character_sets import plain
from services.errors import NotClean, SetRefused
from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.proof import prove
from services.proof.prove import Expected
from services.rtset import kept_values
from services.verdict import check
from tests.anonymized import IDENTITY, Anonymized, anonymize_folder
from tests.sets import encoded, make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from tests.sets import Edit, MadeSet

PATIENT_ID = "70213344"
NAME = "Winterbottom^Ada"
ENCODINGS = ["explicit", "implicit"]


def raw(data: Dataset, keyword: str, value: bytes, vr: str = "") -> None:
    """Store a raw value."""
    tag = Tag(keyword)
    found = data.get(keyword) if keyword not in data else data[keyword]
    data[tag] = RawDataElement(tag, vr or found.VR, len(value), value, 0, False, True)


def put(where: str, value: bytes, vr: str = "") -> Edit:
    """Write a value into an attribute: `plan BeamSequence>BeamName`, in each sequence's first item."""

    def edit(made: MadeSet) -> None:
        kind, _, path = where.partition(" ")
        for data in made.ct if kind == "ct" else [getattr(made, kind)]:
            *sequences, keyword = path.split(">")
            inside = data
            for sequence in sequences:
                inside = inside[sequence].value[0]
            raw(inside, keyword, value + b" " * (len(value) & 1), vr)

    return edit


def identified(made: MadeSet) -> None:
    """Set the patient's ID to eight digits, and the name to a rare one."""
    for data in made.objects:
        data.PatientID, data.PatientName = PATIENT_ID, NAME


def published(folder: Path, *edits: Edit, way: str = "explicit") -> Anonymized:
    """Make a set and anonymize it."""
    made = make_set(folder / "source", identified, *edits, encoded(way), ct=2, size=16)
    return anonymize_folder(made.folder, folder / "ANON_006")


def value_of(found: Anonymized, where: str) -> str:
    """Read an attribute of the output by the same path."""
    kind, _, path = where.partition(" ")
    data = {"ct": found.ct, "plan": found.plan, "dose": found.dose, "structure_set": found.structure_set}[kind]
    *sequences, keyword = path.split(">")
    for sequence in sequences:
        data = data[sequence].value[0]
    value = data[keyword].value
    return "\\".join(map(str, value)) if not isinstance(value, str) and hasattr(value, "__iter__") else str(value or "")


#: Where, the value, its VR where the object has none, and what becomes of it.
MENDED: dict[str, tuple[str, bytes, str, str]] = {
    "a name behind the NUL of a code": ("plan ApprovalStatus", b"APPROVED\0Winterbottom", "CS", "UNAPPROVED"),
    "a name behind the NUL of a position": ("ct PatientPosition", b"HFS\0Name of another", "CS", "HFS"),
    "a name behind the NUL of a label": (
        "structure_set StructureSetROISequence>ROIName",
        b"Parotid_L\0Name of another patient",
        "LO",
        "Parotid_L",
    ),
    "a line end in a label": ("structure_set StructureSetROISequence>ROIName", b"Parotid\r\nL", "LO", "Parotid L"),
    "a name behind the NUL of a maker": ("ct Manufacturer", b"ACME\0Name of another", "LO", "ACME"),
    "a name as a weight": ("ct PatientWeight", b"Winterbottom", "DS", ""),
    "a comma in a weight": ("ct PatientWeight", b"70,5", "DS", ""),
    "an ID as a weight": ("ct PatientWeight", b"70213344", "DS", ""),
    "an ID as the number of a series": ("ct SeriesNumber", b"70213344", "IS", ""),
    "an ID as the number of an acquisition": ("ct AcquisitionNumber", b"+70213344", "IS", ""),
    "an ID as the number of an image": ("ct InstanceNumber", b"70213344", "IS", ""),
    "a text as the number of an image": ("ct InstanceNumber", b"first", "IS", ""),
    "an ID before another value": ("ct ScanOptions", b"70213344\\HELIX", "CS", "\\HELIX"),
    "an ID between two values": ("ct ScanOptions", b"HELIX\\70213344\\FAST", "CS", "HELIX\\\\FAST"),
    "an ID behind another value": ("ct ScanOptions", b"HELIX\\70213344", "CS", "HELIX"),
    "no number as the number of an acquisition": ("ct AcquisitionNumber", b"1.#QNAN", "IS", ""),
    "a text as a time": ("ct AcquisitionTime", b"Ada at ten", "TM", ""),
    "a time that is none": ("plan RTPlanTime", b"256161", "TM", ""),
    "a time with an ID behind it": ("plan RTPlanTime", b"101500.70213344", "TM", "101500.702133"),
    "an ID as a value of the maker's": (
        "ct ImageType",
        b"ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI\\ID 70213344\\X",
        "CS",
        "ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI",
    ),
    "a time that is none, where none has to be": ("ct SeriesTime", b"12h30 ", "TM", ""),
    "a name as an option of the scan": ("ct ScanOptions", b"WINTERBOTTOM", "CS", ""),
    "an escape sequence in an option of the scan": ("ct ScanOptions", b"\x1b$B;3ED\x1b(B", "CS", "$B;3ED (B"),
    "an escape sequence in a position": ("plan PatientSetupSequence>PatientPosition", b"HFS\x1b$B;3", "CS", "HFS $B;3"),
    "any six digits as an option of the scan": ("ct ScanOptions", b"NR 654321", "CS", ""),
}


@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("what", MENDED)
def test_invalid_kept_values_are_emptied_or_truncated(tmp_path: Path, what: str, way: str) -> None:
    """The set is published, and the proof agrees."""
    where, value, vr, expected = MENDED[what]
    found = published(tmp_path, put(where, value, vr), way=way)
    assert value_of(found, where) == expected
    for secret in (b"interbottom", b"INTERBOTTOM", b"Name of another", PATIENT_ID.encode(), b"654321"):
        assert secret not in found.written
    if not what.endswith(("label", "maker")) and "ApprovalStatus" not in where:
        keyword = where.rpartition(" ")[2]
        assert any(f"Not kept as it is: {keyword} of " in note for note in found.verdict.record_notes)


def test_digits_of_another_script_are_no_number(tmp_path: Path) -> None:
    """Whatever character set a text in the object would be in."""
    where = "structure_set ROIContourSequence>ROIDisplayColor"
    assert value_of(published(tmp_path, put(where, "\u0663".encode(), "IS")), where) == ""


CODED = {
    "ct ScanOptions": "",
    "ct BodyPartExamined": "",
    "ct ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
    "dose ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
}


@pytest.mark.parametrize("blank", [b"\n", b"\t ", b"\r\n", b"\x0b", b" \x0c", b"\x7f"])
@pytest.mark.parametrize(
    "where", ["ct InstanceNumber", "ct AcquisitionNumber", "ct PatientWeight", "ct AcquisitionTime"]
)
def test_values_of_control_characters_are_emptied(tmp_path: Path, where: str, blank: bytes) -> None:
    """Only spaces may pad a value (PS3.5 6.2): a line end or tab is no value, and does not park the set."""
    assert value_of(published(tmp_path, put(where, blank, "TM" if "Time" in where else "")), where) == ""


@pytest.mark.parametrize("of", ["InstitutionName", "InstitutionAddress", "StationName", "DeviceSerialNumber"])
@pytest.mark.parametrize("where", CODED)
def test_a_place_or_a_device_in_a_coded_string_goes(tmp_path: Path, where: str, of: str) -> None:
    """Like a name; otherwise the proof would find it and park the set."""

    def echo(made: MadeSet) -> None:
        made.ct[0][of].value = "Klinik Ammerlund-Kestheim 77341"
        terms = f"{CODED[where]}\\" if CODED[where] else ""
        put(where, f"{terms}X_AMMERLUND-KESTHEIM 77341".encode(), "CS")(made)

    found = published(tmp_path, echo)
    assert value_of(found, where) == CODED[where]
    assert b"AMMERLUND" not in found.written


@pytest.mark.parametrize("odd", [b"ACME\0Name of another", b"ACME\x08\0\x80\0LO", b"ACME\x01", b"\x1fACME"])
def test_a_text_that_reads_like_another_one_stays_that(tmp_path: Path, odd: bytes) -> None:
    """Two texts that differ only in invalid characters become one, without failing the proof."""
    found = published(tmp_path, put("ct Manufacturer", odd, "LO"), put("dose Manufacturer", b"ACME", "LO"))
    assert (value_of(found, "ct Manufacturer"), value_of(found, "dose Manufacturer")) == ("ACME", "ACME")


STAYING: dict[str, tuple[str, bytes, str]] = {
    "a long number": ("dose DoseGridScaling", b"0.000123456789012345", "DS"),
    "a number with a zero and a blank": ("ct PatientWeight", b"70.50 ", "DS"),
    "a number of digits that is nobody's": ("ct AcquisitionNumber", b"12345678", "IS"),
    "a whole number with a fraction": ("ct AcquisitionNumber", b"5.0 ", "IS"),
    "a time with colons": ("ct AcquisitionTime", b"10:15:00", "TM"),
    "a time of the hour": ("ct AcquisitionTime", b"10", "TM"),
    "a maker's value": ("ct ImageType", b"ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM7 SPI DUAL", "CS"),
    "a maker's option": ("ct ScanOptions", b"TILTED_4", "CS"),
    "a term that the patient is called by": ("ct BodyPartExamined", b"HEAD", "CS"),
}


@pytest.mark.parametrize("what", STAYING)
def test_valid_kept_values_are_unchanged(tmp_path: Path, what: str) -> None:
    """Including padding."""
    where, value, vr = STAYING[what]
    found = published(tmp_path, put(where, value, vr))
    assert value in found.written
    assert not any("Not kept as it is" in note for note in found.verdict.notes)


REFUSED: dict[str, tuple[str, bytes, str, str]] = {
    "a comma in a meterset": (
        "plan FractionGroupSequence>ReferencedBeamSequence>BeamMeterset",
        b"120,50",
        "not-a-number",
        "FractionGroupSequence>ReferencedBeamSequence>BeamMeterset of RT Plan RP.",
    ),
    "a number of a contour that is none": (
        "structure_set ROIContourSequence>ContourSequence>ContourData",
        b"NaN\\1.0\\2.0",
        "not-a-number",
        "ROIContourSequence>ContourSequence>ContourData of RT Structure Set RS.",
    ),
    "commas in a contour": (
        "structure_set ROIContourSequence>ContourSequence>ContourData",
        b"\\".join([b"1,5\\2,5\\0"] * 200),
        "not-a-number",
        "ContourData",
    ),
    "a slope that is none": ("ct RescaleSlope", b"1.#QNAN ", "not-a-number", "RescaleSlope of CT"),
    "an ID as a correction of the dose": (
        "dose TissueHeterogeneityCorrection",
        b"ID 70213344",
        "identifier-in-term",
        "TissueHeterogeneityCorrection of RT Dose",
    ),
    "a name as an interpreted type": (
        "structure_set RTROIObservationsSequence>RTROIInterpretedType",
        b"WINTERBOTTOM",
        "identifier-in-term",
        "RTROIInterpretedType",
    ),
    "a name as a delivery type": (
        "plan BeamSequence>TreatmentDeliveryType",
        b"WINTERBOTTOM",
        "identifier-in-term",
        "TreatmentDeliveryType",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_dose_or_import_depend_on_is_refused(tmp_path: Path, what: str) -> None:
    """With code, attribute and object, instead of being changed."""
    where, value, code, told = REFUSED[what]
    with pytest.raises(SetRefused, match=code) as refused:
        published(tmp_path, put(where, value, "CS" if code == "identifier-in-term" else "DS"))
    faults = [fault.found for fault in refused.value.faults if fault.code == code]
    assert any(told in found for found in faults)
    assert not any(PATIENT_ID in found or "WINTERBOTTOM" in found for found in faults)


@pytest.mark.parametrize("where", ["ct RescaleType", "plan RTPlanGeometry"])
def test_an_attribute_that_must_have_a_value_does_not_lose_it(tmp_path: Path, where: str) -> None:
    """If of Type 1, the exporter is told, and no proof fails on an emptied value."""
    vr = "LO" if where == "ct RescaleType" else "CS"
    with pytest.raises(SetRefused, match="value-unreadable") as refused:
        published(tmp_path, put(where, b"\0Winterbottom", vr))
    assert [where.split()[1] in fault.found for fault in refused.value.faults] == [True]


def test_a_coded_value_that_is_no_term_is_reported(tmp_path: Path) -> None:
    """By attribute only."""
    found = published(tmp_path, put("ct ScanOptions", b"TILTED_4", "CS"))
    (told,) = [
        note for note in found.verdict.notes if note.startswith("Coded values that are not DICOM terms are kept:")
    ]
    assert "ScanOptions" in told
    assert "TILTED" not in told


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        (b"LO", b"Neck \0", b"Neck \0"),
        (b"LO", b"\x1b$BA\x1b(B", b"\x1b$BA\x1b(B"),
        (b"LT", b"one\r\ntwo\ttabs\x0c", b"one\r\ntwo\ttabs\x0c"),
        (b"LT", b"one\x01two", b"one two"),
        (b"SH", b"a\tb\0c", b"a b"),
        (b"CS", b"HFS\x7f", b"HFS"),
        (b"LO", b"\0Name", b""),
    ],
)
def test_a_text_holds_what_its_vr_allows(vr: bytes, value: bytes, expected: bytes) -> None:
    """PS3.5 6.1.3 and Table 6.2-1."""
    assert plain(value, vr) == expected


def _weight(data: Dataset) -> None:
    raw(data, "PatientWeight", PATIENT_ID.encode(), "DS")


def _another_weight(data: Dataset) -> None:
    raw(data, "PatientWeight", b"71", "DS")


def _behind_a_nul(data: Dataset) -> None:
    raw(data, "PatientPosition", b"HFS\0Somebody", "CS")


def _another_time(data: Dataset) -> None:
    raw(data, "AcquisitionTime", b"1015", "TM")


def _cut_image_type(data: Dataset) -> None:
    raw(data, "ImageType", b"ORIGINAL\\PRIMARY", "CS")


@pytest.mark.parametrize("change", [_weight, _another_weight, _behind_a_nul, _another_time, _cut_image_type])
def test_the_proof_takes_no_change_that_had_no_reason(tmp_path: Path, change: Callable[[Dataset], None]) -> None:
    """Kept values that were changed, or should have been removed."""
    from pydicom import dcmread, dcmwrite  # noqa: PLC0415 - beside the only use
    from pydicom.config import disable_value_validation  # noqa: PLC0415 - the same

    found = published(tmp_path, put("ct PatientWeight", b"70", "DS"), put("ct AcquisitionTime", b"101500", "TM"))
    path = next(found.anon.glob("CT*"))
    with disable_value_validation():
        data = dcmread(path)
        change(data)
        dcmwrite(path, data)
    files = [(one.kind, found.source / one.path) for one in found.verdict.good_set().set_files]
    with pytest.raises(NotClean, match=r"differs, and should be kept|no value of its VR"):
        prove.prove(files, found.anon, Expected(IDENTITY, found.replacements.policy, found.replacements.machine))


@pytest.fixture
def of_letters_and_digits() -> Edit:
    """Set an ID of letters and digits, and a birth date."""

    def edit(made: MadeSet) -> None:
        for data in made.objects:
            data.PatientID, data.PatientBirthDate = "HL-70213344", "19510317"

    return edit


@pytest.mark.parametrize("value", ["70213344", "19510317", "17031951", "+19510317.0"])
@pytest.mark.parametrize(
    "where", ["ct SeriesNumber", "ct AcquisitionNumber", "plan SeriesNumber", "dose InstanceNumber"]
)
def test_digits_of_an_id_or_a_date_go_from_a_number(
    tmp_path: Path, of_letters_and_digits: Edit, where: str, value: str
) -> None:
    """They identify wherever they are."""
    assert value_of(published(tmp_path, of_letters_and_digits, put(where, value.encode(), "IS")), where) == ""


@pytest.mark.parametrize("value", ["70213344", "19510317"])
def test_a_needed_number_that_is_an_id_or_a_date_is_refused(
    tmp_path: Path, of_letters_and_digits: Edit, value: str
) -> None:
    """A dose cannot do without it."""
    where = "plan FractionGroupSequence>ReferencedBeamSequence>BeamMeterset"
    with pytest.raises(SetRefused, match="identifier-in-term"):
        published(tmp_path, of_letters_and_digits, put(where, value.encode(), "DS"))


@pytest.mark.parametrize("component", ["70213344", "1970213344", "19510317"])
def test_a_uid_of_a_class_with_digits_of_an_id_is_refused(
    tmp_path: Path, of_letters_and_digits: Edit, component: str
) -> None:
    """It cannot be replaced."""
    value = f"1.2.826.{component}.5".encode()
    with pytest.raises(SetRefused, match="identifier-in-term"):
        published(tmp_path, of_letters_and_digits, put("plan RelatedGeneralSOPClassUID", value, "UI"))


@pytest.mark.parametrize("value", ["70213344", "19510317", "17031951"])
def test_the_proof_finds_such_a_number_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_letters_and_digits: Edit, value: str
) -> None:
    """If it was left."""
    monkeypatch.setattr(kept_values._Known, "is_number", lambda *_: False)
    with pytest.raises(NotClean, match="a kept number is an ID or a date"):
        published(tmp_path, of_letters_and_digits, put("ct SeriesNumber", value.encode(), "IS"))


def of_a_code_table(version: str) -> Edit:
    """Let a structure's code state the edition of its table."""

    def edit(made: MadeSet) -> None:
        made.structure_set.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence = [
            item(CodeValue="PTVp", CodingSchemeDesignator="99VMS_STRUCTCODE", CodeMeaning="PTV"),
        ]
        code = made.structure_set.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence[0]
        code.ContextGroupVersion = version

    return edit


EDITION = "structure_set RTROIObservationsSequence>RTROIIdentificationCodeSequence>ContextGroupVersion"


@pytest.mark.parametrize(
    ("version", "new"), [("19510317", "1951"), ("19510317101500", "1951"), ("20161209", "20161209"), ("1951", "1951")]
)
def test_the_edition_of_a_code_table_is_no_date_of_the_set(
    tmp_path: Path, of_letters_and_digits: Edit, version: str, new: str
) -> None:
    """Without any, Eclipse loses its structure codes."""
    assert value_of(published(tmp_path, of_letters_and_digits, of_a_code_table(version)), EDITION) == new


def test_the_proof_finds_such_an_edition_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_letters_and_digits: Edit
) -> None:
    """If it was left."""
    monkeypatch.setattr(kept_values._Known, "is_day", lambda *_: False)
    with pytest.raises(NotClean, match="a kept date is one of the set"):
        published(tmp_path, of_letters_and_digits, of_a_code_table("19510317"))


#: More digits than Python converts to a number.
DIGITS = b"7" * 5000


@pytest.mark.parametrize("where", ["ct NumberOfFrames", "dose NumberOfFrames", "ct InstanceNumber", "ct PatientWeight"])
def test_a_number_of_any_length_is_read_to_a_verdict(tmp_path: Path, where: str) -> None:
    """It is neither an ID nor a count."""
    made = make_set(tmp_path / "source", put(where, DIGITS, "IS"), ct=2, size=16)
    verdict = check.judge(made.folder, Options(machine=()), [], policy_for(Choice(keep_machine=True)))
    assert verdict.good == (not where.endswith("NumberOfFrames"))


@pytest.mark.parametrize("where", ["ct InstanceNumber", "ct PatientWeight"])
def test_a_number_of_any_length_is_proven(tmp_path: Path, where: str) -> None:
    """The proof reads what the check has read."""
    assert DIGITS in published(tmp_path, put(where, DIGITS)).written


def test_an_id_of_any_length_is_removed(tmp_path: Path) -> None:
    """It is longer than the numbers that are kept."""
    everywhere = [put(f"{kind} PatientID", DIGITS) for kind in ("ct", "structure_set", "plan", "dose")]
    assert DIGITS not in published(tmp_path, *everywhere).written
