"""Detection of half-copied images and doses: the file has its final size, but zeros where its last bytes will be.

File managers and network clients allocate a file's full length before writing it. Such a file parses completely and may
not change for a long time. The only evidence is zeros up to the end of the pixel data, and many complete files end in
zeros, too: the air around a patient, the padding outside a scanner's field of view, a dose that ends before its grid
does. What distinguishes them is where the zeros begin, and what the neighbouring images hold there.

Only the end of the pixel data is read, and more of it only while it is zeros.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from services.dicom import part10, pixel_data
from services.errors import Fault
from services.language import below, gettext, ngettext
from services.layout import quoted
from services.rtset import geometry
from services.rtset.references import contours, targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from services.rtset.geometry import Volume
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

CODE: Final = "unfinished-pixels"

BLOCK_BYTES: Final = 4096
"""Copies arrive in multiples of this, counted from the beginning of the file."""

TAIL_BYTES: Final = (4 * 1024, 64 * 1024)
"""Bytes read from the end first, then repeatedly as long as all are zeros."""

BESIDE: Final = 2
"""Number of slices on either side compared with a slice, since several files may be incomplete at once."""

EARLIER: Final = 1 / 16
"""Fraction of an image by which zeros must begin earlier than in its neighbours, unless at a block boundary."""

DVH_PART: Final = 0.8
"""Minimum fraction, reached in a complete grid, of the maximum in the dose's own histograms, which are finer."""

CUT_PART: Final = 0.2
"""Fraction of a dose's maximum: no complete dose falls from it to zero within a voxel, except near the next frame's
edge.
"""

TREATED_PART: Final = 0.5
"""Fraction of a dose's maximum above which a frame is within the treated region."""

_SIZES: Final = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames")

