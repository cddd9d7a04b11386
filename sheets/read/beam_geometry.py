"""Source position and aperture of a beam, in the isocentre plane, in a beam's-eye view. IEC 61217.

Patient coordinates are transformed by the setup position, the couch and the gantry: *x* and *y* across the beam, *z*
towards the source. Jaws, leaves, blocks and applicators are defined in the isocentre plane along the axes of the
collimator, which is rotated relative to the gantry. PS3.3 C.8.8.14 and C.8.8.25.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sheets.read.numbers import number, numbers, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sheets.read.numbers import Data, Floats

_SEQUENCES: Final = (
    ("BeamSequence", "ControlPointSequence", "BeamLimitingDeviceSequence"),
    ("IonBeamSequence", "IonControlPointSequence", "IonBeamLimitingDeviceSequence"),
)
_LEFT, _BACK, _HEAD = np.eye(3)
_FIXED: Final[Mapping[str, tuple[Floats, Floats, Floats]]] = {
    "HFS": (_LEFT, _HEAD, -_BACK),
    "HFP": (-_LEFT, _HEAD, _BACK),
    "FFS": (-_LEFT, -_HEAD, -_BACK),
    "FFP": (_LEFT, -_HEAD, _BACK),
    "HFDR": (_BACK, _HEAD, _LEFT),
    "HFDL": (-_BACK, _HEAD, -_LEFT),
    "FFDR": (-_BACK, -_HEAD, _LEFT),
    "FFDL": (_BACK, -_HEAD, -_LEFT),
}
"""Directions of the fixed axes *x*, *y* (to the gantry) and *z* (up) in the patient, by position, with couch at 0°."""

_TURNED_TOO: Final = ("TableTopEccentricAngle", "TableTopPitchAngle", "TableTopRollAngle", "GantryPitchAngle")
_FAR_MM: Final = 250.0
"""Beyond any field size, in mm: the limit of an unbounded aperture."""
_NEAREST: Final = 0.1
"""Minimum distance of projected points from the source, as a fraction of that of the isocentre."""
_BEYOND_MM: Final = 2000.0
"""Points further from the axis are not drawn, in mm."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """Leaf pairs that move along one axis of the collimator."""

    along: int
    """0 if they move along x."""

    boundaries: Floats
    """Leaf position boundaries, across the movement: one more than there are pairs."""

    ends: Floats
    """Leaf end positions, [bank, pair], in mm."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The aperture at one control point, along the axes of the collimator, in mm."""

    jaws: Floats
    """Limits, [axis, lower or upper]."""
    leaves: tuple[Leaves, ...]

    @property
    def area_mm2(self) -> float:
        """Return the open area between jaws and leaves; the smaller one if leaves move along both axes."""
        width, height = np.diff(self.jaws, axis=1)[:, 0].clip(0)
        areas = [float(width * height)]
        for along in {one.along for one in self.leaves}:
            layers = [one for one in self.leaves if one.along == along]
            strips = np.unique(np.concatenate([self.jaws[1 - along], *(one.boundaries for one in layers)]))
            strips = strips[(strips >= self.jaws[1 - along, 0]) & (strips <= self.jaws[1 - along, 1])]
            middle = (strips[:-1] + strips[1:]) / 2
            low, high = (np.full(len(middle), end) for end in self.jaws[along])
            for one in layers:
                pair = np.searchsorted(one.boundaries, middle) - 1
                between = (pair >= 0) & (pair < one.ends.shape[1])
                pair = pair.clip(0, one.ends.shape[1] - 1)
                low = np.where(between, np.maximum(low, one.ends[0, pair]), low)
                high = np.where(between, np.minimum(high, one.ends[1, pair]), high)
            areas.append(float((np.diff(strips) * (high - low).clip(0)).sum()))
        return min(areas)


