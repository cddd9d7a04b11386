"""The engine equals pydicom in what it reads, leaves alone, and rewrites."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from services.dicom import part10
from services.dicom.elements import (
    MAX_DEPTH,
    Beyond,
    Edit,
    Element,
    Malformed,
    OtherEncoding,
    Parser,
    PixelsFollow,
    Rules,
    Truncated,
    drop,
    encode,
    keep,
    rewrite,
)
from tests.encoded import EXPLICIT, IMPLICIT, element, head, item, sequence
from tests.many import examples

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = st.text(alphabet="ABCdef 123", max_size=20)
VALUES: dict[str, st.SearchStrategy] = {
    "PatientName": TEXT,
    "PatientID": TEXT,
    "StudyDescription": TEXT,
    "InstanceNumber": st.integers(0, 9999),
    "SliceThickness": st.integers(1, 50),
    "Rows": st.integers(0, 65535),
    "SOPInstanceUID": st.sampled_from(["1.2.3", "1.2.840.10008.1.1", "2.25.12345"]),
    "StudyDate": st.sampled_from(["20200229", "", "19991231"]),
    "ROIContourSequence": st.nothing(),
    "TextValue": TEXT,
    "GridFrameOffsetVector": st.lists(st.integers(0, 99), min_size=1, max_size=50),
    "ExposureTimeInms": st.floats(0, 10),
}
SEQUENCES = ("ROIContourSequence", "ContourSequence", "ReferencedStudySequence")


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """Draw a small data set, nested up to three levels, with lengths defined or not."""
    made = Dataset()
    for keyword in draw(st.sets(st.sampled_from([key for key in VALUES if not key.endswith("Sequence")]))):
        setattr(made, keyword, draw(VALUES[keyword]))
    if draw(st.booleans()):
        made.private_block(0x0029, "SOME VENDOR", create=True).add_new(1, "LO", draw(TEXT))
    if depth < 3:
        for keyword in draw(st.sets(st.sampled_from(SEQUENCES), max_size=2)):
            items = draw(st.lists(data_sets(depth=depth + 1), max_size=3))
            for item in items:
                item.is_undefined_length_sequence_item = draw(st.booleans())
            setattr(made, keyword, Sequence(items))
            made[keyword].is_undefined_length = draw(st.booleans())
    return made


def encoded(data_set: Dataset, *, implicit: bool) -> bytes:
    """Encode with pydicom."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    write_dataset(buffer, data_set)
    return buffer.getvalue()


def parsed(data: bytes, *, implicit: bool) -> list[Element]:
    """Parse with the engine."""
    return Parser(data, implicit=implicit).top_level(0)


def as_pydicom(data: bytes, *, implicit: bool) -> Dataset:
    """Read with pydicom."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.filereader.read_dataset(BytesIO(data), implicit, is_little_endian=True)


def joined(data: bytes, rules: Rules, *, implicit: bool, additions: dict | None = None) -> bytes:
    """Rewrite the whole data set."""
    elements = parsed(data, implicit=implicit)
    return b"".join(rewrite(data, elements, rules, implicit=implicit, end=len(data), additions=additions))


class Everything(dict[int, Edit]):
    """A table with the same edit for every tag."""

    def __init__(self, edit: Edit) -> None:
        super().__init__()
        self.edit = edit

    def get(self, _tag: int, _default: Edit | None = None) -> Edit:  # type: ignore[override]
        """Return the one edit."""
        return self.edit


def tree(data_set: Dataset) -> list:
    """Return a pydicom data set as (tag, VR, value or items)."""
    return [
        (int(element.tag), element.VR, [tree(item) for item in element.value])
        if element.VR == "SQ"
        else (int(element.tag), element.VR, data_set.get_item(element.tag).value)
        for element in data_set
    ]


def own_tree(data: bytes, elements: list[Element]) -> list:
    """Return the engine's elements in the same form."""
    return [
        (tag, vr.decode(), [own_tree(data, item[3]) for item in items])
        if items is not None
        else (tag, vr.decode(), data[value:end])
        for tag, vr, _, value, end, items in elements
    ]