_FLOATING: Final = (b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00")
"""Tags of *Float Pixel Data* and *Double Float Pixel Data*."""

_FLOATING_BYTES: Final = 4
"""Minimum bytes per voxel of these. PS3.3 C.7.6.24."""

_EDGE: Final = 8
"""Voxels checked beside the position where zeros begin."""

_SAMPLED_FRAMES: Final = 16


class Doubt(NamedTuple):
    """Weak evidence that an image is incomplete."""

    text: str
    """May name a file: for the share's users only."""

    place: str
    """The image without its name: `CT slice 12 of 180`."""


class Unfinished(NamedTuple):
    """Result of the search."""

    missing: tuple[Fault, ...]
    """Strong evidence: the set waits for these images, and is refused eventually."""

    doubts: tuple[Doubt, ...]
    """Weak evidence: the set is checked once more, and published with a note."""


class _Pixels(NamedTuple):
    """Uncompressed pixel data, and the start of the zeros at their end."""

    image: SetFile
    row_bytes: int
    frame_bytes: int
    voxel_bytes: int

    kind: str
    """NumPy type of a voxel: unsigned integer, or floating point (PS3.3 C.7.6.24)."""

    length: int
    """Bytes according to the header."""

    zeros_from: int
    """Offset in the pixel data, rounded up to a whole voxel; `length` if the last voxel is not zero."""

    first_zero_byte: int

    def voxels(self, at: int, count: int) -> NDArray[Any]:
        """Read voxels from a byte offset in the pixel data; fewer at their beginning or end."""
        start, stop = max(at, 0), min(at + count * self.voxel_bytes, self.length)
        if start >= stop:
            return np.zeros(0, self.kind)
        return np.frombuffer(part10.pixel_bytes(self.image.file, start, stop - start), self.kind)

    def greatest(self, frame: int) -> float:
        """Return the greatest stored value of a frame."""
        return float(self.voxels(frame * self.frame_bytes, self.frame_bytes // self.voxel_bytes).max(initial=0))

    def begins_at_block(self, at: int, within: int) -> bool:
        """Return whether a block of the file begins within this many bytes of the pixel data from `at` on."""
        assert self.image.file.pixels is not None  # otherwise there is no instance
        return -(self.image.file.pixels.offset + at) % BLOCK_BYTES < within

    @property
    def cut_at_block(self) -> bool:
        """Return whether the written data may have ended at the end of a block, within the last non-zero voxel."""
        return self.begins_at_block(self.first_zero_byte, self.voxel_bytes)

    @property
    def part(self) -> str:
        """Return the fraction of zeros, in words."""
        return gettext("the last {percent} %", percent=max(round(100 * (1 - self.zeros_from / self.length)), 1))


def find(objects: Objects, folder: str) -> Unfinished:
    """Search the objects of a set in a folder of this name for half-copied images.

    Raises
    ------
    SetChanged
        A file disappeared or became shorter since it was read.
    OSError
        A file cannot be read.
    """
    missing: list[Fault] = []
    doubts: list[Doubt] = []
    if objects.volume:
        _judge_slices(objects.slices, folder, missing, doubts)
    dose = _measure(objects.dose) if objects.dose else None
    if dose and dose.zeros_from < dose.length:
        lacks_maximum = _lacks_its_maximum(dose)
        if _begins_in_frame(dose) or (lacks_maximum and not _falls_off(dose)):
            missing.append(_fault([dose], folder))
        elif lacks_maximum:
            doubts.append(
                Doubt(
                    gettext(
                        "{file} holds far less dose than its own histograms state: it is scaled wrongly, or its end is "
                        "missing.",
                        file=dose.image.called,
                    ),
                    "the dose, which holds far less than its own histograms state",
                )
            )
        elif _ends_too_soon(dose, objects):
            doubts.append(
                Doubt(
                    gettext(
                        "{file} ends in frames of zeros, directly after one that is treated or in a target.",
                        file=dose.image.called,
                    ),
                    "the dose, which ends in frames of zeros",
                )
            )
    return Unfinished(tuple(missing), tuple(doubts))


def _fault(found: Sequence[_Pixels], folder: str) -> Fault:
    command = f"anonymizer retry ROOT {quoted(folder)} --accept {CODE}"
    names = below(one.image.called for one in found) if len(found) > 1 else ""
    return Fault(
        CODE,
        ngettext(
            "{file} is incomplete: {part} of its pixels are zeros that begin in the middle of an image, as "
            "when a copy has not arrived.",
            "{count} objects are incomplete: {part} of their pixels are zeros that begin in the middle of an image, as "
            "when a copy has not arrived.",
            len(found),
            file=found[0].image.called,
            part=found[0].part,
        )
        + names,
        ngettext(
            "Wait until everything is copied, or copy this file once more. If the original is so: {command}",
            "Wait until everything is copied, or copy these files once more. If the original is so: {command}",
            len(found),
            command=command,
        ),
    )


def _judge_slices(slices: Sequence[SetFile], folder: str, missing: list[Fault], doubts: list[Doubt]) -> None:
    measured = [_measure(one) for one in slices]
    cut: list[_Pixels] = []
    for index, pixels in enumerate(measured):
        if pixels is None or pixels.zeros_from == pixels.length:
            continue
        sides = [measured[max(index - BESIDE, 0) : index], measured[index + 1 : index + 1 + BESIDE]]
        beside = [[one for one in side if one and one.length == pixels.length] for side in sides]
        if _is_cut_slice(pixels, beside):
            cut.append(pixels)
        elif _ends_in_rows_of_zeros(pixels, beside):
            doubts.append(
                Doubt(
                    gettext(
                        "{file} ends in rows of zeros ({part} of it), and the next slices do not.",
                        file=pixels.image.called,
                        part=pixels.part,
                    ),
                    f"CT slice {index + 1} of {len(slices)}, which ends in rows of zeros",
                )
            )
    if cut:
        missing.append(_fault(cut, folder))


def _earlier(pixels: _Pixels, beside: Sequence[Sequence[_Pixels]]) -> int:
    """Return by how many bytes the zeros begin earlier than in the neighbours, on the side where this is less."""
    return min((max(one.zeros_from for one in side) - pixels.zeros_from for side in beside if side), default=0)


def _is_cut_slice(pixels: _Pixels, beside: Sequence[Sequence[_Pixels]]) -> bool:
    """Return whether a slice is zero from the middle of a row on where its neighbours continue."""
    earlier = _earlier(pixels, beside)
    if pixels.zeros_from % pixels.row_bytes == 0 or earlier <= pixels.row_bytes:
        return False
    if pixels.cut_at_block and _is_solid(pixels, beside, _EDGE):
        return True
    if earlier < pixels.length * EARLIER:
        return False
    return all(beside) or _is_solid(pixels, beside, max(pixels.row_bytes // pixels.voxel_bytes // 8, _EDGE))


def _is_solid(pixels: _Pixels, beside: Sequence[Sequence[_Pixels]], voxels: int) -> bool:
    """Return whether this many voxels before the zeros, and after their start in a neighbour, are not zero.

    At the outline of a patient surrounded by zeros this is false, since the neighbours are zero there, too.
    """
    before = pixels.voxels(pixels.zeros_from - voxels * pixels.voxel_bytes, voxels)
    if not before.size or not before.all():
        return False
    behind = [one.voxels(pixels.zeros_from, voxels) for side in beside for one in side]
    return any(values.size and values.all() for values in behind)


def _ends_in_rows_of_zeros(pixels: _Pixels, beside: Sequence[Sequence[_Pixels]]) -> bool:
    """Return whether whole rows of zeros begin at a block boundary and are not shared by the neighbours."""
    row = -(-pixels.zeros_from // pixels.row_bytes) * pixels.row_bytes
    return pixels.begins_at_block(row, 1) and _earlier(pixels, beside) > pixels.row_bytes


def _begins_in_frame(dose: _Pixels) -> bool:
    """Return whether a dose that ends in zeros is zero from the middle of a frame on."""
    frame, at = divmod(dose.zeros_from, dose.frame_bytes)
    before = dose.voxels(dose.zeros_from - _EDGE * dose.voxel_bytes, _EDGE)
    if at == 0 or frame == 0:
        return bool(at) and dose.cut_at_block and bool(before.all()) and dose.length > dose.frame_bytes
    previous = (frame - 1) * dose.frame_bytes
    goes_on = _zeros_from(dose, previous, previous + dose.frame_bytes)[0] - (previous + at)
    if goes_on <= dose.row_bytes:
        return False
    behind = dose.voxels(previous + at, _EDGE)
    if dose.cut_at_block and before.all() and behind.all():
        return True
    if goes_on < dose.frame_bytes * EARLIER:
        return False
    greatest = _greatest(dose, frame)
    if dose.voxels(previous + at, goes_on // dose.voxel_bytes).max(initial=0) >= greatest * TREATED_PART:
        return True
    least = greatest * CUT_PART
    return bool((before > least).all() and (behind > least).all())


def _greatest(dose: _Pixels, frame: int) -> float:
    """Return the greatest stored value of the previous frame and of some earlier ones."""
    return max(map(dose.greatest, {frame - 1, *range(0, frame, max(frame // _SAMPLED_FRAMES, 1))}), default=0)


def _lacks_its_maximum(dose: _Pixels) -> bool:
    """Return whether no voxel comes near the maximum in the dose's own histograms. PS3.3 C.8.8.4."""
    view = dose.image.view
    scaling = view.number("DoseGridScaling")
    if not scaling or view.text("DoseUnits").upper() != "GY":
        return False
    stated = [
        histogram.number("DVHMaximumDose") or 0.0
        for histogram in view.items("DVHSequence")
        if histogram.text("DoseUnits").upper() == "GY"
    ]
    least = max(stated, default=0.0) * DVH_PART / scaling
    if least <= 0:
        return False
    last = -(-dose.zeros_from // dose.frame_bytes)
    middle_first = sorted(range(last), key=lambda frame: abs(2 * frame - last))
    return all(dose.greatest(frame) < least for frame in middle_first)


def _falls_off(dose: _Pixels) -> bool:
    """Return whether the dose falls off before its zeros, as a complete one does, whatever it is scaled by."""
    last = (dose.zeros_from - 1) // dose.frame_bytes
    greatest = max((dose.greatest(frame) for frame in range(last + 1)), default=0.0)
    return last >= 0 and dose.greatest(last) < greatest * TREATED_PART


def _ends_too_soon(dose: _Pixels, objects: Objects) -> bool:
    """Return whether whole frames of zeros begin at a block boundary inside a target, or after a treated frame."""
    frames = dose.length // dose.frame_bytes
    last = (dose.zeros_from - 1) // dose.frame_bytes
    places = _frame_positions(dose.image)
    if dose.zeros_from == 0 or last + 1 >= frames or len(places) != frames:
        return False
    if dose.begins_at_block((last + 1) * dose.frame_bytes, 1):
        return any(low <= places[last] <= high for low, high in _targets(objects).values())
    treated = dose.greatest(last) >= _greatest(dose, last + 1) * TREATED_PART
    return treated and objects.volume is not None and _holds(objects.volume, dose.image, places[last + 1])


def _holds(volume: Volume, dose: SetFile, place: float) -> bool:
    """Return whether a frame of a dose, given by its position along the normal in mm, is between slices of the CT."""
    plane = geometry.plane(dose.view)
    if plane is None or not plane.is_parallel_to(volume.first):
        return False
    return volume.positions_mm[0] <= place <= volume.positions_mm[-1]


def _frame_positions(dose: SetFile) -> list[float]:
    """Return the positions of a dose's frames along their normal, in mm. PS3.3 C.8.8.3.2."""
    first, offsets = geometry.plane(dose.view), dose.view.numbers("GridFrameOffsetVector")
    if first is None or not offsets:
        return []
    start = first.corner.along(first.normal)
    return [start + depth for depth in geometry.frame_depths(offsets, first.corner.z, first.normal.z)]


def _targets(objects: Objects) -> dict[str, tuple[float, float]]:
    """Return the extent of each contoured target along the dose's normal, in mm, by ROI number."""
    structure_set, plane = objects.structure_set, geometry.plane(objects.dose.view) if objects.dose else None
    if structure_set is None or plane is None:
        return {}
    wanted = targets(structure_set)
    reach: dict[str, tuple[float, float]] = {}
    for contour in contours(structure_set):
        if contour.roi_number not in wanted:
            continue
        for point in contour.ends(structure_set.file.data):
            place = point.along(plane.normal)
            low, high = reach.get(contour.roi_number, (place, place))
            reach[contour.roi_number] = min(low, place), max(high, place)
    return reach


def _measure(image: SetFile) -> _Pixels | None:
    """Find where the zeros at the end of an image begin; None if it is compressed, or has no valid size."""
    pixels = image.file.pixels
    if pixels is None or pixels.head.endswith(pixel_data.ENCAPSULATED):
        return None
    row, frame, voxel_bytes, length = _shape(*map(image.view.raw, _SIZES))
    if not 0 < length <= pixels.length:
        return None
    is_floating = pixels.head.startswith(_FLOATING)
    if is_floating and voxel_bytes < _FLOATING_BYTES:
        return None
    kind = f"<{'f' if is_floating else 'u'}{voxel_bytes}"
    whole = _Pixels(image, row, frame, voxel_bytes, kind, length, length, length)
    voxel, byte = _zeros_from(whole, 0, length)
    return whole._replace(zeros_from=voxel, first_zero_byte=byte)


@lru_cache(maxsize=16)
def _shape(*stated: bytes | None) -> tuple[int, int, int, int]:
    """Return the bytes of a row, a frame, a voxel and the total; all 0 if the header states no grayscale image."""
    *numbers, frames = stated
    rows, columns, bits, samples = (int.from_bytes(value or b"", "little") for value in numbers)
    if bits not in {8, 16, 32, 64} or samples > 1:
        return 0, 0, 0, 0
    row = columns * bits // 8
    return row, row * rows, bits // 8, row * rows * pixel_data.frame_count(frames)


def _zeros_from(pixels: _Pixels, start: int, stop: int) -> tuple[int, int]:
    """Return the voxel, and the byte, from which a part of the pixel data is zero to its end."""
    first, then = TAIL_BYTES
    step, end = first, stop
    while end > start:
        begin = max(end - step, start)
        kept = len(part10.pixel_bytes(pixels.image.file, begin, end - begin).rstrip(b"\0"))
        if kept:
            byte = begin + kept
            return min(-(-byte // pixels.voxel_bytes) * pixels.voxel_bytes, stop), byte
        step, end = then, begin
    return start, start
