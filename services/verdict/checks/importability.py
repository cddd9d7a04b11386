"""Objects that are valid but could be misinterpreted by users of the collection.

A dose in percent, the sum of two plans, the dose of one field: all are valid DICOM that a planning system imports, but
none should enter a model unnoticed. Each is refused with its own code, which a collection may knowingly accept. Minor
observations are notes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import part10
from services.dicom.dictionary import tag
from services.errors import Fault
from services.language import gettext, gettext_noop, ngettext, printable
from services.machines.fit import oddities, treatment_beams
from services.policy.object_kinds import ENHANCED_CT
from services.rtset import geometry, planned_dose, private_loss
from services.rtset.planned_dose import DELIVERING
from services.rtset.references import contoured_frames, contours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.dicom.dataset import View
    from services.rtset.geometry import Volume
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

LONGEST_PLAN_LABEL: Final = 13
LONGEST_ROI_NAME: Final = 16
"""Length to which Eclipse truncates, though DICOM allows 64 characters."""

_DELIVERED: Final = frozenset(("RECORD", "FRACTION_SESSION", "BEAM_SESSION", "BRACHY_SESSION"))
_OF_PARTS: Final = frozenset(("FRACTION", "BEAM", "BRACHY", "CONTROL_POINT"))
"""(3004,000A) *Dose Summation Type*. PS3.3 C.8.8.3."""

_PLAIN: Final = frozenset((part10.IMPLICIT, part10.EXPLICIT, part10.BIG_ENDIAN, part10.DEFLATED))
"""Transfer syntaxes with uncompressed pixels."""

_OTHER_DOSES: Final = {
    "EFFECTIVE": gettext_noop("{dose} is a biologically effective dose and not the physical one."),
    "ERROR": gettext_noop("{dose} is a difference between two doses and not a dose."),
}
"""(3004,0004) *Dose Type*. PS3.3 C.8.8.3."""

_SLOPE: Final = tag("RescaleSlope")
_INTERCEPT: Final = tag("RescaleIntercept")
_UNEVEN_MM: Final = 0.1
_AXIAL: Final = 0.999
_APART_MM: Final = 0.1


class Meaning(NamedTuple):
    """Result of the evaluation."""

    faults: list[Fault]
    notes: list[str]
    of_names: list[str]
    """Notes that quote names given by people, which may differ in the published set."""


def judge(objects: Objects, *, machine_replaced: bool) -> Meaning:
    """Evaluate the meaning of the objects, as far as they exist.

    Parameters
    ----------
    machine_replaced
        Whether the plan will be moved to another machine.
    """
    faults: list[Fault] = []
    notes: list[str] = []
    slices, volume, structure_set, plan, dose = objects
    if slices:
        faults += _ct_faults(slices)
        notes += _ct_notes(slices, volume)
    if structure_set:
        faults += _structure_set_faults(structure_set)
        notes += _roi_notes(structure_set)
    if plan:
        by_intent = list(intent(plan))
        if machine_replaced:
            faults += by_intent
        else:
            notes += [fault.found for fault in by_intent]
            notes += oddities(plan.view)
        notes += _plan_notes(plan)
    if dose:
        faults += _annotated_dose(dose)
        faults += _dose_faults(dose, plan)
        if not dose.view.text("DoseUnits"):
            notes.append(gettext("{dose} does not state its units; planning systems assume gray.", dose=dose.called))
        if other := _OTHER_DOSES.get(dose.view.text("DoseType").upper()):
            notes.append(gettext(other, dose=dose.called))
    names = names_of(structure_set) if structure_set else []
    of_names = [*_label(plan), *long_names(names), *_equal_names(names)]
    return Meaning(faults, [*notes, *of_names], of_names)


def _ct_faults(slices: Sequence[SetFile]) -> Iterator[Fault]:
    enhanced = [one for one in slices if one.sop_class_uid in ENHANCED_CT]
    if enhanced:
        yield Fault(
            "enhanced-ct",
            gettext(
                "{file} is an enhanced CT with many slices in one file, which few planning systems accept.",
                file=enhanced[0].called,
            ),
            gettext("Export the CT as single slices (CT Image Storage)."),
        )
    annotated = [one for one in slices if _is_annotated(one)]
    if annotated:
        yield Fault(
            "burned-in-annotation",
            gettext(
                "{count} of {total} CT slices say that text is written into their pixels ({file}); it may "
                "name the patient, and nothing here would remove it.",
                count=len(annotated),
                total=len(slices),
                file=annotated[0].called,
            ),
            gettext("Export the original CT slices, without annotation."),
        )


def _annotated_dose(dose: SetFile) -> Iterator[Fault]:
    if _is_annotated(dose):
        yield Fault(
            "burned-in-annotation",
            gettext(
                "{file} says that text is written into its pixels; it may name the patient, and nothing here would "
                "remove it.",
                file=dose.called,
            ),
            gettext("Export the plan dose as calculated, without annotation."),
        )


def _is_annotated(image: SetFile) -> bool:
    return image.view.text("BurnedInAnnotation").upper() == "YES"


def _ct_notes(slices: Sequence[SetFile], volume: Volume | None) -> Iterator[str]:
    tilts = {tilt for one in slices if (tilt := one.view.number("GantryDetectorTilt"))}
    if tilts or (volume and abs(volume.first.normal.z) < _AXIAL):
        yield gettext("The CT was taken with a tilted gantry, or not across the patient.")
    elif volume and not _lie_behind_each_other(slices):
        yield gettext("The CT slices are displaced sideways from each other. Are these two series in one?")
    gaps_mm = volume.gaps_mm if volume else []
    usual_mm = volume.gap_mm if volume else 0.0
    if any(abs(gap - usual_mm) > _UNEVEN_MM for gap in gaps_mm):
        yield gettext(
            "The CT slices are not evenly spaced: {least:g} to {most:g} mm. Are slices missing?",
            least=min(gaps_mm),
            most=max(gaps_mm),
        )
    if unscaled := sum(not one.view.has("RescaleIntercept") for one in slices):
        yield ngettext(
            "{count} CT slice does not state how its numbers become Hounsfield units (Rescale Intercept).",
            "{count} CT slices do not state how their numbers become Hounsfield units (Rescale Intercept).",
            unscaled,
        )
    scaled = {(one.view.raw_at(_SLOPE), one.view.raw_at(_INTERCEPT)): one.view for one in slices}
    if len({(view.number("RescaleSlope"), view.number("RescaleIntercept")) for view in scaled.values()}) > 1:
        yield gettext(
            "The CT slices turn their numbers into Hounsfield units in different ways (Rescale Slope and Intercept)."
        )
    compressed = sum(one.file.transfer_syntax not in _PLAIN for one in slices)
    if compressed:
        yield ngettext(
            "{count} CT slice is compressed; it remains so, and some planning systems do not accept it.",
            "{count} CT slices are compressed; they remain so, and some planning systems do not accept them.",
            compressed,
        )


def _lie_behind_each_other(slices: Sequence[SetFile]) -> bool:
    """Return whether transverse slices are aligned pixel by pixel, comparing the numbers as written."""
    corners = {(one.view.raw("ImagePositionPatient") or b"").rpartition(b"\\")[0]: one for one in slices}
    places = [one.view.numbers("ImagePositionPatient")[:2] for one in corners.values()]
    return all(max(axis) - min(axis) <= _APART_MM for axis in zip(*places, strict=True))


def _structure_set_faults(structure_set: SetFile) -> Iterator[Fault]:
    frames = contoured_frames(structure_set)
    if len(frames) > 1:
        yield Fault(
            "two-frames",
            gettext(
                "{structure_set} has contours in {count} frames of reference, on more than one image series.",
                structure_set=structure_set.called,
                count=len(frames),
            ),
            gettext("Export the structure set with the structures of the planning CT only."),
        )


def _roi_notes(structure_set: SetFile) -> Iterator[str]:
    rois = structure_set.view.items("StructureSetROISequence")
    yield from _number_notes(
        structure_set, gettext_noop("{count} structures in {file} have the number {number}."), rois, "ROINumber"
    )
    contoured = structure_set.view.items("ROIContourSequence")
    strangers = {_as_stated(one, "ReferencedROINumber") for one in contoured} - {
        _as_stated(roi, "ROINumber") for roi in rois
    }
    if strangers and rois:
        yield ngettext(
            "{structure_set} has contours for {count} structure that it does not have.",
            "{structure_set} has contours for {count} structures that it does not have.",
            len(strangers),
            structure_set=structure_set.called,
        )
    if not contours(structure_set):
        yield gettext("{structure_set} has no contours.", structure_set=structure_set.called)


def _label(plan: SetFile | None) -> Iterator[str]:
    label = plan.view.text("RTPlanLabel") if plan else ""
    if len(label) > LONGEST_PLAN_LABEL:
        yield gettext(
            "The plan's label has {count} characters; Eclipse allows {most}.",
            count=len(label),
            most=LONGEST_PLAN_LABEL,
        )


def names_of(structure_set: SetFile) -> list[str]:
    """Return the names of the structures; a backslash in a name makes it two. PS3.5 6.2."""
    rois = structure_set.view.items("StructureSetROISequence")
    return [name for roi in rois for name in roi.texts("ROIName") if name]


def long_names(names: Iterable[str]) -> Iterator[str]:
    """Count names that Eclipse shortens."""
    if long := sum(len(name) > LONGEST_ROI_NAME for name in names):
        yield ngettext(
            "{count} structure has a name of more than {most} characters; Eclipse shortens it.",
            "{count} structures have names of more than {most} characters; Eclipse shortens them.",
            long,
            most=LONGEST_ROI_NAME,
        )


def equal_names(names: Iterable[str]) -> dict[str, int]:
    """Return the name prefixes that Eclipse cannot distinguish, with the number of structures that share each."""
    return {name: count for name, count in Counter(name[:LONGEST_ROI_NAME] for name in names).items() if count > 1}


def _equal_names(names: Iterable[str]) -> Iterator[str]:
    for name, count in equal_names(names).items():
        yield gettext(
            "{count} structures are called {name} in the first {most} characters.",
            count=count,
            name=printable(name),
            most=LONGEST_ROI_NAME,
        )


def _number_notes(file: SetFile, says: str, items: Sequence[View], keyword: str) -> Iterator[str]:
    """Yield notes on items that are indistinguishable because their reference numbers are equal."""
    counts = Counter(_as_stated(item, keyword) for item in items)
    for number, count in counts.items():
        if number and count > 1:
            stated = printable(number.decode("ascii", "replace"))
            yield gettext(says, count=count, file=file.called, number=stated)


def intent(plan: SetFile) -> Iterator[Fault]:
    """Yield faults of plans that are meaningless on another machine."""
    if plan.view.text("PlanIntent").upper() == "VERIFICATION":
        yield Fault(
            "verification-plan",
            gettext(
                "{plan} is a verification plan: it checks what one machine delivers to a phantom.", plan=plan.called
            ),
            gettext("Export the plan that the patient was treated with."),
        )
    if plan.view.text("RTPlanGeometry").upper() == "TREATMENT_DEVICE":
        yield Fault(
            "treatment-device-plan",
            gettext("{plan} is laid out on a treatment machine and not in a patient.", plan=plan.called),
            gettext("Export the plan that was made on the patient's structure set."),
        )


def _plan_notes(plan: SetFile) -> Iterator[str]:
    if plan.view.has("BeamSequence") and not treatment_beams(plan.view):
        yield gettext(
            "{plan} has no treatment beam: its beams are setup fields, port films or kV images.", plan=plan.called
        )
    elif not any(map(plan.view.has, DELIVERING)):
        yield gettext("{plan} has no beams.", plan=plan.called)
    yield from _number_notes(
        plan,
        gettext_noop("{count} beams in {file} have the number {number}."),
        plan.view.items("BeamSequence"),
        "BeamNumber",
    )
    beams = {_as_stated(beam, "BeamNumber") for kind in DELIVERING[:2] for beam in plan.view.items(kind)}
    strangers = _referred(plan.view) - beams
    if strangers and beams:
        yield ngettext(
            "{plan} refers to {count} beam that it does not have.",
            "{plan} refers to {count} beams that it does not have.",
            len(strangers),
            plan=plan.called,
        )
    groups = plan.view.items("FractionGroupSequence")
    if len(groups) > 1:
        yield gettext("{plan} has {count} fraction groups.", plan=plan.called, count=len(groups))
    yield from _unstated(plan)
    if _as_stated(plan.view, "ApprovalStatus") == b"REJECTED":
        yield gettext("{plan} was rejected (Approval Status).", plan=plan.called)
    if plan.view.text("PlanIntent").upper() == "MACHINE_QA":
        yield gettext("{plan} is a plan for the quality assurance of a machine.", plan=plan.called)
    yield from private_loss.of_plan(plan.view)


def _unstated(plan: SetFile) -> Iterator[str]:
    """Yield notes on attributes that planning systems need but DICOM allows to be empty. PS3.3 C.8.8.13, C.8.8.14."""
    groups = plan.view.items("FractionGroupSequence")
    if any(_as_stated(group, "NumberOfFractionsPlanned") in {b"", b"0"} for group in groups):
        yield gettext("{plan} does not state its number of fractions.", plan=plan.called)
    firsts = [points[0] for beam, control_points in geometry.beams(plan.view) if (points := beam.items(control_points))]
    if nowhere := sum(not point.has("IsocenterPosition") for point in firsts):
        yield ngettext(
            "{plan} does not state the isocentre of {count} beam.",
            "{plan} does not state the isocentre of {count} beams.",
            nowhere,
            plan=plan.called,
        )


def _dose_faults(dose: SetFile, plan: SetFile | None) -> Iterator[Fault]:
    units = dose.view.text("DoseUnits").upper()
    if units not in ("GY", ""):
        yield Fault(
            "relative-dose",
            gettext("{dose} is in {units} and not in gray.", dose=dose.called, units=printable(units)),
            gettext("Export the plan dose as absolute dose."),
        )
    kind = dose.view.text("DoseSummationType").upper()
    plans = dose.view.items("ReferencedRTPlanSequence")
    if kind == "MULTI_PLAN" or len({plan.text("ReferencedSOPInstanceUID") for plan in plans}) > 1:
        yield Fault(
            "plan-sum",
            gettext("{dose} is the sum of several plans.", dose=dose.called),
            gettext("Export the dose of the one plan."),
        )
    elif kind in _DELIVERED:
        yield Fault(
            "delivered-dose",
            gettext("{dose} is what was delivered ({kind}) and not what was planned.", dose=dose.called, kind=kind),
            gettext("Export the plan dose."),
        )
    elif kind in _OF_PARTS and plan:
        treating = planned_dose.delivering(plan.view)
        covered = treating & planned_dose.covered(plans, kind, treating)
        if covered != treating and (covered or len(treating) > 1 or kind == "CONTROL_POINT"):
            yield Fault(
                "partial-beam-dose",
                gettext(
                    "{dose} is the dose of a part of the plan ({kind}): it covers {count} of {total} beams.",
                    dose=dose.called,
                    kind=kind,
                    count=len(covered),
                    total=len(treating),
                ),
                gettext("Export the plan dose only, not field doses."),
            )


def _referred(plan: View) -> set[bytes]:
    """Return the numbers of the beams in the fraction groups."""
    groups = plan.items("FractionGroupSequence")
    return {
        _as_stated(beam, "ReferencedBeamNumber") for group in groups for beam in group.items("ReferencedBeamSequence")
    }


def _as_stated(item: View, keyword: str) -> bytes:
    return (item.raw(keyword) or b"").strip(b" \0")
