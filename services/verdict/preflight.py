"""What a person should know before a set goes into a RapidPlan model: never a reason to refuse.

No sentence names anything of the patient, so that record and sheet may hold it.
"""

from __future__ import annotations

from math import hypot, inf
from operator import sub
from statistics import median
from typing import TYPE_CHECKING, Final

from services.language import gettext, ngettext
from services.rtset import geometry, references
from services.verdict import importability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dicom.dataset import View
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

_FINE: Final = 0.6
"""Of a pixel: points of a contour that lie closer were not drawn on the CT's own pixels."""
_PIXEL_MM: Final = 2.0
"""Of a CT for planning, at most: of coarser ones every contour is finer than the pixels."""
_FEWEST: Final = 16
"""Steps, below which nothing is said of how fine a contour is."""

_TARGETS: Final = frozenset(("PTV", "CTV", "GTV"))
"""(3006,00A4) *RT ROI Interpreted Type*. PS3.3 C.8.8.8."""


def notes(objects: Objects) -> Iterator[str]:
    """Yield what a model would lack, or learn that nobody wants it to."""
    if objects.structure_set:
        yield from _structures(objects.structure_set)
        yield from _fine(objects.structure_set, objects)
    if objects.plan and objects.structure_set:
        yield from _prescription(objects.plan, objects.structure_set)


def equal_names(structure_set: SetFile) -> Iterator[str]:
    """Count what Eclipse cannot tell apart; the check's own note names it."""
    if alike := sum(importability.equal_names(structure_set).values()):
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
    empty = [roi for roi in view.items("StructureSetROISequence") if _number(roi, "ROINumber") not in drawn]
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
    """Report structures drawn between slices, or finer than pixels: a planning system keeps them in high resolution.

    Of each structure its second contour and its longest one are looked at.
    """
    if objects.volume is None:
        return
    volume, data = objects.volume, structure_set.file.data
    spacing_mm = min(objects.slices[0].view.numbers("PixelSpacing"), default=0.0)
    finest_mm = _FINE * spacing_mm if spacing_mm <= _PIXEL_MM else 0.0
    fine = [
        spans
        for spans in references.spans(structure_set).values()
        if any(volume.slice_of(geometry.contour_ends(data, *span)) is None for span in spans[1:2])
        or (finest_mm and spans and _step_mm(data, *max(spans, key=_bytes)) < finest_mm)
    ]
    if fine:
        yield ngettext(
            "{count} structure is drawn between CT slices or finer than their pixels (high resolution).",
            "{count} structures are drawn between CT slices or finer than their pixels (high resolution).",
            len(fine),
        )


def _bytes(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _step_mm(data: bytes, start: int, end: int) -> float:
    """Return how far the points of a contour usually lie apart; infinity for one of a few points, or of none."""
    try:
        numbers = list(map(float, data[start:end].strip(b" \0").split(b"\\")))
    except ValueError:
        return inf
    steps = zip(*(map(sub, numbers[axis + 3 :: 3], numbers[axis::3]) for axis in range(3)), strict=False)
    lengths = [hypot(*step) for step in steps]
    return median(lengths) if len(lengths) >= _FEWEST else inf


def _prescription(plan: SetFile, structure_set: SetFile) -> Iterator[str]:
    """Look for a contoured target and a dose that is prescribed to one. PS3.3 C.8.8.10."""
    drawn = _drawn(structure_set)
    targets = {
        _number(one, "ReferencedROINumber")
        for one in structure_set.view.items("RTROIObservationsSequence")
        if one.text("RTROIInterpretedType").upper() in _TARGETS
    } & drawn
    if not targets:
        yield gettext("No target (type PTV, CTV or GTV) has contours.")
    prescribed = {
        _number(one, "ReferencedROINumber")
        for one in plan.view.items("DoseReferenceSequence")
        if one.text("DoseReferenceType").upper() == "TARGET" and one.number("TargetPrescriptionDose")
    }
    if targets and targets.isdisjoint(prescribed):
        yield gettext("The plan prescribes no dose to a contoured target.")


def _drawn(structure_set: SetFile) -> set[str]:
    """Return the numbers of the structures that have contours, points included."""
    return {
        _number(one, "ReferencedROINumber")
        for one in structure_set.view.items("ROIContourSequence")
        if one.has("ContourSequence")
    }


def _number(item: View, keyword: str) -> str:
    return item.text(keyword)
