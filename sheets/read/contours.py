"""The structures of a set: their contours, as stacks of planes in the frame of the CT."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median_low
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sheets.read.numbers import numbers, points, term, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sheets.read.ct_volume import Floats, Frame
    from sheets.read.numbers import Data

CLOSED: Final = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""(3006,0042) *Contour Geometric Type* of contours that enclose something. PS3.3 C.8.8.6.3."""

_SAME_PLANE_MM: Final = 0.1
"""Contours that are no further apart lie in one plane: coordinates are rounded."""

_FLAT_MM: Final = 0.5
"""A contour that reaches further along the stack does not lie in a plane of the CT."""

_ON_SLICE: Final = 0.25
"""Of the smallest distance of two slices: a plane that is no further from a slice lies on it."""

_GAP: Final = 1.5
"""Planes that lie on no slices have nothing between them where they are this much further apart than they usually are,
and more slices than usual lie between."""

_LONE_SLICE_MM: Final = 1.0
"""How thick a CT of one slice is taken to be."""

_NO_COLOUR: Final = (230, 230, 60)

POINTS: Final = "points"
OPEN: Final = "open contours"
ACROSS: Final = "contours across the CT's slices"
UNREADABLE: Final = "contours that cannot be read"
NONE: Final = "no contours"
"""What of a structure is not drawn."""


class Stack(NamedTuple):
    """How the planes of a structure lie among the slices of the CT."""

    missing: NDArray[np.intp]
    """Of each gap between two planes: how many slices are empty, and nothing of the structure lies there."""

    bridged: int
    """So many slices without a contour usually lie between two planes; what lies there is filled."""

    below: Floats
    above: Floats
    """How far it is from each plane to the next slice on which it could have a contour, in mm."""


class Spans(NamedTuple):
    """Pieces of straight lines through a structure, each inside it from end to end."""

    plane: NDArray[np.intp]
    line: NDArray[np.intp]
    """Number of the line within its plane."""

    start: Floats
    end: Floats


