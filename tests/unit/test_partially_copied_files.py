"""Files with their final size before their contents: zeros where the end of an image will be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from services.dicom import part10
from services.errors import SetChanged
from services.rtset import folder_listing, planned_dose, reader, unfinished_pixels
from services.verdict.selection import members
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sets import MadeSet

FOLDER = "Mustermann Erika 4711"


def found(made: MadeSet) -> tuple[list[str], list[str]]:
    """Return strong and weak evidence."""
    objects = members.choose(reader.read(made.folder, folder_listing.take(made.folder)).objects).objects
    unfinished = unfinished_pixels.find(objects, made.folder.name)
    return [fault.found for fault in unfinished.missing], [doubt.text for doubt in unfinished.doubts]


def offset(path: Path) -> int:
    """Return the offset of a file's pixels."""
    pixels = reader._read_one(path, part10.Series()).pixels
    assert pixels is not None
    return pixels.offset


def cut(path: Path, at: int) -> None:
    """Zero a file after its first bytes."""
    data = path.read_bytes()
    path.write_bytes(data[:at] + bytes(len(data) - at))


def slices(made: MadeSet) -> list[Path]:
    """Return the files of the CT, lowest slice first."""
    return [made.path(data) for data in made.of("CT")]


def clinical(tmp_path: Path, *edits: sets.Edit, ct: int = 9) -> MadeSet:
    """Make a set whose files have a clinical number of blocks."""
    return make_set(tmp_path, *edits, ct=ct, size=256)


@pytest.mark.parametrize("part", [0.1, 0.37, 0.6, 0.9])
@pytest.mark.parametrize("index", [0, 4, 8])
@pytest.mark.parametrize("step", [4096, 512, 2, 1])
def test_a_slice_whose_end_has_not_arrived_is_not_whole(tmp_path: Path, part: float, index: int, step: int) -> None:
    """Wherever it is in the series, and whatever the block size of the copy."""
    made = clinical(tmp_path)
    path = slices(made)[index]
    begin = offset(path)
    at = int(begin + (path.stat().st_size - begin) * part) // step * step
    at += 2 * step * ((at - begin) % 512 == 0)
    cut(path, at)

    (told,), doubts = found(made)

    assert (path.name in told, doubts) == (True, [])


def test_several_files_on_their_way_at_once_are_all_named(tmp_path: Path) -> None:
    """As with robocopy's threads, or file managers."""
    made = clinical(tmp_path)
    for path, at in zip(slices(made)[3:5], (40_960, 61_440), strict=True):
        cut(path, at)

    (told,), doubts = found(made)

    assert ([path.name in told for path in slices(made)], doubts) == ([index in {3, 4} for index in range(9)], [])


def test_whole_rows_of_zeros_at_a_block_are_worth_a_note(tmp_path: Path) -> None:
    """Such a slice may be genuine; it is published with a request to check it."""
    made = clinical(tmp_path)
    path = slices(made)[4]
    data = bytearray(path.read_bytes())
    begin = offset(path)
    shift = -begin % 512  # the comment in front of the pixels is made longer until rows begin at blocks
    dataset = pydicom.dcmread(path)
    dataset.ImageComments = "x" * (len(str(dataset.get("ImageComments", ""))) + shift)
    dataset.save_as(path)
    for _ in range(8):
        begin = offset(path)
        if begin % 512 == 0:
            break
        dataset.ImageComments += "x" * (-begin % 512)
        dataset.save_as(path)
    assert (begin % 512, len(data) > 0) == (0, True)
    cut(path, 81_920)

    strong, (doubt,) = found(made)

    assert (strong, path.name in doubt) == ([], True)


def within(made: MadeSet, frame: int) -> int:
    """Return the offset in a dose's file of a frame's highest dose."""
    dose = made.dose.pixel_array
    voxel = frame * dose[0].size + int(dose[frame].argmax())
    return offset(made.path(made.dose)) + voxel * made.dose.BitsAllocated // 8


