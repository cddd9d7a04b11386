"""A head and neck made of ellipses: the Hounsfield units, the contours and the dose of a synthetic set.

All positions are in patient coordinates (mm; x left, y posterior, z superior; PS3.3 C.7.6.2.1.1), except the height
along the scan, which is a fraction: 0 at its lowest slice, 1 at its highest. The anatomy is scaled to the length of the
scan, so that every organ is present in three slices as well as in 180.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float32]

FIELD_OF_VIEW_MM = 500.0
COUCH_TOP_MM = 122.0

#: Height, half width, half depth and centre (y) of the body outline: shoulders, neck, chin, head, vertex.
BODY = np.array(
    [
        (0.00, 205, 105, 15),
        (0.15, 200, 100, 18),
        (0.25, 130, 82, 25),
        (0.32, 66, 64, 30),
        (0.45, 62, 66, 28),
        (0.52, 66, 86, 12),
        (0.60, 72, 95, 8),
        (0.75, 77, 97, 8),
        (0.88, 70, 88, 8),
        (0.96, 45, 58, 8),
        (1.00, 20, 26, 8),
    ]
)


@dataclass(frozen=True)
class Scan:
    """The planning CT's grid: `slices` images of `size` x `size` pixels, centred at z = 0."""

    slices: int
    size: int
    spacing_mm: float = 3.0

    @property
    def pixel_mm(self) -> float:
        """Return the side of a pixel."""
        return FIELD_OF_VIEW_MM / self.size

    @property
    def length_mm(self) -> float:
        """Return the length of the scan, including the slice thickness."""
        return self.slices * self.spacing_mm

    @property
    def first_pixel_mm(self) -> float:
        """Return the centre of the first pixel, in x and in y."""
        return round((1 - self.size) / 2 * self.pixel_mm, 4)

    def z_mm(self, index: int) -> float:
        """Return the position of slice `index`, counted from the lowest one."""
        return (index - (self.slices - 1) / 2) * self.spacing_mm

    def height(self, z_mm: float) -> float:
        """Return the fraction of the scan below `z_mm`."""
        return 0.5 + z_mm / self.length_mm

    def at_height(self, height: float) -> float:
        """Return the position in mm of a fraction of the scan."""
        return (height - 0.5) * self.length_mm


