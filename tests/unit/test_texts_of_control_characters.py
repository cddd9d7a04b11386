"""Texts that begin with a NUL, or consist of control characters: readers show nothing; the set is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from tests.anonymized import anonymize_folder
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from tests.sets import MadeSet

PLACES: dict[str, Callable[[MadeSet], Dataset]] = {
    "RTPlanLabel": lambda made: made.plan,
    "BeamName": lambda made: made.plan.BeamSequence[0],
    "StructureSetLabel": lambda made: made.structure_set,
    "ROIName": lambda made: made.structure_set.StructureSetROISequence[0],
    **{
        keyword: lambda made: made.structure_set.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence[0]
        for keyword in ("CodeValue", "CodeMeaning", "CodingSchemeDesignator")
    },
}


@pytest.mark.parametrize("value", [b"\0Name of another", b"\7\7", b"\7\0Name of another"])
@pytest.mark.parametrize("keyword", PLACES)
def test_a_text_of_control_characters_is_published_empty(tmp_path: Path, keyword: str, value: bytes) -> None:
    """Even a required text: the source shows none either; data after the NUL are removed."""
    tag = Tag(keyword)
    padded = value + b" " * (len(value) % 2)

    def edit(made: MadeSet) -> None:
        PLACES[keyword](made)[tag] = RawDataElement(
            tag, dictionary_VR(tag), len(padded), padded, 0, is_implicit_VR=False, is_little_endian=True
        )

    made = make_set(tmp_path, edit, ct=2, size=16)
    anonymize_folder(made.folder, tmp_path / "ANON_006")

    published = [path.read_bytes() for path in (tmp_path / "ANON_006").iterdir()]
    assert not any(b"Name of another" in data for data in published)
    texts = {
        str(element.value or "")
        for path in (tmp_path / "ANON_006").glob("R[PS]*")
        for element in pydicom.dcmread(path).iterall()
        if element.tag == tag
    }
    assert "" in texts
