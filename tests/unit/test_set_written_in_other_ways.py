"""The same set as written by other systems: nothing is lost, and no identifier is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from services.dicom.part10 import read
from services.errors import SetIncomplete
from tests import sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sets import Edit, MadeSet

WAYS: dict[str, tuple[Edit, ...]] = {
    "implicit": (sets.encoded("implicit"),),
    "explicit": (sets.encoded("explicit"),),
    "big endian": (sets.encoded("big endian"),),
    "deflated": (sets.encoded("deflated"),),
    "compressed": (sets.rle,),
    "no preamble": (sets.without_preamble,),
    "no file meta": (sets.without_file_meta,),
    "undefined lengths": (sets.undefined_lengths,),
    "undefined lengths, implicit": (sets.encoded("implicit"), sets.undefined_lengths),
    "sequences as UN": (sets.un_sequences,),
    "each otherwise": (
        sets.encoded("implicit", "CT"),
        sets.encoded("deflated", "RTSTRUCT"),
        sets.encoded("big endian", "RTPLAN"),
    ),
}

LEFT_AS_IT_IS = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless}


@pytest.mark.parametrize("way", WAYS)
def test_a_set_is_the_same_however_it_is_written(tmp_path: Path, way: str) -> None:
    """The judge compares all objects; this test, that the output is Part 10, little endian and no rarer."""
    done = anonymized(tmp_path, *WAYS[way], make={"ct": 2})
    for place, data in done.new.items():
        old = done.old[place].file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)
        expected = old if old in LEFT_AS_IT_IS else ExplicitVRLittleEndian
        assert data.file_meta.TransferSyntaxUID == expected, place


def test_the_way_of_writing_decides_no_value(tmp_path: Path) -> None:
    """UIDs, dates and names of the output depend only on the set and its key."""
    explicit = anonymized(tmp_path / "a", sets.encoded("explicit"))
    implicit = anonymized(tmp_path / "b", sets.encoded("implicit"), sets.undefined_lengths)
    assert {place: data.to_json_dict() for place, data in explicit.new.items()} == {
        place: data.to_json_dict() for place, data in implicit.new.items()
    }


def test_a_sequence_of_unknown_vr_is_looked_into(tmp_path: Path) -> None:
    """PS3.5 6.2.2: sequences coded as UN get their true VR, and are processed like all others."""
    done = anonymized(tmp_path, sets.un_sequences)
    observations = done.structure_set["RTROIObservationsSequence"]
    assert observations.VR == "SQ"
    assert [one.RTROIInterpretedType for one in observations.value] == ["PTV", "ORGAN"]


def _pairs_of_words(pixels: bytes) -> bytes:
    """Write 32-bit pixels big endian as in the standard: 16-bit words, the less significant first."""
    return np.frombuffer(pixels, "<u2").byteswap().tobytes()


def _whole_numbers(pixels: bytes) -> bytes:
    """Write them like many systems: as numbers of four bytes."""
    return np.frombuffer(pixels, "<u4").byteswap().tobytes()


@pytest.mark.parametrize("turned", [_pairs_of_words, _whole_numbers])
def test_a_big_endian_dose_of_32_bits_is_read_as_it_was_meant(tmp_path: Path, turned: Callable[[bytes], bytes]) -> None:
    """Both encodings exist, and a dose with swapped words would be meaningless."""
    made = sets.make_set(tmp_path)
    meant = made.dose.PixelData
    sets.encoded("big endian", "RTDOSE")(made)
    made.dose.PixelData = turned(meant)
    made.write()
    file = read(made.path(made.dose))
    assert file.pixels
    assert file.memory
    assert file.memory == meant


def test_a_big_endian_dose_of_another_system_is_read_as_it_was_meant() -> None:
    """A pydicom sample in both byte orders."""
    little, big = (Path(str(get_testdata_file(f"{name}_1frame.dcm"))) for name in ("rtdose", "rtdose_expb"))
    file = read(big)
    assert file.memory == dcmread(little).PixelData


def test_a_file_that_is_cut_off_is_waited_for(tmp_path: Path) -> None:
    """A partial set is not published."""
    with pytest.raises(SetIncomplete):
        anonymized(tmp_path, sets.truncated("RTSTRUCT"))


def test_originals_stay_byte_for_byte(tmp_path: Path) -> None:
    """They are only read."""
    before: dict[str, bytes] = {}

    def remember(made: MadeSet) -> None:
        made.write()
        before.update({path.name: path.read_bytes() for path in made.folder.iterdir()})

    done = anonymized(tmp_path, remember)
    assert {path.name: path.read_bytes() for path in done.source.iterdir()} == before
