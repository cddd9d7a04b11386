"""A published set is changed in a hundred ways, each leaking or breaking something: the proof finds all.

The set is made once, and each change is made to a copy. The proof gets what `verify` gives it: the promise
of the record, and what the collection's key makes of a UID.
"""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread, dcmwrite
from pydicom.config import disable_value_validation
from pydicom.encaps import encapsulate

from tests import sets
from tests.encoded import END_OF_SEQUENCE, EXPLICIT, IMPLICIT, element
from tests.provable import Set, publish
from tests.sets import cells_of_12_bits, jpeg_pixels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME, ID = "Winterbottom", "40771923"
OF_THE_PATIENT: Final = sets.patient(f"{NAME}^Eulalia", ID)
JPEG: Final = "1.2.840.10008.1.2.4.70"


def _named_for_the_patient(made: sets.MadeSet) -> None:
    """Give a structure a name that must be replaced."""
    made.structure_set.StructureSetROISequence[18].ROIName = f"z{NAME}"
    made.structure_set.RTROIObservationsSequence[18].ROIObservationLabel = f"z{NAME}"[:16]


def publish_one(folder: Path, *edits: sets.Edit) -> Set:
    """Publish a set of the patient after whom a structure is named."""
    return publish(folder, OF_THE_PATIENT, _named_for_the_patient, *edits, rois=20, ct=3, size=16)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Set:
    """Publish a set with 12-bit pixels in 16-bit cells."""
    return publish_one(tmp_path_factory.mktemp("plain"), cells_of_12_bits)


@pytest.fixture(scope="module")
def compressed(tmp_path_factory: pytest.TempPathFactory) -> Set:
    """Publish a set with JPEG slices."""
    return publish_one(tmp_path_factory.mktemp("compressed"), jpeg_pixels)


# Ways to change a set


def of(prefix: str, change: Callable[[Dataset, Set], object]) -> Callable[[Set], None]:
    """Change one file of a kind via pydicom."""

    def do(here: Set) -> None:
        _rewrite(here, here.path(prefix), change)

    return do


def everywhere(change: Callable[[Dataset, Set], object]) -> Callable[[Set], None]:
    """Change every file via pydicom."""

    def do(here: Set) -> None:
        for path in here.anon.iterdir():
            _rewrite(here, path, change)

    return do


def _rewrite(here: Set, path: Path, change: Callable[[Dataset, Set], object]) -> None:
    data = dcmread(path)
    with disable_value_validation():
        change(data, here)
        dcmwrite(path, data, enforce_file_format=False)


def setting(prefix: str, **values: object) -> Callable[[Set], None]:
    """Set attributes of one file of a kind, or of each file."""

    def change(data: Dataset, _: Set) -> None:
        for keyword, value in values.items():
            setattr(data, keyword, value)

    return of(prefix, change) if prefix else everywhere(change)


def adding(prefix: str, tag: int, vr: str, value: object) -> Callable[[Set], None]:
    """Add an element to one file of a kind."""
    return of(prefix, lambda data, _: data.add_new(tag, vr, value))


def written(prefix: str, change: Callable[[bytes], bytes]) -> Callable[[Set], None]:
    """Change the bytes of one file of a kind."""

    def do(here: Set) -> None:
        path = here.path(prefix)
        before = path.read_bytes()
        after = change(before)
        assert after != before
        path.write_bytes(after)

    return do


def replacing(prefix: str, old: bytes, new: bytes) -> Callable[[Set], None]:
    """Replace the first occurrence of some bytes."""
    return written(prefix, lambda data: data.replace(old, new, 1))


def another_uid(keyword: str, make: Callable[[str], str]) -> Callable[[Set], None]:
    """Replace a UID by one of the same length in every file and file name."""

    def do(here: Set) -> None:
        old = str(dcmread(here.path("RP"))[keyword].value)
        new = make(old)
        assert len(new) == len(old)
        for path in list(here.anon.iterdir()):
            path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
            path.rename(path.with_name(path.name.replace(old, new)))

    return do


