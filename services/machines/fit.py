"""Whether a plan's beams can be moved to another machine: blocking and harmless differences.

A centre that declares the machine must be able to import every plan of the collection. What the machine cannot do
*blocks*: the set is refused, or published with a warning if the collection allows it. What does not affect import
*differs*, and is recorded. Geometry, meterset and dose rates are never changed to make a plan fit.

A limit exceeded within the descriptor's tolerance differs; beyond it, it blocks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from math import inf
from operator import sub
from typing import TYPE_CHECKING, Final, NamedTuple

from services.language import gettext, gettext_noop, joined
from services.machines.descriptor import STANDARD, shipped
from services.machines.fluence import fluence_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.dicom.dataset import View
    from services.machines.descriptor import Energy, Machine, Mlc
    from services.machines.fluence import Fluence

KEEP_ONLY: Final = frozenset({"ion-plan", "brachy-plan"})
"""Codes of plans that must keep their machine, since another linac could not take their beams."""

_RT_ION_PLAN: Final = "1.2.840.10008.5.1.4.1.1.481.8"
NOT_TREATING: Final = frozenset({"SETUP", "OPEN_PORTFILM", "TRMT_PORTFILM"})
"""(300A,00CE) *Treatment Delivery Type* of beams that are moved unchecked."""

_LEAST_TREATING_MV: Final = 1.0
"""Photon beams below this energy are kilovoltage imaging, unless stated to treat."""

_CONES: Final = frozenset({"STEREOTACTIC", "PHOTON_CIRC", "INTRAOPERATIVE"})
_JAW_SIDES: Final = {"X": ("X1", "X2"), "ASYMX": ("X1", "X2"), "Y": ("Y1", "Y2"), "ASYMY": ("Y1", "Y2")}
_UNIT: Final = {"PHOTON": gettext_noop("MV photons"), "ELECTRON": gettext_noop("MeV electrons")}
_ANGLES: Final = {
    "GantryAngle": ("gantry", gettext_noop("has a gantry angle of {at_deg:g}°, not of 0° to 360°.")),
    "BeamLimitingDeviceAngle": (
        "collimator",
        gettext_noop("has a collimator angle of {at_deg:g}°, not of 0° to 360°."),
    ),
    "PatientSupportAngle": ("couch", gettext_noop("has a couch angle of {at_deg:g}°, not of 0° to 360°.")),
}
_MOST_REPEATED: Final = 2
"""Number of beams up to which each gets its own sentence."""

_SOURCES: Final = {
    "general": gettext_noop(
        "general knowledge that nobody measured; machines/README.md says how to check it on your own machine"
    ),
    "seen": gettext_noop("seen in plans of such machines"),
}
"""Sources of the numbers in built-in descriptors, in words."""

_EXACT: Final = 0.001
"""Tolerance for equality: numbers of a plan are decimal strings."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A disagreement between a beam and the machine."""

    beam_number: int | None
    """None if it concerns the plan as a whole."""

    code: str
    """The same for every plan: `energy`, `leaf-boundaries`. Safe in logs and records."""

    sentence: str
    """In plain words with values of the plan, for the share's users only. Never contains the beam's name."""

    source: str = ""
    """Source of the descriptor's number, as stated there."""

    says: str = field(default="", compare=False)
    """The sentence without its subject, to combine beams."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a plan fits a machine."""

    machine: Machine
    blocks: tuple[Finding, ...]
    differs: tuple[Finding, ...]

    beams: tuple[int | None, ...] = ()
    """Numbers of the treatment beams checked."""

    silent: tuple[int | None, ...] = ()
    """Those of them that state neither a delivery type nor a meterset."""

    @property
    def fits(self) -> bool:
        """Return whether nothing blocks."""
        return not self.blocks

    @property
    def can_be_moved(self) -> bool:
        """Return whether the plan can be moved to the machine at all, even despite blocks (`on_machine_mismatch`)."""
        return not any(finding.code in KEEP_ONLY for finding in self.blocks)


class _Fact(NamedTuple):
    blocks: bool
    code: str
    says: str
    """Continues after "Beam 3 "."""
    source: str = ""


