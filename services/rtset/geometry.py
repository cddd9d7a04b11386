"""Positions of a set's objects in the patient, which must agree where no UID shows that they belong together.

Everything is read from headers, in patient coordinates and mm (PS3.3 C.7.6.2.1.1): planes of the CT slices, first and
last points of contours, isocentres, the centre of the dose grid.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, degrees, sqrt
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import dictionary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.dicom.dataset import View
    from services.dicom.elements import Element, Item

PLANE_TOLERANCE_MM: Final = 0.1
"""Maximum distance of a contour from the slice it was drawn on."""

_ROUNDING_MM: Final = 1e-6
"""Tolerance for the rounding of decimal numbers."""

SAME_POSITION_MM: Final = 0.01
"""Slices closer than this have the same position."""

_PARALLEL: Final = 1e-3
"""Maximum difference of direction cosines of equal orientations, which are written with few digits."""

_POINT_BYTES: Final = 72
"""Three DS values of 16 characters with separators, plus a reserve, since not all systems keep to 16."""

_ROI_CONTOURS: Final = dictionary.tag("ROIContourSequence")
_REFERENCED_ROI: Final = dictionary.tag("ReferencedROINumber")
_CONTOURS: Final = dictionary.tag("ContourSequence")
_CONTOUR_IMAGES: Final = dictionary.tag("ContourImageSequence")
_REFERENCED_INSTANCE: Final = dictionary.tag("ReferencedSOPInstanceUID")
_GEOMETRIC_TYPE: Final = dictionary.tag("ContourGeometricType")
_POINTS: Final = dictionary.tag("NumberOfContourPoints")
_CONTOUR_DATA: Final = dictionary.tag("ContourData")


class Point(NamedTuple):
    """A point, or a direction."""

    x: float
    y: float
    z: float

    def along(self, axis: Point) -> float:
        """Return the coordinate along an axis, in mm."""
        return self.x * axis.x + self.y * axis.y + self.z * axis.z

    def moved(self, distance_mm: float, axis: Point) -> Point:
        """Return the point at a distance along an axis."""
        return Point(self.x + distance_mm * axis.x, self.y + distance_mm * axis.y, self.z + distance_mm * axis.z)


class Plane(NamedTuple):
    """Plane of an image in the patient. PS3.3 C.7.6.2."""

    corner: Point
    """Centre of the first voxel."""

    along_row: Point
    along_column: Point

    width_mm: float
    """From the centre of the first voxel of a row to that of the last, in mm."""

    height_mm: float

    @property
    def normal(self) -> Point:
        """Stacking direction of the slices."""
        a, b = self.along_row, self.along_column
        return Point(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)

    def is_parallel_to(self, other: Plane) -> bool:
        """Return whether both have the same orientation."""
        mine, theirs = (*self.along_row, *self.along_column), (*other.along_row, *other.along_column)
        return all(abs(a - b) <= _PARALLEL for a, b in zip(mine, theirs, strict=True))

    def turned_degrees(self, other: Plane) -> float:
        """Return the largest angle between an axis of this image and the nearest axis of another.

        0 if the difference is within the precision of written direction cosines.
        """
        axes = (other.along_row, other.along_column, other.normal)
        off = max(self._turned(mine, axes) for mine in (self.along_row, self.along_column))
        return degrees(off) if off > _PARALLEL * sqrt(2) else 0.0

    @staticmethod
    def _turned(mine: Point, axes: Sequence[Point]) -> float:
        """Return the angle, in radians, between an axis and the nearest of several."""
        along = [mine.along(axis) for axis in axes]
        nearest = max(map(abs, along))
        return atan2(sqrt(max(sum(one * one for one in along) - nearest * nearest, 0.0)), nearest)


def plane(image: View) -> Plane | None:
    """Return the plane of an image; None if its header does not determine it."""
    corner = image.numbers("ImagePositionPatient")
    cosines = image.numbers("ImageOrientationPatient")
    spacing = image.numbers("PixelSpacing")
    rows, columns = image.number("Rows"), image.number("Columns")
    if len(corner) != 3 or len(cosines) != 6 or len(spacing) != 2 or min(spacing) <= 0 or not rows or not columns:
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
    """Box filled by parallel slices."""

    first: Plane

    positions_mm: tuple[float, ...]
    """Positions of the slices along their normal in mm, ascending."""

    @property
    def gap_mm(self) -> float:
        """Usual distance between slices in mm; 0 for a single slice."""
        return median(self.gaps_mm) if len(self.positions_mm) > 1 else 0.0

    @property
    def gaps_mm(self) -> list[float]:
        """Distances between adjacent slices, in mm."""
        return gaps(self.positions_mm)

    def holds(self, point: Point) -> bool:
        """Return whether a point is in the box; each slice extends half way to its neighbour."""
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
        """Return whether all points are beyond one side of the box."""
        return any(max(along) < low or min(along) > high for along, low, high in self._along_its_axes(points) if along)

    def overhang_mm(self, points: Sequence[Point]) -> float:
        """Return the distance of the outermost point beyond the box, in mm; 0 if none is outside."""
        return max(
            (
                max(low - min(along), max(along) - high, 0.0)
                for along, low, high in self._along_its_axes(points)
                if along
            ),
            default=0.0,
        )

    def _along_its_axes(self, points: Sequence[Point]) -> list[tuple[list[float], float, float]]:
        """Return for each axis of the box the points' coordinates along it, and its two sides."""
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
        """Return the index of the slice that contains all points; None if there is none."""
        slices = {self._nearest(point.along(self.first.normal)) for point in points}
        return slices.pop() if len(slices) == 1 else None

    def _nearest(self, z: float) -> int | None:
        reach = PLANE_TOLERANCE_MM + _ROUNDING_MM
        at = bisect_left(self.positions_mm, z - reach)
        near = self.positions_mm[at : at + 1]
        return at if near and near[0] - z <= reach else None