def _moved_by(days: int) -> Callable[[Dataset, Set], None]:
    def change(data: Dataset, _: Set) -> None:
        for each in data.iterall():
            value = str(each.value or "")
            if each.VR in {"DA", "DT"} and each.keyword not in {"PatientBirthDate", "ContextGroupVersion"} and value:
                day = datetime.strptime(value[:8], "%Y%m%d") - timedelta(days=days)  # noqa: DTZ007
                each.value = f"{day:%Y%m%d}{value[8:]}"

    return change


def _as_they_were(data: Dataset, here: Set) -> None:
    old = next(one for one in here.old.values() if one.Modality == data.Modality)
    for each in data:
        if each.VR == "DA" and each.keyword != "PatientBirthDate" and each.tag in old:
            each.value = old[each.tag].value


def _roi(name: str) -> Callable[[Dataset, Set], None]:
    """Rename the structure with the replaced name."""

    def change(data: Dataset, _: Set) -> None:
        (roi,) = (roi for roi in data.StructureSetROISequence if roi.ROIName.startswith("ROI_"))
        old = roi.ROIName
        for each in data.RTROIObservationsSequence:
            if each.ROIObservationLabel == old:
                each.ROIObservationLabel = name[:16]
        roi.ROIName = name

    return change


def _image(data: Dataset) -> list[Dataset]:
    return [contour.ContourImageSequence[0] for contour in data.ROIContourSequence[0].ContourSequence]


def _swap_contours(data: Dataset, _: Set) -> None:
    one, other, *_rest = _image(data)
    one.ReferencedSOPInstanceUID, other.ReferencedSOPInstanceUID = (
        other.ReferencedSOPInstanceUID,
        one.ReferencedSOPInstanceUID,
    )


def _leaf(data: Dataset, _: Set) -> None:
    positions = data.BeamSequence[0].ControlPointSequence[1].BeamLimitingDevicePositionSequence[-1]
    positions.LeafJawPositions = [float(positions.LeafJawPositions[0]) - 0.1, *positions.LeafJawPositions[1:]]


def _point(data: Dataset, _: Set) -> None:
    drawn = data.ROIContourSequence[0].ContourSequence[0]
    drawn.ContourData = [float(drawn.ContourData[0]) + 0.01, *drawn.ContourData[1:]]


def _voxel(data: Dataset, _: Set) -> None:
    pixels = bytearray(data.PixelData)
    pixels[40] ^= 1
    data.PixelData = bytes(pixels)


def _above_high_bit(data: Dataset, _: Set) -> None:
    pixels = np.frombuffer(data.PixelData, "<u2").copy()
    pixels[7] |= 0x1000
    data.PixelData = pixels.tobytes()


def _value(begin: bytes, value: str) -> Callable[[bytes], bytes]:
    """Change the value of the element with this head."""

    def change(data: bytes) -> bytes:
        at = data.index(begin, 200) + 6
        length = int.from_bytes(data[at : at + 2], "little")
        return data[:at] + len(value).to_bytes(2, "little") + value.encode() + data[at + 2 + length :]

    return change


