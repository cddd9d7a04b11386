"""The dose of a plan: which part of the plan it covers, how high it is, and what is prescribed. PS3.3 C.8.8.3."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from services.dicom import part10
from services.machines.fit import NOT_TREATING
from services.rtset.references import references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.dicom.dataset import View
    from services.rtset.reader import SetFile

DELIVERING: Final = ("BeamSequence", "IonBeamSequence", "ApplicationSetupSequence")
"""Sequences that deliver a plan's dose: beams, or the sources of a brachytherapy plan."""

_UNCOMPRESSED: Final = frozenset((part10.IMPLICIT, part10.EXPLICIT))


class Beam(NamedTuple):
    """Beam of a fraction group."""

    group: float | None
    number: float | None


def is_plan_dose(dose: SetFile, plan: SetFile) -> bool:
    """Return whether a dose claims to be the physical, absolute dose of this whole plan. PS3.3 C.8.8.3."""
    plans = dose.view.items("ReferencedRTPlanSequence")
    stated = (dose.view.text(keyword).upper() for keyword in ("DoseType", "DoseUnits", "DoseSummationType"))
    if tuple(stated) != ("PHYSICAL", "GY", "PLAN") or set(references(dose.view, "ReferencedRTPlanSequence")) != {
        plan.sop_instance_uid
    }:
        return False
    treating = delivering(plan.view)
    reached = covered(plans, "PLAN", treating)
    return not reached or reached >= treating


def delivering(plan: View) -> set[Beam]:
    """Return the beams that deliver dose: those with a meterset, and those that may have one.

    PS3.3 C.8.8.13, (300A,0086) *Beam Meterset*: optional, and sometimes not a number (`120,50`).
    """
    imaging = {
        beam.number("BeamNumber")
        for kind in DELIVERING[:2]
        for beam in plan.items(kind)
        if beam.text("TreatmentDeliveryType").upper() in NOT_TREATING
    }
    found: set[Beam] = set()
    for group in plan.items("FractionGroupSequence"):
        for beam in group.items("ReferencedBeamSequence"):
            number, meterset = beam.number("ReferencedBeamNumber"), beam.number("BeamMeterset")
            if number not in imaging if meterset is None else meterset > 0:
                found.add(Beam(group.number("FractionGroupNumber"), number))
    return found


def covered(plans: Sequence[View], kind: str, treating: set[Beam]) -> set[Beam]:
    """Return the beams covered by a dose: all of a whole fraction group, none of partial control points."""
    found: set[Beam] = set()
    for group in (group for plan in plans for group in plan.items("ReferencedFractionGroupSequence")):
        number = group.number("ReferencedFractionGroupNumber")
        if kind == "FRACTION" and not group.items("ReferencedBeamSequence"):
            found |= {beam for beam in treating if beam.group == number}
        elif kind != "CONTROL_POINT":
            beams = group.items("ReferencedBeamSequence")
            found |= {Beam(number, beam.number("ReferencedBeamNumber")) for beam in beams}
    return found


def maximum_gy(dose: SetFile) -> float | None:
    """Return the maximum dose of a grid in its stated units; None if its voxels cannot be read."""
    file, scaling = dose.file, dose.view.number("DoseGridScaling")
    bits, signed = (dose.view.number(keyword) for keyword in ("BitsAllocated", "PixelRepresentation"))
    if file.pixels is None or scaling is None or bits not in {16, 32} or file.transfer_syntax not in _UNCOMPRESSED:
        return None
    with suppress(OSError):
        cells = part10.pixel_bytes(file, 0, file.pixels.length)
        voxels = np.frombuffer(cells, f"<{'i' if signed else 'u'}{int(bits) // 8}", len(cells) * 8 // int(bits))
        return float(voxels.max(initial=0)) * scaling
    return None


def of_targets(plan: View) -> list[View]:
    """Return the dose references of a plan that prescribe a dose to a target. PS3.3 C.8.8.10."""
    return [
        one
        for one in plan.items("DoseReferenceSequence")
        if one.text("DoseReferenceType").upper() == "TARGET" and one.number("TargetPrescriptionDose")
    ]


def prescribed_gy(plan: View) -> float | None:
    """Return the highest dose that a plan prescribes to a target, else that of its beams; None if it states neither."""
    if doses := [one.number("TargetPrescriptionDose") or 0.0 for one in of_targets(plan)]:
        return max(doses)
    total_gy = 0.0
    for group in plan.items("FractionGroupSequence"):
        doses = [beam.number("BeamDose") or 0.0 for beam in group.items("ReferencedBeamSequence")]
        total_gy += sum(doses) * (group.number("NumberOfFractionsPlanned") or 0)
    return total_gy or None
