"""The differential fuzz test detects a reader that loses something; otherwise it would prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.dicom.part10 import read
from tests import fuzz
from tests.fuzz import Finding, compare, compare_dumps, dumped, run, tile

if TYPE_CHECKING:
    from pathlib import Path

    from services.dicom.part10 import DicomFile


def lossy(path: Path) -> DicomFile:
    """Read without the last element."""
    file = read(path)
    return replace(file, elements=file.elements[:-1])


def altering(path: Path) -> DicomFile:
    """Read with one byte of a value changed."""
    file = read(path)
    at = next(element[3] for element in file.elements if element[0] == 0x00100020)
    return replace(file, data=file.data[:at] + b"?" + file.data[at + 1 :])


@pytest.mark.parametrize("reader", [lossy, altering])
def test_a_reader_that_loses_or_alters_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: object
) -> None:
    """Compared with pydicom."""
    way, path = "explicit", next(fuzz.Corpus(tmp_path).sets["explicit"].glob("RP*"))
    assert compare(path, way) == "read by both"
    monkeypatch.setattr(fuzz, "read", reader)
    with pytest.raises(Finding, match="pydicom"):
        compare(path, way)


def test_elements_that_leave_a_gap_are_found(tmp_path: Path) -> None:
    """As are those out of order."""
    file = read(next(fuzz.Corpus(tmp_path).sets["implicit"].glob("RP*")))
    elements = list(file.elements)
    tile(elements, elements[0][2])
    for broken in (elements[:3] + elements[4:], [elements[0], elements[2], elements[1]]):
        with pytest.raises(Finding, match="does not follow"):
            tile(broken, elements[0][2])


def test_the_same_seed_makes_the_same_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For reproducibility; other readers, which may be missing, are not used."""
    monkeypatch.setattr(fuzz, "DUMPERS", ())
    first, second = (run(5, 45, tmp_path / name) for name in ("a", "b"))
    assert first == second
    assert first.total() == 45 + 2  # two of them went their whole way


DUMP = """# Dicom-Data-Set
(0008,0060) CS [RTPLAN]                                 # 6,1 Modality
(300a,00b0) SQ (Sequence with undefined length)         # u/l,1 Beam Sequence
  (fffe,e000) na (Item with defined length)
    (300a,00c0) IS [1 ]                                 #   2, 1 BeamNumber
  (fffe,e000) na (Item with defined length)
    (300a,0111) SQ (Sequence with defined length)       # 40,1 Control Point Sequence
      (fffe,e000) na (Item with defined length)
        (300a,0112) IS [0 ]                             # 2,1 Control Point Index
(300c,0002) SQ (Sequence with defined length)           # 8,1 Referenced RT Plan Sequence
"""


def test_what_other_readers_write_is_read_with_its_places() -> None:
    """In the output of GDCM and DCMTK, items are indented by two columns."""
    beams, points = 0x300A00B0, 0x300A0111
    assert dict(dumped(DUMP)) == {
        (0x00080060,): 6,
        (beams,): 0,
        (beams, 0, 0x300A00C0): 2,
        (beams, 1, points): 40,
        (beams, 1, points, 0, 0x300A0112): 2,
        (0x300C0002,): 8,
    }


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("(0010,0010) PN [A^B]  # 4,1 Patient's Name", None),
        ("(0040,a160) UT [Ada]  # 4,1 Text Value", "sees .0040,A160."),
        ("(0008,0060) CS [RTPLAN...]  # 60,1 Modality", "reads more of .0008,0060."),
        ("(0011,1001) LO [Ada]  # 4,1 ?", None),
        ("(0800,6000) CS [RTPLAN]  # 6,1 ?", None),
    ],
)
def test_an_element_that_only_another_reader_sees_is_reported(tmp_path: Path, line: str, says: str | None) -> None:
    """What it cannot read does not count."""
    path = next(fuzz.Corpus(tmp_path).sets["explicit"].glob("RP*"))
    dumper = tmp_path / "dumper"
    dumper.write_text(f'#!/bin/sh\necho "{line}"\n')
    dumper.chmod(0o755)
    if says is None:
        assert list(compare_dumps(path, [str(dumper), "false"])) == ["read by dumper", "not read by false"]
        return
    with pytest.raises(Finding, match=says):
        list(compare_dumps(path, [str(dumper)]))