def fit(plan: View, machine: Machine) -> Fit:
    """Check every treatment beam of a plan against a machine."""
    if other := _other_kind(plan):
        return Fit(machine, (other,), ())
    blocks: list[Finding] = []
    differs: list[Finding] = []
    beams = treatment_beams(plan)
    for beam in beams:
        number = _beam_number(beam)
        for fact in _facts(beam, machine):
            finding = Finding(number, fact.code, joined((_subject(number), fact.says)), fact.source, fact.says)
            (blocks if fact.blocks else differs).append(finding)
    return Fit(machine, tuple(blocks), tuple(differs), tuple(map(_beam_number, beams)), tuple(_silent(plan, beams)))


def _subject(number: int | None) -> str:
    return gettext("A beam without a number") if number is None else gettext("Beam {number}", number=number)


def _of_all(says: str, numbers: Sequence[int | None]) -> str:
    """Return a sentence for each beam, or for many numbered beams a combined one."""
    if len(numbers) <= _MOST_REPEATED or None in numbers:
        return joined(text for number in dict.fromkeys(numbers) for text in (_subject(number), says))
    first, *others, last = numbers
    return gettext(
        "{beam} {says} The same is true of beams {others} and {last}.",
        beam=_subject(first),
        says=says,
        others=", ".join(map(str, others)),
        last=last,
    )


def _silent(plan: View, beams: Iterable[View]) -> Iterator[int | None]:
    """Yield beams that do not state whether they treat."""
    with_meterset = {
        reference.number("ReferencedBeamNumber")
        for group in plan.items("FractionGroupSequence")
        for reference in group.items("ReferencedBeamSequence")
        if reference.number("BeamMeterset")
    }
    for beam in beams:
        if not beam.text("TreatmentDeliveryType") and beam.number("BeamNumber") not in with_meterset:
            yield _beam_number(beam)


def sentences(fit: Fit) -> Mapping[str, list[str]]:
    """Return blocking findings by code, with one sentence for all beams concerned."""
    alike: defaultdict[tuple[str, str], list[int | None]] = defaultdict(list)
    for finding in fit.blocks:
        says = finding.says or finding.sentence
        alike[finding.code, says].append(finding.beam_number)
    by_code: defaultdict[str, list[str]] = defaultdict(list)
    for (code, says), numbers in alike.items():
        by_code[code].append(says if code in KEEP_ONLY else _of_all(says, numbers))
    for code, source in dict.fromkeys((finding.code, finding.source) for finding in fit.blocks if finding.source):
        by_code[code].append(
            gettext("The descriptor has this number from: {source}.", source=gettext(_SOURCES.get(source, source)))
        )
    blocked = {finding.beam_number for finding in fit.blocks}
    if silent := [number for number in fit.silent if number in blocked]:
        by_code[fit.blocks[0].code].append(
            _of_all(gettext("states neither a delivery type nor a meterset, so it may be a treatment beam."), silent)
        )
    return by_code


def fit_first(plan: View, machines: Sequence[Machine]) -> Fit:
    """Return the fit to the first machine that fits the whole plan, else to the first with the fewest blocks.

    Raises
    ------
    ValueError
        There are no machines: the plan keeps its own.
    """
    fits: list[Fit] = []
    for machine in machines:
        fits.append(fit(plan, machine))
        if fits[-1].fits:
            return fits[-1]
    return min(fits, key=lambda one: len(one.blocks))


def shipped_that_fit(plan: View, tried: Sequence[Machine]) -> list[str]:
    """Return the names of built-in machines that the plan would fit, although it fits none of those tried."""
    names = {machine.name for machine in tried}
    return [machine.name for machine in shipped() if machine.name not in names and fit(plan, machine).fits]


def treatment_beams(plan: View) -> list[View]:
    """Return the beams that a machine must be able to deliver.

    Both attributes that state this are optional, and a beam with neither may well treat. Excluded are only setup fields
    and port films stated as such, and kilovoltage images: beams in no fraction group, and so without a meterset. PS3.3
    C.8.8.14, (300A,00CE) *Treatment Delivery Type*; PS3.3 C.8.8.13, (300A,0086) *Beam Meterset*.
    """
    in_groups = {
        reference.number("ReferencedBeamNumber")
        for group in plan.items("FractionGroupSequence")
        for reference in group.items("ReferencedBeamSequence")
    }
    return [beam for beam in plan.items("BeamSequence") if not _only_images(beam, in_groups)]