def raw_tree(data: bytes, *, implicit: bool) -> list:
    """Return pydicom's elements with undecoded values."""
    source = as_pydicom(data, implicit=implicit)

    def lay_out(data_set: Dataset) -> list:
        rows = []
        for tag in sorted(data_set.keys()):
            raw = data_set.get_item(tag)
            if data_set[tag].VR == "SQ":
                rows.append((int(tag), "SQ", [lay_out(item) for item in data_set[tag].value]))
            else:
                vr = raw.VR or data_set[tag].VR
                rows.append((int(tag), vr, raw.value or b""))
        return rows

    return lay_out(source)


@given(data_sets(), st.booleans())
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
def test_it_reads_the_same_tags_and_values_as_pydicom(data_set: Dataset, implicit: bool) -> None:
    """Every tag, every nesting, every value's bytes; VRs of private elements are unknown in implicit VR."""
    data = encoded(data_set, implicit=implicit)

    def without_private(rows: list) -> list:
        return [
            (tag, vr, [without_private(item) for item in value] if isinstance(value, list) else value)
            for tag, vr, value in rows
            if not tag >> 16 & 1
        ]

    own = own_tree(data, parsed(data, implicit=implicit))
    assert without_private(own) == without_private(raw_tree(encoded(data_set, implicit=implicit), implicit=implicit))


@given(data_sets(), st.booleans())
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
def test_what_is_kept_stays_byte_for_byte(data_set: Dataset, implicit: bool) -> None:
    """With a rule that keeps everything, output and input are identical."""
    data = encoded(data_set, implicit=implicit)
    assert joined(data, Rules(Everything(keep)), implicit=implicit) == data


@given(data_sets(), st.booleans(), st.sets(st.sampled_from(sorted(VALUES))), st.sets(st.sampled_from(sorted(VALUES))))
@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow])
def test_it_writes_what_an_obvious_implementation_writes(
    data_set: Dataset, implicit: bool, dropped: set[str], replaced: set[str]
) -> None:
    """Drop some attributes and private elements and replace others at every depth, like pydicom."""
    data = encoded(data_set, implicit=implicit)
    tags_dropped = {int(pydicom.datadict.tag_for_keyword(keyword)) for keyword in dropped}
    tags_replaced = {
        int(pydicom.datadict.tag_for_keyword(keyword))
        for keyword in replaced - dropped
        if pydicom.datadict.dictionary_VR(keyword) in ("LO", "PN")
    }

    class Table(dict[int, Edit]):
        def get(self, tag: int, _default: Edit | None = None) -> Edit:  # type: ignore[override]
            if tag in tags_dropped or tag >> 16 & 1:
                return drop
            return (lambda _: b"NEW VALUE") if tag in tags_replaced else keep

    def obvious(current: Dataset) -> None:
        for tag in list(current.keys()):
            if int(tag) in tags_dropped or tag.is_private:
                del current[tag]
            elif int(tag) in tags_replaced:
                current[tag].value = "NEW VALUE"
            elif current[tag].VR == "SQ":
                for item in current[tag].value:
                    obvious(item)

    expected = as_pydicom(data, implicit=implicit)
    for_lengths = Dataset(data_set)
    obvious(for_lengths)
    assert joined(data, Rules(Table()), implicit=implicit) == encoded(for_lengths, implicit=implicit)
    assert expected is not None


@given(data_sets(), st.booleans())
@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])
def test_additions_stand_in_tag_order(data_set: Dataset, implicit: bool) -> None:
    """Inserted elements replace those of their tag, and pydicom finds them in order."""
    data = encoded(data_set, implicit=implicit)
    additions = {0x00100020: (b"LO", b"ODD"), 0x00180022: (b"CS", b"ABC"), 0x00080005: None}
    written = joined(data, Rules(Everything(keep)), implicit=implicit, additions=additions)
    result = as_pydicom(written, implicit=implicit)
    assert (result.PatientID, result.ScanOptions, "SpecificCharacterSet" in result) == ("ODD", "ABC", False)
    tags = [element[0] for element in parsed(written, implicit=implicit)]
    assert tags == sorted(tags)


