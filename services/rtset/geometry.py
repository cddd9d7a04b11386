"""Where the objects of a set lie in the patient: what must agree where no UID says that they belong together.

All of it is read from headers, in the coordinates of the patient and in mm (PS3.3 C.7.6.2.1.1): the planes of the CT
slices, first and last point of a contour, isocentres, the middle of the dose grid.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.dicom.dataset import View

PLANE_TOLERANCE_MM: Final = 0.1
"""How far from a slice a contour that was drawn on it may lie."""

_ROUNDING_MM: Final = 1e-6
"""Decimal numbers are not exact in a computer."""

SAME_POSITION_MM: Final = 0.01
"""Slices that are nearer to each other are at one position."""

_PARALLEL: Final = 1e-3
"""How much direction cosines of one orientation differ at most: they are written with few digits."""

_POINT_BYTES: Final = 72
"""Three DS values of 16 characters with what parts them, and some to spare: not every system keeps to 16."""


class Point(NamedTuple):
    """A point, or a direction."""

    x: float
    y: float
    z: float

    def along(self, axis: Point) -> float:
        """Return how far it lies along an axis."""
        return self.x * axis.x + self.y * axis.y + self.z * axis.z

    def moved(self, distance_mm: float, axis: Point) -> Point:
        """Return the point that lies so far from this one."""
        return Point(self.x + distance_mm * axis.x, self.y + distance_mm * axis.y, self.z + distance_mm * axis.z)


class Plane(NamedTuple):
    """An image in the patient. PS3.3 C.7.6.2."""

    corner: Point
    """Centre of the first voxel."""

    along_row: Point
    along_column: Point

    width_mm: float
    """From the centre of the first voxel of a row to that of the last one."""

    height_mm: float

    @property
    def normal(self) -> Point:
        """The direction in which slices are stacked."""
        a, b = self.along_row, self.along_column
        return Point(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)

    def is_parallel_to(self, other: Plane) -> bool:
        """Return whether both have one orientation."""
        mine, theirs = (*self.along_row, *self.along_column), (*other.along_row, *other.along_column)
        return all(abs(a - b) <= _PARALLEL for a, b in zip(mine, theirs, strict=True))


def plane(image: View) -> Plane | None:
    """Read where an image lies; None where its header does not say."""
    corner = image.numbers("ImagePositionPatient")
    cosines = image.numbers("ImageOrientationPatient")
    spacing = image.numbers("PixelSpacing")
    rows, columns = image.number("Rows"), image.number("Columns")
    if len(corner) != 3 or len(cosines) != 6 or len(spacing) != 2 or not rows or not columns:
        return None
    return Plane(
        Point(*corner),
        Point(*cosines[:3]),
        Point(*cosines[3:]),
        width_mm=(columns - 1) * spacing[1],
        height_mm=(rows - 1) * spacing[0],
    )


@dataclass(frozen=True, slots=True)
class Volume:
    """The box that parallel slices fill."""

    first: Plane

    positions_mm: tuple[float, ...]
    """Of the slices along their normal, in order."""

    @property
    def gap_mm(self) -> float:
        """What usually lies between two slices; 0 where there is one."""
        return median(self.gaps_mm) if len(self.positions_mm) > 1 else 0.0

    @property
    def gaps_mm(self) -> list[float]:
        """What lies between each two neighbours."""
        return gaps(self.positions_mm)

    def holds(self, point: Point) -> bool:
        """Return whether a point lies in the box; each slice reaches half way to its neighbour."""
        x = point.along(self.first.along_row) - self.first.corner.along(self.first.along_row)
        y = point.along(self.first.along_column) - self.first.corner.along(self.first.along_column)
        z = point.along(self.first.normal)
        reach = self.gap_mm / 2
        return (
            0 <= x <= self.first.width_mm
            and 0 <= y <= self.first.height_mm
            and self.positions_mm[0] - reach <= z <= self.positions_mm[-1] + reach
        )

    def is_apart_from(self, points: Sequence[Point]) -> bool:
        """Return whether all of these points lie beyond one side of the box."""
        return any(max(along) < low or min(along) > high for along, low, high in self._along_its_axes(points) if along)

    def overhang_mm(self, points: Sequence[Point]) -> float:
        """Return how far the outermost of these points lies beyond the box; 0 where none does."""
        return max(
            (
                max(low - min(along), max(along) - high, 0.0)
                for along, low, high in self._along_its_axes(points)
                if along
            ),
            default=0.0,
        )

    def _along_its_axes(self, points: Sequence[Point]) -> list[tuple[list[float], float, float]]:
        """Give, for each axis of the box, where points lie along it, and its two sides."""
        first, reach = self.first, self.gap_mm / 2
        corner = first.corner
        sides = (
            (first.along_row, corner.along(first.along_row), first.width_mm),
            (first.along_column, corner.along(first.along_column), first.height_mm),
        )
        found = [([point.along(axis) for point in points], low, low + width) for axis, low, width in sides]
        along = [point.along(first.normal) for point in points]
        return [*found, (along, self.positions_mm[0] - reach, self.positions_mm[-1] + reach)]

    def slice_of(self, points: Sequence[Point]) -> int | None:
        """Return the index of the slice on which all of these points lie; None where there is none."""
        slices = {self._nearest(point.along(self.first.normal)) for point in points}
        return slices.pop() if len(slices) == 1 else None

    def _nearest(self, z: float) -> int | None:
        reach = PLANE_TOLERANCE_MM + _ROUNDING_MM
        at = bisect_left(self.positions_mm, z - reach)
        near = self.positions_mm[at : at + 1]
        return at if near and near[0] - z <= reach else None


def gaps(positions_mm: Sequence[float]) -> list[float]:
    """Return what lies between neighbours."""
    return [above - below for below, above in pairwise(positions_mm)]


def contour_ends(data: bytes, start: int, end: int) -> tuple[Point, ...]:
    """Read the first and the last point of (3006,0050) *Contour Data*; () where they are no points.

    Whether a contour is on a slice shows at its ends, so that a million coordinates need not be read.
    """
    head = data[start : min(end, start + _POINT_BYTES)].split(b"\\", 3)
    tail = data[max(start, end - _POINT_BYTES) : end].rsplit(b"\\", 3)
    try:
        return Point(*map(float, head[:3])), Point(*map(float, tail[-3:]))
    except (TypeError, ValueError):
        return ()


def contour_points(data: bytes, start: int, end: int) -> list[Point]:
    """Read all points of (3006,0050) *Contour Data*; [] where they are no points."""
    try:
        numbers = list(map(float, data[start:end].strip(b" \0").split(b"\\")))
    except ValueError:
        return []
    return [Point(*numbers[at : at + 3]) for at in range(0, len(numbers) - 2, 3)]


def isocentres(plan: View) -> list[Point]:
    """Read the isocentre of every beam. PS3.3 C.8.8.14.

    (300A,0111) *Control Point Sequence* > (300A,012C) *Isocenter Position*: the first control point states it.
    """
    beams = [
        *((beam, "ControlPointSequence") for beam in plan.items("BeamSequence")),
        *((beam, "IonControlPointSequence") for beam in plan.items("IonBeamSequence")),
    ]
    found = [beam.item(control_points).numbers("IsocenterPosition") for beam, control_points in beams]
    return [Point(*numbers) for numbers in found if len(numbers) == 3]


def source_positions(plan: View) -> list[Point]:
    """Read where the source of a brachytherapy plan stands. PS3.3 C.8.8.15, (300A,02D4) *Control Point 3D Position*."""
    found = [
        point.numbers("ControlPoint3DPosition")
        for setup in plan.items("ApplicationSetupSequence")
        for channel in setup.items("ChannelSequence")
        for point in channel.items("BrachyControlPointSequence")
    ]
    return [Point(*numbers) for numbers in found if len(numbers) == 3]


def dose_centre(dose: View) -> Point | None:
    """Return the middle of the dose grid; None where its header does not say. PS3.3 C.8.8.3.2."""
    first = plane(dose)
    offsets = dose.numbers("GridFrameOffsetVector") or [0.0]
    if first is None:
        return None
    # Whether offsets or positions, the way from the first frame to the last is the same.
    depth = offsets[-1] - offsets[0]
    across = first.corner.moved(first.width_mm / 2, first.along_row).moved(first.height_mm / 2, first.along_column)
    return across.moved(depth / 2, first.normal)


def dose_corners(dose: View) -> list[Point]:
    """Return the centres of the eight outermost voxels of a dose grid; [] where its header does not say."""
    first = plane(dose)
    if first is None:
        return []
    offsets = dose.numbers("GridFrameOffsetVector") or [0.0]
    depths = {min(offsets) - offsets[0], max(offsets) - offsets[0]}
    across = [
        first.corner.moved(along_mm, first.along_row).moved(down_mm, first.along_column)
        for along_mm in (0.0, first.width_mm)
        for down_mm in (0.0, first.height_mm)
    ]
    return [corner.moved(depth, first.normal) for corner in across for depth in sorted(depths)]
