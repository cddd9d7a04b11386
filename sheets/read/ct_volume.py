"""The geometry of the planning CT, and three orthogonal planes through it.

All drawing uses one frame: the CT's own three directions, each named after and pointing along the nearest axis of the
patient (left, posterior, head; PS3.3 C.7.6.2.1.1). For a CT in standard orientation these are patient coordinates; for
prone and decubitus positions or a tilted gantry, no voxel needs to be resampled.

Slices are processed one at a time, each contributing to the planes: a thousand need no more memory than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from pydicom import dcmread

from sheets.read.engine_data import EngineData
from sheets.read.native_pixels import NotNative, native
from sheets.read.numbers import exactly, number, numbers, positive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sheets.read.numbers import Data, Floats

    Image = NDArray[np.float32]

SAGITTAL: Final = 0
CORONAL: Final = 1
AXIAL: Final = 2
"""Names of the planes by the axis perpendicular to them."""

PLANE_NAMES: Final = ("sagittal", "coronal", "axial")
ENDS: Final = (("R", "L"), ("A", "P"), ("F", "H"))
"""The directions at the start and the end of each axis."""

AIR_HU: Final = -1000.0
_EVEN: Final = 0.01
"""Relative tolerance within which slice distances are equal."""


class NotDrawable(Exception):
    """The pixels cannot be decoded: their compression is not supported."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The directions of the drawing frame."""

    axes: Floats
    """Three unit vectors in patient coordinates, one per row: left, posterior, head."""

    stacked: int
    """The axis along which slices are stacked: 2 for axial slices."""

    across: int
    """The axis of a pixel row, reversed if the image's own direction is."""

    @property
    def along(self) -> tuple[int, int]:
        """The two axes within a slice, the lower one first."""
        first, second = (axis for axis in range(3) if axis != self.stacked)
        return first, second

    def of(self, points: Floats) -> Floats:
        """Transform points (n, 3) in mm from patient coordinates to the frame."""
        return turned(points, self.axes)

    def patient(self, points: Floats) -> Floats:
        """Transform points (n, 3) in mm from the frame to patient coordinates."""
        return turned(points, self.axes.T)


def turned(points: Floats, axes: Floats) -> Floats:
    """Return points (n, 3) in other axes, given as three unit vectors in rows.

    Not a matrix product, for which numpy would start threads on all cores.
    """
    if np.array_equal(axes, np.eye(3)):
        return points
    return np.stack([points[:, 0] * x + points[:, 1] * y + points[:, 2] * z for x, y, z in axes], axis=1)


def frame(cosines: Sequence[float] | Floats) -> Frame:
    """Return the frame of a CT for its (0020,0037) *Image Orientation (Patient)*."""
    row, column = np.array(cosines[:3], dtype=float), np.array(cosines[3:], dtype=float)
    axes = np.zeros((3, 3))
    free = [0, 1, 2]
    taken = []
    for direction in (np.cross(row, column), row, column):
        axis = max(free, key=lambda each: abs(direction[each]))
        free.remove(axis)
        taken.append(axis)
        axes[axis] = direction * np.sign(direction[axis]) / np.linalg.norm(direction)
    return Frame(axes, stacked=taken[0], across=taken[1])


class Place(NamedTuple):
    """Geometry of the voxels of one slice, in the frame and in mm; `along` gives the two axes."""

    at: float
    """Position along the stacking axis."""

    first: tuple[float, float]
    """Centre of the first voxel on both axes."""

    step: tuple[float, float]
    size: tuple[int, int]


def place(image: Data, within: Frame) -> Place:
    """Return the geometry of an image. PS3.3 C.7.6.2.

    Raises
    ------
    ValueError
        The geometry is not stated.
    """
    corner = within.of(exactly(image, "ImagePositionPatient", 3)[np.newaxis])[0]
    cosines = exactly(image, "ImageOrientationPatient", 6)
    between_rows, between_columns = positive(image, "PixelSpacing", 2).tolist()
    rows, columns = (int(exactly(image, size, 1)[0]) for size in ("Rows", "Columns"))
    directions = {within.across: (cosines[:3], between_columns, columns)}
    directions[3 - within.stacked - within.across] = (cosines[3:], between_rows, rows)
    first, step, size = [], [], []
    for axis in within.along:
        cosine, spacing, count = directions[axis]
        forward = np.dot(cosine, within.axes[axis]) > 0
        first.append(float(corner[axis]) - (0 if forward else (count - 1) * spacing))
        step.append(spacing)
        size.append(count)
    return Place(float(corner[within.stacked]), (first[0], first[1]), (step[0], step[1]), (size[0], size[1]))