def _twice(begin: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        at = data.index(begin, 200)
        length = 8 + int.from_bytes(data[at + 6 : at + 8], "little")
        return data[:at] + data[at : at + length] + data[at:]

    return change


def meta_end(data: bytes) -> int:
    """Return the offset of the data set."""
    return 144 + int.from_bytes(data[140:144], "little")


def _in_meta(new: bytes) -> Callable[[bytes], bytes]:
    """Append an element to the file meta information, with its length."""

    def change(data: bytes) -> bytes:
        end = meta_end(data)
        length = int.from_bytes(data[140:144], "little") + len(new)
        return data[:140] + length.to_bytes(4, "little") + data[144:end] + new + data[end:]

    return change


def _behind_meta(new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[: meta_end(data)] + new + data[meta_end(data) :]


def _longer_pixels(data: bytes) -> bytes:
    at = data.rindex(b"\xe0\x7f\x10\x00OW\0\0") + 8
    length = int.from_bytes(data[at : at + 4], "little") + 8
    return data[:at] + length.to_bytes(4, "little") + data[at + 4 :] + b"Wbottom!"


def _stream(change: Callable[[bytes], bytes], *, table: bool = False, split: int = 1) -> Callable[[Set], None]:
    """Change the codestream of a slice."""

    def do(data: Dataset, _: Set) -> None:
        value = bytes(data.PixelData)
        at = value.index(b"\xff\xd8")
        stream = value[at:].split(END_OF_SEQUENCE)[0]
        data.PixelData = encapsulate([change(stream)], fragments_per_frame=split, has_bot=table)
        data["PixelData"].VR = "OB"

    return of("CT", do)


def _beam(**values: object) -> Callable[[Dataset, Set], None]:
    def change(data: Dataset, _: Set) -> None:
        for keyword, value in values.items():
            setattr(data.BeamSequence[0], keyword, value)

    return change


def _method(data: Dataset, _: Set) -> None:
    data.DeidentificationMethod = [*data.DeidentificationMethod, f"of {ID}"]


def _codes(data: Dataset, _: Set) -> None:
    data.DeidentificationMethodCodeSequence[0].CodeMeaning = NAME


def _remove(keyword: str) -> Callable[[Dataset, Set], None]:
    return lambda data, _: data.pop(keyword)


#: What is done, and the beginning of a reason that the proof must give, or a part of one.
PLAIN: dict[str, tuple[Callable[[Set], object], str]] = {
    # UIDs and links
    "a UID made of an ID, everywhere": (
        another_uid("StudyInstanceUID", lambda old: "2.25." + (ID + old[13:]).ljust(len(old) - 5, "0")),
        "uids: does not follow from the collection's key at ",
    ),
    "a plan's UID by another key, everywhere": (
        another_uid("SOPInstanceUID", lambda old: old[:-1] + str((int(old[-1]) + 1) % 10)),
        "uids: does not follow from the collection's key at RTPLAN SOPInstanceUID",
    ),
    "a frame of reference of one's own, everywhere": (
        another_uid("FrameOfReferenceUID", lambda old: old[:-1] + str((int(old[-1]) + 1) % 10)),
        "uids: does not follow from the collection's key at ",
    ),
    "an original UID": (
        of("RD", lambda data, here: setattr(data, "StudyInstanceUID", here.old["RD"].StudyInstanceUID)),
        "uids: ",
    ),
    "the wrong frame of reference": (setting("RD", FrameOfReferenceUID="2.25.77"), "links: frame of reference differs"),
    "the wrong frame of reference of a structure": (
        of("RS", lambda data, _: setattr(data.StructureSetROISequence[3], "ReferencedFrameOfReferenceUID", "2.25.77")),
        "links: frame of reference differs",
    ),
    "another study": (setting("RP", StudyInstanceUID="2.25.78"), "links: study differs"),
    "one series for two": (
        of("RS", lambda data, here: setattr(data, "SeriesInstanceUID", dcmread(here.path("RP")).SeriesInstanceUID)),
        "links: series differs",
    ),
    "swapped references to slices": (of("RS", _swap_contours), "links: contours → CT differs"),
    "a reference to no slice of the set": (
        of("RS", lambda data, _: setattr(_image(data)[0], "ReferencedSOPInstanceUID", "2.25.79")),
        "links: contours → CT differs",
    ),
    "a dose of another plan": (
        of("RD", lambda data, _: setattr(data.ReferencedRTPlanSequence[0], "ReferencedSOPInstanceUID", "2.25.80")),
        "links: dose → plan differs",
    ),
    "a plan of another structure set": (
        of("RP", lambda data, _: setattr(data.ReferencedStructureSetSequence[0], "ReferencedSOPInstanceUID", "2.25.8")),
        "links: plan → structure set differs",
    ),
    "a UID that is none": (
        of("RP", lambda data, _: setattr(data.DoseReferenceSequence[0], "DoseReferenceUID", NAME)),
        "uids: is not a UID of the form 2.25.… at RTPLAN DoseReferenceSequence[0].DoseReferenceUID",
    ),
    "a UID that begins with a zero": (
        of("RP", lambda data, _: setattr(data.DoseReferenceSequence[0], "DoseReferenceUID", f"2.25.0{ID}")),
        "uids: is not a UID of the form 2.25.…",
    ),
    "two dose references with one UID": (
        of(
            "RP",
            lambda data, _: setattr(
                data.DoseReferenceSequence[1], "DoseReferenceUID", data.DoseReferenceSequence[0].DoseReferenceUID
            ),
        ),
        "uids: two UIDs became one at RTPLAN DoseReferenceSequence[1].DoseReferenceUID",
    ),
    "another class in a reference": (
        of("RD", lambda data, _: setattr(data.ReferencedRTPlanSequence[0], "ReferencedSOPClassUID", "2.25.1")),
        "elements: differs, and should be kept at RTDOSE ReferencedRTPlanSequence[0].ReferencedSOPClassUID",
    ),
    # Dates
    "an original date": (
        of("RP", lambda data, here: setattr(data, "RTPlanDate", here.old["RP"].RTPlanDate)),
        "dates: the dates of the set moved by 2 different numbers of days at RTPLAN RTPlanDate",
    ),
    "all dates a day earlier": (
        everywhere(_moved_by(1)),
        "dates: the dates did not move back by 52 to 520 whole weeks",
    ),
    "one object a week earlier": (of("RD", _moved_by(7)), "dates: the dates of the set moved by 2 different"),
    "all dates where they were": (everywhere(_as_they_were), "dates: "),
    "a date that is gone": (setting("RP", RTPlanDate=""), "dates: a date was removed at RTPLAN RTPlanDate"),
    "a month for a day": (setting("CT", StudyDate="201106"), "dates: "),
    "another time": (setting("CT", StudyTime="010203"), "elements: differs, and should be kept at CT StudyTime"),
    # Who it is
    "the old name": (setting("RP", PatientName=f"{NAME}^Eulalia"), "identity: is not the new identity at RTPLAN"),
    "the old ID": (setting("", PatientID=ID), "identity: is not the new identity at "),
    "the number of another set": (setting("", PatientID="zzz_AnusGE007"), "identity: is not the new identity at "),
    "a sex that nobody stated": (setting("", PatientSex="O"), "identity: is not the sex that the source states"),
    "two sexes": (setting("RD", PatientSex="O"), "identity: the objects disagree"),
    "an age that nobody stated": (setting("", PatientAge="012Y"), "identity: is not the age that the source states"),
    "the real birth date": (
        everywhere(lambda data, here: setattr(data, "PatientBirthDate", here.old["CT"].PatientBirthDate)),
        "identity: the birth date ",
    ),
    "no name": (of("RP", _remove("PatientName")), "identity: is not stated at RTPLAN PatientName"),
    "another study ID": (setting("RP", StudyID=ID), "elements: is not the constant that the policy names"),
    "an accession number": (setting("RP", AccessionNumber="A1"), "elements: should be empty at RTPLAN AccessionNumber"),
    # A name, wherever it fits
    "a name in PN": (setting("RS", OperatorsName=NAME), "elements: should be empty at RTSTRUCT OperatorsName"),
    "a name in LO": (setting("CT", Manufacturer=NAME), "identifiers: left in a text: person at CT Manufacturer"),
    "a name in SH": (setting("CT", ConvolutionKernel=NAME), "at CT ConvolutionKernel"),
    "a name in CS": (setting("CT", BodyPartExamined=NAME.upper()), "at CT BodyPartExamined"),
    "a name in DS": (
        written("CT", _value(b"\x18\0\x50\0DS", NAME)),
        "elements: differs, and should be kept at CT SliceThickness",
    ),
    "a name in IS": (
        written("CT", _value(b"\x20\0\x11\0IS", NAME)),
        "elements: differs, and should be kept at CT SeriesNumber",
    ),
    "a name in UI": (setting("CT", FrameOfReferenceUID=NAME), "uids: "),
    "a name in DA": (setting("CT", StudyDate=NAME), "dates: is not a date, or was not one at CT StudyDate"),
    "a name in TM": (setting("CT", StudyTime=NAME), "at CT StudyTime"),
    "a name in AS": (setting("", PatientAge=NAME), "identity: "),
    "a name in ST": (adding("RP", 0x300A000E, "ST", NAME), "RTPLAN PrescriptionDescription"),
    "a name in LT": (adding("CT", 0x00204000, "LT", NAME), "CT ImageComments"),
    "a name in UT": (adding("RP", 0x00720061, "UT", NAME), "has no source at RTPLAN"),
    "a name in AE": (adding("CT", 0x00080055, "AE", NAME), "has no source at CT StationAETitle"),
    "a name in UN": (adding("RP", 0x00189999, "UN", NAME.encode()), "has no source at RTPLAN (0018,9999)"),
    "a name in OB": (adding("CT", 0x00420011, "OB", NAME.encode()), "has no source at CT EncapsulatedDocument"),
    "a name in UC": (adding("CT", 0x00080119, "UC", NAME), "has no source at CT LongCodeValue"),
    "a name in the item of a reference": (
        of("RD", lambda data, _: setattr(data.ReferencedRTPlanSequence[0], "PatientName", NAME)),
        "RTDOSE ReferencedRTPlanSequence[0].PatientName",
    ),
    "a name behind the first NUL": (
        of("RS", lambda data, _: setattr(data.StructureSetROISequence[0], "ROIName", f"BODY\0{NAME}")),
        "RTSTRUCT StructureSetROISequence[0].ROIName",
    ),
    # Elements
    "a private element": (
        adding("CT", 0x00091001, "LO", "1"),
        "private elements: should have been removed at CT (0009,1001)",
    ),
    "a private creator": (
        adding("CT", 0x00090010, "LO", "A"),
        "private elements: should have been removed at CT (0009,0010)",
    ),
    "a private element in an item": (
        of("RP", lambda data, _: data.BeamSequence[0].ControlPointSequence[0].add_new(0x30211001, "UN", b"\1\2")),
        "private elements: has no source at RTPLAN BeamSequence[0].ControlPointSequence[0].(3021,1001)",
    ),
    "an unknown attribute": (adding("CT", 0x0008FFF0, "LO", "x"), "has no source at CT (0008,FFF0)"),
    "a group length": (
        written("CT", _behind_meta(element(0x00080000, b"UL", b"Wbtm"))),
        "elements: has no source at CT (0008,0000)",
    ),
    "trailing padding": (adding("RP", 0xFFFCFFFC, "OB", NAME.encode()), "has no source at RTPLAN"),
    "an overlay": (adding("CT", 0x60003000, "OW", bytes(32)), "has no source at CT"),
    "the description of an overlay": (adding("CT", 0x60000022, "LO", "x"), "CT OverlayDescription"),
    "a curve": (adding("CT", 0x50003000, "OW", bytes(32)), "has no source at CT"),
    "an icon": (adding("CT", 0x00880200, "SQ", Sequence([Dataset()])), "has no source at CT IconImageSequence"),
    "an approval": (setting("RP", ApprovalStatus="APPROVED"), "elements: is still approved at RTPLAN ApprovalStatus"),
    "a reviewer": (setting("RP", ReviewerName="A^B"), "at RTPLAN ReviewerName"),
    "a serial number": (setting("CT", DeviceSerialNumber="1"), "at CT DeviceSerialNumber"),
    "an institution in a beam": (of("RP", _beam(InstitutionName="X")), "at RTPLAN BeamSequence[0].InstitutionName"),
    "an element that is gone": (of("CT", _remove("KVP")), "elements: is lost at CT KVP"),
    "an element of Type 2 that is gone": (of("CT", _remove("ReferringPhysicianName")), "types: Type 2 and gone at CT"),
    "an element that is gone from an item": (
        of("RP", lambda data, _: data.BeamSequence[0].pop("SourceAxisDistance")),
        "elements: is lost at RTPLAN BeamSequence[0].SourceAxisDistance",
    ),
    "an emptied element of Type 1": (setting("RP", RTPlanLabel=""), "types: Type 1 and empty at RTPLAN RTPlanLabel"),
    "an element that stands twice": (
        written("RP", _twice(b"\x10\x00\x10\x00PN")),
        "elements: of a RTPLAN are not encoded",
    ),
    "elements that changed places": (
        written("RP", _behind_meta(element(0x00080060, b"CS", b"RTPLAN"))),
        "elements: ",
    ),
    "a beam that is gone": (
        of("RP", lambda data, _: data.BeamSequence.pop()),
        "elements: items were lost or inserted at RTPLAN BeamSequence",
    ),
    "a structure twice": (
        of("RS", lambda data, _: data.StructureSetROISequence.append(data.StructureSetROISequence[0])),
        "elements: items were lost or inserted at RTSTRUCT StructureSetROISequence",
    ),
    "contours that are gone": (
        of("RS", lambda data, _: data.ROIContourSequence.pop()),
        "elements: items were lost or inserted at RTSTRUCT ROIContourSequence",
    ),
    "the reserved bytes of a header": (replacing("RS", b"SQ\0\0", b"SQWb"), "elements: of a RTSTRUCT are not encoded"),
    "another VR": (replacing("CT", b"\x18\0\x50\0DS", b"\x18\0\x50\0LO"), "a VR other than the dictionary's"),
    "bytes behind the last element": (written("RP", lambda data: data + NAME.encode()), "files: a file is not valid"),
    "a blank line behind the last element": (written("RP", lambda data: data + b"\n"), "do not extend to the end"),
    "a file that ends too early": (written("RS", lambda data: data[:-7]), "files: a file is not valid DICOM"),
    # Pixels and numbers
    "a voxel": (of("CT", _voxel), "pixels: differ at CT PixelData"),
    "a voxel of the dose": (of("RD", _voxel), "pixels: differ at RTDOSE PixelData"),
    "a bit above the High Bit": (of("CT", _above_high_bit), "pixels: differ at CT PixelData"),
    "bytes behind the last voxel": (
        written("CT", _longer_pixels),
        "pixels: do not have the length of their image at CT",
    ),
    "zeros behind the last voxel": (
        of("CT", lambda data, _: setattr(data, "PixelData", data.PixelData + bytes(64))),
        "pixels: do not have the length of their image at CT PixelData",
    ),
    "voxels that are gone": (
        of("CT", lambda data, _: setattr(data, "PixelData", data.PixelData[:-2])),
        "pixels: do not have the length of their image at CT PixelData",
    ),
    "no pixels": (of("CT", _remove("PixelData")), "pixels: were lost at CT PixelData"),
    "pixels where none were": (
        of("RP", lambda data, _: data.add_new(0x7FE00010, "OW", NAME.encode())),
        "pixels: were inserted at RTPLAN PixelData",
    ),
    "the reserved bytes of the pixels' header": (
        replacing("CT", b"\xe0\x7f\x10\x00OW\0\0", b"\xe0\x7f\x10\x00OWWb"),
        "at CT PixelData",
    ),
    "another size of the image": (
        setting("CT", Rows=8, Columns=32),
        "elements: differs, and should be kept at CT Rows",
    ),
    "a leaf": (of("RP", _leaf), "ControlPointSequence[1].BeamLimitingDevicePositionSequence[0].LeafJawPositions"),
    "a contour's point": (of("RS", _point), "RTSTRUCT ROIContourSequence[0].ContourSequence[0].ContourData"),
    "a meterset": (
        of("RP", lambda data, _: setattr(data.FractionGroupSequence[0].ReferencedBeamSequence[0], "BeamMeterset", "1")),
        "RTPLAN FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset",
    ),
    "the dose's scaling": (setting("RD", DoseGridScaling="0.001"), "at RTDOSE DoseGridScaling"),
    "the dose's unit": (setting("RD", DoseUnits="RELATIVE"), "at RTDOSE DoseUnits"),
    "a histogram": (
        of("RD", lambda data, _: setattr(data.DVHSequence[0], "DVHData", [1.0, 2.0])),
        "at RTDOSE DVHSequence[0].DVHData",
    ),
    "a slice's thickness": (setting("CT", SliceThickness="2.9"), "at CT SliceThickness"),
    "a slice elsewhere": (setting("CT", ImagePositionPatient=[0, 0, 4711]), "files: there is no output of a CT"),
    "another zero of Hounsfield": (setting("CT", RescaleIntercept="-1000"), "at CT RescaleIntercept"),
    "a patient turned over": (setting("CT", PatientPosition="HFP"), "at CT PatientPosition"),
    # File meta information and names
    "a preamble": (written("CT", lambda data: NAME.encode().ljust(128, b"\0") + data[128:]), "the preamble of a CT"),
    "a source in the file meta information": (
        written("CT", _in_meta(element(0x00020016, b"AE", b"WBOTTOM "))),
        "file meta information: of a CT does not contain",
    ),
    "private information in the file meta information": (
        written("CT", _in_meta(element(0x00020102, b"OB", NAME.encode()))),
        "file meta information: of a CT does not contain",
    ),
    "another implementation": (
        replacing("CT", b"RTSETANON_", b"WBOTTOM_11"),
        "file meta information: of a CT does not contain",
    ),
    "another version of the file meta information": (
        replacing("CT", b"OB\0\0\2\0\0\0\0\1", b"OB\0\0\2\0\0\0Wb"),
        "file meta information: of a CT does not contain",
    ),
    "reserved bytes in the file meta information": (
        replacing("CT", b"OB\0\0\2\0\0\0\0\1", b"OBWb\2\0\0\0\0\1"),
        "of a CT",
    ),
    "another instance in the file meta information": (
        of("CT", lambda data, _: setattr(data.file_meta, "MediaStorageSOPInstanceUID", "2.25.4")),
        "file meta information: of a CT does not contain",
    ),
    "a transfer syntax that is not the file's": (
        replacing("CT", EXPLICIT, IMPLICIT.ljust(len(EXPLICIT), b"\0")),
        "of a CT",
    ),
    "another name of the file": (
        lambda here: here.path("RD").rename(here.anon / f"RD.{NAME}.dcm"),
        "files: the name of a RTDOSE is not derived from its new UID",
    ),
    "a file too many": (lambda here: (here.anon / "notes.txt").write_text(NAME), "files: a file is not valid DICOM"),
    "a file too few": (lambda here: here.path("RD").unlink(), "files: there is no output of a RTDOSE"),
    "an object twice": (
        lambda here: shutil.copy(here.path("RP"), here.anon / "RP.2.25.1.dcm"),
        "files: two files contain the same object",
    ),
    "a folder inside": (
        lambda here: (here.anon / NAME).mkdir(),
        "files: the folder contains something other than a file",
    ),
    # Texts
    "a kept name changed": (
        of("RS", lambda data, _: setattr(data.StructureSetROISequence[6], "ROIName", "Other")),
        "free text: was changed unnecessarily at RTSTRUCT StructureSetROISequence[6].ROIName",
    ),
    "a cleaned name changed into another organ": (
        of("RS", _roi("Rectum")),
        "free text: the replacement is neither a stand-in nor a remainder of known words at RTSTRUCT",
    ),
    "a cleaned name changed into anybody's": (
        of("RS", _roi("Zorrilla")),
        "free text: the replacement is neither a stand-in nor a remainder of known words at RTSTRUCT",
    ),
    "a cleaned name changed into the patient's": (of("RS", _roi(f"PTV {NAME}")), "identifiers: left in a text: person"),
    "a cleaned name with an ID": (of("RS", _roi(f"PTV {ID}")), "identifiers: left in a text: "),
    "an ID without its zeros and with separators": (of("RS", _roi("4077-1923")), "identifiers: left in a text"),
    "two structures of one name": (
        of(
            "RS",
            lambda data, _: setattr(
                data.StructureSetROISequence[2], "ROIName", data.StructureSetROISequence[1].ROIName
            ),
        ),
        "free text: ",
    ),
    "a label too long": (setting("RP", RTPlanLabel="Plan with 14 c"), "free text: the replacement is too long"),
    "an ID in the words of the method": (everywhere(_method), "method: does not state what was done at"),
    "a name in the codes of the method": (everywhere(_codes), "method: the codes do not state what was done"),
    "no method": (of("RD", _remove("DeidentificationMethod")), "identity: is not stated at RTDOSE"),
    "an identity that stands": (setting("", PatientIdentityRemoved="NO"), "method: does not state that the identity"),
    "dates that are said to be real": (
        setting("", LongitudinalTemporalInformationModified="UNMODIFIED"),
        "method: does not state what became of the dates",
    ),
    # Machine and scanner
    "a beam on another machine": (
        of("RP", lambda data, _: setattr(data.BeamSequence[-1], "TreatmentMachineName", "TrueBeam7")),
        "machine: is not the machine's at RTPLAN BeamSequence[2].TreatmentMachineName",
    ),
    "the maker of another machine": (of("RP", _beam(Manufacturer="Acme")), "at RTPLAN BeamSequence[0].Manufacturer"),
    "another scanner": (setting("CT", StationName="CT7"), "machine: is not the scanner's name at CT StationName"),
}

COMPRESSED: dict[str, tuple[Callable[[Set], object], str]] = {
    "a comment": (
        _stream(lambda one: one[:2] + b"\xff\xfe\0\x0eWinterbottom" + one[2:]),
        "pixels: contain a comment at CT PixelData",
    ),
    "an application segment": (
        _stream(lambda one: one[:2] + b"\xff\xe1\0\x0eWinterbottom" + one[2:]),
        "pixels: contain a comment at CT PixelData",
    ),
    "bytes behind the codestream": (_stream(lambda one: one.rstrip(b"\0") + NAME.encode()), "at CT PixelData"),
    "a byte of the coded image": (_stream(lambda one: one.replace(b"\x12", b"\x13")), "pixels: differ at CT PixelData"),
    "half the codestream": (_stream(lambda one: one[: len(one) // 4 * 2]), "at CT PixelData"),
    "bytes as a table of offsets": (
        written("CT", lambda data: _with_table(data, b"Wbtm")),
        "pixels: have a wrong offset table at CT PixelData",
    ),
    "the length of the last delimiter": (
        written("CT", lambda data: data[:-4] + b"Wbtm"),
        "CT",
    ),
    "a second codestream": (
        written("CT", lambda data: data[:-8] + b"\xfe\xff\x00\xe0\x0c\0\0\0Winterbottom" + data[-8:]),
        "at CT PixelData",
    ),
}


def _with_table(data: bytes, table: bytes) -> bytes:
    at = data.rindex(b"\xe0\x7f\x10\x00OB\0\0") + 12
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    return data[: at + 4] + len(table).to_bytes(4, "little") + table + data[at + 8 + length :]


@pytest.mark.parametrize("name", PLAIN)
def test_the_proof_finds_every_change(plain: Set, tmp_path: Path, name: str) -> None:
    """With check and location, without values of the source."""
    change, expected = PLAIN[name]
    here = plain.copied(tmp_path)
    change(here)
    told = here.reasons()
    assert expected in told
    assert not [value for value in (NAME, NAME.upper(), ID) if value in told]


@pytest.mark.parametrize("name", COMPRESSED)
def test_the_proof_finds_every_change_of_compressed_pixels(compressed: Set, tmp_path: Path, name: str) -> None:
    """Codestreams are compared piece by piece."""
    change, expected = COMPRESSED[name]
    here = compressed.copied(tmp_path)
    change(here)
    assert expected in here.reasons()


def test_unchanged_both_sets_pass(plain: Set, compressed: Set, tmp_path: Path) -> None:
    """Even if rewritten by pydicom: so the changes above are what the proof objects to."""
    assert (plain.reasons(), compressed.reasons()) == ("", "")
    here = plain.copied(tmp_path)
    everywhere(lambda *_: None)(here)
    assert here.reasons() == ""
    assert len(PLAIN) + len(COMPRESSED) > 100
