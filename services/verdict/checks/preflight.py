"""Notes on a set for its use in a RapidPlan model: never a reason to refuse.

No sentence refers to the patient, so all are suitable for record and sheet.
"""

from __future__ import annotations

from collections import defaultdict
from math import hypot, inf
from operator import sub
from statistics import median
from typing import TYPE_CHECKING, Final

from services.language import gettext, ngettext
from services.rtset import planned_dose, references
from services.verdict.checks import importability

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.rtset.geometry import Contour
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

_FINE: Final = 0.6
"""In pixels: contours with closer points were not drawn on the CT's own pixels."""
_PIXEL_MM: Final = 2.0
"""Maximum pixel size of a planning CT; in coarser ones every contour is finer than the pixels."""
_FEWEST: Final = 16
"""Minimum steps of a contour for evaluating its fineness."""


def notes(objects: Objects) -> Iterator[str]:
    """Yield what a model would lack, or learn unintentionally."""
    if objects.structure_set:
        yield from _structures(objects.structure_set)
        yield from _fine(objects.structure_set, objects)
    if objects.plan and objects.structure_set:
        yield from _prescription(objects.plan, objects.structure_set)


def of_names(names: Sequence[str]) -> Iterator[str]:
    """Count names that Eclipse shortens or cannot distinguish, without quoting any."""
    yield from importability.long_names(names)
    if alike := sum(importability.equal_names(names).values()):
        yield gettext(
            "{count} structures have names that are equal in the first {most} characters.",
            count=alike,
            most=importability.LONGEST_ROI_NAME,
        )


def _structures(structure_set: SetFile) -> Iterator[str]:
    view = structure_set.view
    observations = view.items("RTROIObservationsSequence")
    types = [one.text("RTROIInterpretedType").upper() for one in observations]
    if "EXTERNAL" not in types:
        yield gettext("No structure is the outline of the body (type EXTERNAL).")
    drawn = _drawn(structure_set)
    empty = [roi for roi in view.items("StructureSetROISequence") if roi.text("ROINumber") not in drawn]
    if empty:
        yield ngettext("{count} structure is empty.", "{count} structures are empty.", len(empty))
    without = [one for one in observations if not one.has("RTROIIdentificationCodeSequence")]
    if without:
        yield ngettext("{count} structure is without a code.", "{count} structures are without a code.", len(without))
    if couch := types.count("SUPPORT"):
        yield ngettext(
            "{count} structure is of the couch (type SUPPORT).",
            "{count} structures are of the couch (type SUPPORT).",
            couch,
        )


def _fine(structure_set: SetFile, objects: Objects) -> Iterator[str]:
    """Yield notes on structures drawn between slices, or finer than pixels, which are kept in high resolution.

    The second and the longest contour of each structure are examined.
    """
    if objects.volume is None:
        return
    volume, data = objects.volume, structure_set.file.data
    spacing_mm = min(objects.slices[0].view.numbers("PixelSpacing"), default=0.0)
    finest_mm = _FINE * spacing_mm if spacing_mm <= _PIXEL_MM else 0.0
    drawn: defaultdict[str, list[Contour]] = defaultdict(list)
    for contour in references.contours(structure_set):
        drawn[contour.roi_number].append(contour)
    fine = [
        contours
        for contours in drawn.values()
        if any(volume.slice_of(second.ends(data)) is None for second in contours[1:2])
        or (finest_mm and _step_mm(data, max(contours, key=_bytes)) < finest_mm)
    ]
    if fine:
        yield ngettext(
            "{count} structure is drawn between CT slices or finer than their pixels (high resolution).",
            "{count} structures are drawn between CT slices or finer than their pixels (high resolution).",
            len(fine),
        )


def _bytes(contour: Contour) -> int:
    return contour.end - contour.start


def _step_mm(data: bytes, contour: Contour) -> float:
    """Return the usual distance between the points of a contour in mm; infinity if it has few or no points."""
    try:
        numbers = list(map(float, data[contour.start : contour.end].strip(b" \0").split(b"\\")))
    except ValueError:
        return inf
    steps = zip(*(map(sub, numbers[axis + 3 :: 3], numbers[axis::3]) for axis in range(3)), strict=False)
    lengths = [hypot(*step) for step in steps]
    return median(lengths) if len(lengths) >= _FEWEST else inf


def _prescription(plan: SetFile, structure_set: SetFile) -> Iterator[str]:
    """Check for a contoured target and a dose prescribed to one. PS3.3 C.8.8.10."""
    drawn = _drawn(structure_set)
    targets = references.targets(structure_set) & drawn
    if not targets:
        yield gettext("No target (type PTV, CTV or GTV) has contours.")
    prescribed = {one.text("ReferencedROINumber") for one in planned_dose.of_targets(plan.view)}
    if targets and targets.isdisjoint(prescribed):
        yield gettext("The plan prescribes no dose to a contoured target.")


def _drawn(structure_set: SetFile) -> set[str]:
    """Return the numbers of structures with contours, including points."""
    return {
        one.text("ReferencedROINumber")
        for one in structure_set.view.items("ROIContourSequence")
        if one.has("ContourSequence")
    }