def _only_images(beam: View, in_groups: set[float | None]) -> bool:
    delivery = beam.text("TreatmentDeliveryType").upper()
    if delivery:
        return delivery in NOT_TREATING
    number = beam.number("BeamNumber")
    if number is None or None in in_groups or number in in_groups:
        return False
    energies = _stated(beam.items("ControlPointSequence"), "NominalBeamEnergy")
    return beam.text("RadiationType") == "PHOTON" and bool(energies) and 0 < max(energies) < _LEAST_TREATING_MV


def _other_kind(plan: View) -> Finding | None:
    only = gettext('It can be anonymized with machine = "keep" only.')
    if plan.text("SOPClassUID") == _RT_ION_PLAN or plan.has("IonBeamSequence"):
        return Finding(
            None, "ion-plan", joined((gettext("The plan is an ion plan, and a linac cannot take its beams."), only))
        )
    if plan.has("BrachyTreatmentType") or plan.has("ApplicationSetupSequence"):
        return Finding(
            None,
            "brachy-plan",
            joined((gettext("The plan is a brachytherapy plan and has no beams of a linac."), only)),
        )
    return None


def _beam_number(beam: View) -> int | None:
    number = beam.number("BeamNumber")
    return None if number is None else int(number)


def _facts(beam: View, machine: Machine) -> Iterator[_Fact]:
    yield from _maker(beam, machine)
    yield from _source_axis_distance(beam, machine)
    yield from _energy(beam, machine)
    yield from _leaf_boundaries(beam, machine)
    yield from _positions(beam, machine)
    yield from _angles(beam)
    yield from _meterset_unit(beam, machine)
    yield from _applicators(beam, machine)
    yield from _wedges(beam, machine)
    yield from _compensators(beam, machine)


def _maker(beam: View, machine: Machine) -> Iterator[_Fact]:
    manufacturer = gettext_noop("names the manufacturer {stated}; that of {machine} is {ours}.")
    model = gettext_noop("names the model {stated}; that of {machine} is {ours}.")
    for code, stated, ours, says in (
        ("manufacturer", beam.text("Manufacturer"), machine.manufacturer, manufacturer),
        ("model", beam.text("ManufacturerModelName"), machine.model, model),
    ):
        if stated and stated.casefold() != ours.casefold():
            yield _Fact(
                False,
                code,
                gettext(
                    says,
                    stated=stated,
                    machine=machine.name,
                    ours=ours,
                ),
            )


def _source_axis_distance(beam: View, machine: Machine) -> Iterator[_Fact]:
    stated_mm = beam.number("SourceAxisDistance")
    if stated_mm is not None and (off := abs(stated_mm - machine.sad_mm)) > _EXACT:
        yield _Fact(
            off > machine.sad_tolerance_mm + _EXACT,
            "source-axis-distance",
            gettext(
                "has a source-axis distance of {stated_mm:g} mm; that of {machine} is {sad_mm:g} mm.",
                stated_mm=stated_mm,
                machine=machine.name,
                sad_mm=machine.sad_mm,
            ),
            machine.sad_source,
        )


def _energy(beam: View, machine: Machine) -> Iterator[_Fact]:
    """Check radiation, energy, fluence and dose rate, in this order; if one is missing, the next is meaningless."""
    radiation = beam.text("RadiationType")
    offered = [energy for energy in machine.energies if energy.radiation == radiation]
    if not offered:
        ours = ", ".join(dict.fromkeys(energy.radiation for energy in machine.energies))
        yield _Fact(
            True,
            "radiation-type",
            gettext(
                "has the radiation type {radiation}; {machine} has {ours}.",
                radiation=radiation or gettext("(not stated)"),
                machine=machine.name,
                ours=ours,
            ),
        )
        return
    control_points = beam.items("ControlPointSequence")
    energies = _stated(control_points, "NominalBeamEnergy")
    if not energies:
        yield _Fact(True, "energy-not-stated", gettext("does not state its energy, so it is unknown whether it fits."))
        return
    fluence = fluence_of(beam)
    highest_mu_min = 0.0
    for nominal in energies:
        same = [energy for energy in offered if abs(energy.nominal - nominal) <= _EXACT]
        match = [energy for energy in same if _same_fluence(energy, fluence)]
        if not match:
            says = gettext(
                "uses {energy:g} {unit}{fluence}; {machine} has {ours}.",
                energy=nominal,
                unit=gettext(_UNIT[radiation]),
                fluence=_in_words(fluence),
                machine=machine.name,
                ours=", ".join(energy.name for energy in offered),
            )
            yield _Fact(True, "fluence-mode" if same else "energy", says)
        else:
            highest_mu_min = max(highest_mu_min, match[0].max_dose_rate_mu_min)
    if highest_mu_min:
        yield from _dose_rates(control_points, highest_mu_min, machine)


