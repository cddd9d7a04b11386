"""The structures of a set: their contours as stacks of planes in the frame of the CT."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import median_low
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sheets.read.numbers import contours_of, numbers, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sheets.read.ct_volume import Frame
    from sheets.read.numbers import Data, Floats

TARGETS: Final = ("PTV", "CTV", "GTV")
"""(3006,00A4) *RT ROI Interpreted Type* of targets, in the order in which they are chosen for the views."""

CLOSED: Final = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""(3006,0042) *Contour Geometric Type* of contours that enclose an area. PS3.3 C.8.8.6.3."""

_SAME_PLANE_MM: Final = 0.1
"""Contours within this distance are in one plane, in mm: coordinates are rounded."""

_FARTHEST_MM: Final = 1e4
"""A coordinate further from the origin than any scanner reaches is damaged, in mm."""

_FLAT_MM: Final = 0.5
"""A contour extending further along the stack is not in a plane of the CT, in mm."""

_ON_SLICE: Final = 0.25
"""Fraction of the smallest slice distance within which a plane belongs to a slice."""

_GAP: Final = 1.5
"""The gap between planes that are not on slices is empty if it is this many times wider than usual and contains more
slices than usual."""

_FEW: Final = 3
"""A structure with fewer planes does not tell on which slices it is contoured."""

_COMMON: Final = 0.9
"""Part of the planes of the other structures that must be on the same lattice of slices."""

_BY_PROGRAM: Final = frozenset({"EXTERNAL", "SUPPORT", "BOLUS"})
"""(3006,00A4) *RT ROI Interpreted Type* of structures that programs draw on every slice, whatever persons do."""

_LONE_SLICE_MM: Final = 1.0
"""Assumed thickness of a CT of one slice, in mm."""

_NO_COLOUR: Final = (230, 230, 60)

POINTS: Final = "points"
OPEN: Final = "open contours"
ACROSS: Final = "contours not parallel to the CT slices"
UNREADABLE: Final = "unreadable contours"
FLAT: Final = "contours that enclose no area"
"""Reasons why contours are not drawn."""


class Stack(NamedTuple):
    """Positions of the planes of a structure relative to the slices of the CT."""

    missing: NDArray[np.intp]
    """Number of empty slices in each gap between two planes, where the structure is absent."""

    bridged: int
    """Usual number of slices without a contour between two planes; these gaps are filled."""

    below: Floats
    above: Floats
    """Distance from each plane to the next slice that could have a contour, in mm."""


class Spans(NamedTuple):
    """Segments of straight lines through a structure, each completely inside it."""

    plane: NDArray[np.intp]
    line: NDArray[np.intp]
    """Index of the line within its plane."""

    start: Floats
    end: Floats


