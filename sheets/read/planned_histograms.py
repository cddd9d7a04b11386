"""The histograms stored by the planning system in its dose, as a reference for contours and dose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sheets.read.numbers import number, numbers, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheets.read.numbers import Data, Floats


@dataclass(frozen=True, slots=True)
class PlannedDvh:
    """A stored histogram."""

    volume_cm3: float | None
    """None if volumes are stated in per cent."""

    gy: Floats
    """Doses in Gy, in ascending order."""

    part: Floats
    """Fraction of the volume receiving at least this dose."""

    @property
    def mean_gy(self) -> float:
        """Return the mean dose of the volume in Gy."""
        return float(self.gy[0] + (np.diff(self.gy) * (self.part[1:] + self.part[:-1]) / 2).sum())

    def dose_gy(self, percent: float) -> float:
        """Return the minimum dose in Gy received by this percentage of the volume: D95 for 95."""
        return float(np.interp(-percent / 100, -self.part, self.gy))


def read(dose: Data) -> dict[int, PlannedDvh]:
    """Return the histograms of a dose by ROI number. PS3.3 C.8.8.4.

    Histograms of several structures, not in Gy, or unreadable are left out.
    """
    return {
        roi: histogram for roi, histogram in map(_of_one, stated(dose)) if roi is not None and histogram is not None
    }


def stated(dose: Data) -> Sequence[Data]:
    """Return the items of all histograms of a dose, readable or not."""
    return dose.get("DVHSequence") or ()


def _of_one(one: Data) -> tuple[int | None, PlannedDvh | None]:
    """Return the structure of a histogram, and the histogram; None if it is of several, or unreadable."""
    structures = one.get("DVHReferencedROISequence") or []
    if len(structures) != 1 or structures[0].get("DVHROIContributionType") == "EXCLUDED":
        return None, None
    return whole(structures[0], "ReferencedROINumber"), _histogram(one)


def _histogram(one: Data) -> PlannedDvh | None:
    values, scaling = numbers(one, "DVHData"), number(one, "DVHDoseScaling")
    if one.get("DoseUnits") != "GY" or scaling is None or len(values) < 4 or len(values) % 2:
        return None
    widths, volumes = values[::2] * scaling, values[1::2]
    kind = one.get("DVHType")
    if not np.isfinite(values).all() or (widths < 0).any() or kind not in {"CUMULATIVE", "DIFFERENTIAL"}:
        return None
    if kind == "DIFFERENTIAL":
        volumes = np.cumsum(volumes[::-1])[::-1]
    # Volumes refer to the lower end of their bin; above the last bin they are zero.
    gy = np.concatenate([[0.0], np.cumsum(widths)])
    volumes = np.minimum.accumulate(np.append(volumes, 0.0))
    if volumes[0] <= 0:
        return None
    stated = float(volumes[0]) if one.get("DVHVolumeUnits") == "CM3" else None
    return PlannedDvh(stated, gy, volumes / volumes[0])
