"""Data after the last voxel are not part of the image and unseen: a surname there must be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread

from services.errors import NotClean
from services.maintenance.originals import same_source
from services.proof import prove
from services.proof.prove import Expected
from services.rtset import folder_listing, pixel_completeness, reader
from services.verdict.selection import members
from tests import sets
from tests.anonymized import IDENTITY, KEY, anonymized
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.anonymized import Anonymized
    from tests.sets import Edit, MadeSet

SURNAME = b"Winterbottom-Haverford"
TAIL = SURNAME.ljust(64, b"\0")


def tail(modality: str, more: bytes = TAIL) -> Edit:
    """Write more after the pixels of the objects of a modality."""

    def edit(made: MadeSet) -> None:
        for data in made.of(modality):
            data.PixelData += more

    return edit


def odd(last: bytes) -> Edit:
    """Make a CT with an odd number of bytes, and data after its last voxel."""

    def edit(made: MadeSet) -> None:
        for data in made.ct:
            data.BitsAllocated = data.BitsStored = 8
            data.HighBit, data.PixelRepresentation = 7, 0
            data.Rows, data.Columns = 15, 15
            data.PixelData = bytes(range(225)) + last

    return edit


def header(old: bytes, new: bytes) -> Edit:
    """Change the header of the CT's pixel data element."""

    def edit(made: MadeSet) -> None:
        made.rewrites.append(
            ("CT", lambda written: written.replace(b"\xe0\x7f\x10\x00" + old, b"\xe0\x7f\x10\x00" + new))
        )

    return edit


def float_pixels(made: MadeSet) -> None:
    """Write the dose as floating point numbers, followed by a name. PS3.3 C.7.6.24."""
    dose = made.dose
    voxels = np.frombuffer(dose.PixelData, f"<u{dose.BitsAllocated // 8}").astype("<f4")
    del dose.PixelData
    dose.BitsAllocated = 32
    dose.add_new(0x7FE00008, "OF", voxels.tobytes() + TAIL)


def pixels_of_a_plan(made: MadeSet) -> None:
    """Add pixel data to plan and structure set, which have none."""
    for data in (made.plan, made.structure_set):
        data.add_new(0x7FE00010, "OB", TAIL)


def image_of(data_set: object) -> bytes:
    """Return the first element of pixel data."""
    return next(
        bytes(data_set[tag].value)  # type: ignore[index]
        for tag in (0x7FE00008, 0x7FE00010)
        if tag in data_set  # type: ignore[operator]
    )


@pytest.mark.parametrize("syntax", sets.TRANSFER_SYNTAXES)
@pytest.mark.parametrize("modality", ["CT", "RTDOSE"])
def test_a_name_behind_the_voxels_does_not_travel(tmp_path: Path, modality: str, syntax: str) -> None:
    """In any encoding, in the file or in memory."""
    done = anonymized(tmp_path, tail(modality), sets.encoded(syntax))
    assert SURNAME not in done.written
    assert SURNAME[::-1] not in done.written
    data = done.ct if modality == "CT" else done.dose
    frames = int(data.get("NumberOfFrames") or 1)
    assert len(data.PixelData) == data.Rows * data.Columns * data.BitsAllocated // 8 * frames
    assert [note for note in done.verdict.notes if "64 bytes in the pixel data of" in note]


@pytest.mark.parametrize(
    "edit",
    [
        float_pixels,
        pixels_of_a_plan,
        tail("CT", b"x" * 65537),
        header(b"OW\0\0", b"OWna"),
        header(b"OW\0\0", b"OL\0\0"),
    ],
)
def test_nothing_is_left_in_any_corner_of_the_element(tmp_path: Path, edit: Edit) -> None:
    """Float pixels, unexpected pixels, more than one buffer of them, words in the header."""
    done = anonymized(tmp_path, edit)
    assert SURNAME not in done.written
    assert b"\xe0\x7f\x10\x00OWna" not in done.written
    assert b"\xe0\x7f\x10\x00OL" not in done.written
    assert "PixelData" not in done.plan
    assert "PixelData" not in done.structure_set
    assert len(done.ct.PixelData) == 2 * done.ct.Rows * done.ct.Columns


