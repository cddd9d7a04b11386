"""What a person should know before a set goes into a RapidPlan model: never a reason to refuse.

No sentence names anything of the patient, so that record and sheet may hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.dicom.dataset import View
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

_TARGETS: Final = frozenset(("PTV", "CTV", "GTV"))
"""(3006,00A4) *RT ROI Interpreted Type*. PS3.3 C.8.8.8."""


def notes(objects: Objects) -> Iterator[str]:
    """Tell what a model would lack, or learn that nobody wants it to."""
    if objects.structure_set:
        yield from _structures(objects.structure_set)
    if objects.plan and objects.structure_set:
        yield from _prescription(objects.plan, objects.structure_set)


def _structures(structure_set: SetFile) -> Iterator[str]:
    view = structure_set.view
    observations = view.items("RTROIObservationsSequence")
    types = [one.text("RTROIInterpretedType").upper() for one in observations]
    if "EXTERNAL" not in types:
        yield "No structure is the outline of the body (type EXTERNAL)."
    drawn = _drawn(structure_set)
    empty = [roi for roi in view.items("StructureSetROISequence") if _number(roi, "ROINumber") not in drawn]
    if empty:
        yield f"{_structures_are(len(empty))} empty."
    without = [one for one in observations if not one.has("RTROIIdentificationCodeSequence")]
    if without:
        yield f"{_structures_are(len(without))} without a code."
    if couch := types.count("SUPPORT"):
        yield f"{_structures_are(couch)} of the couch (type SUPPORT)."


def _structures_are(count: int) -> str:
    return f"{count} structure{'s are' if count > 1 else ' is'}"


def _prescription(plan: SetFile, structure_set: SetFile) -> Iterator[str]:
    """Look for a contoured target and a dose that is prescribed to one. PS3.3 C.8.8.10."""
    drawn = _drawn(structure_set)
    targets = {
        _number(one, "ReferencedROINumber")
        for one in structure_set.view.items("RTROIObservationsSequence")
        if one.text("RTROIInterpretedType").upper() in _TARGETS
    } & drawn
    if not targets:
        yield "No target (type PTV, CTV or GTV) has contours."
    prescribed = {
        _number(one, "ReferencedROINumber")
        for one in plan.view.items("DoseReferenceSequence")
        if one.text("DoseReferenceType").upper() == "TARGET" and one.number("TargetPrescriptionDose")
    }
    if targets and targets.isdisjoint(prescribed):
        yield "The plan prescribes no dose to a contoured target."


def _drawn(structure_set: SetFile) -> set[str]:
    """Return the numbers of the structures that have contours, points included."""
    return {
        _number(one, "ReferencedROINumber")
        for one in structure_set.view.items("ROIContourSequence")
        if one.has("ContourSequence")
    }


def _number(item: View, keyword: str) -> str:
    return item.text(keyword)
