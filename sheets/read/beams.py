"""The beams of a plan, as a physicist reads them, and what is prescribed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

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
class Prescription:
    """What the plan prescribes."""

    total_gy: float | None
    fractions: int | None

    @property
    def per_fraction_gy(self) -> float | None:
        """The dose of one fraction."""
        return self.total_gy / self.fractions if self.total_gy and self.fractions else None

    def __str__(self) -> str:
        if self.total_gy is None:
            return f"no dose stated, {self.fractions} fractions" if self.fractions else "none stated"
        if self.per_fraction_gy is None:
            return f"{self.total_gy:g} Gy"
        return f"{self.fractions} \N{MULTIPLICATION SIGN} {self.per_fraction_gy:.3g} Gy = {self.total_gy:g} Gy"


def prescription(plan: Dataset) -> Prescription:
    """Read the highest dose prescribed to a target, and the number of fractions. PS3.3 C.8.8.10, C.8.8.13."""
    doses = [
        float(reference.TargetPrescriptionDose)
        for reference in plan.get("DoseReferenceSequence") or ()
        if reference.get("TargetPrescriptionDose") is not None
    ]
    counts = [
        int(group.NumberOfFractionsPlanned)
        for group in plan.get("FractionGroupSequence") or ()
        if group.get("NumberOfFractionsPlanned") is not None
    ]
    return Prescription(max(doses, default=None), sum(counts) or None)


def beams(plan: Dataset) -> list[Beam]:
    """Read the beams of a plan; a brachytherapy plan has none."""
    mu = {
        int(reference.ReferencedBeamNumber): float(reference.BeamMeterset)
        for group in plan.get("FractionGroupSequence") or ()
        for reference in group.get("ReferencedBeamSequence") or ()
        if reference.get("BeamMeterset") is not None
    }
    found = [_beam(one, one.get("ControlPointSequence") or [], mu) for one in plan.get("BeamSequence") or ()]
    found += [_beam(one, one.get("IonControlPointSequence") or [], mu) for one in plan.get("IonBeamSequence") or ()]
    return found


def _beam(beam: Dataset, points: Sequence[Dataset], mu: dict[int, float]) -> Beam:
    number = int(beam.get("BeamNumber", 0))
    purpose = str(beam.get("TreatmentDeliveryType", "")).replace("TREATMENT", "")
    isocentre = points[0].get("IsocenterPosition") if points else None
    return Beam(
        number=str(number),
        name=str(beam.get("BeamName", "")),
        kind=f"{beam.get('BeamType', '')} {purpose}".strip(),
        energy=_energy(beam, points),
        machine=str(beam.get("TreatmentMachineName", "")),
        gantry=_turning(points, "GantryAngle", "GantryRotationDirection"),
        collimator=_turning(points, "BeamLimitingDeviceAngle", "BeamLimitingDeviceRotationDirection"),
        couch=_turning(points, "PatientSupportAngle", "PatientSupportRotationDirection"),
        mu=mu.get(number),
        control_points=len(points),
        mlc=_leaves(beam),
        isocentre=", ".join(f"{float(part):.1f}" for part in isocentre or ()),
    )


def _energy(beam: Dataset, points: Iterable[Dataset]) -> str:
    radiation = str(beam.get("RadiationType", ""))
    energies = dict.fromkeys(
        f"{float(point.NominalBeamEnergy):g}" for point in points if point.get("NominalBeamEnergy") is not None
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
    angles = [float(point[angle].value) for point in points if point.get(angle) is not None]
    if not angles:
        return ""
    turns = [str(point.get(direction)) for point in points if point.get(direction) in {"CW", "CC"}]
    if not turns or min(angles) == max(angles):
        return f"{angles[0]:g}°"
    return f"{angles[0]:g}° {'CW' if turns[0] == 'CW' else 'CCW'} {angles[-1]:g}°"


def _leaves(beam: Dataset) -> str:
    devices = beam.get("BeamLimitingDeviceSequence") or beam.get("IonBeamLimitingDeviceSequence") or ()
    return ", ".join(
        f"{device.RTBeamLimitingDeviceType}, {int(device.NumberOfLeafJawPairs)} pairs"
        for device in devices
        if device.get("RTBeamLimitingDeviceType") not in _JAWS and device.get("NumberOfLeafJawPairs")
    )
