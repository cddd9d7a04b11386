"""Dose-volume histograms.

Each contour plane represents a slab. The slab is cut by equidistant lines; the segments of a line inside the structure
(even-odd rule, so that holes are preserved) are divided into equal pieces, and each piece is assigned the dose at one
point in it, by trilinear interpolation. The points are spread over the depth of the slab (weighted by the areas of the
neighbouring planes), the line spacing and the length of a piece, because the centre alone would be inaccurate in steep
dose gradients. The maximum dose is also searched for on the faces of the slabs. The line spacing gives about twenty
thousand pieces per structure and is at most 4 mm. Volume outside the dose grid counts as 0 Gy; its fraction is
reported.

The field's library for this, dicompyler-core, was last released in 2023, needs adapting to run with current pydicom,
and counts voxels of the dose grid, which is too coarse for small structures. The tests use it as a reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheets.read.contours import Spans, Structure
    from sheets.read.ct_volume import Frame, Image
    from sheets.read.dose_grid import Dose
    from sheets.read.numbers import Floats

PIECES: Final = 20_000
"""Approximate number of pieces per structure."""

_LENGTH: Final = 3.0
"""Length of a piece relative to its width: volumes are exact along a line and converge with the number of lines."""

FINEST_MM: Final = 0.05
COARSEST_MM: Final = 4.0

_MOST: Final = 0.5

_SPREAD: Final = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
"""Their multiples form a low-discrepancy sequence in a cube: powers of 1/x, where x**4 = x + 1 (Roberts 2018)."""

_FILLED: Final = (0.25, 4.0)
"""Bounds of the volume between a plane and half way to the next, relative to a cylinder."""

_LEAST: Final = 0.05
"""Minimum extent of a body beyond its last plane, as a fraction of the distance to the next slice."""

_HOTTEST: Final = 2000
_HOTTEST_PLANES: Final = 8
"""Number of pieces around which, and of planes in which, the maximum dose is searched for."""


@dataclass(frozen=True, slots=True)
class Dvh:
    """Cumulative dose-volume histogram of a structure."""

    volume_cm3: float
    centre: Floats
    """Centre of the volume in the frame, in mm."""

    gy: Image
    """Doses of its pieces in Gy, in descending order."""

    covered: NDArray[np.float64]
    """Fraction of the volume receiving at least this dose."""

    outside: float
    """Fraction of the volume outside the dose grid."""

    mean_gy: float

    max_gy: float
    """Maximum dose in the structure, including its surface, in Gy."""

    @property
    def known(self) -> bool:
        """Return whether the dose is known for most of the volume, so that its figures are meaningful."""
        return self.outside <= _MOST

    def dose_gy(self, percent: float) -> float:
        """Return the minimum dose in Gy received by this percentage of the volume: D95 for 95."""
        at = int(np.searchsorted(self.covered, percent / 100))
        return float(self.gy[min(at, len(self.gy) - 1)])

    def covered_percent(self, gy: float) -> float:
        """Return the percentage of the volume receiving at least this dose."""
        return float(self.curve(np.array([gy]))[0])

    def curve(self, doses_gy: Floats) -> Floats:
        """Return the percentage of the volume receiving at least each of these doses."""
        above = len(self.gy) - np.searchsorted(self.gy[::-1], doses_gy, side="left")
        return np.where(above > 0, self.covered[above - 1] * 100, 0.0)


def dvh(structure: Structure, dose: Dose, within: Frame) -> Dvh | None:
    """Compute the histogram of a structure; None if it encloses no volume."""
    if not structure.drawn:
        return None
    along, across = within.along
    low, high = structure.ends[:, across].tolist()
    step = _step(structure)
    count = max(int(np.ceil((high - low) / step)), 1)
    step = (high - low) / count or step
    spans = structure.spans(across, along, low + step / 2, step, count)
    pieces = _pieces(structure, spans, low, step, within)
    volume = float(pieces.weights.sum())
    if volume <= 0:
        return None
    gy = dose.at(within.patient(pieces.points))
    highest = _highest(structure, pieces, gy, dose, within)
    unknown = np.isnan(gy)
    gy[unknown] = 0
    order = np.argsort(gy)[::-1]
    return Dvh(
        volume_cm3=volume / 1000,
        centre=np.array([(pieces.weights * each).sum() for each in pieces.points.T]) / volume,
        gy=gy[order],
        covered=np.cumsum(pieces.weights[order]) / volume,
        outside=float(pieces.weights[unknown].sum() / volume),
        mean_gy=float((pieces.weights * gy).sum() / volume),
        max_gy=highest,
    )


class _Pieces(NamedTuple):
    """The pieces of a structure."""

    points: Floats
    """One point per piece, shape (n, 3), in the frame, in mm."""

    weights: Floats
    """Volumes in mm³."""

    plane: NDArray[np.intp]
    """Index of the plane of each piece."""

    ends: Floats
    """Start and end along the line, shape (n, 2)."""

    middle: Floats
    """Position of the line, across it."""

    faces: Floats
    """Start and end of the slab of each plane along the stack, shape (planes, 2)."""


class _Half(NamedTuple):
    """The half-slabs on one side of the planes of a structure; one number for each plane."""

    length: Floats
    """Extent from the plane, in mm."""

    volume: Floats
    """In mm³."""

    lean: Floats
    """Distribution along its length: from -1, mostly at the plane, to 1, mostly at the end."""


def _pieces(structure: Structure, spans: Spans, low: float, step: float, within: Frame) -> _Pieces:
    """Cut the spans into pieces and choose a point in each."""
    along, across = within.along
    length = spans.end - spans.start
    counts = np.maximum(np.rint(length / (_LENGTH * step)), 1).astype(np.intp)
    span = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(span)) - np.repeat(np.cumsum(counts) - counts, counts)
    part, plane = (length / counts)[span], spans.plane[span]
    start: Floats = spans.start[span] + nth * part
    middle = low + (spans.line[span].astype(np.float64) + 0.5) * step
    number = np.arange(1, len(span) + 1).astype(np.float64)
    depth, width, way = (_fraction(number * each) for each in _SPREAD)
    at = structure.planes[0]
    areas: Floats = np.bincount(plane, part * step, minlength=len(at)).astype(np.float64)
    below, above = _halves(structure, areas)
    points = np.empty((len(span), 3))
    points[:, along] = start + way * part
    points[:, across] = middle + (width - 0.5) * step
    points[:, structure.stacked] = at[plane] + _depths(depth, below, above, plane)
    weights = part * step * ((below.volume + above.volume) / np.where(areas > 0, areas, 1.0))[plane]
    faces: Floats = np.column_stack([at - below.length, at + above.length])
    return _Pieces(points, weights, plane, np.column_stack([start, start + part]), middle, faces)


def _fraction(numbers: Floats) -> Floats:
    numbers -= np.floor(numbers)
    return numbers


def _halves(structure: Structure, areas: Floats) -> tuple[_Half, _Half]:
    """Return the half-slabs below and above each plane.

    Between two planes the area follows a cubic Hermite curve, which is exact for a box, a cone and a sphere. Beyond the
    last plane a body continues to narrow at the same rate if it then ends before the next slice, on which nothing was
    drawn; otherwise it ends half way there, as a box does.
    """
    at, stack = structure.planes[0], structure.stack
    slopes = np.zeros(len(areas))
    for piece in np.split(np.arange(len(areas)), np.flatnonzero(stack.missing) + 1):
        if len(piece) > 1:
            slopes[piece] = np.gradient(areas[piece], at[piece])
            rises = np.diff(areas[piece])
            slopes[piece[1:-1][rises[:-1] * rises[1:] < 0]] = 0  # local extremum of the area, possibly with an edge
    joined = np.zeros(len(areas) + 1, dtype=bool)
    joined[1:-1] = stack.missing == 0
    gaps = np.diff(at)
    lower, upper = np.concatenate([[0], gaps]), np.concatenate([gaps, [0]])
    return (
        _half(
            areas,
            np.roll(areas, 1),
            -slopes,
            -np.roll(slopes, 1),
            np.where(joined[:-1], lower, stack.below),
            joined[:-1],
        ),
        _half(
            areas, np.roll(areas, -1), slopes, np.roll(slopes, -1), np.where(joined[1:], upper, stack.above), joined[1:]
        ),
    )


def _half(
    area: Floats, next_area: Floats, slope: Floats, next_slope: Floats, gap: Floats, joined: NDArray[np.bool_]
) -> _Half:
    """Compute one side; slopes are those from the plane towards the next one, or the next slice."""
    flat = area * gap / 2
    inner = gap * ((13 * area + 3 * next_area) / 32 + gap * (11 * slope - 5 * next_slope) / 192)
    edge = np.maximum((area + next_area) / 2 + gap * (slope - next_slope) / 8, 0)
    reach = np.where(slope < 0, np.clip(area / np.where(slope < 0, -slope, 1.0), gap * _LEAST, gap), gap)
    return _Half(
        np.where(joined, gap / 2, np.minimum(reach, gap / 2)),
        np.where(joined, np.clip(inner, flat * _FILLED[0], flat * _FILLED[1]), area * reach / 2),
        np.where(
            joined, (edge - area) / np.maximum(edge + area, np.finfo(float).tiny), np.maximum(1 - gap / reach, -1)
        ),
    )


def _depths(even: Floats, below: _Half, above: _Half, plane: NDArray[np.intp]) -> Floats:
    """Distribute points on both sides of their planes as the volume is distributed."""
    lower: Floats = (below.volume / np.maximum(below.volume + above.volume, np.finfo(float).tiny))[plane]
    down = even < lower
    part = np.where(down, even / np.where(down, lower, 1.0), (even - lower) / np.where(down, 1.0, 1 - lower))
    lean: Floats = np.where(down, below.lean[plane], above.lean[plane])
    length: Floats = np.where(down, -below.length[plane], above.length[plane])
    return _leaning(part, lean) * length


def _leaning(even: Floats, lean: Floats) -> Floats:
    """Map uniform numbers in [0, 1] to ones whose density rises linearly from 1 - lean to 1 + lean."""
    steep = np.abs(lean) > 1e-6
    safe = np.where(steep, lean, 1.0)
    return np.where(steep, (safe - 1 + np.sqrt((1 - safe) ** 2 + 4 * safe * even)) / (2 * safe), even)


def _highest(structure: Structure, pieces: _Pieces, gy: Image, dose: Dose, within: Frame) -> float:
    """Return the maximum dose in Gy of the pieces, the faces of the slabs around the hottest ones, and their contours.

    A structure is a closed body: in a dose that rises along one axis the maximum lies on its surface.
    """
    known = np.nan_to_num(gy)
    hottest = np.argpartition(known, -min(_HOTTEST, len(known)))[-_HOTTEST:]
    order = hottest[np.argsort(known[hottest])[::-1]]
    planes = np.array(list(dict.fromkeys(pieces.plane[order].tolist()))[:_HOTTEST_PLANES])
    along, across = within.along
    corners = np.empty((len(hottest), 2, 3))
    corners[..., along] = pieces.ends[hottest]
    corners[..., across] = pieces.middle[hottest, np.newaxis]
    corners[..., structure.stacked] = 0
    contours = structure.planes[1]
    surfaces = [(plane, contour) for plane in planes for contour in contours[plane]]
    points = np.concatenate([corners.reshape(-1, 3), *(contour for _, contour in surfaces)])
    plane = np.concatenate(
        [np.repeat(pieces.plane[hottest], 2), *(np.full(len(contour), plane) for plane, contour in surfaces)]
    )
    faces = np.concatenate([points, points])
    faces[:, structure.stacked] = pieces.faces[plane].T.ravel()
    return float(max(known.max(), np.nan_to_num(dose.at(within.patient(faces))).max()))


def _step(structure: Structure) -> float:
    """Return the line spacing in mm for the areas that the contours enclose."""
    return min(max(float(np.sqrt(structure.enclosed_mm2 / PIECES / _LENGTH)), FINEST_MM), COARSEST_MM)
