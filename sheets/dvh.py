"""Dose-volume histograms.

Each contour plane stands for a slab. It is cut by even lines; what of a line lies inside the structure (even and odd
crossings, so that holes are holes) is cut into equal pieces, and each piece has the dose of one point in it,
interpolated linearly in three directions. The points are spread through the depth of the slab (as the areas of its
neighbours say), the width between two lines and the length of a piece: where the dose falls steeply, along whichever
axis, its middle alone would not do. The highest dose is looked for at the faces of the slabs too. Lines are so close
that a structure has some twenty thousand pieces, and never further apart than 4 mm. What lies outside the dose
grid counts as 0 Gy, and how much that is is told.

Of the field's libraries the one for this, dicompyler-core, had its last release in 2023, needs help to run with today's
pydicom, and counts voxels of the dose grid, which is too coarse for small structures. It is the judge in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheets.read.contours import Spans, Structure
    from sheets.read.ct_volume import Floats, Frame, Image
    from sheets.read.dose_grid import Dose

PIECES: Final = 20_000
"""About how many of them a structure is cut into."""

_LENGTH: Final = 3.0
"""How long a piece is, in its width: volumes are exact along a line, and come closer with each line."""

FINEST_MM: Final = 0.05
COARSEST_MM: Final = 4.0

_MOST: Final = 0.5

_SPREAD: Final = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
"""Multiples of these fill a cube as evenly as is known: powers of 1/x, where x**4 = x + 1 (Roberts 2018)."""

_FILLED: Final = (0.25, 4.0)
"""What lies between a plane and half way to the next is at least and at most so much of a cylinder."""

_LEAST: Final = 0.05
"""Of the distance to the next slice: so far a body reaches beyond its last plane, however quickly it narrows."""

_HOTTEST: Final = 2000
_HOTTEST_PLANES: Final = 8
"""Around so many pieces, and in so many planes, the highest dose is looked for."""


@dataclass(frozen=True, slots=True)
class Dvh:
    """How much of a structure gets which dose."""

    volume_cm3: float
    centre: Floats
    """Of the volume, in the frame, in mm."""

    gy: Image
    """Doses of its pieces, the highest first."""

    covered: NDArray[np.float64]
    """Part of the volume that gets at least this dose."""

    outside: float
    """Part of the volume that lies outside the dose grid."""

    mean_gy: float

    max_gy: float
    """The highest dose in the structure, its surface included."""

    @property
    def known(self) -> bool:
        """Return whether the dose of most of the volume is known, so that its figures say something."""
        return self.outside <= _MOST

    def dose_gy(self, percent: float) -> float:
        """Return the dose that at least so many per cent of the volume get: D95 with 95."""
        at = int(np.searchsorted(self.covered, percent / 100))
        return float(self.gy[min(at, len(self.gy) - 1)])

    def covered_percent(self, gy: float) -> float:
        """Return how many per cent of the volume get at least this dose."""
        return float(self.curve(np.array([gy]))[0])

    def curve(self, doses_gy: Floats) -> Floats:
        """Return how many per cent of the volume get at least each of these doses."""
        above = len(self.gy) - np.searchsorted(self.gy[::-1], doses_gy, side="left")
        return np.where(above > 0, self.covered[above - 1] * 100, 0.0)


def dvh(structure: Structure, dose: Dose, within: Frame) -> Dvh | None:
    """Work out the histogram of a structure; None where it encloses nothing."""
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
    """What a structure is cut into."""

    points: Floats
    """One in each (n, 3), in the frame."""

    weights: Floats
    """Their volumes, in mm³."""

    plane: NDArray[np.intp]
    """Number of the plane each belongs to."""

    ends: Floats
    """From and to (n, 2) along the line."""

    middle: Floats
    """Of the line, across."""

    faces: Floats
    """From and to (planes, 2) of what each plane stands for, along the stack."""


class _Half(NamedTuple):
    """What lies on one side of the planes of a structure; one number for each plane."""

    length: Floats
    """How far it reaches from the plane, in mm."""

    volume: Floats
    """In mm³."""

    lean: Floats
    """How it is spread along its length: from -1, most of it at the plane, to 1, most of it at the end."""


def _pieces(structure: Structure, spans: Spans, low: float, step: float, within: Frame) -> _Pieces:
    """Cut the spans into pieces, and choose a point in each."""
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
    """Return what lies below and above each plane.

    Between two planes the area follows a smooth curve through those of the planes (cubic, by Hermite), which it is
    exactly for a box, a cone and a sphere. Beyond the last plane a body goes on to narrow as it did, where that ends
    before the next slice, on which nothing was drawn; else it ends half way there, as a box does.
    """
    at, stack = structure.planes[0], structure.stack
    slopes = np.zeros(len(areas))
    for piece in np.split(np.arange(len(areas)), np.flatnonzero(stack.missing) + 1):
        if len(piece) > 1:
            slopes[piece] = np.gradient(areas[piece], at[piece])
            rises = np.diff(areas[piece])
            slopes[piece[1:-1][rises[:-1] * rises[1:] < 0]] = 0  # widest or narrowest here, perhaps with an edge
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
    """Work out one side; slopes are those on the way from the plane to the next one, or to the next slice."""
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
    """Spread points along both sides of their planes, as the body is spread."""
    lower: Floats = (below.volume / np.maximum(below.volume + above.volume, np.finfo(float).tiny))[plane]
    down = even < lower
    part = np.where(down, even / np.where(down, lower, 1.0), (even - lower) / np.where(down, 1.0, 1 - lower))
    lean: Floats = np.where(down, below.lean[plane], above.lean[plane])
    length: Floats = np.where(down, -below.length[plane], above.length[plane])
    return _leaning(part, lean) * length


def _leaning(even: Floats, lean: Floats) -> Floats:
    """Make of numbers that are spread evenly between 0 and 1 such of a density that rises from 1 - lean to 1 + lean."""
    steep = np.abs(lean) > 1e-6
    safe = np.where(steep, lean, 1.0)
    return np.where(steep, (safe - 1 + np.sqrt((1 - safe) ** 2 + 4 * safe * even)) / (2 * safe), even)


def _highest(structure: Structure, pieces: _Pieces, gy: Image, dose: Dose, within: Frame) -> float:
    """Look for the highest dose: in the pieces, at the faces of the slab around the hottest, and at their contours.

    A structure is a closed body: in a dose that rises along one axis the highest lies on its surface.
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
    """Choose how far apart lines are, by the areas that the contours enclose."""
    return min(max(float(np.sqrt(structure.enclosed_mm2 / PIECES / _LENGTH)), FINEST_MM), COARSEST_MM)
