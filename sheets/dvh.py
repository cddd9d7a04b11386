"""Dose-volume histograms.

Each contour plane stands for a slab, half way to its neighbours. It is cut by even lines; what of a line lies inside
the structure (even and odd crossings, so that holes are holes) is cut into equal pieces, and each piece has the dose of
its middle, interpolated linearly in three directions. Lines are so close that a structure has some tens of thousands of
pieces, and never further apart than 3 mm. What lies outside the dose grid counts as 0 Gy, and how much that is is told.

Of the field's libraries the one for this, dicompyler-core, had its last release in 2023, needs help to run with today's
pydicom, and counts voxels of the dose grid, which is too coarse for small structures. It is the judge in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheets.read.contours import Structure
    from sheets.read.ct_volume import Floats, Frame, Image
    from sheets.read.dose_grid import Dose

PIECES: Final = 60_000
"""About how many of them a structure is cut into."""

FINEST_MM: Final = 0.05
COARSEST_MM: Final = 3.0


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

    @property
    def max_gy(self) -> float:
        """The highest dose of a piece."""
        return float(self.gy[0])

    def dose_gy(self, percent: float) -> float:
        """Give the dose that at least so many per cent of the volume get: D95 with 95."""
        at = int(np.searchsorted(self.covered, percent / 100))
        return float(self.gy[min(at, len(self.gy) - 1)])

    def covered_percent(self, gy: float) -> float:
        """Give how many per cent of the volume get at least this dose."""
        return float(self.curve(np.array([gy]))[0])

    def curve(self, doses_gy: Floats) -> Floats:
        """Give how many per cent of the volume get at least each of these doses."""
        above = len(self.gy) - np.searchsorted(self.gy[::-1], doses_gy, side="left")
        return np.asarray(np.concatenate([[0.0], self.covered])[above] * 100)


def dvh(structure: Structure, dose: Dose, within: Frame) -> Dvh | None:
    """Work out the histogram of a structure; None where it encloses nothing."""
    if not structure.drawn:
        return None
    along, across = within.along
    points = np.concatenate(structure.contours)
    low, high = float(points[:, across].min()), float(points[:, across].max())
    step = _step(structure, along, across)
    count = max(int(np.ceil((high - low) / step)), 1)
    step = (high - low) / count or step
    spans = structure.spans(across, along, low + step / 2, step, count)
    length = spans.end - spans.start
    pieces = np.maximum(np.rint(length / step), 1).astype(np.intp)
    span = np.repeat(np.arange(len(pieces)), pieces)
    nth = np.arange(len(span)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    thickness = np.diff(structure.slabs, axis=1)[:, 0]
    weights = (length / pieces * step * thickness[spans.plane])[span]
    volume = float(weights.sum())
    if volume <= 0:
        return None
    middles = np.empty((len(span), 3))
    middles[:, along] = spans.start[span] + (nth + 0.5) * (length / pieces)[span]
    middles[:, across] = low + (spans.line[span] + 0.5) * step
    middles[:, structure.stacked] = structure.planes[0][spans.plane[span]]
    gy = dose.at(within.patient(middles))
    unknown = np.isnan(gy)
    gy[unknown] = 0
    order = np.argsort(gy)[::-1]
    return Dvh(
        volume_cm3=volume / 1000,
        centre=np.asarray(weights @ middles / volume),
        gy=gy[order],
        covered=np.cumsum(weights[order]) / volume,
        outside=float(weights[unknown].sum() / volume),
        mean_gy=float(weights @ gy.astype(float) / volume),
    )


def _step(structure: Structure, along: int, across: int) -> float:
    """Choose how far apart lines are, by the areas that the contours enclose."""
    area = 0.0
    for contour in structure.contours:
        x, y = contour[:, along] - contour[0, along], contour[:, across] - contour[0, across]
        area += abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return min(max(float(np.sqrt(area / PIECES)), FINEST_MM), COARSEST_MM)