def _dose_rates(control_points: Iterable[View], highest_mu_min: float, machine: Machine) -> Iterator[_Fact]:
    rates = [rate for rate in _stated(control_points, "DoseRateSet") if rate]
    if not rates:
        yield _Fact(False, "dose-rate-not-stated", gettext("states no dose rate, or 0."))
    elif max(rates) > highest_mu_min + _EXACT:
        says = gettext(
            "has a dose rate of {rate:g} MU/min; {machine} has up to {most:g} at this energy.",
            rate=max(rates),
            machine=machine.name,
            most=highest_mu_min,
        )
        yield _Fact(False, "dose-rate-unlisted", says)


def _stated(control_points: Iterable[View], keyword: str) -> list[float]:
    """Return the distinct values of an attribute, in the order of the control points that state it."""
    numbers = (point.number(keyword) for point in control_points)
    return list(dict.fromkeys(number for number in numbers if number is not None))


def _same_fluence(energy: Energy, fluence: Fluence) -> bool:
    return energy.fluence.casefold() == (STANDARD if fluence.is_standard else fluence.mode_id).casefold()


def _in_words(fluence: Fluence) -> str:
    if fluence.is_standard:
        return ""
    return (
        gettext(" with the fluence mode {mode_id}", mode_id=fluence.mode_id)
        if fluence.mode_id
        else gettext(" with a non-standard fluence of no name")
    )


def _leaf_boundaries(beam: View, machine: Machine) -> Iterator[_Fact]:
    for device in beam.items("BeamLimitingDeviceSequence"):
        kind = device.text("RTBeamLimitingDeviceType")
        if kind in _JAW_SIDES:
            continue
        mlc = _mlc(machine, kind)
        if mlc is None:
            yield _Fact(
                True,
                "leaf-boundaries",
                gettext(
                    "has leaves of the type {kind}, which {machine} does not have.", kind=kind, machine=machine.name
                ),
            )
            continue
        boundaries_mm = device.numbers("LeafPositionBoundaries")
        pairs = _pairs(device)
        theirs = gettext("the {mlc} of {machine}", mlc=mlc.name, machine=machine.name)
        if pairs != mlc.pairs:
            says = gettext_noop("has {count:g} leaf pairs; {theirs} has {pairs}.")
            if pairs is None:
                says = gettext_noop("has no stated number of leaf pairs; {theirs} has {pairs}.")
            yield _Fact(True, "leaf-boundaries", gettext(says, count=pairs or 0, theirs=theirs, pairs=mlc.pairs))
        elif not boundaries_mm:
            yield _Fact(
                False,
                "leaf-boundaries-not-stated",
                gettext("has as many leaf pairs as {theirs}, but no boundaries.", theirs=theirs),
            )
        else:
            off_mm = max(abs(here - there) for here, there in zip(boundaries_mm, mlc.boundaries_mm, strict=True))
            if off_mm > mlc.boundary_tolerance_mm + _EXACT:
                yield _Fact(
                    True,
                    "leaf-boundaries",
                    gettext(
                        "has leaf boundaries up to {off_mm:g} mm away from those of {theirs}.",
                        off_mm=off_mm,
                        theirs=theirs,
                    ),
                    mlc.boundary_source,
                )


def oddities(plan: View) -> Iterator[str]:
    """Yield oddities of a plan that keeps its machine which planning systems may reject: angles, no monitor units."""
    alike: defaultdict[str, list[int | None]] = defaultdict(list)
    for beam in treatment_beams(plan):
        for fact in _angles(beam):
            alike[fact.says].append(_beam_number(beam))
        unit = beam.text("PrimaryDosimeterUnit").upper()
        if unit not in ("MU", ""):
            alike[gettext("has a meterset in the unit {unit} and not in MU.", unit=unit)].append(_beam_number(beam))
    for says, numbers in alike.items():
        yield _of_all(says, numbers)


