"""The dose of a plan at any point of the patient."""

from __future__ import annotations

from functools import cached_property
from math import floor, log10
from typing import TYPE_CHECKING, Final

import numpy as np

from services.rtset.geometry import frame_depths
from sheets.read.ct_volume import pixels, turned
from sheets.read.numbers import exactly, numbers, positive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheets.read.ct_volume import Image
    from sheets.read.numbers import Data, Floats

_ROUNDING: Final = 1e-4
"""Tolerance in voxels: a point on the edge of the grid is inside it."""

_IN_PLANE_MM: Final = 0.5
"""Distance in mm from the plane of a single-frame dose beyond which the dose is unknown."""


_LEAST_GY: Final = 1.0
"""Below this maximum dose, two decimal places are not enough."""

_AT_ONCE: Final = 1 << 13
"""Number of points per block, so that intermediate results stay in the processor's cache."""

_KINDS: Final = {
    "PHYSICAL": "physical",
    "EFFECTIVE": "effective: weighted by biological effect",
    "ERROR": "a dose difference, not a dose",
    "": "type not stated",
}
"""(3004,0004) *Dose Type*. PS3.3 C.8.8.3."""

_SUMMATIONS: Final = {
    "PLAN": "of the whole plan",
    "MULTI_PLAN": "of several plans",
    "PLAN_OVERVIEW": "of several plans, an overview",
    "FRACTION": "of one fraction group",
    "BEAM": "of single beams",
    "BRACHY": "of brachytherapy application setups",
    "FRACTION_SESSION": "of one session of a fraction group",
    "BEAM_SESSION": "of single beams in one session",
    "BRACHY_SESSION": "of application setups in one session",
    "CONTROL_POINT": "of single control points",
    "RECORD": "of a treatment record",
    "": "summation type not stated",
}
"""(3004,000A) *Dose Summation Type*. PS3.3 C.8.8.3."""


class Dose:
    """An RT Dose, interpolated linearly between voxel centres; unknown outside the grid.

    Raises
    ------
    NotDrawable
        Its pixels cannot be decoded here.
    ValueError
        Its geometry is not stated.
    """

    def __init__(self, dose: Data) -> None:
        self.units = str(dose.get("DoseUnits") or "")
        self.kind = str(dose.get("DoseType") or "")
        self.summation = str(dose.get("DoseSummationType") or "")
        self.scaling = float(exactly(dose, "DoseGridScaling", 1)[0])
        """Dose per stored unit, in Gy if its units are GY."""
        stored = pixels(dose)
        stored = stored if stored.ndim == 3 else stored[np.newaxis]
        cosines = exactly(dose, "ImageOrientationPatient", 6)
        row, column = cosines[:3], cosines[3:]
        self._axes = np.array([row, column, np.cross(row, column)])
        self._corner = exactly(dose, "ImagePositionPatient", 3)
        between_rows, between_columns = positive(dose, "PixelSpacing", 2).tolist()
        self._spacing = np.array([between_columns, between_rows])
        stated = numbers(dose, "GridFrameOffsetVector").tolist() or [0.0]
        offsets = np.array(frame_depths(stated, float(self._corner[2]), float(self._axes[2, 2])))
        order = np.argsort(offsets)
        self._offsets = offsets[order]
        self.stored = stored[order]
        """[frame, row, column], frames sorted along the normal."""
        self.gy: Image = self.stored.astype(np.float32) * np.float32(self.scaling)

    @cached_property
    def highest_gy(self) -> float:
        """Return the maximum voxel dose, in Gy."""
        return float(self.gy.max())

    def figure(self, dose: float | None, *, sign: bool = False) -> str:
        """Return a dose as text, with two decimal places, or more if all doses of the grid are small."""
        if dose is None:
            return "unknown"
        highest = self.highest_gy
        places = 2 if highest >= _LEAST_GY or highest <= 0 else 2 - floor(log10(highest))
        return f"{dose:{'+' if sign else ''}.{places}f}"

    @property
    def unit(self) -> str:
        """Return the unit of its figures; '' if it is unknown or relative."""
        return "Gy" if self.units == "GY" else ""

    @property
    def of_the_plan(self) -> bool:
        """Return whether it can be compared with the prescription: an absolute dose, of the whole plan."""
        return bool(self.unit) and self.kind != "ERROR" and self.summation in {"PLAN", ""}

    @property
    def says(self) -> str:
        """Return a description of its units, type and summation."""
        units = {"GY": "Gy", "RELATIVE": "relative, not Gy", "": "units not stated"}.get(self.units, self.units)
        summation = _SUMMATIONS.get(self.summation, self.summation)
        return ", ".join([units, _KINDS.get(self.kind, self.kind), summation])

    @property
    def flat(self) -> bool:
        """Return whether the dose is known in one plane only."""
        return 1 in self.gy.shape

    def position(self, voxel: tuple[int, ...]) -> Floats:
        """Return the centre of a voxel [frame, row, column] in patient coordinates, in mm."""
        frame, row, column = voxel
        steps = np.array([column * self._spacing[0], row * self._spacing[1], self._offsets[frame]])
        return np.asarray(self._corner + turned(steps[np.newaxis], self._axes.T)[0])

    def at(self, points: Floats) -> Image:
        """Return the dose in Gy at patient points (n, 3); NaN outside the grid."""
        parts = range(0, len(points), _AT_ONCE)
        return np.concatenate([self._at(points[part : part + _AT_ONCE]) for part in parts] or [np.empty(0, "f4")])

    def _at(self, points: Floats) -> Image:
        frames, rows, columns = self.gy.shape
        left, down, deep = np.ascontiguousarray(turned(points - self._corner, self._axes).T)
        inside = np.ones(len(points), dtype=bool)
        lower, part = [], []
        for place, count in (
            (left / self._spacing[0], columns),
            (down / self._spacing[1], rows),
            (_fractional(deep, self._offsets), frames),
        ):
            inside &= (place >= -_ROUNDING) & (place <= count - 1 + _ROUNDING)
            within = np.fmax(np.fmin(place, count - 1), 0)
            whole = np.minimum(within.astype(np.intp), max(count - 2, 0))
            lower.append(whole)
            part.append((within - whole).astype(np.float32))
        (i, j, k), (x, y, z) = lower, part
        flat = self.gy.ravel()
        base = (k * rows + j) * columns + i
        next_column, next_row = (1 if columns > 1 else 0), (columns if rows > 1 else 0)
        next_frame = rows * columns if frames > 1 else 0
        planes = []
        for start in (base, base + next_frame):
            here, below = (
                _between(flat.take(row), flat.take(row + next_column), x) for row in (start, start + next_row)
            )
            planes.append(_between(here, below, y))
        found: Image = _between(planes[0], planes[1], z)
        found[~inside] = np.nan
        return found


def _between(first: Image, second: Image, part: Image) -> Image:
    """Interpolate linearly between pairs of numbers; exact if both are equal."""
    return first + (second - first) * part


def _fractional(depths: Floats, offsets: Floats) -> NDArray[np.float64]:
    """Return the fractional frame index of each depth, extrapolated linearly beyond the grid."""
    if len(offsets) == 1:
        return np.where(np.abs(depths) <= _IN_PLANE_MM, 0.0, np.inf)
    upper = np.clip(np.searchsorted(offsets, depths), 1, len(offsets) - 1)
    below, above = offsets[upper - 1], offsets[upper]
    return np.asarray(upper - 1 + (depths - below) / (above - below))
