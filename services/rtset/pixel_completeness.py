"""Completeness of images and doses: they have all voxels declared in their headers.

An RT Dose may consist of histograms or curves alone, and a truncated image may have been stored in a valid file: both
parse completely, but no planning system imports them. PS3.3 C.7.6.3, C.8.8.3.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.dicom import pixel_data
from services.dicom.stored_bits import announced
from services.errors import Fault
from services.language import gettext, gettext_noop, named, ngettext
from services.rtset import damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.rtset.reader import SetFile
    from services.rtset.references import Objects


def lacking(objects: Objects) -> Iterator[Fault]:
    """Yield faults of images and doses with missing voxels, and of doses that are not grayscale."""
    short = [one for one in objects.slices if not _are_complete(one)]
    if short:
        yield Fault(
            "ct-without-pixels",
            ngettext(
                "{names} holds no image, or less of one than its header says.",
                "{names} hold no image, or less of one than their headers say.",
                len(short),
                names=named(one.called for one in short),
            ),
            gettext("Export the planning CT once more."),
        )
    dose = objects.dose
    if dose and not _are_complete(dose):
        says = gettext_noop("{dose} holds no dose grid.")
        if dose.file.pixels:
            says = gettext_noop("{dose} holds less of its dose grid than its header says.")
        yield Fault(
            "dose-without-grid",
            gettext(says, dose=dose.called),
            gettext("Export the plan dose as a three-dimensional grid."),
        )
    elif dose and not _has_its_planes(dose):
        yield Fault(
            "dose-without-grid",
            gettext(
                "{dose} does not state where each plane of its grid lies (Grid Frame Offset Vector).", dose=dose.called
            ),
            gettext("Export the plan dose once more."),
        )
    elif dose and (dose.view.number("NumberOfFrames") or 1) == 1 and len(objects.slices) > 1:
        yield Fault(
            "dose-of-one-plane",
            gettext("{dose} holds one plane: no planning system makes dose-volume histograms of it.", dose=dose.called),
            gettext("Export the plan dose as a three-dimensional grid."),
        )
    elif dose and (dose.view.number("DoseGridScaling") or 0) <= 0:
        yield Fault(
            "dose-without-scaling",
            gettext("{dose} does not state the dose that its numbers stand for (Dose Grid Scaling).", dose=dose.called),
            gettext("Export the plan dose once more."),
        )


def hidden(objects: Objects) -> Iterator[Fault]:
    """Yield faults of compressed pixels with unknown contents besides their image."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for one in _with_pixels(objects):
        if one.unwalkable:
            by_reason[one.unwalkable].append(one.called)
    for reason, names in by_reason.items():
        yield Fault(
            "comments-in-pixels",
            gettext(
                "The compressed pixels of {names} may contain comments that cannot be removed: {reason}.",
                names=named(names),
                reason=damage.in_words(reason),
            ),
            gettext("Export these objects once more, uncompressed."),
        )


def _with_pixels(objects: Objects) -> list[SetFile]:
    return [*objects.slices, *(one for one in (objects.structure_set, objects.plan, objects.dose) if one)]


def overlays(objects: Objects) -> Iterator[str]:
    """Yield notes on overlays in bits of pixel cells; they are cleared, since the overlays' attributes are removed."""
    laid = [one for one in objects.slices if one.file.pixels and one.file.pixels.cells and announced(one.view)]
    if laid:
        yield ngettext(
            "Cleared: an overlay in bits of the pixel cells that hold no pixel, in {count} slice.",
            "Cleared: an overlay in bits of the pixel cells that hold no pixel, in {count} slices.",
            len(laid),
        )


def surplus(objects: Objects) -> Iterator[str]:
    """Yield notes on bytes in pixel data after the image; they are not copied."""
    behind = [one for one in _with_pixels(objects) if one.surplus]
    if behind:
        most = max(one.surplus for one in behind)
        yield (
            gettext(
                "Left out, because they are not part of an image: up to {most} bytes in the pixel data of {names}.",
                most=most,
                names=named(one.called for one in behind),
            )
        )


def _are_complete(image: SetFile) -> bool:
    pixels = image.file.pixels
    if pixels is None:
        return False
    if pixels.head.endswith(pixel_data.ENCAPSULATED):
        return True
    return 0 < image.image_length <= pixels.length


def _has_its_planes(dose: SetFile) -> bool:
    """Return whether each frame of a dose has its offset. PS3.3 C.8.8.3.2."""
    frames, offsets = dose.view.number("NumberOfFrames") or 1, len(dose.view.numbers("GridFrameOffsetVector"))
    return offsets == frames or (frames == 1 and not offsets)