def _angles(beam: View) -> Iterator[_Fact]:
    """Check that angles are 0° to 360° (IEC 61217); some systems write -90° for 270°."""
    control_points = beam.items("ControlPointSequence")
    for keyword, (what, says) in _ANGLES.items():
        angles_deg = _stated(control_points, keyword)
        off = [angle for angle in angles_deg if not 0 <= angle <= 360]
        if off:
            at_deg = max(off, key=abs)
            yield _Fact(
                not -180 <= at_deg <= 360,
                f"{what}-angle",
                gettext(says, at_deg=at_deg),
            )


def _meterset_unit(beam: View, machine: Machine) -> Iterator[_Fact]:
    """Check the unit: monitor units, or minutes. PS3.3 C.8.8.14, (300A,00B3) *Primary Dosimeter Unit*."""
    unit = beam.text("PrimaryDosimeterUnit").upper()
    if unit not in ("MU", ""):
        yield _Fact(
            True,
            "meterset-unit",
            gettext("has a meterset in the unit {unit}; {machine} counts in MU.", unit=unit, machine=machine.name),
        )


def _pairs(device: View) -> float | None:
    """Return a device's number of leaf pairs: by its boundaries, else as stated. PS3.3 C.8.8.14."""
    boundaries_mm = device.numbers("LeafPositionBoundaries")
    return len(boundaries_mm) - 1 if boundaries_mm else device.number("NumberOfLeafJawPairs")


def _mlc(machine: Machine, kind: str) -> Mlc | None:
    return next((mlc for mlc in machine.mlcs if mlc.type == kind), None)


class _Reach:
    """Extreme positions of one jaw, or one bank of leaves, over all control points."""

    def __init__(self) -> None:
        self.lowest_mm = inf
        self.highest_mm = -inf
        self.span_mm = 0.0

    def add(self, positions_mm: Sequence[float]) -> None:
        lowest_mm, highest_mm = min(positions_mm), max(positions_mm)
        self.lowest_mm = min(self.lowest_mm, lowest_mm)
        self.highest_mm = max(self.highest_mm, highest_mm)
        self.span_mm = max(self.span_mm, highest_mm - lowest_mm)

    def furthest_out(self, from_mm: float, to_mm: float) -> tuple[float, float]:
        """Return the largest excess over the travel limits, and the position there, in mm."""
        return max((from_mm - self.lowest_mm, self.lowest_mm), (self.highest_mm - to_mm, self.highest_mm))


def _positions(beam: View, machine: Machine) -> Iterator[_Fact]:
    """Check jaws and leaves at every control point. Missing devices are covered by the leaf boundaries."""
    declared = {
        device.text("RTBeamLimitingDeviceType"): _pairs(device) for device in beam.items("BeamLimitingDeviceSequence")
    }
    jaws: defaultdict[str, _Reach] = defaultdict(_Reach)
    leaves: defaultdict[str, _Reach] = defaultdict(_Reach)
    crossed_mm: defaultdict[str, float] = defaultdict(float)
    miscounted: set[str] = set()
    for point in beam.items("ControlPointSequence"):
        for device in point.items("BeamLimitingDevicePositionSequence"):
            kind = device.text("RTBeamLimitingDeviceType")
            positions_mm = device.numbers("LeafJawPositions")
            if kind in _JAW_SIDES and len(positions_mm) == 2:
                for side, position_mm in zip(_JAW_SIDES[kind], positions_mm, strict=True):
                    jaws[side].add([position_mm])
            elif mlc := _mlc(machine, kind):
                if len(positions_mm) == 2 * mlc.pairs:
                    leaves[kind].add(positions_mm[: mlc.pairs])
                    leaves[kind].add(positions_mm[mlc.pairs :])
                    overlap_mm = max(map(sub, positions_mm[: mlc.pairs], positions_mm[mlc.pairs :]))
                    crossed_mm[kind] = max(crossed_mm[kind], overlap_mm)
                elif declared.get(kind, mlc.pairs) == mlc.pairs:
                    miscounted.add(kind)

    for jaw in machine.jaws:
        if jaw.side in jaws:
            limits = _Limits(jaw.from_mm, jaw.to_mm, machine.jaw_tolerance_mm, jaw.source)
            yield from _travel(jaws[jaw.side], gettext("jaw {side}", side=jaw.side), "jaw-travel", limits, machine)
    for mlc in machine.mlcs:
        if mlc.type in miscounted:
            yield _Fact(
                True,
                "leaf-positions",
                gettext("does not give {count} leaf positions at every control point.", count=2 * mlc.pairs),
            )
        if crossed_mm[mlc.type] > mlc.leaf_tolerance_mm + _EXACT:
            says = gettext("has opposing leaves that cross by {overlap_mm:g} mm.", overlap_mm=crossed_mm[mlc.type])
            yield _Fact(True, "leaf-positions", says)
        if mlc.type in leaves:
            limits = _Limits(mlc.leaf_from_mm, mlc.leaf_to_mm, mlc.leaf_tolerance_mm, mlc.leaf_source)
            yield from _travel(leaves[mlc.type], gettext("leaf"), "leaf-travel", limits, machine)
            # Never blocks: planning systems park leaves outside the jaws arbitrarily.
            if (span_mm := leaves[mlc.type].span_mm) > mlc.leaf_span_mm + mlc.leaf_tolerance_mm + _EXACT:
                says = gettext(
                    "has leaves of one bank {span_mm:g} mm apart; {machine} allows {most_mm:g} mm.",
                    span_mm=span_mm,
                    machine=machine.name,
                    most_mm=mlc.leaf_span_mm,
                )
                yield _Fact(False, "leaf-span", says)


