"""The beams and the prescription of a plan, in a physicist's terms."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from services.language import counted
from sheets.read.accessories import accessories
from sheets.read.numbers import degrees, number, numbers, stated, whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from sheets.read.numbers import Data


_JAWS: Final = frozenset({"X", "Y", "ASYMX", "ASYMY"})
_UNIT: Final = {"PHOTON": "MV", "ION": "MeV/u"}
"""Units of (300A,0114) *Nominal Beam Energy* that are not MeV. PS3.3 C.8.8.14, C.8.8.25."""

_NUCLEI: Final = {2: "helium", 3: "lithium", 6: "carbon", 7: "nitrogen", 8: "oxygen", 10: "neon", 18: "argon"}
"""Names of ions by atomic number."""
_WAYS: Final = {"CW": "CW", "CC": "CCW"}
_METERSETS: Final = {"MU": "", "MINUTE": "min", "NP": "particles"}
"""Units printed after a meterset that is not in MU. (300A,00B3) *Primary Dosimeter Unit*, PS3.3 C.8.8.14."""

_MANY: Final = 1e7
"""A meterset from here on counts particles, and is printed with a power of ten."""

_MOST_LEGS: Final = 6
_SAME_DOSE: Final = 0.01
"""Relative tolerance within which the sum of beam doses equals a dose."""
_FULL_TURN: Final = 360.0
_MOST_ENERGIES: Final = 3
_NOT_READABLE: Final = "not readable"


@dataclass(frozen=True, slots=True)
class Beam:
    """One beam."""

    number: str
    name: str
    kind: str
    """`dynamic`, with the delivery type if not treatment."""
    energy: str
    """`6 MV photons, FFF`."""
    machine: str
    gantry: str
    """`179° CCW 181°`."""
    collimator: str
    couch: str
    meterset: str
    """Meterset in each fraction group of the beam: `120.5`, `120.5 / 80.0`; with a unit if not in MU."""
    control_points: int
    devices: str
    """`MLCX, 60 pairs, hard wedge W30 30°`."""
    isocentre: str
    treats: bool
    """Whether it has a meterset."""


class _Leg(NamedTuple):
    """One part of a rotation, from the end of the previous one."""

    way: str
    end: float
    turned_degrees: float

    def __str__(self) -> str:
        turns = f" ({self.turned_degrees / 360:.1f} turns)" if self.turned_degrees > _FULL_TURN else ""
        return f"{_WAYS.get(self.way, 'to')} {degrees(self.end)}{turns if self.way in _WAYS else ''}"


@dataclass(frozen=True, slots=True)
class Group:
    """One fraction group: the number of fractions planned, and the dose of its beams per fraction."""

    fractions: int | None
    per_fraction_gy: float | None = None

    prescribed_gy: float | None = None
    """Highest dose that it prescribes to a target itself, in Gy."""

    @property
    def total_gy(self) -> float | None:
        """Return its dose in Gy: the prescribed one, or else that of its beams in all fractions."""
        if self.prescribed_gy is not None or not self.fractions or self.per_fraction_gy is None:
            return self.prescribed_gy
        return self.fractions * self.per_fraction_gy

    def __str__(self) -> str:
        given = "fractions not stated" if self.fractions is None else counted(self.fractions, "fraction")
        if self.prescribed_gy is not None:
            return _over(self.fractions, self.prescribed_gy)
        if self.per_fraction_gy is None:
            return f"no dose stated, {given}"
        if self.fractions is None:
            return f"{self.per_fraction_gy:.3g} Gy per fraction, {given}"
        return _times(self.fractions, self.per_fraction_gy, self.fractions * self.per_fraction_gy)


@dataclass(frozen=True, slots=True)
class Prescription:
    """The prescription of a plan."""

    target_gy: float | None
    """Highest dose prescribed to a target by the dose references of the plan, in Gy."""

    groups: tuple[Group, ...]

    others_gy: tuple[float, ...] = ()
    """Lower doses prescribed to other targets, in descending order."""

    @property
    def total_gy(self) -> float | None:
        """Return the reference dose of percentages in Gy; None if the plan does not state a single dose."""
        if len(self.groups) > 1:
            return None
        if self.target_gy is not None or not self.groups:
            return self.target_gy
        return self.groups[0].total_gy

    @property
    def stated_in(self) -> str:
        """Return where the prescription is stated."""
        if self.target_gy is not None:
            return "the dose reference of the plan"
        if any(group.prescribed_gy is not None for group in self.groups):
            return "the fraction group: its dose reference"
        if any(group.per_fraction_gy is not None for group in self.groups):
            return "the fraction group: fractions \N{MULTIPLICATION SIGN} the doses of its beams or applications"
        return "not stated"

    def __str__(self) -> str:
        if len(self.groups) > 1:
            doses = [gy for gy in (self.target_gy, *self.others_gy) if gy is not None]
            listed, to = ", ".join(f"{gy:g}" for gy in doses), "targets" if len(doses) > 1 else "a target"
            stated = [f"{listed} Gy to {to} by dose reference"] if doses else []
            return "; ".join([*stated, *(f"fraction group: {group}" for group in self.groups)])
        only = self.groups[0] if self.groups else None
        if self.target_gy is None:
            return "; ".join([str(only), *_beam_doses(only)]) if only else "none stated"
        return "; ".join([_over(only.fractions if only else None, self.target_gy), *self._also(only)])

    def _also(self, only: Group | None) -> Iterator[str]:
        """Yield the doses of other targets, and what the fraction group states if it differs."""
        if self.others_gy:
            yield f"to other targets {', '.join(f'{gy:g}' for gy in self.others_gy)} Gy"
        if only and self.target_gy:
            if (
                only.prescribed_gy is not None
                and abs(only.prescribed_gy - self.target_gy) > _SAME_DOSE * self.target_gy
            ):
                yield f"{only.prescribed_gy:g} Gy by its fraction group"
            yield from _beam_doses(only, self.target_gy)


def _beam_doses(only: Group, target_gy: float | None = None) -> Iterator[str]:
    """Yield the sum of the beam doses of a fraction group if it differs from the prescribed dose."""
    target_gy = target_gy or only.prescribed_gy
    if target_gy and only.fractions and only.per_fraction_gy:
        by_beams = only.fractions * only.per_fraction_gy
        if abs(by_beams - target_gy) > _SAME_DOSE * target_gy:
            yield f"sum of its beam doses {_times(only.fractions, only.per_fraction_gy, by_beams)}"


def _over(fractions: int | None, total_gy: float) -> str:
    """Return a dose, divided into fractions if their number is stated."""
    return _times(fractions, total_gy / fractions, total_gy) if fractions else f"{total_gy:g} Gy"


def _times(fractions: int | None, per_fraction_gy: float, total_gy: float) -> str:
    return f"{fractions} \N{MULTIPLICATION SIGN} {per_fraction_gy:.3g} Gy = {total_gy:g} Gy"


def prescription(plan: Data) -> Prescription:
    """Return the dose prescribed to a target, and the fraction groups. PS3.3 C.8.8.10, C.8.8.13.

    A limit of an organ at risk is not a prescription, whichever element states it; nor is a dose of 0, written where
    none was prescribed.
    """
    references = plan.get("DoseReferenceSequence") or ()
    limits = {
        whole(one, "DoseReferenceNumber") for one in references if one.get("DoseReferenceType") == "ORGAN_AT_RISK"
    }
    doses = [
        gy
        for reference in references
        if reference.get("DoseReferenceType") != "ORGAN_AT_RISK" and (gy := number(reference, "TargetPrescriptionDose"))
    ]
    groups = tuple(_group(group, limits - {None}) for group in plan.get("FractionGroupSequence") or ())
    targets = sorted(set(doses), reverse=True)
    return Prescription(targets[0] if targets else None, groups, tuple(targets[1:]))


def _group(group: Data, limits: Collection[int | None]) -> Group:
    """Return a fraction group; its dose is the sum over its beams with MU and its brachytherapy application setups.

    It is unknown if one of them states none.

    Parameters
    ----------
    limits
        Numbers of the dose references to organs at risk.
    """
    beam_doses = [number(one, "BeamDose") for one in group.get("ReferencedBeamSequence") or () if _treats(one)] + [
        number(one, "BrachyApplicationSetupDose") for one in group.get("ReferencedBrachyApplicationSetupSequence") or ()
    ]
    doses = [gy for gy in beam_doses if gy is not None]
    per_fraction = sum(doses) if len(doses) == len(beam_doses) else 0
    prescribed = [
        number(one, "TargetPrescriptionDose") or 0
        for one in group.get("ReferencedDoseReferenceSequence") or ()
        if whole(one, "ReferencedDoseReferenceNumber") not in limits
    ]
    return Group(whole(group, "NumberOfFractionsPlanned"), per_fraction or None, max(prescribed, default=0) or None)


def _treats(reference: Data) -> bool:
    """Return whether a beam of a fraction group has a meterset, valid or not."""
    return stated(reference, "BeamMeterset") and number(reference, "BeamMeterset") != 0


def beams(plan: Data) -> list[Beam]:
    """Return the beams of a plan; a brachytherapy plan has none."""
    references: defaultdict[int | None, list[Data]] = defaultdict(list)
    for group in plan.get("FractionGroupSequence") or ():
        for reference in group.get("ReferencedBeamSequence") or ():
            references[whole(reference, "ReferencedBeamNumber")].append(reference)
    return [
        _beam(one, one.get(points) or [], references[whole(one, "BeamNumber")])
        for sequence, points in (
            ("BeamSequence", "ControlPointSequence"),
            ("IonBeamSequence", "IonControlPointSequence"),
        )
        for one in plan.get(sequence) or ()
    ]


def machines(plan: Data, found: Iterable[Beam]) -> list[str]:
    """Return the machines of a plan: those of its beams, or of brachytherapy. PS3.3 C.8.8.14, C.8.8.15."""
    names = [
        *(beam.machine for beam in found),
        *(str(one.get("TreatmentMachineName") or "") for one in plan.get("TreatmentMachineSequence") or ()),
    ]
    return sorted({name for name in names if name})


def _meterset(beam: Data, references: Sequence[Data]) -> str:
    """Return the meterset of a beam in each of its fraction groups."""
    parts = [
        ("none" if len(references) > 1 else "")
        if not stated(one, "BeamMeterset")
        else _NOT_READABLE
        if (found := number(one, "BeamMeterset")) is None
        else f"{found:.1f}"
        if found < _MANY
        else f"{found:.4g}"
        for one in references
    ]
    unit = str(beam.get("PrimaryDosimeterUnit") or "MU")
    return " ".join(part for part in (" / ".join(parts), _METERSETS.get(unit, unit)) if part) if any(parts) else ""


def _beam(beam: Data, points: Sequence[Data], references: Sequence[Data]) -> Beam:
    beam_number = whole(beam, "BeamNumber")
    purpose = str(beam.get("TreatmentDeliveryType") or "").replace("TREATMENT", "")
    return Beam(
        number="" if beam_number is None else str(beam_number),
        name=str(beam.get("BeamName") or ""),
        kind=", ".join(word.lower().replace("_", " ") for word in (str(beam.get("BeamType") or ""), purpose) if word),
        energy=_energy(beam, points),
        machine=str(beam.get("TreatmentMachineName") or ""),
        gantry=_turning(points, "GantryAngle", "GantryRotationDirection"),
        collimator=_turning(points, "BeamLimitingDeviceAngle", "BeamLimitingDeviceRotationDirection"),
        couch=_turning(points, "PatientSupportAngle", "PatientSupportRotationDirection"),
        meterset=_meterset(beam, references),
        control_points=len(points),
        devices=", ".join([*_leaves(beam), *accessories(beam, points)]),
        isocentre=_isocentre(points),
        treats=any(map(_treats, references)),
    )


def _isocentre(points: Sequence[Data]) -> str:
    """Return the isocentre in mm; if it moves with the couch, as in helical treatments, where it begins and ends."""
    stated = [one for point in points if len(one := numbers(point, "IsocenterPosition"))]
    if any(len(one) != 3 for one in stated):
        return _NOT_READABLE
    ends = dict.fromkeys(
        ", ".join(f"{round(part, 1) + 0.0:.1f}" for part in one) for one in (*stated[:1], *stated[-1:])
    )
    return " to ".join(ends)


def _energy(beam: Data, points: Iterable[Data]) -> str:
    radiation = str(beam.get("RadiationType") or "")
    energies = dict.fromkeys(energy for point in points if (energy := number(point, "NominalBeamEnergy")) is not None)
    fluences = [
        str(item.get("FluenceModeID") or "non-standard fluence")
        for item in beam.get("PrimaryFluenceModeSequence") or ()
        if item.get("FluenceMode") != "STANDARD"
    ]
    energy_unit = _UNIT.get(radiation, "MeV")
    energy_text = f"{_range(list(energies))} {energy_unit} " if energies else ""
    layers = [f"{len(energies)} energies"] if len(energies) > _MOST_ENERGIES else []
    return ", ".join([f"{energy_text}{_particle(beam, radiation)}", *layers, *fluences])


def _particle(beam: Data, radiation: str) -> str:
    """Return the name of the radiation, of an ion that of its isotope: carbon-12. PS3.3 C.8.8.25."""
    nucleus, mass = _NUCLEI.get(whole(beam, "RadiationAtomicNumber") or 0), whole(beam, "RadiationMassNumber")
    if radiation != "ION" or nucleus is None:
        return radiation.lower()
    return f"{nucleus}-{mass}" if mass else nucleus


def _range(energies: Sequence[float]) -> str:
    """Return the energies; for many layers, the lowest and the highest."""
    if len(energies) > _MOST_ENERGIES:
        return f"{min(energies):g} to {max(energies):g}"
    return "/".join(f"{energy:g}" for energy in energies)


def _turning(points: Sequence[Data], angle: str, direction: str) -> str:
    """Return an angle, or the range of a rotation with each reversal and step.

    (300A,011F) *Gantry Rotation Direction* applies to the segment after its control point, and values not stated at a
    control point are unchanged. PS3.3 C.8.8.14.8.
    """
    begin: float | None = None
    legs: list[_Leg] = []
    first, way = "", "NONE"
    for point in points:
        end = number(point, angle)
        if end is not None and begin is None:
            first = degrees(end)
        elif end is not None and begin is not None and end != begin:
            turned = (end - begin) % 360 if way == "CW" else (begin - end) % 360
            if legs and legs[-1].way == way and way in _WAYS:
                turned += legs.pop().turned_degrees
            # Couch and collimator rise counter-clockwise (IEC 61217), and never turn more than once.
            legs.append(_Leg(way, end, turned if angle == "GantryAngle" else 0.0))
        begin = begin if end is None else end
        way = str(point.get(direction) or way)
    if len(legs) > _MOST_LEGS:
        return f"{first}, then {len(legs)} rotations and steps to {degrees(legs[-1].end)}"
    return " ".join([first, *map(str, legs)])


def _leaves(beam: Data) -> list[str]:
    devices = beam.get("BeamLimitingDeviceSequence") or beam.get("IonBeamLimitingDeviceSequence") or ()
    return [
        f"{device.get('RTBeamLimitingDeviceType') or 'type not stated'}, {counted(pairs, 'pair')}"
        for device in devices
        if device.get("RTBeamLimitingDeviceType") not in _JAWS and (pairs := whole(device, "NumberOfLeafJawPairs"))
    ]