def position(voxel: tuple[int, ...], lies: Place, within: Frame) -> Floats:
    """Return the centre of a voxel [second, first] of a slice in patient coordinates, in mm."""
    point = np.empty((1, 3))
    point[0, within.stacked] = lies.at
    for axis, first, step, index in zip(within.along, lies.first, lies.step, voxel[::-1], strict=True):
        point[0, axis] = first + index * step
    return np.asarray(within.patient(point)[0])


def pixels(image: Data) -> NDArray[np.generic]:
    """Decode the pixels of an image or a dose.

    Raises
    ------
    NotDrawable
        There are none, or their compression is not supported.
    """
    try:
        if not isinstance(image, EngineData):
            return image.pixel_array
        assert image.file is not None
        try:
            return native(image)
        except NotNative:
            return dcmread(image.file.file.path, force=True).pixel_array
    except (NotImplementedError, RuntimeError, ValueError, AttributeError) as error:
        raise NotDrawable from error


@dataclass(frozen=True, slots=True)
class Slice:
    """The voxels of one slice, [second, first], with indices along the frame's axes; converted to HU on access."""

    stored: NDArray[np.generic]
    slope: float
    intercept: float

    def __getitem__(self, voxels: Any) -> Image:
        """Return the Hounsfield units of some or, for [...], all voxels."""
        some: Image = self.stored[voxels].astype(np.float32)
        return some * np.float32(self.slope) + np.float32(self.intercept)


def read_slice(image: Data, within: Frame) -> Slice:
    """Decode the pixels of a slice and orient them along the frame.

    Raises
    ------
    NotDrawable
        Their compression is not supported, or their rescale values are not numbers.
    """
    slope, intercept = number(image, "RescaleSlope"), number(image, "RescaleIntercept")
    if (slope is None and "RescaleSlope" in image) or (intercept is None and "RescaleIntercept" in image):
        raise NotDrawable
    values = pixels(image)
    cosines = numbers(image, "ImageOrientationPatient")
    down = 3 - within.stacked - within.across
    if np.dot(cosines[:3], within.axes[within.across]) < 0:
        values = values[:, ::-1]
    if np.dot(cosines[3:], within.axes[down]) < 0:
        values = values[::-1]
    turned_values = values if within.across < down else values.T
    return Slice(turned_values, 1.0 if slope is None else slope, intercept or 0.0)


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane through the CT, on a regular grid."""

    normal: int
    at_mm: float

    values: Image
    """HU, [up, across], with indices along the frame's axes."""

    first_mm: tuple[float, float]
    """Centre of the first voxel: across, up."""

    step_mm: tuple[float, float]

    @property
    def axes(self) -> tuple[int, int]:
        """Return the axes of the plane: across, up."""
        across, up = (axis for axis in range(3) if axis != self.normal)
        return across, up

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """Return the bounds, including the outer half voxels: first and last across, first and last up, in mm."""
        edges = []
        for first, step, count in zip(self.first_mm, self.step_mm, self.values.shape[::-1], strict=True):
            edges += [first - step / 2, first + (count - 0.5) * step]
        return edges[0], edges[1], edges[2], edges[3]


class _Voxels(NamedTuple):
    """Voxels of a plane along one axis, and the corresponding voxels of a slice."""

    ours: NDArray[np.intp]
    theirs: NDArray[np.intp]


