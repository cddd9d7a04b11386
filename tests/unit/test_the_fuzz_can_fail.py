"""The differential fuzz finds a reader that loses something; one that finds nothing would prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.dicom.part10 import read
from tests import fuzz
from tests.fuzz import Finding, compare, run, tile

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
    """And those out of order."""
    file = read(next(fuzz.Corpus(tmp_path).sets["implicit"].glob("RP*")))
    elements = list(file.elements)
    tile(elements, elements[0][2])
    for broken in (elements[:3] + elements[4:], [elements[0], elements[2], elements[1]]):
        with pytest.raises(Finding, match="does not follow"):
            tile(broken, elements[0][2])


def test_the_same_seed_makes_the_same_cases(tmp_path: Path) -> None:
    """So that what was found can be found again."""
    first, second = (run(5, 45, tmp_path / name) for name in ("a", "b"))
    assert first == second
    assert first.total() == 45 + 2  # two of them went their whole way
