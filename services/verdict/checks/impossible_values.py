"""Values that cannot be true: grids without extent, planes of a dose out of order, weights that fall.

Such an object is a valid file, and what is computed from it is wrong: the size of a structure, the place of a dose, the
monitor units of a beam. Exporters do not write such values; scripts and damaged disks do.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from services.dicom import part10
from services.dicom.dictionary import tag
from services.dicom.stored_bits import announced
from services.errors import Fault
from services.language import gettext, ngettext, tallied
from services.policy.object_kinds import CT, DOSE, NAMES, PLAN, STRUCTURE_SET
from services.rtset import geometry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.dicom.dataset import View
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

CODE: Final = "impossible-values"

_OF_AN_IMAGE: Final = """
SliceThickness RescaleSlope
SamplesPerPixel PhotometricInterpretation BitsAllocated BitsStored HighBit PixelRepresentation
"""
_IMAGE_TAGS: Final = frozenset(map(tag, _OF_AN_IMAGE.split()))
_COLOURS: Final = ("RGB", "YBR", "PALETTE")
"""Colour models; a CT and a dose have none. PS3.3 Tables C.8-3 and C.8-39."""
_WEIGHT: Final = tag("CumulativeMetersetWeight")
_INDEX: Final = tag("ControlPointIndex")
_ISOCENTRE: Final = tag("IsocenterPosition")
_OVERLAID: Final = 0.05
"""Part of an image's pixels over which an overlay may be drawn; more suggests that the header is wrong."""
_ROUNDING: Final = 1e-3
"""Relative error of cumulative meterset weights; some systems round them to three or four digits."""


class Impossible(NamedTuple):
    """Result of the search."""

    faults: list[Fault]
    notes: list[str]
    """Without references to the patient."""


def find(objects: Objects) -> Impossible:
    """Return one fault per kind of object with impossible values, by attribute and count, and notes."""
    no_triples, other_counts = _contours(objects.structure_set) if objects.structure_set else (0, 0)
    wrong: Mapping[str, Counter[str]] = {
        CT: _of_slices(objects.slices),
        STRUCTURE_SET: +Counter({"ROIContourSequence>ContourSequence>ContourData": no_triples}),
        PLAN: Counter(_of_plan(objects.plan.view) if objects.plan else ()),
        DOSE: Counter(_of_dose(objects.dose) if objects.dose else ()),
    }
    faults = [
        Fault(
            CODE,
            gettext(
                "Values in the {kind} cannot be true: {names}.",
                kind=NAMES[kind],
                names=tallied(names),
            ),
            gettext('Export it once more. If they are meant, add "{code}" to accept in collection.toml.', code=CODE),
        )
        for kind, names in wrong.items()
        if names
    ]
    if not other_counts:
        return Impossible(faults, [])
    note = ngettext(
        "The RT Structure Set has {count} contour with another number of points than it states.",
        "The RT Structure Set has {count} contours with another number of points than they state.",
        other_counts,
    )
    return Impossible(faults, [note])