class Outline(NamedTuple):
    """Outline of a block or applicator in the isocentre plane, along the axes of the collimator."""

    points: Floats
    """Closed polygon, shape (n, 2), in mm."""
    shields: bool
    """Whether it shields the inside; otherwise the outside."""


class Leg(NamedTuple):
    """A gantry rotation in one direction."""

    start: float
    turned: float
    """In degrees, clockwise; negative if counter-clockwise."""


@dataclass(frozen=True)
class BeamView:
    """A beam at its widest opening."""

    control_point: int
    """Numbered from 1."""
    control_points: int
    gantry: float | None
    """None if it is not stated."""
    collimator: float
    couch: float
    isocentre: Floats
    source_mm: tuple[float, float]
    """Source-to-isocentre distance for the divergence along gantry x and y, in mm."""
    axes: Floats | None
    """Gantry x, y and z as unit vectors in patient coordinates, one per row; None if unknown."""
    opening: Opening | None
    """None if the aperture is not stated."""
    outlines: tuple[Outline, ...] = ()
    spots: Floats = field(default_factory=lambda: np.empty((0, 2)))
    """Spot positions of a scanned beam, shape (n, 2), along the axes of the gantry."""
    turns: tuple[Leg, ...] = ()
    """None if the gantry does not rotate."""
    left_out: tuple[str, ...] = ()
    """Types of jaws, leaves and blocks that are not drawn, because their positions are not readable or not stated."""

    def projected(self, points: Floats) -> Floats:
        """Project patient points (n, 3), in mm, from the source onto the isocentre plane; return (n, 2)."""
        assert self.axes is not None
        relative = points - self.isocentre
        x, y, z = (relative[:, 0] * axis[0] + relative[:, 1] * axis[1] + relative[:, 2] * axis[2] for axis in self.axes)
        nearer = [np.maximum(1 - z / distance, _NEAREST) for distance in self.source_mm]
        return np.column_stack([x / nearer[0], y / nearer[1]]).clip(-_BEYOND_MM, _BEYOND_MM)

    def of_collimator(self, points: Floats) -> Floats:
        """Transform collimator points (n, 2) to gantry axes, a counter-clockwise rotation seen from the source."""
        angle = np.radians(self.collimator)
        x, y = points[:, 0], points[:, 1]
        return np.column_stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)])


def gantry_axes(position: str, gantry: float, couch: float) -> Floats | None:
    """Return gantry x, y and z in patient coordinates for a patient position; None if it is unknown.

    Parameters
    ----------
    position
        (0018,5100) *Patient Position* of the setup.
    gantry, couch
        In degrees: clockwise when facing the gantry; counter-clockwise when looking at the couch from above.
    """
    if position not in _FIXED:
        return None
    x, y, z = _FIXED[position]
    turned = np.radians(couch)
    # The couch rotates below the gantry, so the gantry's axes rotate the opposite way in patient coordinates.
    x, y = x * np.cos(turned) - y * np.sin(turned), x * np.sin(turned) + y * np.cos(turned)
    angle = np.radians(gantry)
    return np.array([x * np.cos(angle) - z * np.sin(angle), y, x * np.sin(angle) + z * np.cos(angle)])


def views(plan: Data) -> list[BeamView]:
    """Return a view of each beam of a plan, in order, at its widest opening."""
    setups = {whole(one, "PatientSetupNumber"): one for one in plan.get("PatientSetupSequence") or ()}
    return [
        _view(beam, beam.get(points) or [], beam.get(devices) or [], setups)
        for sequence, points, devices in _SEQUENCES
        for beam in plan.get(sequence) or ()
    ]


