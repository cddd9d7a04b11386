"""Bits of pixel cells above the High Bit: copies of the sign stay, anything else is cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from services.dicom.stored_bits import Cells
from services.errors import NotClean
from services.maintenance.originals import same_source
from services.proof import prove
from services.proof.prove import Expected
from tests.anonymized import IDENTITY, KEY, anonymize_folder
from tests.sets import encoded, make_set

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import Edit, MadeSet

ENCODINGS = ["explicit", "implicit", "big endian", "deflated"]
LETTER = np.array([[1, 0, 1], [1, 1, 1], [1, 0, 1]], dtype=np.uint16)
"""A pattern stored in the unused bits."""


def cells(stored: int, *, signed: bool, high: int | None = None, above: int = 0, copies: bool = True) -> Edit:
    """Write pixels of this many bits into 16-bit cells, and a pattern into the bits `above`.

    `copies` says whether the sign of the others is copied upwards, as it should be.
    """

    def edit(made: MadeSet) -> None:
        for data in made.ct:
            data.BitsStored, data.HighBit = stored, stored - 1 if high is None else high
            data.PixelRepresentation = int(signed)
            mask = (1 << stored) - 1
            values = np.arange(data.Rows * data.Columns, dtype=np.int64).reshape(data.Rows, data.Columns) * 37 - 4096
            found = values & (0xFFFF if signed and copies else mask)
            if signed and copies:
                kept = values & mask
                found = np.where(kept & (1 << (stored - 1)), kept | (0xFFFF & ~mask), kept)
            found = (found << (data.HighBit + 1 - stored)) & 0xFFFF
            found = found.astype("<u2")
            found[:3, :3] ^= LETTER * above
            data.PixelData = found.tobytes()

    return edit


def announced(made: MadeSet) -> None:
    """Announce an overlay in bit 12. PS3.5 8.1.2."""
    for data in made.ct:
        data.add_new(0x60000100, "US", 16)
        data.add_new(0x60000102, "US", 12)
        data.add_new(0x60000040, "CS", "G")


def published(folder: Path, *edits: Edit) -> Anonymized:
    """Make a set and anonymize it."""
    return anonymize_folder(make_set(folder / "source", *edits, ct=2, size=16).folder, folder / "ANON_006")


def words(folder: Path) -> np.ndarray:
    """Read the cells of the slices as whole words, by position."""
    slices = sorted(map(dcmread, folder.glob("CT*")), key=lambda data: float(data.ImagePositionPatient[2]))
    order = ">u2" if "1.2.2" in str(slices[0].file_meta.TransferSyntaxUID)[-5:] else "<u2"
    return np.array([np.frombuffer(data.PixelData, order) for data in slices])


@pytest.mark.parametrize("way", ENCODINGS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("above", [0x1000, 0xF000, 0x8000])
def test_what_is_written_over_an_image_is_cleared(tmp_path: Path, way: str, signed: bool, above: int) -> None:
    """Sign-extended if signed; the pixels equal the source's."""
    found = published(tmp_path, cells(12, signed=signed, above=above), encoded(way))
    before, after = words(found.source), words(found.anon)
    kept = before & 0xFFF
    assert np.array_equal(after, np.where(kept & 0x800, kept | 0xF000, kept) if signed else kept)
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("way", ENCODINGS)
def test_a_set_whose_bits_were_cleared_is_known_again(tmp_path: Path, way: str) -> None:
    """Its original does not count as changed; a set with another voxel is another set."""
    found = published(tmp_path, cells(12, signed=True, above=0x1000), encoded(way))
    rtset = found.verdict.good_set()
    assert same_source.same_pixels(rtset, KEY, found.anon)
    path = next(found.anon.glob("CT*"))
    data = dcmread(path)
    data.PixelData = bytes([data.PixelData[0] ^ 1]) + data.PixelData[1:]
    data.save_as(path)
    assert not same_source.same_pixels(rtset, KEY, found.anon)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("stored", [8, 12, 15, 16])
def test_pixels_that_are_what_they_should_be_stay_byte_for_byte(tmp_path: Path, stored: int, signed: bool) -> None:
    """Including copies of the sign bit, so that readers of whole words see the same values."""
    found = published(tmp_path, cells(stored, signed=signed))
    assert np.array_equal(words(found.source), words(found.anon))
    assert not any("Cleared" in note for note in found.verdict.notes)


def test_bits_below_the_lowest_one_are_cleared_too(tmp_path: Path) -> None:
    """If pixels use the upper bits of their cells."""
    found = published(tmp_path, cells(12, signed=False, high=15, above=0x000F))
    assert np.array_equal(words(found.anon), words(found.source) & 0xFFF0)


def test_an_overlay_that_is_announced_is_reported(tmp_path: Path) -> None:
    """Its attributes are removed, like all overlays."""
    found = published(tmp_path, cells(12, signed=False, above=0x1000), announced)
    assert (
        "Cleared: an overlay in bits of the pixel cells that hold no pixel, in 2 slices." in found.verdict.record_notes
    )
    assert not (words(found.anon) & 0xF000).any()
    assert not any(element.tag.group == 0x6000 for data in found.new.values() for element in data)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("change", [0x1000, 0x0001])
def test_the_proof_finds_a_changed_bit(tmp_path: Path, signed: bool, change: int) -> None:
    """One unused bit, or one pixel bit, in one cell of one published slice."""
    found = published(tmp_path, cells(12, signed=signed))
    path = next(found.anon.glob("CT*"))
    written = bytearray(path.read_bytes())
    written[-1] ^= change >> 8
    written[-2] ^= change & 0xFF
    path.write_bytes(written)
    files = [(one.kind, found.source / one.path) for one in found.verdict.good_set().set_files]
    with pytest.raises(NotClean, match="pixels: differ at CT PixelData"):
        prove.prove(files, found.anon, Expected(IDENTITY, found.replacements.policy, found.replacements.machine))


@given(
    st.sampled_from([8, 16, 32]).flatmap(
        lambda bits: st.tuples(st.just(bits), st.integers(1, bits - 1), st.booleans(), st.binary(max_size=64))
    )
)
def test_clearing_unused_bits_is_idempotent(drawn: tuple[int, int, bool, bytes]) -> None:
    """The pixel values are unchanged."""
    bits, stored, signed, data = drawn
    whole = bytearray(data[: len(data) - len(data) % (bits // 8)])
    mask = (1 << stored) - 1
    lying = Cells(bits, mask, 1 << (stored - 1) if signed else 0)
    before = [int.from_bytes(whole[at : at + bits // 8], "little") for at in range(0, len(whole), bits // 8)]
    changed = lying.settle(memoryview(whole))
    after = [int.from_bytes(whole[at : at + bits // 8], "little") for at in range(0, len(whole), bits // 8)]
    assert changed == (before != after)
    for one, other in zip(before, after, strict=True):
        low = one & mask
        negative = signed and low >> (stored - 1)
        assert other == (low | ((1 << bits) - 1) ^ mask if negative else low)
    assert not lying.settle(memoryview(whole))
