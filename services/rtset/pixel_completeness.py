"""Whether images and dose hold the voxels that their headers promise.

An RT Dose may be histograms or curves alone, and an image that was cut on its way may have been put into a sound file:
both parse to their end, and no planning system imports them.  PS3.3 C.7.6.3, C.8.8.3.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Final

from services.errors import Fault
from services.rtset.reader import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

_ENCAPSULATED: Final = b"\xff\xff\xff\xff"
"""The length of pixel data that come in compressed fragments. PS3.5 A.4."""

_SIZES: Final = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel")


def lacking(objects: Objects) -> Iterator[Fault]:
    """Find images and doses without all of their voxels, and doses whose voxels are no gray."""
    short = [one for one in objects.slices if not _are_whole(one)]
    if short:
        yield Fault(
            "ct-without-pixels",
            f"{named(one.called for one in short)} hold no image, or less of one than their headers say.",
            "Export the planning CT once more.",
        )
    dose = objects.dose
    if dose and not _are_whole(dose):
        held = "less of its dose grid than its header says" if dose.file.pixels else "no dose grid"
        yield Fault(
            "dose-without-grid", f"{dose.called} holds {held}.", "Export the plan dose as a three-dimensional grid."
        )
    elif dose and not _has_its_planes(dose):
        yield Fault(
            "dose-without-grid",
            f"{dose.called} does not say where each plane of its grid lies (Grid Frame Offset Vector).",
            "Export the plan dose once more.",
        )
    elif dose and (dose.view.number("NumberOfFrames") or 1) == 1 and len(objects.slices) > 1:
        yield Fault(
            "dose-of-one-plane",
            f"{dose.called} holds one plane: no planning system makes dose-volume histograms of it.",
            "Export the plan dose as a three-dimensional grid.",
        )
    elif dose and not dose.view.number("DoseGridScaling"):
        yield Fault(
            "dose-without-scaling",
            f"{dose.called} does not say how much dose its numbers are (Dose Grid Scaling).",
            "Export the plan dose once more.",
        )


def _are_whole(image: SetFile) -> bool:
    pixels, raw = image.file.pixels, image.view.raw
    if pixels is None:
        return False
    if pixels.head.endswith(_ENCAPSULATED):
        return True
    return 0 < _size(*map(raw, _SIZES), raw("NumberOfFrames")) <= pixels.length


def _has_its_planes(dose: SetFile) -> bool:
    """Whether each frame of a dose has its offset. PS3.3 C.8.8.3.2."""
    frames = dose.view.number("NumberOfFrames") or 1
    return frames == 1 or len(dose.view.numbers("GridFrameOffsetVector")) == frames


@lru_cache(maxsize=16)
def _size(*stated: bytes | None) -> int:
    """Work out how many bytes the pixels of an image take; 0 where its header does not say. PS3.5 8.1.1."""
    *numbers, samples, frames = stated
    count = (frames or b"").strip(b" \0+") or b"1"
    bits = prod(int.from_bytes(value or b"", "little") for value in (*numbers, samples or b"\1"))
    return (bits * int(count) + 7) // 8 if count.isdigit() else 0