def gaps(positions_mm: Sequence[float]) -> list[float]:
    """Return the distances between adjacent positions, in mm."""
    return [above - below for below, above in pairwise(positions_mm)]


class Contour(NamedTuple):
    """One contour of a structure set. PS3.3 C.8.8.6."""

    roi_number: str
    kind: bytes
    """(3006,0042) *Contour Geometric Type*; b'' if absent."""

    images: Sequence[str]
    """SOP Instance UIDs of the images it references."""

    stated_points: bytes
    """(3006,0046) *Number of Contour Points*; b'' if absent."""

    start: int
    end: int
    """End of its coordinates in the data set."""

    def ends(self, data: bytes) -> tuple[Point, ...]:
        """Return its first and last point."""
        return contour_ends(data, self.start, self.end)


def contours(data: bytes, structure_set: Sequence[Element]) -> Iterator[Contour]:
    """Yield all contours of a structure set, points included.

    There are thousands, so this reads the element stream directly.
    """
    read: dict[bytes, str] = {}
    for _, _, _, roi in _items(structure_set, _ROI_CONTOURS):
        number = _value(data, roi, _REFERENCED_ROI).strip(b"\0 ").decode("latin-1")
        for _, _, _, contour in _items(roi, _CONTOURS):
            kind = points = b""
            start = end = 0
            images: list[str] = []
            for tag, _, _, value, stop, items in contour:
                if tag == _CONTOUR_DATA:
                    start, end = value, stop
                elif tag == _GEOMETRIC_TYPE:
                    kind = data[value:stop].strip(b" \0")
                elif tag == _POINTS:
                    points = data[value:stop].strip(b" \0")
                elif tag == _CONTOUR_IMAGES:
                    for _, _, _, image in items or ():
                        raw = _value(data, image, _REFERENCED_INSTANCE)
                        uid = read.get(raw)
                        if uid is None:
                            uid = read[raw] = raw.rstrip(b"\0 ").decode("latin-1")  # each byte tells, as in `UidMap`
                        images.append(uid)
            yield Contour(number, kind, images, points, start, end)


def _items(elements: Sequence[Element], sequence: int) -> list[Item]:
    return next((element[5] for element in elements if element[0] == sequence and element[5]), [])


def _value(data: bytes, elements: Sequence[Element], tag: int) -> bytes:
    for element in elements:
        if element[0] == tag:
            return data[element[3] : element[4]]
    return b""


