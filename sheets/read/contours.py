"""The structures of a set: their contours, as stacks of planes in the frame of the CT."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sheets.read.numbers import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom import Dataset

    from sheets.read.ct_volume import Floats, Frame

CLOSED: Final = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""(3006,0042) *Contour Geometric Type* of contours that enclose something. PS3.3 C.8.8.6.3."""

_SAME_PLANE_MM: Final = 0.01
_GAP: Final = 1.5
"""Planes that are this much further apart than they usually are have nothing between them."""

_NO_COLOUR: Final = (230, 230, 60)


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

    slice_mm: float
    """The usual distance of two CT slices: how thick a single plane is taken to be."""

    @property
    def drawn(self) -> bool:
        """Whether it encloses anything."""
        return bool(self.contours)

    @cached_property
    def planes(self) -> tuple[Floats, list[list[Floats]]]:
        """Give the positions of its planes along the stack, in order, and the contours of each."""
        found: defaultdict[int, list[Floats]] = defaultdict(list)
        for contour in self.contours:
            found[round(float(contour[:, self.stacked].mean()) / _SAME_PLANE_MM)].append(contour)
        order = sorted(found)
        return np.array(order) * _SAME_PLANE_MM, [found[key] for key in order]

    @cached_property
    def slabs(self) -> Floats:
        """From and to (n, 2), in mm, of the slab that each plane stands for.

        Half way to its neighbours; at both ends, and where planes are missing, half of what usually lies between two.
        """
        at = self.planes[0]
        gaps = np.diff(at)
        usual = float(np.median(gaps)) if len(gaps) else self.slice_mm
        reach = np.where(gaps > _GAP * usual, usual / 2, gaps / 2)
        below = np.concatenate([[usual / 2], reach])
        above = np.concatenate([reach, [usual / 2]])
        return np.column_stack([at - below, at + above])

    @cached_property
    def _edges(self) -> tuple[NDArray[np.intp], Floats, Floats]:
        """All edges of all contours: number of the plane, begin and end (n, 3)."""
        _, planes = self.planes
        begins = [contour for contours in planes for contour in contours]
        numbers_of = [number for number, contours in enumerate(planes) for _ in contours]
        ends = [np.roll(contour, -1, axis=0) for contour in begins]
        sizes = [len(contour) for contour in begins]
        return np.repeat(np.array(numbers_of, dtype=np.intp), sizes), np.concatenate(begins), np.concatenate(ends)

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
        low, high = (pick(begin[:, across], end[:, across]) for pick in (np.minimum, np.maximum))
        # An edge has its lower end and not its upper one, so that a corner is crossed once.
        from_line = np.clip(np.ceil((low - first_mm) / step_mm), 0, count).astype(np.intp)
        to_line = np.clip(np.ceil((high - first_mm) / step_mm), 0, count).astype(np.intp)
        times = to_line - from_line
        edge = np.repeat(np.arange(len(times)), times)
        line = np.arange(len(edge)) - np.repeat(np.cumsum(times) - times, times) + from_line[edge]
        rise = (first_mm + line * step_mm - begin[edge, across]) / (end[edge, across] - begin[edge, across])
        crossing = begin[edge, along] + rise * (end[edge, along] - begin[edge, along])
        order = np.lexsort((crossing, line, plane[edge]))
        crossing, line, of_plane = crossing[order], line[order], plane[edge][order]
        return Spans(of_plane[::2], line[::2], crossing[::2], crossing[1::2])

    def on(self, at_mm: float) -> list[Floats]:
        """Give the contours of the plane that stands for a position along the stack."""
        positions, planes = self.planes
        inside = np.flatnonzero((self.slabs[:, 0] <= at_mm) & (at_mm < self.slabs[:, 1]))
        if not len(inside):
            return []
        return planes[min(inside, key=lambda number: abs(float(positions[number]) - at_mm))]


def read(structure_set: Dataset, within: Frame, slice_mm: float) -> list[Structure]:
    """Read the structures, in the order of their list."""
    drawings = {int(one.ReferencedROINumber): one for one in structure_set.get("ROIContourSequence", ())}
    kinds = {
        int(one.ReferencedROINumber): str(one.get("RTROIInterpretedType") or "")
        for one in structure_set.get("RTROIObservationsSequence", ())
    }
    structures = []
    for roi in structure_set.get("StructureSetROISequence", ()):
        number = int(roi.ROINumber)
        drawing = drawings.get(number)
        contours = tuple(within.of(points) for points in closed_contours(drawing)) if drawing else ()
        colour = tuple(int(part) for part in (drawing.get("ROIDisplayColor") if drawing else None) or _NO_COLOUR)
        name, kind = str(roi.get("ROIName", "")), kinds.get(number, "")
        structures.append(
            Structure(number, name, kind, (colour[0], colour[1], colour[2]), contours, within.stacked, slice_mm)
        )
    return structures


def closed_contours(drawing: Dataset) -> Iterator[Floats]:
    """Read the points (n, 3), in the patient, of the contours that enclose something."""
    for contour in drawing.get("ContourSequence") or ():
        if str(contour.get("ContourGeometricType", "")) in CLOSED:
            points = numbers(contour, "ContourData")
            if len(points) >= 9 and len(points) % 3 == 0:
                yield points.reshape(-1, 3)