class _Limits(NamedTuple):
    from_mm: float
    to_mm: float
    tolerance_mm: float
    source: str


def _travel(reach: _Reach, what: str, code: str, limits: _Limits, machine: Machine) -> Iterator[_Fact]:
    over_mm, at_mm = reach.furthest_out(limits.from_mm, limits.to_mm)
    if over_mm > _EXACT:
        says = gettext(
            "has a {what} at {at_mm:g} mm; {machine} allows {from_mm:g} to {to_mm:g} mm.",
            what=what,
            at_mm=at_mm,
            machine=machine.name,
            from_mm=limits.from_mm,
            to_mm=limits.to_mm,
        )
        blocks = over_mm > limits.tolerance_mm + _EXACT
        yield _Fact(blocks, code, says, limits.source)


def _applicators(beam: View, machine: Machine) -> Iterator[_Fact]:
    """Check applicators. Planning systems find them by ID; of the type only "cone or not" matters here."""
    for applicator in beam.items("ApplicatorSequence"):
        kind, stated_id = applicator.text("ApplicatorType"), applicator.text("ApplicatorID")
        is_cone = kind in _CONES
        offered = {_plain_id(ours.id) for ours in machine.applicators if (ours.type in _CONES) == is_cone}
        if _plain_id(stated_id) not in offered:
            code = "cone" if is_cone else "applicator"
            yield _Fact(
                True,
                code,
                gettext(
                    gettext_noop("uses the cone {name}, which {machine} does not have.")
                    if is_cone
                    else gettext_noop("uses the applicator {name}, which {machine} does not have."),
                    name=stated_id or gettext("of no name"),
                    machine=machine.name,
                ),
            )


def _plain_id(applicator_id: str) -> str:
    """Return a normalized ID: `A06` and `a6`, or `A06X10` and `A6x10`, are the same applicator."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", applicator_id.casefold())


def _wedges(beam: View, machine: Machine) -> Iterator[_Fact]:
    for wedge in beam.items("WedgeSequence"):
        kind, angle_deg = wedge.text("WedgeType"), wedge.number("WedgeAngle")
        angles_deg = [angle for ours in machine.wedges if ours.type == kind for angle in ours.angles_deg]
        if not angles_deg or (angle_deg is not None and all(abs(angle_deg - ours) > _EXACT for ours in angles_deg)):
            says = gettext_noop("uses a wedge of {angle_deg:g}° ({kind}), which {machine} does not have.")
            if angle_deg is None:
                says = gettext_noop("uses a wedge ({kind}), which {machine} does not have.")
            kind = kind or gettext("of no stated type")
            yield _Fact(
                True,
                "wedge",
                gettext(says, angle_deg=angle_deg or 0, kind=kind, machine=machine.name),
            )


def _compensators(beam: View, machine: Machine) -> Iterator[_Fact]:
    """Check compensators with a material, which are hardware; others represent moving leaves. PS3.3 C.8.8.14.10."""
    for compensator in beam.items("CompensatorSequence"):
        if material := compensator.text("MaterialID"):
            yield _Fact(
                False,
                "compensator",
                gettext(
                    "uses a compensator of {material}, which the descriptor of {machine} does not cover.",
                    material=material,
                    machine=machine.name,
                ),
            )
