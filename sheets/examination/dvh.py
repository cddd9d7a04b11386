"""Dose-volume histograms.

Each contour plane represents a slab. The slab is cut by equidistant lines; the segments of a line inside the structure
(even-odd rule, so that holes are preserved) are divided into equal pieces, and each piece is assigned the dose at one
point in it, by trilinear interpolation (the module `slabs` has their volumes). The points are spread over the depth of
the slab (weighted by the areas of the neighbouring planes), the line spacing and the length of a piece, because the
centre alone would be inaccurate in steep dose gradients. Where a contour and its neighbour are alike in shape, as they
are in a sphere or a cone, the points move sideways with their depth, so that the slab narrows instead of ending in a
stair. The maximum dose is also searched for on the contours and on both ends of the structure. The line spacing gives
about twenty thousand pieces per structure and is at most 4 mm. Volume outside the dose grid counts as 0 Gy; its
fraction is reported, and a dose that would have to be received there is unknown.

The field's library for this, dicompyler-core, was last released in 2023, needs adapting to run with current pydicom,
and counts voxels of the dose grid, which is too coarse for small structures. The tests use it as a reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sheets.examination.slabs import Half, halves, outlines_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheets.examination.slabs import Outlines
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
_ROUNDING: Final = 1e-9

_SPREAD: Final = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
"""Their multiples form a low-discrepancy sequence in a cube: powers of 1/x, where x**4 = x + 1 (Roberts 2018)."""

_RINGS: Final = (0.25, 0.5, 0.75, 0.9, 1.0)
"""Depths in a closing end, relative to its length, at which the maximum dose is searched for."""

_FINE: Final = 500
_FINE_MM3: Final = 0.5
_MOST_PARTS: Final = 16
"""Number of the hottest pieces that are divided, their size then in mm³, and the maximum number of their parts: D0.03cc
is that of few pieces in a large structure, or in a corner."""

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

    @property
    def min_gy(self) -> float | None:
        """Minimum dose in Gy; None if a part of the volume is outside the dose grid."""
        return float(self.gy[-1]) if self.outside == 0 else None

    def dose_gy(self, percent: float) -> float | None:
        """Return the minimum dose in Gy received by this percentage of the volume: D95 for 95.

        None if less of the volume is in the dose grid.
        """
        if percent / 100 > 1 - self.outside + _ROUNDING:
            return None
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
    weights, volume = pieces.weights, float(pieces.weights.sum())
    if volume <= 0:
        return None
    every = np.arange(len(weights))
    points = _points(structure, pieces, every, every, within)
    gy = dose.at(within.patient(points))
    highest = _highest(structure, pieces, gy, dose, within)
    times = min(int(np.ceil(volume / len(weights) / _FINE_MM3)), _MOST_PARTS)
    if times > 1:
        # By the dose in their middles: their own points, chosen for being hot, would be hotter than the pieces.
        likely = np.flatnonzero(np.isin(pieces.plane, _hot_planes(pieces, gy)))
        hot = likely[_hottest(dose.at(within.patient(_middles(structure, pieces, likely, within))), _FINE)]
        finer = _points(structure, pieces, np.repeat(hot, times), len(weights) + np.arange(len(hot) * times), within)
        points = np.concatenate([np.delete(points, hot, axis=0), finer])
        gy = np.concatenate([np.delete(gy, hot), dose.at(within.patient(finer))])
        weights = np.concatenate([np.delete(weights, hot), np.repeat(weights[hot] / times, times)])
        highest = max(highest, float(np.nan_to_num(gy).max()))
    unknown = np.isnan(gy)
    gy[unknown] = 0
    order = np.argsort(gy)[::-1]
    return Dvh(
        volume_cm3=volume / 1000,
        centre=np.array([(weights * each).sum() for each in points.T]) / volume,
        gy=gy[order],
        covered=np.cumsum(weights[order]) / volume,
        outside=float(weights[unknown].sum() / volume),
        mean_gy=float((weights * gy).sum() / volume),
        max_gy=highest,
    )


class _Pieces(NamedTuple):
    """The pieces of a structure."""

    weights: Floats
    """Volumes in mm³."""

    plane: NDArray[np.intp]
    """Index of the plane of each piece."""

    ends: Floats
    """Start and end along the line, shape (n, 2)."""

    middle: Floats
    """Position of the line, across it."""

    step: float
    """Distance of the lines, in mm."""

    halves: tuple[Half, Half]
    """The half-slabs below and above each plane."""

    outlines: Outlines


def _pieces(structure: Structure, spans: Spans, low: float, step: float, within: Frame) -> _Pieces:
    """Cut the spans into pieces."""
    length = spans.end - spans.start
    counts = np.maximum(np.rint(length / (_LENGTH * step)), 1).astype(np.intp)
    span = np.repeat(np.arange(len(counts)), counts)
    nth = np.arange(len(span)) - np.repeat(np.cumsum(counts) - counts, counts)
    part, plane = (length / counts)[span], spans.plane[span]
    start: Floats = spans.start[span] + nth * part
    middle = low + (spans.line[span].astype(np.float64) + 0.5) * step
    areas: Floats = np.bincount(plane, part * step, minlength=len(structure.planes[0])).astype(np.float64)
    outlines = outlines_of(structure, within.along)
    below, above = halves(structure, areas, outlines)
    weights = part * step * ((below.volume + above.volume) / np.where(areas > 0, areas, 1.0))[plane]
    return _Pieces(weights, plane, np.column_stack([start, start + part]), middle, step, (below, above), outlines)


def _points(
    structure: Structure, pieces: _Pieces, chosen: NDArray[np.intp], numbers: NDArray[np.intp], within: Frame
) -> Floats:
    """Return a point (n, 3) in each of the chosen pieces, in the frame, in mm; `numbers` continue the sequence."""
    along, across = within.along
    (below, above), outlines, at = pieces.halves, pieces.outlines, structure.planes[0]
    plane, (start, end) = pieces.plane[chosen], pieces.ends[chosen].T
    depth, width, way = (_fraction((numbers + 1.0) * each) for each in _SPREAD)
    depths = _depths(depth, below, above, plane)
    # Both sides at once: those below the planes, then those above.
    both = Half(*(np.concatenate(one) for one in zip(below, above, strict=True)))
    side, centre = np.where(depths < 0, plane, plane + len(at)), np.concatenate([outlines.centre, outlines.centre])
    points = np.empty((len(chosen), 3))
    points[:, structure.stacked] = at[plane] + depths
    np.abs(depths, out=depths)
    points[:, along] = both.narrowed(start + way * (end - start), depths, side, centre, 0)
    points[:, across] = both.narrowed(pieces.middle[chosen] + (width - 0.5) * pieces.step, depths, side, centre, 1)
    return points


def _middles(structure: Structure, pieces: _Pieces, chosen: NDArray[np.intp], within: Frame) -> Floats:
    """Return the middles (n, 3) of the chosen pieces, in their planes."""
    along, across = within.along
    points = np.empty((len(chosen), 3))
    points[:, along] = pieces.ends[chosen].mean(axis=1)
    points[:, across] = pieces.middle[chosen]
    points[:, structure.stacked] = structure.planes[0][pieces.plane[chosen]]
    return points


def _hot_planes(pieces: _Pieces, gy: Image) -> list[int]:
    """Return the planes of the hottest pieces, the hottest first."""
    hottest = _hottest(gy, _HOTTEST)
    order = hottest[np.argsort(np.nan_to_num(gy[hottest]))[::-1]]
    return list(dict.fromkeys(pieces.plane[order].tolist()))[:_HOTTEST_PLANES]


def _hottest(gy: Image, count: int) -> NDArray[np.intp]:
    return np.argpartition(np.nan_to_num(gy), -min(count, len(gy)))[-count:]


def _fraction(numbers: NDArray[np.floating]) -> Floats:
    fraction: Floats = numbers - np.floor(numbers)
    return fraction


def _depths(even: Floats, below: Half, above: Half, plane: NDArray[np.intp]) -> Floats:
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
    """Return the maximum dose in Gy of the pieces, of the contours of the hottest planes, and of the structure's ends.

    A structure is a closed body: in a dose that rises along one axis the maximum lies on its surface.
    """
    hottest, hot = _hottest(gy, _HOTTEST), dict.fromkeys(_hot_planes(pieces, gy))
    last = np.flatnonzero(pieces.halves[0].ends | pieces.halves[1].ends)
    along, across = within.along
    at, contours = structure.planes
    centre = pieces.outlines.centre
    surface = []
    for plane in {**hot, **dict.fromkeys(last.tolist())}:
        here = hottest[pieces.plane[hottest] == plane]
        corners = np.empty((len(here), 2, 3))
        corners[..., along] = pieces.ends[here]
        corners[..., across] = pieces.middle[here, np.newaxis]
        corners[..., structure.stacked] = at[plane]
        points = np.concatenate([corners.reshape(-1, 3), *contours[plane]])
        surface.append(points)
        for half, way in zip(pieces.halves, (-1, 1), strict=True):
            if half.ends[plane]:
                narrows = bool(half.first[plane].any())
                for part in _RINGS if narrows else _RINGS[-1:]:
                    depth = float(half.length[plane]) * part
                    ring = points.copy()
                    of_plane, depths = np.full(len(ring), plane), np.full(len(ring), depth)
                    ring[:, along] = half.narrowed(points[:, along], depths, of_plane, centre, 0)
                    ring[:, across] = half.narrowed(points[:, across], depths, of_plane, centre, 1)
                    ring[:, structure.stacked] += way * depth
                    surface.append(ring)
    return float(max(np.nan_to_num(gy).max(), np.nan_to_num(dose.at(within.patient(np.concatenate(surface)))).max()))


def _step(structure: Structure) -> float:
    """Return the line spacing in mm for the areas that the contours enclose."""
    return min(max(float(np.sqrt(structure.enclosed_mm2 / PIECES / _LENGTH)), FINEST_MM), COARSEST_MM)