@dataclass(frozen=True)
class Structure:
    """One structure."""

    number: int
    """(3006,0022) *ROI Number*."""

    name: str

    kind: str
    """(3006,00A4) *RT ROI Interpreted Type*: `PTV`, `ORGAN`; '' if not stated."""

    colour: tuple[int, int, int]
    contours: tuple[Floats, ...] = field(repr=False)
    """Closed contours: points (n, 3) in the frame, in mm."""

    stacked: int
    """The axis along which the planes are stacked."""

    slices_mm: Floats = field(repr=False)
    """Sorted positions of the CT's slices along the stack; they determine the content of gaps between planes."""

    left_out: Mapping[str, int] = field(default_factory=dict)
    """Numbers of contours not drawn, by reason."""

    slices_per_plane: int = 1
    """Number of CT slices from plane to plane in the other structures, if this one has too few planes to tell."""

    _reaches: dict[int, tuple[Floats, Floats]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def drawn(self) -> bool:
        """Return whether it encloses a volume."""
        return bool(self.contours)

    @cached_property
    def ends(self) -> Floats:
        """Return the bounds (2, 3) of its points along the axes of the frame, in mm."""
        points = np.concatenate(self.contours)
        return np.array([(axis.min(), axis.max()) for axis in points.T]).T

    @cached_property
    def planes(self) -> tuple[Floats, list[list[Floats]]]:
        """Return the sorted positions of its planes along the stack, and the contours of each."""
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
    def slice_numbers(self) -> NDArray[np.intp] | None:
        """Return the index of the slice of each plane; None if a plane is not on a slice."""
        at, slices = self.planes[0], self.slices_mm
        if not len(slices):
            return None
        nearest = _nearest(at, slices)
        off_mm = float(np.abs(slices[nearest] - at).max())
        return None if off_mm > _ON_SLICE * _least_distance(slices) else nearest

    @cached_property
    def stack(self) -> Stack:
        """Return the positions of the planes relative to the CT's slices, whose spacing may vary."""
        at, slices = self.planes[0], self.slices_mm
        if self.slice_numbers is None:
            return _between_slices(at, slices, _least_distance(slices))
        return _on_slices(at, slices, self.slice_numbers, self.slices_per_plane)

    @cached_property
    def slabs(self) -> Floats:
        """Return the bounds (n, 2) of the slab of each plane, in mm.

        A slab extends half way to its neighbours; at both ends, and next to empty slices, half way to the slice where
        the next contour would be.
        """
        at, stack = self.planes[0], self.stack
        below, above = stack.below / 2, stack.above / 2
        joined = np.flatnonzero(stack.missing == 0)
        below[joined + 1] = above[joined] = np.diff(at)[joined] / 2
        return np.column_stack([at - below, at + above])

    @cached_property
    def _edges(self) -> tuple[NDArray[np.intp], Floats, Floats]:
        """Return all edges of all contours: index of the plane, start and end (n, 3)."""
        _, planes = self.planes
        numbers_of = [number for number, contours in enumerate(planes) for _ in contours]
        begins = [contour for contours in planes for contour in contours]
        sizes = np.array([len(contour) for contour in begins])
        begin = np.concatenate(begins)
        last = np.cumsum(sizes) - 1
        end = np.empty_like(begin)
        end[:-1] = begin[1:]
        end[last] = begin[last - sizes + 1]
        return np.repeat(np.array(numbers_of, dtype=np.intp), sizes), begin, end

    def _reach(self, axis: int) -> tuple[Floats, Floats]:
        """Return the lower and the upper end of each edge along an axis."""
        if axis not in self._reaches:
            _, begin, end = self._edges
            first, second = np.ascontiguousarray(begin[:, axis]), end[:, axis]
            self._reaches[axis] = np.minimum(first, second), np.maximum(first, second)
        return self._reaches[axis]

    @property
    def enclosed_mm2(self) -> float:
        """Return the sum of the areas of all contours in mm², holes counted as positive."""
        first, second = (axis for axis in range(3) if axis != self.stacked)
        _, begin, end = self._edges
        starts = np.cumsum([0, *(len(contour) for contours in self.planes[1] for contour in contours)])[:-1]
        # Relative to the centre, to avoid cancellation.
        middle, up = float(begin[:, first].mean()), float(begin[:, second].mean())
        twice = (begin[:, first] - middle) * (end[:, second] - up) - (end[:, first] - middle) * (begin[:, second] - up)
        return float(np.abs(np.add.reduceat(twice, starts)).sum()) / 2

    def spans(self, across: int, along: int, first_mm: float, step_mm: float, count: int) -> Spans:
        """Cut every plane by equidistant lines and return their segments inside the structure.

        Inside is determined by the even-odd rule over all contours of a plane: a contour within another one is a hole,
        and keyholes work as intended.

        Parameters
        ----------
        across, along
            The axis across the lines, and the axis along them.
        first_mm, step_mm, count
            Position of the first line, line spacing, and number of lines.
        """
        plane, begin, end = self._edges
        low, high = self._reach(across)
        if count == 1:
            crossed = np.flatnonzero((low <= first_mm) & (high > first_mm))
            plane, begin, end = plane[crossed], begin[crossed], end[crossed]
            low, high = low[crossed], high[crossed]
        # An edge includes its lower end but not its upper one, so that a corner is crossed once.
        from_line = np.clip(np.ceil((low - first_mm) / step_mm), 0, count).astype(np.intp)
        to_line = np.clip(np.ceil((high - first_mm) / step_mm), 0, count).astype(np.intp)
        times = to_line - from_line
        edge = np.repeat(np.arange(len(times)), times)
        line = np.arange(len(edge)) - np.repeat(np.cumsum(times) - times, times) + from_line[edge]
        rise = (first_mm + line * step_mm - begin[edge, across]) / (end[edge, across] - begin[edge, across])
        crossing = begin[edge, along] + rise * (end[edge, along] - begin[edge, along])
        # One sort key: line, plane, and position along the line.
        least, most = (crossing.min(), crossing.max()) if len(crossing) else (0.0, 0.0)
        reach = most - least + 1.0
        order = np.argsort((plane[edge] * count + line) * reach + (crossing - least))
        crossing, line, of_plane = crossing[order], line[order], plane[edge][order]
        return Spans(of_plane[::2], line[::2], crossing[::2], crossing[1::2])

    def on(self, at_mm: float) -> list[Floats]:
        """Return the contours of the plane whose slab contains a position along the stack."""
        positions, planes = self.planes
        inside = np.flatnonzero((self.slabs[:, 0] <= at_mm) & (at_mm < self.slabs[:, 1]))
        if not len(inside):
            return []
        return planes[min(inside, key=lambda number: abs(float(positions[number]) - at_mm))]


def _least_distance(slices: Floats) -> float:
    return float(np.diff(slices).min()) if len(slices) > 1 else _LONE_SLICE_MM


def _nearest(at: Floats, slices: Floats) -> NDArray[np.intp]:
    """Return the index of the slice nearest to each plane."""
    upper = np.clip(np.searchsorted(slices, at), 1, max(len(slices) - 1, 1))
    if len(slices) == 1:
        return np.zeros(len(at), dtype=np.intp)
    return np.where(at - slices[upper - 1] <= slices[upper] - at, upper - 1, upper)


def _on_slices(at: Floats, slices: Floats, nearest: NDArray[np.intp], slices_per_plane: int) -> Stack:
    skipped = np.maximum(np.diff(nearest) - 1, 0)
    usual = max(_usual(skipped), slices_per_plane - 1)
    step = usual + 1
    edges = np.diff(slices)[[0, -1]] if len(slices) > 1 else [_LONE_SLICE_MM] * 2
    beyond = np.arange(1, step + 1)
    padded = np.concatenate([slices[0] - beyond[::-1] * edges[0], slices, slices[-1] + beyond * edges[1]])
    missing = np.where(skipped > usual, skipped, 0)
    below, above = at - padded[nearest], padded[nearest + 2 * step] - at
    # Nothing reaches beyond the CT, whose outer slices are half a distance thick outwards.
    return Stack(
        missing,
        usual,
        np.minimum(below, np.maximum(2 * (at - slices[0]) + edges[0], edges[0] / 2)),
        np.minimum(above, np.maximum(2 * (slices[-1] - at) + edges[1], edges[1] / 2)),
    )


def _between_slices(at: Floats, slices: Floats, slice_mm: float) -> Stack:
    """Return the gaps of planes that are not on slices: drawn on another image, or finer than the CT."""
    gaps = np.diff(at)
    usual_mm = float(np.median(gaps)) if len(gaps) else slice_mm
    between = np.searchsorted(slices, at[1:], "left") - np.searchsorted(slices, at[:-1], "right")
    hole = (gaps > _GAP * usual_mm) & (between > _usual(between))
    reach = np.full(len(at), usual_mm)
    return Stack(np.where(hole, between, 0), 0, reach, reach.copy())


def _usual(skipped: NDArray[np.intp]) -> int:
    """Return the usual number of slices between two contours; a single gap of several slices does not define it."""
    if len(skipped) < 2:
        return 1 if skipped.sum() == 1 else 0
    return int(median_low(skipped.tolist()))


def read(structure_set: Data, within: Frame, slices_mm: Floats) -> list[Structure]:
    """Return the structures in the order of their sequence; unreadable contours are left out and counted."""
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
    return _as_the_others(structures)


def _as_the_others(structures: list[Structure]) -> list[Structure]:
    """Return the structures; those of one or two planes are taken to be contoured on as many slices as the others.

    If every structure of three and more planes skips slices, and on the same lattice of slices, a structure whose one
    or two planes are on that lattice was contoured likewise: each stands for several slices.
    """
    drawn = [one for one in structures if one.drawn and one.slice_numbers is not None]
    if all(len(one.planes[0]) >= _FEW for one in drawn):
        return structures
    others = [one for one in drawn if len(one.planes[0]) >= _FEW and one.kind not in _BY_PROGRAM]
    step = min((one.stack.bridged + 1 for one in others), default=1)
    if step == 1:
        return structures
    rests = Counter(number % step for one in others if one.slice_numbers is not None for number in one.slice_numbers)
    (rest, count), total = rests.most_common(1)[0], rests.total()
    if count < _COMMON * total:
        return structures
    return [
        replace(one, slices_per_plane=step)
        if one.drawn
        and len(one.planes[0]) < _FEW
        and one.slice_numbers is not None
        and not ((one.slice_numbers - rest) % step).any()
        else one
        for one in structures
    ]


def _by_number(items: Sequence[Data] | None, attribute: str) -> dict[int, Data]:
    return {number: one for one in items or () if (number := whole(one, attribute)) is not None}


def _colour(drawing: Data | None) -> tuple[int, int, int]:
    """Return the colour, or a default if there are not three numbers between 0 and 255."""
    parts = numbers(drawing, "ROIDisplayColor").tolist() if drawing else []
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        return _NO_COLOUR
    return int(parts[0]), int(parts[1]), int(parts[2])


def _drawn(drawing: Data, within: Frame) -> tuple[tuple[Floats, ...], Mapping[str, int]]:
    """Return the contours (n, 3) to be drawn, in the frame, and the numbers of the others by reason."""
    left_out, read = Counter[str](), []
    found, others = contours_of(drawing, CLOSED)
    for kind, count in others.items():
        left_out[POINTS if kind == "POINT" else OPEN if kind.startswith("OPEN") else UNREADABLE] += count
    for each in found:
        if len(each) < 9 or len(each) % 3:
            left_out[UNREADABLE] += 1
        else:
            read.append(each)
    if not read:
        return (), dict(left_out)
    placed = within.of(np.concatenate(read).reshape(-1, 3))
    sizes = np.array([len(one) // 3 for one in read])
    starts = np.cumsum(sizes) - sizes
    # Not a number is not within reach, either.
    near = np.logical_and.reduceat(np.logical_and.reduce([np.abs(axis) <= _FARTHEST_MM for axis in placed.T]), starts)
    extents = np.maximum.reduceat(placed, starts) - np.minimum.reduceat(placed, starts)
    flat = extents[:, within.stacked] <= _FLAT_MM
    wide = (extents[:, within.along] > 0).all(axis=1)
    left_out.update(
        {
            why: int(count.sum())
            for why, count in ((UNREADABLE, ~near), (ACROSS, near & ~flat), (FLAT, near & flat & ~wide))
        }
    )
    drawn = np.flatnonzero(near & flat & wide)
    contours = tuple(placed[starts[one] : starts[one] + sizes[one]] for one in drawn)
    return contours, {why: count for why, count in left_out.items() if count}


def ranked(structures: Iterable[Structure]) -> list[Structure]:
    """Return structures in the order of a sheet's tables: targets first, the external contour last."""
    return sorted(structures, key=lambda one: _rank(one.kind))


def _rank(kind: str) -> int:
    return TARGETS.index(kind) if kind in TARGETS else len(TARGETS) + (kind == "EXTERNAL")
