"""The beams of a plan, as a physicist reads them, and what is prescribed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sheets.read.numbers import number, numbers, stated, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom import Dataset

_JAWS: Final = frozenset({"X", "Y", "ASYMX", "ASYMY"})
_UNIT: Final = {"PHOTON": "MV", "ELECTRON": "MeV"}


@dataclass(frozen=True, slots=True)
class Beam:
    """One beam."""

    number: str
    name: str
    kind: str
    """`DYNAMIC`, and what it is for where that is not treatment."""
    energy: str
    """`6 MV photons, FFF`."""
    machine: str
    gantry: str
    """`179° CCW 181°`."""
    collimator: str
    couch: str
    mu: float | None
    control_points: int
    mlc: str
    """`MLCX, 60 pairs`."""
    isocentre: str


@dataclass(frozen=True, slots=True)
class Group:
    """One fraction group: the fractions planned, and the dose that its beams give in each."""

    fractions: int | None
    per_fraction_gy: float | None = None

    def __str__(self) -> str:
        counted = "fractions not stated" if self.fractions is None else f"{self.fractions} fractions"
        if self.per_fraction_gy is None:
            return f"no dose stated, {counted}"
        if self.fractions is None:
            return f"{self.per_fraction_gy:.3g} Gy a fraction, {counted}"
        return _times(self.fractions, self.per_fraction_gy, self.fractions * self.per_fraction_gy)


@dataclass(frozen=True, slots=True)
class Prescription:
    """What the plan prescribes."""

    target_gy: float | None
    """The highest dose prescribed to a target, by the plan's dose references."""

    groups: tuple[Group, ...]

    @property
    def total_gy(self) -> float | None:
        """The dose that percentages refer to; None where the plan does not state one dose."""
        if len(self.groups) > 1:
            return None
        if self.target_gy is not None or not self.groups:
            return self.target_gy
        only = self.groups[0]
        return only.fractions * only.per_fraction_gy if only.fractions and only.per_fraction_gy else None

    def __str__(self) -> str:
        if len(self.groups) > 1:
            stated = [] if self.target_gy is None else [f"{self.target_gy:g} Gy to a target by dose reference"]
            return "; ".join([*stated, *(f"fraction group: {group}" for group in self.groups)])
        fractions = self.groups[0].fractions if self.groups else None
        if self.target_gy is not None:
            per_fraction = self.target_gy / fractions if fractions else None
            return f"{self.target_gy:g} Gy" if not per_fraction else _times(fractions, per_fraction, self.target_gy)
        return str(self.groups[0]) if self.groups else "none stated"


def _times(fractions: int | None, per_fraction_gy: float, total_gy: float) -> str:
    return f"{fractions} \N{MULTIPLICATION SIGN} {per_fraction_gy:.3g} Gy = {total_gy:g} Gy"


def prescription(plan: Dataset) -> Prescription:
    """Read the dose prescribed to a target, and each fraction group. PS3.3 C.8.8.10, C.8.8.13.

    A limit of an organ at risk is no prescription, whichever element it stands in.
    """
    doses = [
        gy
        for reference in plan.get("DoseReferenceSequence") or ()
        if reference.get("DoseReferenceType") != "ORGAN_AT_RISK"
        and (gy := number(reference, "TargetPrescriptionDose")) is not None
    ]
    groups = tuple(_group(group) for group in plan.get("FractionGroupSequence") or ())
    return Prescription(max(doses, default=None), groups)


def _group(group: Dataset) -> Group:
    """Read a fraction group; its dose is that of all its beams with MU, and unknown where one of them has none."""
    treating = [one for one in group.get("ReferencedBeamSequence") or () if _treats(one)]
    doses = [gy for one in treating if (gy := number(one, "BeamDose")) is not None]
    per_fraction = sum(doses) if doses and len(doses) == len(treating) else None
    return Group(whole(group, "NumberOfFractionsPlanned"), per_fraction)


def _treats(reference: Dataset) -> bool:
    """Whether a beam of a fraction group has MU, or what was meant to be some."""
    return stated(reference, "BeamMeterset") and number(reference, "BeamMeterset") != 0


def beams(plan: Dataset) -> list[Beam]:
    """Read the beams of a plan; a brachytherapy plan has none."""
    mu = {
        beam: meterset
        for group in plan.get("FractionGroupSequence") or ()
        for reference in group.get("ReferencedBeamSequence") or ()
        if (beam := whole(reference, "ReferencedBeamNumber")) is not None
        and (meterset := number(reference, "BeamMeterset")) is not None
    }
    found = [_beam(one, one.get("ControlPointSequence") or [], mu) for one in plan.get("BeamSequence") or ()]
    found += [_beam(one, one.get("IonControlPointSequence") or [], mu) for one in plan.get("IonBeamSequence") or ()]
    return found


def _beam(beam: Dataset, points: Sequence[Dataset], mu: dict[int, float]) -> Beam:
    beam_number = whole(beam, "BeamNumber") or 0
    purpose = str(beam.get("TreatmentDeliveryType", "")).replace("TREATMENT", "")
    isocentre = numbers(points[0], "IsocenterPosition") if points else ()
    return Beam(
        number=str(beam_number),
        name=str(beam.get("BeamName", "")),
        kind=f"{beam.get('BeamType', '')} {purpose}".strip(),
        energy=_energy(beam, points),
        machine=str(beam.get("TreatmentMachineName", "")),
        gantry=_turning(points, "GantryAngle", "GantryRotationDirection"),
        collimator=_turning(points, "BeamLimitingDeviceAngle", "BeamLimitingDeviceRotationDirection"),
        couch=_turning(points, "PatientSupportAngle", "PatientSupportRotationDirection"),
        mu=mu.get(beam_number),
        control_points=len(points),
        mlc=_leaves(beam),
        isocentre=", ".join(f"{part:.1f}" for part in isocentre),
    )


def _energy(beam: Dataset, points: Iterable[Dataset]) -> str:
    radiation = str(beam.get("RadiationType", ""))
    energies = dict.fromkeys(
        f"{energy:g}" for point in points if (energy := number(point, "NominalBeamEnergy")) is not None
    )
    fluences = [
        str(item.get("FluenceModeID") or "non-standard fluence")
        for item in beam.get("PrimaryFluenceModeSequence") or ()
        if item.get("FluenceMode") != "STANDARD"
    ]
    stated = f"{'/'.join(energies)} {_UNIT.get(radiation, 'MeV')} " if energies else ""
    return ", ".join([f"{stated}{radiation.lower()}", *fluences])


def _turning(points: Sequence[Dataset], angle: str, direction: str) -> str:
    """Tell an angle, or from where to where it turns and in which direction."""
    angles = [found for point in points if (found := number(point, angle)) is not None]
    if not angles:
        return ""
    turns = [str(point.get(direction)) for point in points if point.get(direction) in {"CW", "CC"}]
    if not turns or min(angles) == max(angles):
        return f"{angles[0]:g}°"
    return f"{angles[0]:g}° {'CW' if turns[0] == 'CW' else 'CCW'} {angles[-1]:g}°"


def _leaves(beam: Dataset) -> str:
    devices = beam.get("BeamLimitingDeviceSequence") or beam.get("IonBeamLimitingDeviceSequence") or ()
    return ", ".join(
        f"{device.get('RTBeamLimitingDeviceType')}, {pairs} pairs"
        for device in devices
        if device.get("RTBeamLimitingDeviceType") not in _JAWS and (pairs := whole(device, "NumberOfLeafJawPairs"))
    )