def test_rules_of_one_sequence_hold_inside_it_only() -> None:
    """A name inside one sequence is replaced; at the top and in another sequence it stays."""
    made = Dataset()
    made.PatientID = "SAME"
    for keyword in ("ROIContourSequence", "ReferencedStudySequence"):
        item = Dataset()
        item.PatientID = "SAME"
        setattr(made, keyword, Sequence([item]))
    inner = Rules({0x00100020: lambda _: b"OTHER"})
    data = encoded(made, implicit=False)
    result = as_pydicom(
        joined(data, Rules(Everything(keep), inside={0x30060039: inner}), implicit=False), implicit=False
    )
    assert [
        result.PatientID,
        result.ROIContourSequence[0].PatientID,
        result.ReferencedStudySequence[0].PatientID,
    ] == ["SAME", "OTHER", "SAME"]


def _beheaded(data: bytes) -> bytes:
    return data[:-3]


def _reaching_beyond(data: bytes) -> bytes:
    return data[:-4] + b"\xff\xff\x00\x00"


@pytest.mark.parametrize("damage", [_beheaded, lambda data: data + b"\x10\x00"])
@pytest.mark.parametrize("implicit", [True, False])
def test_a_data_set_that_ends_too_early_is_truncated(damage: Callable[[bytes], bytes], implicit: bool) -> None:
    """Whether truncated in a value or in a header."""
    made = Dataset()
    made.PatientID = "SOMEBODY"
    with pytest.raises(Truncated):
        parsed(damage(encoded(made, implicit=implicit)), implicit=implicit)


def test_nesting_without_end_is_refused() -> None:
    """A thousand nested sequences are malformed, without a stack overflow."""
    data = b"".join(b"\x06\x30\x39\x00SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" for _ in range(1000))
    with pytest.raises(Malformed, match=str(MAX_DEPTH)):
        parsed(data, implicit=False)


def test_a_length_beyond_the_file_asks_for_more_or_says_truncated() -> None:
    """The beginning of a longer file is no fault; a file too short is."""
    data = encode(0x00100020, b"LO", b"X" * 100, implicit=False)
    with pytest.raises(Beyond):
        Parser(data[:50], implicit=False, size=len(data)).top_level(0)
    with pytest.raises(Truncated):
        Parser(data[:50], implicit=False).top_level(0)


def test_pixel_data_stop_the_reading_at_the_top_level_only() -> None:
    """An icon's pixels in a sequence are an ordinary element."""
    made = Dataset()
    made.PatientID = "A"
    icon = Dataset()
    icon.add_new(0x7FE00010, "OW", b"\1\2")
    made.IconImageSequence = Sequence([icon])
    made.add_new(0x7FE00010, "OW", b"\1\2\3\4")
    with pytest.raises(PixelsFollow) as found:
        parsed(encoded(made, implicit=False), implicit=False)
    assert [element[0] for element in found.value.elements] == [0x00100020, 0x00880200]
    assert (found.value.vr, found.value.length) == (b"OW", 4)