@pytest.mark.parametrize("frame", [2, 5, 6, 7])
@pytest.mark.parametrize("step", [4096, 1])
@pytest.mark.parametrize("histograms", [True, False])
def test_a_dose_whose_end_has_not_arrived_is_not_whole(
    tmp_path: Path, frame: int, step: int, *, histograms: bool
) -> None:
    """Its histograms state more dose, or a frame ends where a complete one has no edge."""
    made = clinical(tmp_path, *([] if histograms else [sets.setting("RTDOSE", DVHSequence=None)]))
    path = made.path(made.dose)
    cut(path, within(made, frame) // step * step)

    (told,), doubts = found(made)

    assert (path.name in told, doubts) == (True, [])


def test_a_dose_without_its_maximum_is_not_whole(tmp_path: Path) -> None:
    """Zero frames begin before the dose reaches the maximum stated in its histograms."""
    made = clinical(tmp_path)
    path = made.path(made.dose)
    cut(path, offset(path) + 3 * made.dose.Rows * made.dose.Columns * made.dose.BitsAllocated // 8)

    (told,), doubts = found(made)

    assert (path.name in told, doubts) == (True, [])


@pytest.mark.parametrize("factor", [0.001, 0.01, 0.5])
def test_a_dose_scaled_too_low_is_worth_a_note(tmp_path: Path, factor: float) -> None:
    """It falls off before its zeros, so nothing is missing at its end, though its histograms state more dose."""

    def scaled(made: MadeSet) -> None:
        zeros_at_the_end(made)
        made.dose.DoseGridScaling = f"{float(made.dose.DoseGridScaling) * factor:.9g}"

    made = clinical(tmp_path, scaled)

    strong, (doubt,) = found(made)

    assert (strong, made.path(made.dose).name in doubt, "histograms" in doubt) == ([], True, True)


def test_a_dose_that_ends_inside_its_target_is_worth_a_note(tmp_path: Path) -> None:
    """Zero frames after a treated one, without a histogram that shows more."""
    made = clinical(tmp_path, sets.setting("RTDOSE", DVHSequence=None))
    path = made.path(made.dose)
    frame = made.dose.Rows * made.dose.Columns * made.dose.BitsAllocated // 8
    cut(path, offset(path) + len(made.dose.pixel_array) // 2 * frame)

    strong, (doubt,) = found(made)

    assert (strong, path.name in doubt) == ([], True)


def air(made: MadeSet) -> None:
    """Set the surroundings of the patient to zero, as some exports do."""
    for data in made.of("CT"):
        pixels = data.pixel_array.copy()
        pixels[pixels < 600] = 0
        data.PixelData = pixels.tobytes()


def padding(made: MadeSet) -> None:
    """Add zeros outside the scanner's round field of view."""
    for data in made.of("CT"):
        pixels = data.pixel_array.copy()
        y, x = np.ogrid[: data.Rows, : data.Columns]
        pixels[(y - data.Rows / 2) ** 2 + (x - data.Columns / 2) ** 2 > (data.Rows / 2) ** 2] = 0
        data.PixelData = pixels.tobytes()


def zeros_at_the_end(made: MadeSet) -> None:
    """Put the last frames of the dose outside the calculated volume."""
    dose = made.dose.pixel_array.copy()
    dose[dose < 0.05 * dose.max()] = 0
    dose[-1] = 0
    made.dose.PixelData = dose.tobytes()


def cropped(made: MadeSet) -> None:
    """Make the grid hold less than the histograms were made from."""
    frames = len(made.dose.pixel_array) // 2
    made.dose.PixelData = made.dose.pixel_array[:frames].tobytes()
    made.dose.NumberOfFrames = frames
    made.dose.GridFrameOffsetVector = made.dose.GridFrameOffsetVector[:frames]


def hollow(made: MadeSet) -> None:
    """Fill the last slice with air."""
    made.ct[-1].PixelData = bytes(len(made.ct[-1].PixelData))


def cleared(made: MadeSet) -> None:
    """Set doses below a tenth of the maximum to zero."""
    dose = made.dose.pixel_array.copy()
    dose[dose < 0.1 * dose.max()] = 0
    made.dose.PixelData = dose.tobytes()


HEALTHY: list[Callable[[MadeSet], None]] = [air, padding, zeros_at_the_end, cropped, hollow, cleared, sets.rle]


@pytest.mark.parametrize("edit", [*HEALTHY, *(sets.encoded(syntax) for syntax in sets.TRANSFER_SYNTAXES)])
@pytest.mark.parametrize(("size", "seed"), [(32, 0), (128, 1), (256, 2)])
def test_a_healthy_set_is_whole(tmp_path: Path, edit: sets.Edit, size: int, seed: int) -> None:
    """Air, padding, doses with genuine zeros at the end, cropped grids, and all encodings of pixels."""
    made = make_set(tmp_path, edit, ct=9, size=size, seed=seed)

    assert found(made) == ([], [])


def test_only_the_end_of_a_whole_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of each slice only: files that do not end in zeros cost nothing."""
    made = clinical(tmp_path)
    read: list[int] = []
    bytes_of = part10.pixel_bytes
    monkeypatch.setattr(part10, "pixel_bytes", lambda file, at, size: read.append(size) or bytes_of(file, at, size))

    assert found(made) == ([], [])
    assert sum(size > 4096 for size in read) <= len(made.dose.pixel_array)


@pytest.mark.parametrize("modality", ["RTPLAN"])
@pytest.mark.parametrize("edit", [sets.undefined_lengths, sets.encoded("explicit")])
def test_an_object_whose_end_is_zeros_and_that_does_not_parse_may_still_come(
    tmp_path: Path, modality: str, edit: sets.Edit
) -> None:
    """It waits like a truncated one, and is not called unreadable."""
    made = make_set(tmp_path, edit)
    path = made.path(made.of(modality)[0])
    cut(path, min(path.stat().st_size // 3, 1000))

    (unreadable,) = reader.read(made.folder, folder_listing.take(made.folder)).unreadable

    assert (unreadable.path.name, unreadable.truncated) == (path.name, True)


@pytest.mark.parametrize("edit", [lambda path: os.truncate(path, path.stat().st_size - 33), os.unlink])
def test_a_file_that_changes_while_it_is_checked_is_read_again(tmp_path: Path, edit: Callable[[Path], None]) -> None:
    """What is left of its pixels is judged by no check."""
    made = make_set(tmp_path, ct=3)
    objects = reader.read(made.folder, folder_listing.take(made.folder)).objects
    for data in (made.ct[1], made.dose):
        edit(made.path(data))
    with pytest.raises(SetChanged):
        unfinished_pixels.find(members.choose(objects).objects, "A")
    with pytest.raises(SetChanged):
        planned_dose.maximum_gy(objects["RTDOSE"][0])
