"""What the objects of a set state about each other that cannot all be true: notes, never a reason to refuse.

Planning systems import such a set, and then miss a tolerance table, plan with another bolus or show another dose. The
UIDs by which objects refer to each other are judged elsewhere (`services.rtset.references`); here it is the numbers
within them, the dates, and the dose. No sentence refers to the patient, so all are suitable for record and sheet.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from services.forms.identity import stated_day
from services.language import gettext, ngettext, tallied
from services.machines.fit import treatment_beams
from services.policy.object_kinds import DOSE, NAMES, PLAN, STRUCTURE_SET
from services.rtset import geometry, planned_dose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from services.dicom.dataset import View
    from services.rtset.reader import SetFile
    from services.rtset.references import Objects

_LEAST_PART: Final = 0.5
_MOST_TIMES: Final = 3.0
"""A plan's maximum dose, relative to the prescribed one: less is that of a fraction or a part of the plan, more is in
another unit, or scaled wrongly. In brachytherapy, voxels at a source have any dose."""

_HIGHEST_GY: Final = 1000.0
"""A higher dose is reported whatever the plan prescribes; in brachytherapy a thousand times this."""


def notes(objects: Objects) -> Iterator[str]:
    """Yield the contradictions within and between the objects of a set."""
    for kind, strangers in _strangers(objects).items():
        if strangers:
            yield gettext(
                "The {kind} refers to items that are not there: {names}.",
                kind=NAMES[kind],
                names=tallied(strangers),
            )
    for file, repeated in ((objects.plan, _twice_in_plan), (objects.structure_set, _twice_in_structure_set)):
        if file and (names := Counter(repeated(file.view))):
            yield gettext(
                "The {kind} has several items of the same number or type: {names}.",
                kind=NAMES[file.kind],
                names=tallied(names),
            )
    if objects.plan:
        yield from _fraction_groups(objects.plan.view)
    yield from _days_before_ct(objects)
    if objects.dose and objects.plan:
        yield from _dose(objects.dose, objects.plan.view)


def _strangers(objects: Objects) -> dict[str, Counter[str]]:
    """Count references to numbers that nothing has, by kind of object and attribute."""
    plan = objects.plan.view if objects.plan else None
    structure_set = objects.structure_set.view if objects.structure_set else None
    found: dict[str, Counter[str]] = {kind: Counter() for kind in (STRUCTURE_SET, PLAN, DOSE)}
    if structure_set:
        rois = _numbers(structure_set.items("StructureSetROISequence"), "ROINumber")
        observations = structure_set.items("RTROIObservationsSequence")
        found[STRUCTURE_SET].update(_not_in(rois, observations, "ReferencedROINumber"))
        if plan:
            drawn = [*plan.items("DoseReferenceSequence"), *_below(_beams(plan), "ReferencedBolusSequence")]
            found[PLAN].update(_not_in(rois, drawn, "ReferencedROINumber"))
    if plan:
        found[PLAN].update(_within_plan(plan))
    if plan and objects.dose:
        found[DOSE].update(_in_plan(objects.dose.view, plan))
    return found


def _within_plan(plan: View) -> Iterator[str]:
    """Yield the attributes of references within a plan that lead nowhere. PS3.3 C.8.8.13, C.8.8.14."""
    beams = _beams(plan)
    for sequence, number in (
        ("PatientSetupSequence", "PatientSetupNumber"),
        ("ToleranceTableSequence", "ToleranceTableNumber"),
    ):
        yield from _not_in(_numbers(plan.items(sequence), number), beams, f"Referenced{number}")
    doses = _numbers(plan.items("DoseReferenceSequence"), "DoseReferenceNumber")
    of_groups = _below(plan.items("FractionGroupSequence"), "ReferencedDoseReferenceSequence")
    yield from _not_in(doses, of_groups, "ReferencedDoseReferenceNumber")
    for beam, points in geometry.beams(plan):
        yield from _within_beam(beam, beam.items(points), doses)


def _within_beam(beam: View, points: Iterable[View], doses: set[float]) -> Iterator[str]:
    wedges = _numbers(beam.items("WedgeSequence"), "WedgeNumber")
    devices = {_device(one) for one in beam.items("BeamLimitingDeviceSequence")}
    for point in points:
        yield from _not_in(wedges, point.items("WedgePositionSequence"), "ReferencedWedgeNumber")
        yield from _not_in(doses, point.items("ReferencedDoseReferenceSequence"), "ReferencedDoseReferenceNumber")
        for position in point.items("BeamLimitingDevicePositionSequence") if devices else ():
            if _device(position) not in devices:
                yield "RTBeamLimitingDeviceType"


def _device(item: View) -> bytes:
    """Return the type of a device; undecoded, since thousands of control points are examined."""
    return (item.raw("RTBeamLimitingDeviceType") or b"").strip(b" \0")


def _in_plan(dose: View, plan: View) -> Iterator[str]:
    """Yield the attributes of a dose's references to parts of the plan that it does not have. PS3.3 C.8.8.3."""
    groups = _below(dose.items("ReferencedRTPlanSequence"), "ReferencedFractionGroupSequence")
    those = _numbers(plan.items("FractionGroupSequence"), "FractionGroupNumber")
    yield from _not_in(those, groups, "ReferencedFractionGroupNumber")
    beams = _below(groups, "ReferencedBeamSequence")
    yield from _not_in(_numbers(_beams(plan), "BeamNumber"), beams, "ReferencedBeamNumber")