class Outline(NamedTuple):
    """A closed line in one plane: an ellipse perturbed by two harmonics, or half a ring."""

    x: float
    y: float
    rx: float
    ry: float
    second: float = 0.0
    third: float = 0.0
    ring_mm: float = 0.0

    def inside(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Return which points are inside."""
        dx, dy = (x - self.x) / self.rx, (y - self.y) / self.ry
        radius = np.sqrt(dx * dx + dy * dy) + np.float32(1e-6)
        # cos 2t and cos 3t without an arctangent.
        limit = (
            1 + self.second * (dx * dx - dy * dy) / radius**2 + self.third * dx * (dx * dx - 3 * dy * dy) / radius**3
        )
        within: NDArray[np.bool_] = radius < limit
        if self.ring_mm:
            within &= (dy < 0) & (radius > limit * (1 - self.ring_mm / self.rx))
        return within

    def points(self, count: int) -> NDArray[np.float64]:
        """Return `count` points (x, y) along the line, the last one next to the first."""
        turn = 2 * np.pi
        if not self.ring_mm:
            return self._along(np.linspace(0, turn, count, endpoint=False), 1.0)
        angle = np.linspace(np.pi, turn, (count + 1) // 2)
        inner = self._along(angle[::-1][: count // 2], 1 - self.ring_mm / self.rx)
        return np.concatenate([self._along(angle, 1.0), inner])

    def _along(self, angle: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        radius = scale * (1 + self.second * np.cos(2 * angle) + self.third * np.cos(3 * angle))
        return np.column_stack([self.x + self.rx * radius * np.cos(angle), self.y + self.ry * radius * np.sin(angle)])


@dataclass(frozen=True)
class Organ:
    """A structure: its name (TG-263), position and appearance."""

    name: str
    kind: str
    """(3006,00A4) *RT ROI Interpreted Type*."""
    low: float
    high: float
    """Lowest and highest height in the scan."""
    x: float = 0.0
    y: float = 0.0
    rx: float = 10.0
    ry: float = 10.0
    hu: int | None = None
    """Hounsfield units in the CT; None if it is only contoured: targets and margins."""
    code: str = ""
    """Its code in the Foundational Model of Anatomy, or a private structure code for targets."""
    tube: bool = False
    """Whether its cross-section is constant along its height."""
    ring_mm: float = 0.0
    """Half a ring of this thickness, open to the back (mandible)."""
    inset_mm: float | None = None
    """Follows the body's outline at this distance inside it; `x` to `ry` are then ignored."""

    @property
    def empty(self) -> bool:
        """Return whether it has a name but no contours."""
        return self.low >= self.high

    def outline(self, height: float) -> Outline:
        """Return its outline at a height; outside its extent that of its nearest end."""
        if self.inset_mm is not None:
            rx, ry, y = (float(np.interp(height, BODY[:, 0], BODY[:, column])) for column in (1, 2, 3))
            return Outline(0.0, y, max(rx - self.inset_mm, 4), max(ry - self.inset_mm, 4), 0.0, 0.012)
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        across = float(np.clip((height - middle) / half, -1, 1))
        scale = 1.0 if self.tube else (1 - (0.85 * across) ** 2) ** 0.5
        wobble = zlib.crc32(self.name.encode()) / 2**32 - 0.5
        return Outline(self.x, self.y, self.rx * scale, self.ry * scale, 0.08 * wobble, 0.06 * wobble, self.ring_mm)

    def slices(self, scan: Scan) -> list[int]:
        """Return the slices on which it is contoured: those in its extent, at least the nearest one."""
        if self.empty:
            return []
        heights = [scan.height(scan.z_mm(index)) for index in range(scan.slices)]
        hit = [index for index, height in enumerate(heights) if self.low <= height <= self.high]
        middle = (self.low + self.high) / 2
        return hit or [min(range(scan.slices), key=lambda index: abs(heights[index] - middle))]


def _pair(organ: Organ) -> list[Organ]:
    """Return the left organ and its mirror image."""
    return [replace(organ, name=f"{organ.name}_{side}", x=sign * organ.x) for side, sign in (("L", 1), ("R", -1))]


#: The catalogue of structures, in the order in which a set takes them.
CATALOGUE: list[Organ] = [
    Organ("BODY", "EXTERNAL", 0.0, 1.0, inset_mm=0.0, code="256135"),
    Organ("PTV_7000", "PTV", 0.37, 0.61, 14, 0, 33, 29, code="PTV_High"),
    Organ("PTV_5600", "PTV", 0.27, 0.62, 4, 6, 48, 34, code="PTV_Low"),
    Organ("CTV_7000", "CTV", 0.38, 0.60, 14, 0, 28, 24, code="CTV_High"),
    Organ("GTVp", "GTV", 0.42, 0.56, 17, 0, 16, 16, hu=62, code="GTVp"),
    Organ("SpinalCord", "ORGAN", 0.0, 0.62, 0, 53, 6, 5, hu=32, code="7647", tube=True),
    Organ("Brainstem", "ORGAN", 0.60, 0.71, 0, 40, 13, 12, hu=36, code="79876"),
    *_pair(Organ("Parotid", "ORGAN", 0.53, 0.64, 52, 14, 11, 20, hu=4, code="59790")),
    *_pair(Organ("Glnd_Submand", "ORGAN", 0.46, 0.53, 36, -8, 9, 12, hu=38, code="59793")),
    Organ("Bone_Mandible", "ORGAN", 0.49, 0.57, 0, -28, 42, 38, hu=1050, code="52748", tube=True, ring_mm=9),
    Organ("Larynx", "ORGAN", 0.36, 0.44, 0, -14, 18, 16, hu=70, code="55097"),
    Organ("Esophagus", "ORGAN", 0.0, 0.40, -4, 10, 9, 6, hu=30, code="7131", tube=True),
    Organ("Cavity_Oral", "ORGAN", 0.52, 0.60, 0, -40, 24, 22, hu=46, code="20292"),
    Organ("SpinalCord_PRV05", "AVOIDANCE", 0.0, 0.62, 0, 53, 11, 10, tube=True),
    Organ("Musc_Constrict", "ORGAN", 0.40, 0.60, 0, 10, 18, 5, hu=58, code="46618"),
    Organ("Brain", "ORGAN", 0.63, 0.97, hu=36, code="50801", inset_mm=13.0),
    Organ("Trachea", "ORGAN", 0.0, 0.36, 0, -8, 9, 9, hu=-990, code="7394", tube=True),
    *_pair(Organ("Eye", "ORGAN", 0.64, 0.71, 32, -60, 12, 12, hu=12, code="54448")),
    *_pair(Organ("Lens", "ORGAN", 0.665, 0.685, 32, -69, 4, 3, hu=75, code="58241")),
    *_pair(Organ("OpticNrv", "ORGAN", 0.66, 0.69, 22, -40, 3, 9, hu=25, code="50863")),
    Organ("OpticChiasm", "ORGAN", 0.69, 0.71, 0, -18, 7, 5, hu=38, code="62045"),
    Organ("Pituitary", "ORGAN", 0.68, 0.70, 0, -8, 5, 4, hu=60, code="13889"),
    *_pair(Organ("Cochlea", "ORGAN", 0.63, 0.65, 40, 24, 5, 5, hu=300, code="60201")),
    *_pair(Organ("Lung", "ORGAN", 0.0, 0.17, 80, 12, 46, 58, hu=-780, code="7195", tube=True)),
    *_pair(Organ("BrachialPlex", "ORGAN", 0.20, 0.36, 42, 42, 6, 5, code="5906")),
    *_pair(Organ("A_Carotid", "ORGAN", 0.20, 0.56, 27, 6, 4, 4, hu=160, code="3939", tube=True)),
    Organ("Glnd_Thyroid", "ORGAN", 0.27, 0.35, 0, -20, 24, 7, hu=105, code="9603"),
    Organ("Lips", "ORGAN", 0.535, 0.57, 0, -72, 20, 6, code="59815"),
]
_BY_NAME = {organ.name: organ for organ in CATALOGUE}
TARGET = _BY_NAME["PTV_7000"]
CORD = _BY_NAME["SpinalCord"]

#: Further anatomy in the CT, painted before the catalogue.
_BACKGROUND = [
    *_pair(Organ("humerus", "", 0.0, 0.2, 160, 25, 24, 24, hu=420)),
    *_pair(Organ("clavicle", "", 0.16, 0.24, 60, -18, 46, 7, hu=480)),
    Organ("skull", "", 0.62, 1.0, hu=900, inset_mm=6.0),
    Organ("nose", "", 0.57, 0.64, 0, -60, 14, 18, hu=-900),
    Organ("vertebra", "", 0.0, 0.60, 0, 31, 16, 13, hu=310, tube=True),
    Organ("marrow", "", 0.0, 0.60, 0, 31, 12, 9, hu=190, tube=True),
    Organ("arch", "", 0.0, 0.60, 0, 57, 19, 17, hu=380, tube=True),
    Organ("canal", "", 0.0, 0.62, 0, 53, 11, 9, hu=12, tube=True),
]
_PHARYNX = Organ("pharynx", "", 0.36, 0.60, 0, -6, 7, 8, hu=-980, tube=True)
_PAINTED = [organ for organ in CATALOGUE if organ.hu is not None]
_PAINTED.sort(key=lambda organ: organ.name != "Brain")  # the brain first: structures in it are painted on top
_PAINTED = [*_BACKGROUND, *_PAINTED, _PHARYNX]


def choose(rois: int | Sequence[str]) -> list[Organ]:
    """Return the first `rois` structures of the catalogue, or those with the given names; unknown names get a shape."""
    if isinstance(rois, int):
        rois = [organ.name for organ in CATALOGUE[:rois]] + [
            f"zRing_{n:02d}" for n in range(len(CATALOGUE) + 1, rois + 1)
        ]
    return [_BY_NAME.get(name) or _shaped(name) for name in rois]


def _shaped(name: str) -> Organ:
    if name[:3].upper() in {"PTV", "CTV", "GTV"}:
        return replace(TARGET, name=name, kind=name[:3].upper())
    place = zlib.crc32(name.encode())
    return Organ(name, "ORGAN", 0.3, 0.6, place % 41 - 20, place % 37 - 10, 8 + place % 5, 8 + place % 7)


def never_drawn(name: str) -> Organ:
    """Return a structure without contours."""
    return Organ(name, "BOLUS", 0.0, 0.0)


def everywhere(organ: Organ) -> Organ:
    """Return a structure stretched over nearly the whole scan, for large sets."""
    return organ if organ.empty else replace(organ, low=0.03, high=0.97)


def hounsfield(scan: Scan, index: int, noise: Floats) -> NDArray[np.int16]:
    """Paint one slice: air, couch, head rest, skin, fat, muscle, bone, organs, airway; `noise` moves with the slice."""
    axis = (scan.first_pixel_mm + scan.pixel_mm * np.arange(scan.size)).astype(np.float32)
    height = scan.height(scan.z_mm(index))
    image = np.full((scan.size, scan.size), -1000, np.float32)
    image[(axis > COUCH_TOP_MM) & (axis < COUCH_TOP_MM + 30)] = -930  # foam between two plates
    for plate_mm in (COUCH_TOP_MM, COUCH_TOP_MM + 26):
        image[(axis >= plate_mm) & (axis < plate_mm + max(4.0, scan.pixel_mm))] = -180
    if height > 0.3:  # the head rest
        image[np.ix_((axis > 60) & (axis < COUCH_TOP_MM), np.abs(axis) < 78)] = -955
    for inset_mm, hu in ((0.0, 20), (2.0, -95), (5.5, 52)):
        _paint(image, axis, Organ("body", "", 0, 1, inset_mm=inset_mm).outline(height), hu)
    for organ in _PAINTED:
        if organ.low <= height <= organ.high and organ.hu is not None:
            _paint(image, axis, organ.outline(height), organ.hu)
    return (image + np.roll(noise, (37 * index, 101 * index), (0, 1))).round().clip(-1024, 3071).astype(np.int16)


def _paint(image: Floats, axis: Floats, outline: Outline, hu: int) -> None:
    margin = 1.2
    columns = slice(*np.searchsorted(axis, (outline.x - margin * outline.rx, outline.x + margin * outline.rx)))
    rows = slice(*np.searchsorted(axis, (outline.y - margin * outline.ry, outline.y + margin * outline.ry)))
    box = image[rows, columns]
    box[outline.inside(axis[None, columns], axis[rows, None])] = hu


def contour(organ: Organ, scan: Scan, index: int, count: int) -> NDArray[np.float64]:
    """Return the contour of an organ on one slice: `count` points (x, y, z)."""
    z_mm = scan.z_mm(index)
    xy = organ.outline(scan.height(z_mm)).points(count)
    return np.column_stack([xy, np.full(len(xy), z_mm)])


@dataclass(frozen=True)
class DoseGrid:
    """A dose grid: planes z, rows y, columns x (mm), and the dose (Gy) in this order."""

    x: Floats
    y: Floats
    z: Floats
    gy: Floats

    def voxels(self, organ: Organ, scan: Scan) -> Floats:
        """Return the doses inside an organ."""
        inside = [
            self.gy[plane][organ.outline(scan.height(z)).inside(self.x[None, :], self.y[:, None])]
            for plane, z in enumerate(self.z.tolist())
            if organ.low <= scan.height(z) <= organ.high
        ]
        return np.concatenate(inside) if inside else np.empty(0, np.float32)


def isocentre(scan: Scan) -> tuple[float, float, float]:
    """Return the centre of the target (mm)."""
    return TARGET.x, TARGET.y, round(scan.at_height((TARGET.low + TARGET.high) / 2), 2)


def dose(scan: Scan, prescribed_gy: float) -> DoseGrid:
    """Fill the dose grid: what was prescribed in the target, a fall-off, a valley at the spinal cord, none in air."""
    step = max(2.5, scan.pixel_mm)
    middle = isocentre(scan)
    x, y = (np.arange(centre - 120, centre + 120, step, dtype=np.float32) for centre in middle[:2])
    reach = (scan.slices - 1) / 2 * scan.spacing_mm
    z = np.arange(-reach, reach + 0.01, 2.5 if scan.slices > 2 else scan.spacing_mm, dtype=np.float32)
    half_mm = max(scan.length_mm * (TARGET.high - TARGET.low) / 2, 1.0)
    body = _BY_NAME["BODY"]
    planes = []
    for height_mm in z.tolist():
        dx, dy, dz = (x - middle[0])[None, :], (y - middle[1])[:, None], height_mm - middle[2]
        reached = np.sqrt((dx / TARGET.rx) ** 2 + (dy / TARGET.ry) ** 2 + (dz / half_mm) ** 2)
        outside_mm = np.maximum(reached - 1, 0) * TARGET.ry
        relative = (
            0.86 * np.exp(-outside_mm / 16) + 0.16 * np.exp(-outside_mm / 60) + 0.015 * np.cos(dx / 7) * np.cos(dy / 9)
        )
        valley = 1 - 0.55 * np.exp(-(((x - CORD.x) ** 2)[None, :] + ((y - CORD.y) ** 2)[:, None]) / 450)
        inside = body.outline(scan.height(height_mm)).inside(x[None, :], y[:, None])
        planes.append(np.where(inside, np.maximum(relative * valley, 0), 0))
    return DoseGrid(x, y, z, (prescribed_gy * np.stack(planes)).astype(np.float32))
