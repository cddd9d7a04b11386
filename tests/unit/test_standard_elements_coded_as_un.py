"""A standard element coded as UN has the dictionary's VR; overlong ones must be UN (PS3.5 6.2.2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from pydicom import Dataset, dcmread

from phantom.modules import item as data_item
from services.dicom.part10 import read
from tests import sets
from tests.anonymized import anonymized
from tests.encoded import END_OF_SEQUENCE, EXPLICIT, UNDEFINED, element, head, item, sequence

if TYPE_CHECKING:
    from pathlib import Path

    from services.dicom.elements import Element
    from tests.sets import MadeSet

BEAMS, BEAM_NAME, LEAVES = 0x300A00B0, 0x300A00C2, 0x300A011C
RLE = b"1.2.840.10008.1.2.5\0"


def tree(data: bytes, elements: list[Element]) -> list:
    """Return tag, VR and value of each element, and the items of each sequence."""
    return [
        (tag, vr, data[value:end] if items is None else [tree(data, list(one[3])) for one in items])
        for tag, vr, _, value, end, items in elements
    ]


def found(path: Path, data: bytes) -> list:
    """Read a file, and return its elements."""
    path.write_bytes(head(EXPLICIT) + data)
    file = read(path)
    return tree(file.data, list(file.elements))


VALUES = {
    "text": (0x00100020, b"LO", b"4711"),
    "long text": (0x300A0004, b"ST", b"x" * 2000),
    "unsigned": (0x00280010, b"US", b"\1\2"),
    "float": (0x00189306, b"FD", struct.pack("<d", 1.5)),
    "words": (0x00283006, b"OW", b"\1\2\3\4"),
    "empty": (0x00100010, b"PN", b""),
    "at the limit": (0x30060050, b"DS", b"1\\" * 32767),
    "over the limit": (0x30060050, b"DS", b"1\\" * 32768),
    "far over the limit": (0x30040058, b"DS", b"1\\" * 100_000),
    "unlimited text over the limit": (0x00181078, b"DT", b"2" * 70_000),
}


@pytest.mark.parametrize("value", VALUES)
def test_a_value_gets_its_true_vr(tmp_path: Path, value: str) -> None:
    """With every byte kept."""
    tag, vr, content = VALUES[value]
    assert found(tmp_path / "x.dcm", element(tag, b"UN", content)) == [(tag, vr, content)]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_in_an_item_gets_its_true_vr(tmp_path: Path, value: str) -> None:
    """At every depth."""
    tag, vr, content = VALUES[value]
    inside = [[(tag, vr, content)]]
    assert found(tmp_path / "x.dcm", sequence(BEAMS, item(element(tag, b"UN", content)))) == [(BEAMS, b"SQ", inside)]


@pytest.mark.parametrize("signed", [False, True])
def test_the_pixels_say_whether_a_value_is_signed(tmp_path: Path, signed: bool) -> None:
    """The dictionary depends on them."""
    padding = element(0x00280120, b"UN", b"\0\xf8")
    representation = element(0x00280103, b"US", bytes([signed, 0]))
    assert found(tmp_path / "x.dcm", representation + padding)[1] == (0x00280120, b"SS" if signed else b"US", b"\0\xf8")


SEQUENCES = {
    f"{'undefined' if undefined else 'defined'}, {'implicit' if implicit else 'explicit'} inside, items "
    f"{'undefined' if open_ended else 'defined'}": (undefined, implicit, open_ended)
    for undefined in (False, True)
    for implicit in (False, True)
    for open_ended in (False, True)
}


@pytest.mark.parametrize("way", SEQUENCES)
@pytest.mark.parametrize("tag", [BEAMS, 0x20011090], ids=["standard", "private"])
def test_a_sequence_is_read_to_its_end(tmp_path: Path, way: str, tag: int) -> None:
    """Its items should be in implicit VR; some systems write explicit VR."""
    undefined, implicit, open_ended = SEQUENCES[way]
    name = element(BEAM_NAME, b"LO", b"Beam", implicit=implicit)
    leaves = sequence(0x300A0111, item(element(LEAVES, b"DS", b"-1\\1", implicit=implicit)), implicit=implicit)
    un = sequence(tag, item(), item(name, leaves, undefined=open_ended), undefined=undefined, vr=b"UN")
    behind = element(0x300E0002, b"CS", b"APPROVED")
    first, last = found(tmp_path / "x.dcm", un + behind)
    assert last == (0x300E0002, b"CS", b"APPROVED")
    if tag == BEAMS or undefined:  # of known length, what a vendor writes stays closed
        inside = [(BEAM_NAME, b"LO", b"Beam"), (0x300A0111, b"SQ", [[(LEAVES, b"DS", b"-1\\1")]])]
        assert first[2] == [[], inside]


def test_a_private_value_that_is_no_sequence_is_passed_over(tmp_path: Path) -> None:
    """With known length, it may hold anything; later elements are read."""
    odd = element(0x20011090, b"SQ", b"anything but items")
    found_tags = [one[0] for one in found(tmp_path / "x.dcm", odd + element(0x300E0002, b"UN", b"APPROVED"))]
    assert found_tags == [0x20011090, 0x300E0002]


def test_pixels_coded_as_un_are_read(tmp_path: Path) -> None:
    """Uncompressed and encapsulated ones."""
    path = tmp_path / "x.dcm"
    fragments = item() + item(b"\1\2") + END_OF_SEQUENCE
    for syntax, value, length, vr in ((EXPLICIT, b"\1\2", 2, b"OW"), (RLE, fragments, UNDEFINED, b"OB")):
        path.write_bytes(head(syntax) + element(0x7FE00010, b"UN", value, length))
        file = read(path)
        assert file.pixels
        assert (file.pixels.head[4:6], path.read_bytes()[file.pixels.offset :]) == (vr, value)


def _large(made: MadeSet) -> None:
    """Add a contour of 4,000 points, and a dose histogram of 6,000 bins."""
    sets.encoded("explicit")(made)
    contour = made.structure_set.ROIContourSequence[0].ContourSequence[0]
    x, y, z = contour.ContourData[:3]
    contour.ContourData = [number for point in range(4000) for number in (f"{x + point / 1000:.6f}", y, z)]
    contour.NumberOfContourPoints = 4000
    made.dose.DVHSequence = [
        data_item(
            DVHType="CUMULATIVE",
            DoseUnits="GY",
            DoseType="PHYSICAL",
            DVHDoseScaling="1",
            DVHVolumeUnits="CM3",
            DVHNumberOfBins=6000,
            DVHData=[text for number in range(6000) for text in ("0.010000", f"{100 - number / 60:.6f}")],
            DVHReferencedROISequence=[data_item(ReferencedROINumber=1, DVHROIContributionType="INCLUDED")],
        )
    ]


def test_a_contour_and_a_histogram_of_more_than_64_kilobytes_are_published(tmp_path: Path) -> None:
    """Byte for byte, coded as UN as required."""
    done = anonymized(tmp_path, _large)

    def contour(data: Dataset) -> bytes:
        return data.ROIContourSequence[0].ContourSequence[0].get_item(0x30060050).value

    def histogram(data: Dataset) -> bytes:
        return data.DVHSequence[0].get_item(0x30040058).value

    pairs = {"RTSTRUCT": contour, "RTDOSE": histogram}
    for kind, value in pairs.items():
        assert len(value(done.new[kind])) > 65_535
        assert value(done.new[kind]) == value(done.old[kind])
    assert dcmread(next(done.anon.glob("RS.*"))).ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints == 4000