def _twice_in_plan(plan: View) -> Iterator[str]:
    """Yield the attributes that should tell items of a plan apart, but for its beams. PS3.3 C.8.8.10 to C.8.8.14."""
    for sequence, number in (
        ("PatientSetupSequence", "PatientSetupNumber"),
        ("ToleranceTableSequence", "ToleranceTableNumber"),
        ("DoseReferenceSequence", "DoseReferenceNumber"),
        ("FractionGroupSequence", "FractionGroupNumber"),
    ):
        yield from _twice(plan.items(sequence), number)
    for beam, points in geometry.beams(plan):
        for device in ("Wedge", "Block", "Compensator"):
            yield from _twice(beam.items(f"{device}Sequence"), f"{device}Number")
        positions = (point.items("BeamLimitingDevicePositionSequence") for point in beam.items(points)[:1])
        for devices in (beam.items("BeamLimitingDeviceSequence"), *positions):
            if len(devices) > len(set(map(_device, devices))):
                yield "RTBeamLimitingDeviceType"


def _twice_in_structure_set(structure_set: View) -> Iterator[str]:
    """Yield the same of a structure set, but for the structures. PS3.3 C.8.8.6, C.8.8.8."""
    yield from _twice(structure_set.items("ROIContourSequence"), "ReferencedROINumber")
    yield from _twice(structure_set.items("RTROIObservationsSequence"), "ObservationNumber")


def _twice(items: Sequence[View], keyword: str) -> Iterator[str]:
    numbers = [number for item in items if (number := item.number(keyword)) is not None]
    if len(numbers) > len(set(numbers)):
        yield keyword


def _beams(plan: View) -> list[View]:
    return [beam for beam, _ in geometry.beams(plan)]


def _below(items: Iterable[View], sequence: str) -> list[View]:
    return [one for item in items for one in item.items(sequence)]


def _numbers(items: Iterable[View], keyword: str) -> set[float]:
    return {number for item in items if (number := item.number(keyword)) is not None}


def _not_in(there: set[float], items: Iterable[View], keyword: str) -> Iterator[str]:
    for item in items:
        number = item.number(keyword)
        if number is not None and number not in there:
            yield keyword


def _fraction_groups(plan: View) -> Iterator[str]:
    """Yield notes on beams that a fraction group has twice, and on those that none has."""
    groups = plan.items("FractionGroupSequence")
    listed = [
        [beam.number("ReferencedBeamNumber") for beam in _below([group], "ReferencedBeamSequence")] for group in groups
    ]
    if twice := sum(len(numbers) - len(set(numbers)) for numbers in listed):
        yield ngettext(
            "A fraction group of the RT Plan has {count} beam twice.",
            "Fraction groups of the RT Plan have {count} beams twice.",
            twice,
        )
    given = _numbers(_below(groups, "ReferencedBeamSequence"), "ReferencedBeamNumber")
    apart = sum(beam.number("BeamNumber") not in given for beam in treatment_beams(plan))
    if apart and given:
        yield ngettext(
            "{count} treatment beam of the RT Plan is in none of its fraction groups.",
            "{count} treatment beams of the RT Plan are in none of its fraction groups.",
            apart,
        )


def _days_before_ct(objects: Objects) -> Iterator[str]:
    """Yield the objects that are dated before the CT on which they were made."""
    scanned = [day for one in objects.slices[:1] if (day := _day(one, "AcquisitionDate", "SeriesDate", "StudyDate"))]
    for one, keyword in ((objects.structure_set, "StructureSetDate"), (objects.plan, "RTPlanDate")):
        made = _day(one, keyword) if one else None
        if one and made and scanned and made < scanned[0]:
            yield gettext("The {kind} is dated before the CT.", kind=NAMES[one.kind])


def _day(file: SetFile, *keywords: str) -> date | None:
    """Return the day that the first of these attributes with a true date states."""
    return next((day for keyword in keywords if (day := stated_day(file.view.text(keyword)))), None)


def _dose(dose: SetFile, plan: View) -> Iterator[str]:
    """Yield whether the maximum dose is far from what the plan prescribes, or beyond any that is given."""
    if dose.view.text("DoseUnits").upper() not in {"GY", ""}:
        return
    highest_gy, prescribed_gy = planned_dose.maximum_gy(dose), planned_dose.prescribed_gy(plan)
    if highest_gy is None:
        return
    is_brachy = plan.has("ApplicationSetupSequence")
    most_gy = _HIGHEST_GY * (_HIGHEST_GY if is_brachy else 1)
    if prescribed_gy and not is_brachy:
        most_gy = min(most_gy, prescribed_gy * _MOST_TIMES)
    if prescribed_gy and not prescribed_gy * _LEAST_PART <= highest_gy <= most_gy:
        yield gettext(
            "The highest dose of the RT Dose is {highest_gy:.4g} Gy; the RT Plan prescribes {prescribed_gy:.4g} Gy.",
            highest_gy=highest_gy,
            prescribed_gy=prescribed_gy,
        )
    elif highest_gy > most_gy:
        yield gettext("The highest dose of the RT Dose is {highest_gy:.4g} Gy.", highest_gy=highest_gy)