class Planes:
    """Three planes through one point, filled slice by slice.

    Parameters
    ----------
    places
        Geometry of all slices, in stacking order.
    through
        The point, in the frame, in mm. Each plane goes through the nearest voxel centres.
    outside
        Value where no slice has a voxel.
    """

    def __init__(self, within: Frame, places: Sequence[Place], through: Floats, *, outside: float = AIR_HU) -> None:
        self._frame = within
        self._at = np.array([one.at for one in places])
        # Voxel sizes may vary between slices, and with a tilted gantry each slice is offset.
        self._step = np.array([one.step for one in places]).min(axis=0)
        starts = np.array([one.first for one in places])
        ends = starts + (np.array([one.size for one in places]) - 1) * np.array([one.step for one in places])
        self._first = starts.min(axis=0)
        counts = np.rint((ends.max(axis=0) - self._first) / self._step).astype(int) + 1
        target = np.array([through[axis] for axis in within.along])
        self._index = np.clip(np.rint((target - self._first) / self._step), 0, counts - 1).astype(int)
        self._slice = int(np.abs(self._at - through[within.stacked]).argmin())
        self._whole = np.full((counts[1], counts[0]), outside, np.float32)
        self._lines = [np.full((len(places), counts[1 - each]), outside, np.float32) for each in range(2)]
        self._known: dict[tuple[int, float, float, int], _Voxels] = {}

    def add(self, number: int, lies: Place, values: Image | Slice) -> None:
        """Copy a slice's part into each plane.

        Parameters
        ----------
        number
            Index of the slice, from 0, in the order of `places`.
        values
            Its voxels [second, first]; only those needed are accessed.
        """
        columns, rows = (self._nearest(each, lies) for each in range(2))
        if number == self._slice:
            self._whole[np.ix_(rows.ours, columns.ours)] = values[np.ix_(rows.theirs, columns.theirs)]
        for each, (cut, along) in enumerate(((columns, rows), (rows, columns))):
            here = cut.theirs[cut.ours == self._index[each]]
            if len(here):
                voxels = (along.theirs, here[0]) if each == 0 else (here[0], along.theirs)
                self._lines[each][number, along.ours] = values[voxels]

    def _nearest(self, each: int, lies: Place) -> _Voxels:
        """Return the voxels of a slice nearest to ours along one axis; none beyond the edges of the slice."""
        key = each, lies.first[each], lies.step[each], lies.size[each]
        if key not in self._known:
            self._known[key] = self._search(each, lies)
        return self._known[key]

    def _search(self, each: int, lies: Place) -> _Voxels:
        count = self._whole.shape[1 - each]
        at = (self._first[each] + np.arange(count) * self._step[each] - lies.first[each]) / lies.step[each]
        theirs = np.rint(at).astype(np.intp)
        ours = np.flatnonzero((theirs >= 0) & (theirs < lies.size[each]))
        return _Voxels(ours, theirs[ours])

    def made(self) -> tuple[Plane, Plane, Plane]:
        """Return the planes: axial, coronal, sagittal."""
        stacked, along = self._frame.stacked, self._frame.along
        at = [float(number) for number in self._first + self._index * self._step]
        planes = {stacked: self._plane(stacked, float(self._at[self._slice]), self._whole, None)}
        for each, normal in enumerate(along):
            planes[normal] = self._plane(normal, at[each], self._lines[each], along[1 - each])
        return planes[AXIAL], planes[CORONAL], planes[SAGITTAL]

    def _plane(self, normal: int, at_mm: float, values: Image, other: int | None) -> Plane:
        first = dict(zip(self._frame.along, map(float, self._first), strict=True))
        step = dict(zip(self._frame.along, self._step, strict=True))
        stacked = self._frame.stacked
        if other is not None:
            rows, step[stacked] = _even(self._at)
            first[stacked] = float(self._at[0])
            values = values[rows]
            if other > stacked:
                values = values.T
        across, up = (axis for axis in range(3) if axis != normal)
        return Plane(normal, at_mm, values, (first[across], first[up]), (step[across], step[up]))


def _even(positions: Floats) -> tuple[NDArray[np.intp], float]:
    """Return the nearest slice at each step of a regular grid, and the step in mm."""
    if len(positions) == 1:
        return np.zeros(1, dtype=np.intp), 1.0
    gaps = np.diff(positions)
    if gaps.max() - gaps.min() <= _EVEN * gaps.max():
        return np.arange(len(positions)), float(gaps.mean())
    step = float(gaps.min())
    grid = np.arange(positions[0], positions[-1] + step / 2, step)
    return np.searchsorted((positions[:-1] + positions[1:]) / 2, grid), step