def _view(beam: Data, points: Sequence[Data], devices: Sequence[Data], setups: Mapping[int | None, Data]) -> BeamView:
    states = _states(points)
    boundaries = {
        str(one.get("RTBeamLimitingDeviceType") or ""): numbers(one, "LeafPositionBoundaries") for one in devices
    }
    openings = [_opening(state.positions, boundaries) for state in states]
    widest = _widest(openings)
    state = states[widest] if states else _State({}, {})
    setup = setups.get(whole(beam, "ReferencedPatientSetupNumber")) or next(iter(setups.values()), None)
    gantry = state.angle("GantryAngle") if "GantryAngle" in state.numbers else None
    couch = state.angle("PatientSupportAngle")
    isocentre = state.numbers.get("IsocenterPosition", np.empty(0))
    source = _source(beam)
    known = len(isocentre) == 3 and source is not None and not any(state.angle(one) for one in _TURNED_TOO)
    position = str(setup.get("PatientPosition") or "") if setup is not None else ""
    return BeamView(
        control_point=widest + 1,
        control_points=len(points),
        gantry=gantry,
        collimator=state.angle("BeamLimitingDeviceAngle"),
        couch=couch,
        isocentre=isocentre,
        source_mm=source or (np.inf, np.inf),
        axes=gantry_axes(position, gantry, couch) if known and gantry is not None else None,
        opening=openings[widest] if openings else None,
        outlines=(*_blocks(beam), *_applicators(beam)),
        spots=_spots(points),
        turns=tuple(_turns(points)),
        left_out=tuple(dict.fromkeys([*_unread(points, boundaries), *_unread_blocks(beam)])),
    )