def _of_slices(slices: Iterable[SetFile]) -> Counter[str]:
    """Count impossible values of CT slices; those of a series mostly describe their images alike."""
    alike: dict[tuple[bytes | None, ...], list[SetFile]] = {}
    for one in slices:
        alike.setdefault(tuple(map(one.view.raw_at, _IMAGE_TAGS)), []).append(one)
    found: Counter[str] = Counter()
    for those in alike.values():
        found.update(dict.fromkeys(_of_image(those[0].view), len(those)))
        if _reach_beyond_their_bits(those[len(those) // 2]):
            found["BitsStored"] += len(those)
    return found


def _reach_beyond_their_bits(image: SetFile) -> bool:
    """Return whether too many pixels use bits that hold no pixel by the header; these bits are cleared when published.

    Overlays in such bits are drawn with few pixels. PS3.5 8.1.1, 8.1.2.
    """
    pixels = image.file.pixels
    if pixels is None or pixels.cells is None or announced(image.view):
        return False
    size = pixels.length - pixels.length % (pixels.cells.bits // 8)
    return pixels.cells.foreign(part10.pixel_bytes(image.file, 0, size)) > _OVERLAID


def _of_image(view: View) -> Iterator[str]:
    """Yield the attributes of an image that contradict each other or its kind. PS3.3 C.7.6.3, PS3.5 8.1.1."""
    allocated, stored, high = (view.number(keyword) for keyword in ("BitsAllocated", "BitsStored", "HighBit"))
    if (view.number("SliceThickness") or 0) < 0:
        yield "SliceThickness"
    if view.number("RescaleSlope") == 0:
        yield "RescaleSlope"
    if view.number("SamplesPerPixel") not in {None, 1}:
        yield "SamplesPerPixel"
    elif view.text("PhotometricInterpretation").startswith(_COLOURS):
        yield "PhotometricInterpretation"
    if allocated and stored is not None and not 0 < stored <= allocated:
        yield "BitsStored"
    elif allocated and stored is not None and high is not None and not stored - 1 <= high < allocated:
        yield "HighBit"
    if view.number("PixelRepresentation") not in {None, 0, 1}:
        yield "PixelRepresentation"


def _of_dose(dose: SetFile) -> Iterator[str]:
    """Yield impossible values of a dose: a grid without extent, planes out of order. PS3.3 C.8.8.3.2.

    A CT without extent is refused as one that does not state where it lies.
    """
    yield from _of_image(dose.view)
    if any(spacing_mm <= 0 for spacing_mm in dose.view.numbers("PixelSpacing")):
        yield "PixelSpacing"
    if _reach_beyond_their_bits(dose):
        yield "BitsStored"
    if not _is_in_order(dose.view.numbers("GridFrameOffsetVector")):
        yield "GridFrameOffsetVector"


def _is_in_order(positions_mm: Sequence[float]) -> bool:
    steps_mm = [after - before for before, after in pairwise(positions_mm)]
    return not steps_mm or min(steps_mm) > 0 or max(steps_mm) < 0


def _contours(structure_set: SetFile) -> tuple[int, int]:
    """Count contours whose coordinates are no triples, and those with another number of points than they state.

    Readers count the coordinates and ignore the stated number. PS3.3 C.8.8.6.
    """
    separators = np.frombuffer(structure_set.file.data, np.uint8) == ord("\\")
    no_triples = other_counts = 0
    for contour in structure_set.contours:
        if contour.start < contour.end:
            points, beside = divmod(np.count_nonzero(separators[contour.start : contour.end]) + 1, 3)
            if beside:
                no_triples += 1
            elif contour.stated_points.lstrip(b"+0") not in (b"", b"%d" % points):
                other_counts += 1
    return no_triples, other_counts


def _of_plan(plan: View) -> Iterator[str]:
    """Yield impossible values of a plan. PS3.3 C.8.8.10, C.8.8.13, C.8.8.14, C.8.8.25."""
    for reference in plan.items("DoseReferenceSequence"):
        if (reference.number("TargetPrescriptionDose") or 0) < 0:
            yield "DoseReferenceSequence>TargetPrescriptionDose"
    for group in plan.items("FractionGroupSequence"):
        if (group.number("NumberOfFractionsPlanned") or 0) < 0:
            yield "FractionGroupSequence>NumberOfFractionsPlanned"
        for beam in group.items("ReferencedBeamSequence"):
            for keyword in ("BeamMeterset", "BeamDose"):
                if (beam.number(keyword) or 0) < 0:
                    yield f"FractionGroupSequence>ReferencedBeamSequence>{keyword}"
    for beam, points in geometry.beams(plan):
        sequence = "IonBeamSequence" if points.startswith("Ion") else "BeamSequence"
        yield from (f"{sequence}>{name}" for name in _of_beam(beam, points))


def _of_beam(beam: View, points: str) -> Iterator[str]:
    """Yield impossible values of a beam: weights that fall, or do not end where the beam states."""
    stated = _of_control_points(beam.items(points))
    if any(len(values) != 3 for values in stated[_ISOCENTRE]):
        yield f"{points}>IsocenterPosition"
    try:
        indices = [int(index) for (index,) in stated[_INDEX]]
        weights = [float(weight) for (weight,) in stated[_WEIGHT]]
    except ValueError:
        return  # more than one value, or none that is a number: refused elsewhere
    if any(after <= before for before, after in pairwise(indices)):
        yield f"{points}>ControlPointIndex"
    final = beam.number("FinalCumulativeMetersetWeight")
    is_whole = len(weights) >= (beam.number("NumberOfControlPoints") or 0)
    allowed = _ROUNDING * max((*map(abs, weights), abs(final or 0)))
    if any(after < before - allowed for before, after in pairwise(weights)):
        yield f"{points}>CumulativeMetersetWeight"
    elif weights and is_whole and final is not None and abs(weights[-1] - final) > allowed:
        yield "FinalCumulativeMetersetWeight"


def _of_control_points(control_points: Iterable[View]) -> dict[int, list[list[bytes]]]:
    """Return the values stated by control points, by tag. There are hundreds, so this reads their elements directly."""
    stated: dict[int, list[list[bytes]]] = {_WEIGHT: [], _INDEX: [], _ISOCENTRE: []}
    for point in control_points:
        data = point.data
        for each, _, _, value, end, _ in point.elements:
            if each in stated and value < end:
                stated[each].append(data[value:end].strip(b"\0 ").split(b"\\"))
    return stated
