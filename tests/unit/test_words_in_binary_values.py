"""The bytes of kept binary values spell no name and no ID; tables and numbers that spell neither are kept."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from services.dicom import binary_values
from services.errors import NotClean, SetRefused
from services.rtset import kept_values
from tests.anonymized import anonymize_folder
from tests.sets import encoded, make_set
from tests.unit.test_invalid_kept_values import raw

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import Edit, MadeSet

PATIENT_ID = "70213344"
KEPT = {
    "AT": "FrameDimensionPointer",
    "FD": "TimeRange",
    "FL": "TableOfParameterValues",
    "OD": "FilterLookupTableData",
    "OF": "VectorGridData",
    "OL": "TrackPointIndexList",
    "OV": "ExtendedOffsetTable",
    "OW": "DarkCurrentCounts",
    "SL": "RationalNumeratorValue",
    "SS": "VerticesOfTheRegion",
    "UL": "SimpleFrameList",
    "US": "AcquisitionIndex",
}
"""An attribute with several values of each binary VR, on which no import depends."""


def put(keyword: str, value: bytes, vr: str, name: str = "Winterbottom^Ada") -> Edit:
    """Give the patient a name, and the CT a binary value."""

    def edit(made: MadeSet) -> None:
        for data in made.objects:
            data.PatientID, data.PatientName, data.SpecificCharacterSet = PATIENT_ID, name, "ISO_IR 192"
        for slice_ in made.ct:
            raw(slice_, keyword, value + bytes(-len(value) % 8), vr)

    return edit


def published(folder: Path, edit: Edit, way: str = "explicit") -> Anonymized:
    """Make a set and anonymize it."""
    made = make_set(folder / "source", edit, encoded(way), ct=2, size=16)
    return anonymize_folder(made.folder, folder / "ANON_006")


@pytest.mark.parametrize("way", ["explicit", "implicit"])
@pytest.mark.parametrize("vr", KEPT)
def test_a_name_in_a_value_of_each_binary_vr_is_removed(tmp_path: Path, vr: str, way: str) -> None:
    """The value is emptied, and the note names its attribute."""
    found = published(tmp_path, put(KEPT[vr], b"\x07\0Winterbottom\0", vr), way)
    assert found.ct[KEPT[vr]].is_empty
    assert b"interbottom" not in found.written
    assert any(f"Not kept as it is: {KEPT[vr]} of " in note for note in found.verdict.record_notes)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Winterbottom^Ada", "WINTERBOTTOM"),
        ("Winterbottom^Ada", "AdaWinterbottom"),
        ("Winterbottom^Ada", f"ID:{PATIENT_ID}"),
        ("Winterbottom^Ada", f"nr{PATIENT_ID}"),
        ("Müller-Lüdenscheidt^Ada", "Lüdenscheidt"),
        ("Müller-Lüdenscheidt^Ada", "LUEDENSCHEIDT"),
        ("Wałęsa^Michał", "Michal"),
        ("Иванов^Пётр", "ИВАНОВ"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_names_and_ids_are_found_as_text_is_written(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    """In one byte a character or in two, in either order, whatever stands before and behind."""
    secret = text.encode(encoding)
    found = published(tmp_path, put("DarkCurrentCounts", b"\x01\x02" + secret + b"\0\0\x03\0", "OW", name))
    assert secret not in found.written


@pytest.mark.parametrize(
    ("vr", "form"), [("FD", "<d"), ("FL", "<f"), ("UL", "<I")], ids=["a double", "a float", "an integer"]
)
def test_a_number_that_is_an_id_is_removed(tmp_path: Path, vr: str, form: str) -> None:
    """As from a number that is written as text; another one is kept."""
    numbers = {"FD": "RevolutionTime", "FL": "ExaminedBodyThickness", "UL": "SimpleFrameList"}

    def edit(made: MadeSet) -> None:
        for data in made.objects:
            data.PatientID = PATIENT_ID
        for slice_, number in zip(made.ct, (int(PATIENT_ID), 123456), strict=True):
            raw(slice_, numbers[vr], struct.pack(form, number), vr)

    found = published(tmp_path, edit)
    assert struct.pack(form, int(PATIENT_ID)) not in found.written
    assert struct.pack(form, 123456) in found.written


def test_a_value_that_import_depends_on_is_refused(tmp_path: Path) -> None:
    """By attribute; the sentence does not repeat the name."""
    with pytest.raises(SetRefused, match=kept_values.TERM) as refused:
        published(tmp_path, put("BlockEdgeData", b"Winterbottom", "OF"))
    assert [("BlockEdgeData" in one.found, "interbottom" in one.found) for one in refused.value.faults] == [
        (True, False)
    ]


@pytest.mark.parametrize(
    "value",
    [
        b"".join(number.to_bytes(2, "little") for number in range(1 << 14)),
        random.Random(7).randbytes(1 << 16),
        b"Some maker's own remark",
        b"HEAD\0\0\0\0",
    ],
    ids=["a table of all numbers", "noise", "words of no identifier", "a term that the patient is called by"],
)
def test_other_values_are_kept(tmp_path: Path, value: bytes) -> None:
    """Byte by byte."""
    found = published(tmp_path, put("GrayLookupTableData", value, "OW", "Head^Ada"))
    assert value in found.written
    assert not any("Not kept as it is" in note for note in found.verdict.notes)


@pytest.mark.parametrize("text", ["Winterbottom", PATIENT_ID])
def test_the_proof_finds_what_the_writer_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """With a search of its own."""
    monkeypatch.setattr(kept_values._Known, "are_in_binary", lambda *_: False)
    with pytest.raises(NotClean, match="left in a text"):
        published(tmp_path, put("DarkCurrentCounts", text.encode() + b"\0\x01", "OW"))


def test_the_proof_finds_numbers_that_the_writer_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for an ID as a number."""
    monkeypatch.setattr(kept_values, "_binary", lambda *_: None)
    with pytest.raises(NotClean, match="a kept number is an ID"):
        published(tmp_path, put("RevolutionTime", struct.pack("<d", int(PATIENT_ID)), "FD"))


def test_the_proof_takes_no_other_value_as_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary value that holds no identifier has to be kept."""
    monkeypatch.setattr(kept_values._Known, "are_in_binary", lambda *_: True)
    with pytest.raises(NotClean, match="differs, and should be kept"):
        published(tmp_path, put("DarkCurrentCounts", b"Some maker's own remark", "OW"))


def test_words_are_found_in_each_encoding() -> None:
    """Shorter runs, and numbers, hold none."""
    assert {"Lang", "Kurz"} <= binary_values.words_in(b"\x01Lang\0abc\xff\xc4Kurz\n")
    assert "abc" not in binary_values.words_in(b"\x01Lang\0abc\xff")
    assert "Lang" in binary_values.words_in("Ă\x01Ă".encode("utf-16-be") + "Lang".encode("utf-16-be"))
    assert not binary_values.words_in((512).to_bytes(4, "little"))
    assert not binary_values.words_in(b"\0\0\0\0\0\0\xe0\x3f")
