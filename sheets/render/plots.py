"""Plots of dose-volume histograms."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np

from sheets.render.draw import on_white
from sheets.render.page import Curve, Key, Plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheets.examination.dvh import Dvh
    from sheets.read.contours import Structure
    from sheets.render.draw import Colour

_TARGETS: Final = frozenset({"PTV", "CTV", "GTV"})
_DASHES: Final = (None, (2.4, 0.8), (0.7, 0.7), (1.4, 1.6))
"""Dash patterns of non-target structures, to distinguish them without colour."""

_STEPS: Final = 400
_ROUND: Final = (1, 2, 5, 10)
_MOST_TICKS: Final = 12
_STRAIGHT: Final = 0.05
"""Tolerance in per cent of the volume for leaving out points of a curve."""


def is_target(structure: Structure) -> bool:
    """Return whether a structure is a target."""
    return structure.kind in _TARGETS


def histograms(
    rows: Sequence[tuple[Structure, Dvh, Dvh | None]], highest_gy: float, unit: str, full_gy: float | None = None
) -> Plot:
    """Return a plot of all histograms: targets thick, other structures thin, in four dash patterns.

    Parameters
    ----------
    rows
        Structure, its histogram as published, and that of the source, drawn as a broad pale line below.
    full_gy
        The prescribed dose in Gy, which is marked.
    """
    end = highest_gy * 1.02 or 1.0
    doses = np.linspace(0, end, _STEPS)
    curves = []
    for structure, after, before in rows:
        colour = on_white(structure.colour)
        if before is not None:
            curves.append(Curve(_points(doses, before), _pale(colour), 4.0))
        curves.append(Curve(_points(doses, after), colour, _width_pt(structure), _dashes(structure)))
    return Plot(
        curves=curves,
        ends=(end, 101.0),
        names=(f"dose in {unit}" if unit else "dose, in its own units", "volume in %"),
        ticks=(_ticks(end), (0, 20, 40, 60, 80, 100)),
        says="Dose-volume histograms of all structures",
        mark=(full_gy, f"prescribed {full_gy:g} {unit}") if full_gy and full_gy < end else None,
    )


def keys(structures: Sequence[Structure]) -> list[Key]:
    """Return the legend of structures."""
    return [Key(on_white(one.colour), one.name, _width_pt(one), _dashes(one)) for one in structures]


def _width_pt(structure: Structure) -> float:
    return 1.7 if is_target(structure) else 0.9


def _dashes(structure: Structure) -> tuple[float, float] | None:
    """Return the dash pattern of a structure: solid for targets, the others in rotation."""
    return None if is_target(structure) else _DASHES[structure.number % len(_DASHES)]


def _points(doses: np.ndarray[tuple[int, ...], np.dtype[np.float64]], of: Dvh) -> list[tuple[float, float]]:
    """Return the curve without points that are close enough to the lines between the others."""
    curve = list(zip(doses.tolist(), of.curve(doses).tolist(), strict=True))
    kept, before = [curve[0]], curve[0]
    flattest, steepest = -inf, inf
    for dose, volume in curve[1:]:
        from_dose, from_volume = kept[-1]
        if not flattest <= (volume - from_volume) / (dose - from_dose) <= steepest:
            kept.append(before)
            from_dose, from_volume = before
            flattest, steepest = -inf, inf
        # A line from the last kept point passes closely enough if its slope is between these two.
        flattest = max(flattest, (volume - _STRAIGHT - from_volume) / (dose - from_dose))
        steepest = min(steepest, (volume + _STRAIGHT - from_volume) / (dose - from_dose))
        before = dose, volume
    return [*kept, curve[-1]]


def _pale(colour: Colour) -> Colour:
    red, green, blue = (round(255 - (255 - part) * 0.3) for part in colour)
    return red, green, blue


def _ticks(end: float) -> list[float]:
    power = 10 ** np.floor(np.log10(end / _MOST_TICKS))
    step = next(float(each * power) for each in _ROUND if each * power * _MOST_TICKS >= end)
    return [step * number for number in range(int(end / step) + 1)]