@dataclass(frozen=True)
class Structure:
    """One structure."""

    number: int
    """(3006,0022) *ROI Number*."""

    name: str

    kind: str
    """(3006,00A4) *RT ROI Interpreted Type*: `PTV`, `ORGAN`; '' where it is not stated."""

    colour: tuple[int, int, int]
    contours: tuple[Floats, ...] = field(repr=False)
    """Closed ones: points (n, 3) in the frame, in mm."""

    stacked: int
    """The axis along which the planes are stacked."""

    slices_mm: Floats = field(repr=False)
    """Where the CT's slices lie along the stack, in order: they say what lies between two planes."""

    left_out: Mapping[str, int] = field(default_factory=dict)
    """Contours that are not drawn, counted by why not."""

    _reaches: dict[int, tuple[Floats, Floats]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def drawn(self) -> bool:
        """Return whether it encloses anything."""
        return bool(self.contours)

    @cached_property
    def ends(self) -> Floats:
        """From and to (2, 3) of its points, along the axes of the frame, in mm."""
        points = np.concatenate(self.contours)
        return np.array([(axis.min(), axis.max()) for axis in points.T]).T

    @cached_property
    def planes(self) -> tuple[Floats, list[list[Floats]]]:
        """Return the positions of its planes along the stack, in order, and the contours of each."""
        sizes = np.array([len(contour) for contour in self.contours])
        depths = np.concatenate([contour[:, self.stacked] for contour in self.contours])
        heights = np.add.reduceat(depths, np.cumsum(sizes) - sizes) / sizes
        order = np.argsort(heights, kind="stable")
        starts = np.concatenate([[0], np.flatnonzero(np.diff(heights[order]) > _SAME_PLANE_MM) + 1])
        counts = np.diff([*starts, len(order)])
        return (
            np.add.reduceat(heights[order], starts) / counts,
            [[self.contours[number] for number in group] for group in np.split(order, starts[1:])],
        )

    @cached_property
    def stack(self) -> Stack:
        """Hold the planes against the CT's slices, which may lie unevenly."""
        at, slices = self.planes[0], self.slices_mm
        usual = float(np.diff(slices).min()) if len(slices) > 1 else _LONE_SLICE_MM
        if not len(slices):
            return _between_slices(at, slices, usual)
        nearest = _nearest(at, slices)
        if np.abs(slices[nearest] - at).max() > _ON_SLICE * usual:
            return _between_slices(at, slices, usual)
        return _on_slices(at, slices, nearest)

    @cached_property
    def slabs(self) -> Floats:
        """From and to (n, 2), in mm, of the slab that each plane stands for.

        Half way to its neighbours; at both ends, and where slices between two planes are empty, half way to the slice
        on which the next contour would be.
        """
        at, stack = self.planes[0], self.stack
        below, above = stack.below / 2, stack.above / 2
        joined = np.flatnonzero(stack.missing == 0)
        below[joined + 1] = above[joined] = np.diff(at)[joined] / 2
        return np.column_stack([at - below, at + above])

    @cached_property
    def _edges(self) -> tuple[NDArray[np.intp], Floats, Floats]:
        """All edges of all contours: number of the plane, begin and end (n, 3)."""
        _, planes = self.planes
        numbers_of = [number for number, contours in enumerate(planes) for _ in contours]
        begins = [contour for contours in planes for contour in contours]
        sizes = np.array([len(contour) for contour in begins])
        begin = np.concatenate(begins)
        following = np.arange(1, len(begin) + 1)
        last = np.cumsum(sizes) - 1
        following[last] = last - sizes + 1
        return np.repeat(np.array(numbers_of, dtype=np.intp), sizes), begin, begin[following]

    def _reach(self, axis: int) -> tuple[Floats, Floats]:
        """Return the lower and the upper end of each edge along an axis."""
        if axis not in self._reaches:
            _, begin, end = self._edges
            first, second = np.ascontiguousarray(begin[:, axis]), end[:, axis]
            self._reaches[axis] = np.minimum(first, second), np.maximum(first, second)
        return self._reaches[axis]

    @property
    def enclosed_mm2(self) -> float:
        """The areas within all contours, holes counted as areas."""
        first, second = (axis for axis in range(3) if axis != self.stacked)
        _, begin, end = self._edges
        starts = np.cumsum([0, *(len(contour) for contours in self.planes[1] for contour in contours)])[:-1]
        # From the middle, so that no large numbers are taken from each other.
        middle, up = float(begin[:, first].mean()), float(begin[:, second].mean())
        twice = (begin[:, first] - middle) * (end[:, second] - up) - (end[:, first] - middle) * (begin[:, second] - up)
        return float(np.abs(np.add.reduceat(twice, starts)).sum()) / 2

    def spans(self, across: int, along: int, first_mm: float, step_mm: float, count: int) -> Spans:
        """Cut every plane by even lines, and give what of them lies inside.

        A point is inside where a line from it crosses contours of its plane an odd number of times: a contour within
        another one is a hole, a keyhole is what it looks like.

        Parameters
        ----------
        across, along
            The axis that lines are counted on, and that on which they run.
        first_mm, step_mm, count
            Where the first line lies, how far apart they are, and how many there are.
        """
        plane, begin, end = self._edges
        low, high = self._reach(across)
        if count == 1:
            crossed = np.flatnonzero((low <= first_mm) & (high > first_mm))
            plane, begin, end = plane[crossed], begin[crossed], end[crossed]
            low, high = low[crossed], high[crossed]
        # An edge has its lower end and not its upper one, so that a corner is crossed once.
        from_line = np.clip(np.ceil((low - first_mm) / step_mm), 0, count).astype(np.intp)
        to_line = np.clip(np.ceil((high - first_mm) / step_mm), 0, count).astype(np.intp)
        times = to_line - from_line
        edge = np.repeat(np.arange(len(times)), times)
        line = np.arange(len(edge)) - np.repeat(np.cumsum(times) - times, times) + from_line[edge]
        rise = (first_mm + line * step_mm - begin[edge, across]) / (end[edge, across] - begin[edge, across])
        crossing = begin[edge, along] + rise * (end[edge, along] - begin[edge, along])
        # One number to sort by: which line of which plane, and how far along it.
        least, most = (crossing.min(), crossing.max()) if len(crossing) else (0.0, 0.0)
        reach = most - least + 1.0
        order = np.argsort((plane[edge] * count + line) * reach + (crossing - least))
        crossing, line, of_plane = crossing[order], line[order], plane[edge][order]
        return Spans(of_plane[::2], line[::2], crossing[::2], crossing[1::2])

    def on(self, at_mm: float) -> list[Floats]:
        """Return the contours of the plane that stands for a position along the stack."""
        positions, planes = self.planes
        inside = np.flatnonzero((self.slabs[:, 0] <= at_mm) & (at_mm < self.slabs[:, 1]))
        if not len(inside):
            return []
        return planes[min(inside, key=lambda number: abs(float(positions[number]) - at_mm))]


def _nearest(at: Floats, slices: Floats) -> NDArray[np.intp]:
    """Return the number of the slice that is nearest to each plane."""
    upper = np.clip(np.searchsorted(slices, at), 1, max(len(slices) - 1, 1))
    if len(slices) == 1:
        return np.zeros(len(at), dtype=np.intp)
    return np.where(at - slices[upper - 1] <= slices[upper] - at, upper - 1, upper)


def _on_slices(at: Floats, slices: Floats, nearest: NDArray[np.intp]) -> Stack:
    skipped = np.maximum(np.diff(nearest) - 1, 0)
    usual = _usual(skipped)
    step = usual + 1
    edges = np.diff(slices)[[0, -1]] if len(slices) > 1 else [_LONE_SLICE_MM] * 2
    beyond = np.arange(1, step + 1)
    padded = np.concatenate([slices[0] - beyond[::-1] * edges[0], slices, slices[-1] + beyond * edges[1]])
    missing = np.where(skipped > usual, skipped, 0)
    return Stack(missing, usual, at - padded[nearest], padded[nearest + 2 * step] - at)


def _between_slices(at: Floats, slices: Floats, slice_mm: float) -> Stack:
    """Judge planes that lie on no slices: drawn on another image, or finer than the CT."""
    gaps = np.diff(at)
    usual_mm = float(np.median(gaps)) if len(gaps) else slice_mm
    between = np.searchsorted(slices, at[1:], "left") - np.searchsorted(slices, at[:-1], "right")
    hole = (gaps > _GAP * usual_mm) & (between > _usual(between))
    reach = np.full(len(at), usual_mm)
    return Stack(np.where(hole, between, 0), 0, reach, reach.copy())


def _usual(skipped: NDArray[np.intp]) -> int:
    """Say how many slices usually lie between two contours; one gap of several slices says nothing of what is usual."""
    if len(skipped) < 2:
        return 1 if skipped.sum() == 1 else 0
    return int(median_low(skipped.tolist()))


def read(structure_set: Data, within: Frame, slices_mm: Floats) -> list[Structure]:
    """Read the structures, in the order of their list; what cannot be read of one is left out and counted."""
    drawings = _by_number(structure_set.get("ROIContourSequence"), "ReferencedROINumber")
    observations = _by_number(structure_set.get("RTROIObservationsSequence"), "ReferencedROINumber")
    structures = []
    for roi in structure_set.get("StructureSetROISequence") or ():
        number = whole(roi, "ROINumber")
        drawing, observed = (None if number is None else found.get(number) for found in (drawings, observations))
        contours, left_out = _drawn(drawing, within) if drawing else ((), {})
        structures.append(
            Structure(
                -1 if number is None else number,
                str(roi.get("ROIName") or ""),
                str(observed.get("RTROIInterpretedType") or "") if observed else "",
                _colour(drawing),
                contours,
                within.stacked,
                slices_mm,
                left_out,
            )
        )
    return structures


def _by_number(items: Sequence[Data] | None, attribute: str) -> dict[int, Data]:
    return {number: one for one in items or () if (number := whole(one, attribute)) is not None}


def _colour(drawing: Data | None) -> tuple[int, int, int]:
    """Read a colour, or take one where there are not three numbers between 0 and 255."""
    parts = numbers(drawing, "ROIDisplayColor").tolist() if drawing else []
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        return _NO_COLOUR
    return int(parts[0]), int(parts[1]), int(parts[2])


def _drawn(drawing: Data, within: Frame) -> tuple[tuple[Floats, ...], Mapping[str, int]]:
    """Read the contours (n, 3) that are drawn, in the frame, and count the others by why they are not."""
    read, left_out = [], Counter[str]()
    for contour in drawing.get("ContourSequence") or ():
        kind = term(contour, "ContourGeometricType")
        if kind not in CLOSED:
            left_out[POINTS if kind == "POINT" else OPEN if kind.startswith("OPEN") else UNREADABLE] += 1
            continue
        found = points(contour, "ContourData")
        if len(found) < 9 or len(found) % 3:
            left_out[UNREADABLE] += 1
        else:
            read.append(found)
    if not read:
        return (), dict(left_out)
    placed = within.of(np.concatenate(read).reshape(-1, 3))
    sizes = np.array([len(one) // 3 for one in read])
    starts = np.cumsum(sizes) - sizes
    depth = placed[:, within.stacked]
    finite = np.logical_and.reduceat(np.logical_and.reduce([np.isfinite(axis) for axis in placed.T]), starts)
    flat = np.maximum.reduceat(depth, starts) - np.minimum.reduceat(depth, starts) <= _FLAT_MM
    left_out.update({why: int(count.sum()) for why, count in ((UNREADABLE, ~finite), (ACROSS, finite & ~flat))})
    drawn = np.flatnonzero(finite & flat)
    contours = tuple(placed[starts[one] : starts[one] + sizes[one]] for one in drawn)
    return contours, {why: count for why, count in left_out.items() if count}