def _widest(openings: Sequence[Opening | None]) -> int:
    """Return the index of the widest opening; of several, the middle one: a helical treatment begins off its target."""
    areas = np.array([0.0 if one is None else one.area_mm2 for one in openings])
    widest = np.flatnonzero(areas == areas.max()) if len(areas) else np.zeros(1, dtype=np.intp)
    return int(widest[(len(widest) - 1) // 2])


class _State(NamedTuple):
    """State at a control point; values that it does not state are unchanged."""

    positions: Mapping[str, Floats]
    """Positions of jaws and leaves, by (300A,00B8) *RT Beam Limiting Device Type*."""
    numbers: Mapping[str, Floats]

    def angle(self, name: str) -> float:
        """Return an angle; 0 if it is not stated."""
        found = self.numbers.get(name)
        return 0.0 if found is None else float(found[0])


_HELD: Final = ("GantryAngle", "BeamLimitingDeviceAngle", "PatientSupportAngle", "IsocenterPosition", *_TURNED_TOO)


def _states(points: Iterable[Data]) -> list[_State]:
    found: list[_State] = []
    positions: dict[str, Floats] = {}
    held: dict[str, Floats] = {}
    for point in points:
        stated = {
            str(one.get("RTBeamLimitingDeviceType") or ""): ends.clip(-_FAR_MM, _FAR_MM)
            for one in point.get("BeamLimitingDevicePositionSequence") or ()
            if len(ends := numbers(one, "LeafJawPositions")) >= 2 and np.isfinite(ends).all()
        }
        positions = {**positions, **stated}
        angles = {name: value for name in _HELD if len(value := numbers(point, name)) and np.isfinite(value).all()}
        held = {**held, **angles}
        found.append(_State(positions, held))
    return found


def _opening(positions: Mapping[str, Floats], boundaries: Mapping[str, Floats]) -> Opening | None:
    """Return the aperture of jaws and leaves; None if there are none."""
    jaws = np.array([[-_FAR_MM, _FAR_MM], [-_FAR_MM, _FAR_MM]])
    leaves = []
    for kind, ends in positions.items():
        axis = 1 if kind.rstrip("0123456789").endswith("Y") else 0
        if len(ends) == 2:
            jaws[axis] = max(jaws[axis, 0], ends.min()), min(jaws[axis, 1], ends.max())
        elif len(edges := boundaries.get(kind, np.empty(0))) * 2 - 2 == len(ends):
            leaves.append(Leaves(axis, edges, ends.reshape(2, -1)))
    return Opening(jaws, tuple(leaves)) if leaves or (np.abs(jaws) < _FAR_MM).any() else None


def _unread(points: Sequence[Data], boundaries: Mapping[str, Floats]) -> Iterable[str]:
    """Yield the types of jaws and leaves without readable positions at a control point, or without any."""
    stated = set()
    for point in points:
        for one in point.get("BeamLimitingDevicePositionSequence") or ():
            kind, ends = str(one.get("RTBeamLimitingDeviceType") or ""), numbers(one, "LeafJawPositions")
            stated.add(kind)
            pairs = len(boundaries.get(kind, ())) - 1
            if len(ends) not in {2, 2 * pairs} or not np.isfinite(ends).all():
                yield kind
    yield from (kind for kind in boundaries if kind.startswith("MLC") and kind not in stated)


def _unread_blocks(beam: Data) -> Iterable[str]:
    found = [one for sequence in ("BlockSequence", "IonBlockSequence") for one in beam.get(sequence) or ()]
    if len(list(_blocks(beam))) < len(found):
        yield "block"


def _source(beam: Data) -> tuple[float, float] | None:
    """Return the source-to-isocentre distance in mm; for a scanned beam along both axes."""
    virtual = numbers(beam, "VirtualSourceAxisDistances")
    if len(virtual) == 2 and np.isfinite(virtual).all() and (virtual > 0).all():
        return float(virtual[0]), float(virtual[1])
    one = number(beam, "SourceAxisDistance")
    return None if one is None or one <= 0 else (one, one)


def _blocks(beam: Data) -> Iterable[Outline]:
    for sequence in ("BlockSequence", "IonBlockSequence"):
        for block in beam.get(sequence) or ():
            points = numbers(block, "BlockData")
            if len(points) >= 6 and not len(points) % 2 and np.isfinite(points).all():
                yield Outline(points.reshape(-1, 2).clip(-_FAR_MM, _FAR_MM), block.get("BlockType") == "SHIELDING")


def _applicators(beam: Data) -> Iterable[Outline]:
    """Yield the applicators and cones with a stated size. PS3.3 C.8.8.14, (300A,0431)."""
    for applicator in beam.get("ApplicatorSequence") or ():
        for shape in applicator.get("ApplicatorGeometrySequence") or ():
            opening = number(shape, "ApplicatorOpening")
            across, along = (number(shape, f"ApplicatorOpening{axis}") or opening for axis in "XY")
            if shape.get("ApplicatorApertureShape") == "SYM_CIRCULAR" and opening:
                angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
                yield Outline(np.column_stack([np.cos(angles), np.sin(angles)]) * opening / 2, shields=False)
            elif across and along:
                corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
                yield Outline(corners * np.array([across, along]) / 2, shields=False)


def _spots(points: Iterable[Data]) -> Floats:
    found = [numbers(point, "ScanSpotPositionMap") for point in points]
    maps = [one.reshape(-1, 2) for one in found if len(one) and not len(one) % 2 and np.isfinite(one).all()]
    return np.unique(np.concatenate(maps).clip(-_FAR_MM, _FAR_MM), axis=0) if maps else np.empty((0, 2))


def _turns(points: Sequence[Data]) -> Iterable[Leg]:
    """Yield the gantry rotations, a new one at each reversal."""
    stops: list[tuple[float, str]] = []
    way = "NONE"
    for point in points:
        way = str(point.get("GantryRotationDirection") or way)
        if (angle := number(point, "GantryAngle")) is not None:
            stops.append((angle, way))
    leg: Leg | None = None
    for (begin, way), (end, _) in pairwise(stops):
        turned = {"CW": (end - begin) % 360, "CC": -((begin - end) % 360)}.get(way, 0.0)
        if leg is not None and turned * leg.turned > 0:
            leg = Leg(leg.start, leg.turned + turned)
        elif turned:
            if leg is not None:
                yield leg
            leg = Leg(begin, turned)
    if leg is not None:
        yield leg