def test_what_precedes_a_very_long_value_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard against too many elements is based on bytes, so a long value must not reduce it."""
    monkeypatch.setattr("services.dicom.elements.MAX_ELEMENTS", 10)
    made = Dataset()
    made.PatientID = "A"
    made.private_block(0x0029, "SOME VENDOR", create=True).add_new(1, "OB", bytes(100))
    made.Rows = 1
    made.add_new(0x7FE00010, "OW", b"\1\2\3\4")
    with pytest.raises(PixelsFollow) as found:
        parsed(encoded(made, implicit=False), implicit=False)
    assert [element[0] for element in found.value.elements] == [0x00100020, 0x00280010, 0x00290010, 0x00291001]


def test_standard_elements_coded_as_un_are_left_to_the_transcoder() -> None:
    """PS3.5 6.2.2: they get their true VR before any rule applies; overlong ones stay as they are."""
    with pytest.raises(OtherEncoding):
        parsed(encode(0x00100020, b"UN", b"ABCD", implicit=False), implicit=False)
    ((tag, vr, *_),) = parsed(encode(0x30060050, b"DS", b"1\\" * 40_000, implicit=False), implicit=False)
    assert (tag, vr) == (0x30060050, b"DS")


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=examples(100))
def test_no_bytes_crash_it(data: bytes, implicit: bool) -> None:
    """Any bytes give elements, or one of its own exceptions."""
    try:
        elements = parsed(data, implicit=implicit)
    except (Malformed, OtherEncoding, PixelsFollow):
        return
    for _, _, start, value, end, _ in elements:
        assert 0 <= start < value <= end <= len(data)


@given(data_sets(), st.booleans(), st.data())
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
def test_mutated_data_sets_do_not_crash_it(data_set: Dataset, implicit: bool, data: st.DataObject) -> None:
    """Real structures with a few changed bytes."""
    mutated = bytearray(encoded(data_set, implicit=implicit))
    for _ in range(data.draw(st.integers(1, 4))):
        if mutated:
            mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    source = bytes(mutated)
    try:
        elements = parsed(source, implicit=implicit)
    except (Malformed, OtherEncoding, PixelsFollow):
        return
    written = rewrite(source, elements, Rules(Everything(keep)), implicit=implicit, end=len(source))
    assert b"".join(written) == source[elements[0][2] :] if elements else True


PYDICOMS_FILES = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))


@pytest.mark.parametrize("path", PYDICOMS_FILES, ids=lambda path: path.name)
def test_pydicoms_own_files_are_read_or_refused(path: Path) -> None:
    """All of pydicom's files are read and reproduced byte for byte, or refused by our own errors."""
    try:
        file = part10.read(path)
    except (Malformed, part10.NotDicom):
        assert path.name in {"rtplan_truncated.dcm", "MR_truncated.dcm", "no_meta.dcm"}  # the last lost its first byte
        return
    before, end = file.before_pixels()
    kept = b"".join(rewrite(file.data, before, Rules(Everything(keep)), implicit=file.implicit, end=end))
    assert file.data.startswith(kept, before[0][2])


def test_a_second_pixel_data_element_is_refused(tmp_path: Path) -> None:
    """An image has one; which of two is meant is unknown."""
    source = Path(pydicom.data.get_testdata_file("CT_small.dcm")).read_bytes()
    path = tmp_path / "two.dcm"
    path.write_bytes(source + encode(0x7FE00010, b"OW", b"\0\0", implicit=False))
    with pytest.raises(Malformed, match="second pixel data"):
        part10.read(path)


def test_elements_are_counted_at_every_depth(tmp_path: Path) -> None:
    """The count limits a folder; items count, since they cost as much."""
    data = Dataset()
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.ReferencedStudySequence = Sequence([Dataset(), Dataset()])
    data.ReferencedStudySequence[0].StudyID = "1"
    path = tmp_path / "four.dcm"
    path.write_bytes(encoded(data, implicit=True))
    assert part10.read(path).count == 5


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("tag", "vr"),
    [(0x300A00C6, b"CS"), (0x00104000, b"LT"), (0x00283006, b"OW"), (0x30060050, b"DS"), (0x00420011, b"OB")],
)
def test_what_is_no_sequence_has_no_items(tag: int, vr: bytes, implicit: bool, tmp_path: Path) -> None:
    """A damaged tag or length would make a text of all that follows; other readers differ in what they take for it.

    In explicit VR such a VR with a header of four bytes is written as one with eight.
    """
    inside = element(0x00100010, b"PN", b"Winterbottom", implicit=implicit)
    made = sequence(tag, item(inside, undefined=True), undefined=True, vr=vr if implicit else b"OB", implicit=implicit)
    path = tmp_path / "file.dcm"
    path.write_bytes(head(IMPLICIT if implicit else EXPLICIT, implicit=implicit) + made)
    with pytest.raises(Malformed, match=r"an undefined length in .*, which is not a sequence"):
        part10.read(path)