@pytest.mark.parametrize("last", [b"", b"\0", b"W"])
def test_the_byte_that_makes_a_length_even_is_zero(tmp_path: Path, last: bytes) -> None:
    """PS3.5 §8.1.1; even if the source has another one, or none."""
    done = anonymized(tmp_path, odd(last))
    assert done.ct.PixelData == bytes(range(225)) + b"\0"
    assert not [note for note in done.verdict.notes if "pixel data" in note]


def test_pixels_that_are_their_image_are_unchanged(tmp_path: Path) -> None:
    """Without data after the voxels there is no note."""
    done = anonymized(tmp_path)
    assert image_of(done.ct) == image_of(next(data for name, data in done.old.items() if name.startswith("CT")))
    assert image_of(done.dose) == image_of(done.old["RTDOSE"])
    assert not [note for note in done.verdict.notes if "pixel data" in note]


def frames_unsaid(made: MadeSet) -> None:
    """Remove the number of frames of a dose with several."""
    assert len(made.dose.GridFrameOffsetVector) > 1
    del made.dose.NumberOfFrames


def test_a_dose_that_does_not_say_how_many_planes_it_has_is_not_cut_to_one(tmp_path: Path) -> None:
    """Truncating would change the dose."""
    made = make_set(tmp_path, frames_unsaid)
    objects = members.choose(reader.read(made.folder, folder_listing.take(made.folder)).objects).objects
    assert [fault.code for fault in pixel_completeness.lacking(objects)] == ["dose-without-grid"]


def test_a_set_with_more_behind_its_voxels_is_known_again(tmp_path: Path) -> None:
    """The published pixels are compared with the image, not with the removed data."""
    done = anonymized(tmp_path, tail("CT"), tail("RTDOSE"))
    rtset = done.verdict.good_set()
    assert same_source.same_pixels(rtset, KEY, done.anon)


# The proof


def appended(data: bytes) -> bytes:
    """Append a name to the voxels, adapting the element's length."""
    at = data.rindex(b"\xe0\x7f\x10\x00OW\0\0") + 8
    length = int.from_bytes(data[at : at + 4], "little")
    end = at + 4 + length
    return data[:at] + (length + len(TAIL)).to_bytes(4, "little") + data[at + 4 : end] + TAIL + data[end:]


def reserved(data: bytes) -> bytes:
    """Write letters into the reserved bytes."""
    return data.replace(b"\xe0\x7f\x10\x00OW\0\0", b"\xe0\x7f\x10\x00OWna")


def shorter(data: bytes) -> bytes:
    """Remove the last voxel."""
    at = data.rindex(b"\xe0\x7f\x10\x00OW\0\0") + 8
    length = int.from_bytes(data[at : at + 4], "little")
    return data[:at] + (length - 2).to_bytes(4, "little") + data[at + 4 : at + 2 + length]


def of_another_vr(data: bytes) -> bytes:
    """Give the pixels the VR of a text."""
    return data.replace(b"\xe0\x7f\x10\x00OW\0\0", b"\xe0\x7f\x10\x00UT\0\0")


def proof_of(done: Anonymized) -> prove.Proof:
    """Prove it again."""
    rtset = done.verdict.good_set()
    source = [(file.kind, rtset.folder / file.path) for file in rtset.set_files]
    return prove.prove(source, done.anon, Expected(IDENTITY, done.replacements.policy, done.replacements.machine))


@pytest.mark.parametrize("damage", [appended, reserved, shorter, of_another_vr])
@pytest.mark.parametrize("kind", ["CT", "RD"])
def test_the_proof_computes_the_length_for_itself(tmp_path: Path, kind: str, damage: Callable[[bytes], bytes]) -> None:
    """Even if the source has the same bytes there."""
    done = anonymized(tmp_path, tail("CT"), tail("RTDOSE"))
    assert proof_of(done).checks == done.proof.checks
    path = min(done.anon.glob(f"{kind}.*"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(NotClean, match="pixels: do not have the length of their image at"):
        proof_of(done)


def test_the_proof_finds_pixels_in_a_plan_that_should_have_none(tmp_path: Path) -> None:
    """Even if the source had some."""
    done = anonymized(tmp_path, pixels_of_a_plan)
    path = min(done.anon.glob("RP.*"))
    data = dcmread(path)
    data.add_new(0x7FE00010, "OB", TAIL)
    data.save_as(path)
    with pytest.raises(NotClean, match="pixels: were inserted at RTPLAN PixelData"):
        proof_of(done)
