"""The part of a plan that a dose covers: all of it, or some beams. PS3.3 C.8.8.3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from services.machines.fit import NOT_TREATING
from services.rtset.references import references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.dicom.dataset import View
    from services.rtset.reader import SetFile

DELIVERING: Final = ("BeamSequence", "IonBeamSequence", "ApplicationSetupSequence")
"""Sequences that deliver a plan's dose: beams, or the sources of a brachytherapy plan."""


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