def contour_ends(data: bytes, start: int, end: int) -> tuple[Point, ...]:
    """Return the first and the last point of (3006,0050) *Contour Data*; () if invalid.

    The ends of a contour show whether it is on a slice, so a million coordinates need not be read.
    """
    head = data[start : min(end, start + _POINT_BYTES)].split(b"\\", 3)
    tail = data[max(start, end - _POINT_BYTES) : end].rsplit(b"\\", 3)
    try:
        return Point(*map(float, head[:3])), Point(*map(float, tail[-3:]))
    except (TypeError, ValueError):
        return ()


def contour_points(data: bytes, start: int, end: int) -> list[Point]:
    """Return all points of (3006,0050) *Contour Data*; [] if invalid."""
    try:
        numbers = list(map(float, data[start:end].strip(b" \0").split(b"\\")))
    except ValueError:
        return []
    return [Point(*numbers[at : at + 3]) for at in range(0, len(numbers) - 2, 3)]


def beams(plan: View) -> Iterator[tuple[View, str]]:
    """Yield each beam of a plan, and the keyword of its sequence of control points. PS3.3 C.8.8.14, C.8.8.25."""
    yield from ((beam, "ControlPointSequence") for beam in plan.items("BeamSequence"))
    yield from ((beam, "IonControlPointSequence") for beam in plan.items("IonBeamSequence"))


def isocentres(plan: View) -> list[Point]:
    """Return the isocentre of every beam. PS3.3 C.8.8.14.

    (300A,0111) *Control Point Sequence* > (300A,012C) *Isocenter Position*: the first control point states it.
    """
    found = [beam.item(control_points).numbers("IsocenterPosition") for beam, control_points in beams(plan)]
    return [Point(*numbers) for numbers in found if len(numbers) == 3]


def source_positions(plan: View) -> list[Point]:
    """Return the source positions of a brachytherapy plan. PS3.3 C.8.8.15, (300A,02D4) *Control Point 3D Position*."""
    found = [
        point.numbers("ControlPoint3DPosition")
        for setup in plan.items("ApplicationSetupSequence")
        for channel in setup.items("ChannelSequence")
        for point in channel.items("BrachyControlPointSequence")
    ]
    return [Point(*numbers) for numbers in found if len(numbers) == 3]


def frame_depths(offsets: Sequence[float], corner_z_mm: float, normal_z: float) -> list[float]:
    """Return the distances in mm of a dose's frames from the first one, along the normal. PS3.3 C.8.8.3.2.

    (3004,000C) *Grid Frame Offset Vector* has offsets along the normal, or the z coordinates of the frames if its first
    value is that of the first frame: of a patient scanned feet first they run against the normal.
    """
    are_positions = offsets[0] != 0 and abs(offsets[0] - corner_z_mm) <= SAME_POSITION_MM
    way = -1.0 if are_positions and normal_z < _PARALLEL - 1 else 1.0
    return [way * (offset - offsets[0]) for offset in offsets]


def dose_centre(dose: View) -> Point | None:
    """Return the centre of the dose grid; None if its header does not determine it. PS3.3 C.8.8.3.2."""
    first = plane(dose)
    if first is None:
        return None
    depth = _depths(dose, first)[-1]
    across = first.corner.moved(first.width_mm / 2, first.along_row).moved(first.height_mm / 2, first.along_column)
    return across.moved(depth / 2, first.normal)


def _depths(dose: View, first: Plane) -> list[float]:
    return frame_depths(dose.numbers("GridFrameOffsetVector") or [0.0], first.corner.z, first.normal.z)


def dose_corners(dose: View, first: Plane | None = None) -> list[Point]:
    """Return the centres of the eight corner voxels of a dose grid; [] if its header does not determine them.

    Parameters
    ----------
    first
        Plane of its first frame, if already known.
    """
    first = first or plane(dose)
    if first is None:
        return []
    frames = _depths(dose, first)
    depths = {min(frames), max(frames)}
    across = [
        first.corner.moved(along_mm, first.along_row).moved(down_mm, first.along_column)
        for along_mm in (0.0, first.width_mm)
        for down_mm in (0.0, first.height_mm)
    ]
    return [corner.moved(depth, first.normal) for corner in across for depth in sorted(depths)]
