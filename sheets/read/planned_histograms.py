"""The histograms that the planning system put into its dose: what contour and dose were worth where they were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sheets.read.numbers import number, numbers, whole

if TYPE_CHECKING:
    from sheets.read.ct_volume import Floats
    from sheets.read.numbers import Data


@dataclass(frozen=True, slots=True)
class PlannedDvh:
    """A histogram that is stated."""

    volume_cm3: float | None
    """None where volumes are stated in per cent."""

    gy: Floats
    """Doses, the lowest first."""

    part: Floats
    """Part of the volume that gets at least this dose."""

    @property
    def mean_gy(self) -> float:
        """Return the mean dose of the volume."""
        return float(self.gy[0] + (np.diff(self.gy) * (self.part[1:] + self.part[:-1]) / 2).sum())

    def dose_gy(self, percent: float) -> float:
        """Return the dose that at least so many per cent of the volume get: D95 with 95."""
        return float(np.interp(-percent / 100, -self.part, self.gy))


def read(dose: Data) -> dict[int, PlannedDvh]:
    """Read the histograms of a dose, by the number of the structure. PS3.3 C.8.8.4.

    Left out are those of several structures together, and those that are not in Gy or cannot be read.
    """
    found = {}
    for one in dose.get("DVHSequence") or ():
        structures = one.get("DVHReferencedROISequence") or []
        if len(structures) != 1 or structures[0].get("DVHROIContributionType") == "EXCLUDED":
            continue
        roi, histogram = whole(structures[0], "ReferencedROINumber"), _histogram(one)
        if roi is not None and histogram is not None:
            found[roi] = histogram
    return found


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
    # A volume is that at the lower end of its bin. What is above the last bin gets nothing.
    gy = np.concatenate([[0.0], np.cumsum(widths)])
    volumes = np.minimum.accumulate(np.append(volumes, 0.0))
    if volumes[0] <= 0:
        return None
    stated = float(volumes[0]) if one.get("DVHVolumeUnits") == "CM3" else None
    return PlannedDvh(stated, gy, volumes / volumes[0])
