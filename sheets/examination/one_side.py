"""One side of a sheet's comparison, the published set or its source: objects, contours, dose, histograms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sheets.examination.dvh import Dvh, dvh
from sheets.read import contours
from sheets.read.ct_volume import NotDrawable
from sheets.read.dose_grid import Dose
from sheets.render import draw
from sheets.render.draw import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheets.read.contours import Structure
    from sheets.read.plan_objects import Objects
    from sheets.render.draw import Level


@dataclass(frozen=True)
class Side:
    """One of the two sets: the published one or its source."""

    objects: Objects
    structures: list[Structure]

    dose: Dose | None
    """None if it cannot be decoded."""

    histograms: dict[int, Dvh]
    """By ROI number; structures without contours are left out."""

    def scene(self, levels: Sequence[Level], before: Scene | None = None) -> Scene:
        """Return the overlays of the CT."""
        hottest = draw.hottest(self.dose, self.objects.frame)
        return Scene(self.objects.frame, self.structures, self.dose, levels, hottest, before)


def side_of(found: Objects) -> Side:
    """Read one side; its histograms are computed once it is known whether they differ from those of the other side."""
    drawn = contours.read(found.structure_set, found.frame, found.slices_mm)
    try:
        dose = Dose(found.dose)
    except (NotDrawable, AttributeError, TypeError, ValueError):
        dose = None
    return Side(found, drawn, dose, {})


def with_histograms(side: Side) -> Side:
    """Return the side with the histogram of each structure; without, if its dose cannot be decoded."""
    if side.dose is None:
        return side
    worked_out = {one.number: dvh(one, side.dose, side.objects.frame) for one in side.structures}
    return replace(side, histograms={number: one for number, one in worked_out.items() if one})


def target_of(side: Side) -> Structure | None:
    """Return the target of the views: of the first target type present, the first structure with the highest dose."""
    for kind in contours.TARGETS:
        found = [one for one in side.structures if one.kind == kind and one.number in side.histograms]
        if found:
            return max(found, key=lambda one: round(side.histograms[one.number].mean_gy))
    return None
