"""Slabs: what the contour planes of a structure represent on both of their sides.

Between two planes the area follows a cubic Hermite curve, which is exact for a box, a cone and a sphere. Beyond the
last plane the contour narrows as in the last three planes. There the square of its width follows a parabola, in a
sphere, in a cone and in a tube that lies in the plane; the area goes with this square, or with its root in a tube. If
the parabola ends before the next slice, on which nothing was drawn, so does the body; otherwise it ends half way there,
as a box does.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sheets.read.contours import Structure
    from sheets.read.numbers import Floats

    _Part = NDArray[np.intp]
    """Indices of neighbouring planes."""

_FILLED: Final = (0.25, 4.0)
"""Bounds of the volume between a plane and half way to the next, relative to a cylinder."""

_LEAST: Final = 0.05
"""Minimum extent of a body beyond its last plane, as a fraction of the distance to the next slice."""

_TOUCHING: Final = 1.08
"""A body that would end this far away, relative to the next slice, still ends before it: its course is estimated."""

_CLOSED: Final = 0.1
"""Part of a body's last area that may be left where it is smallest beyond the last plane, for the body to end there."""

_ALIKE: Final = 0.1
"""Two contours are alike in shape if their areas differ as their bounding boxes do, within this fraction."""

_SOLID: Final = 1.02
"""The outline of a plane without holes encloses at most this much more than the plane's area: lines are counted."""

_TUBE: Final = 0.5
"""Power of the squared width with which the area of a tube lying in the plane changes; a sphere's changes with 1."""

_TINY: Final = float(np.finfo(np.float32).tiny)

_NODES: Final = 16
"""Number of depths at which the area of a closing end is integrated."""


class Outlines(NamedTuple):
    """The largest contour of each plane."""

    area: Floats
    """In mm²."""

    perimeter: Floats
    """In mm."""

    all_perimeters: Floats
    """Sum over all contours of the plane, in mm."""

    centre: Floats
    size: Floats
    """Of its bounding box along and across the lines, shape (planes, 2), in mm."""

    whole: NDArray[np.bool_]
    """Whether no other contour of the plane extends beyond it."""


class Half(NamedTuple):
    """The half-slabs on one side of the planes of a structure; one number or row for each plane."""

    length: Floats
    """Extent from the plane, in mm."""

    volume: Floats
    """In mm³."""

    lean: Floats
    """Distribution along its length: from -1, mostly at the plane, to 1, mostly at the end."""

    ends: NDArray[np.bool_]
    """Whether the structure ends here."""

    drift: Floats
    """Movement of the centre of the contour with the depth, along and across the lines, in mm per mm."""

    first: Floats
    second: Floats
    """At the depth t the square of the contour's size relative to that in the plane is 1 + first t + second t²."""

    def narrowed(self, points: Floats, depths: Floats, chosen: NDArray[np.intp], centre: Floats, axis: int) -> Floats:
        """Return positions along (0) or across (1) the lines, moved from their planes to a depth."""
        middle, first, second = centre[:, axis][chosen], self.first[:, axis][chosen], self.second[:, axis][chosen]
        factor = np.sqrt(np.maximum(1 + depths * (first + depths * second), 0))
        return middle + self.drift[:, axis][chosen] * depths + (points - middle) * factor


def outlines_of(structure: Structure, axes: tuple[int, int]) -> Outlines:
    """Return the largest contour of each plane."""
    planes = structure.planes[1]
    flat = [contour for contours in planes for contour in contours]
    points = np.concatenate(flat)[:, axes]
    starts = np.cumsum([0, *(len(contour) for contour in flat)])
    firsts = starts[:-1]
    low, high = np.minimum.reduceat(points, firsts), np.maximum.reduceat(points, firsts)
    # Relative to the first point of each contour, to avoid cancellation.
    begin = points - np.repeat(points[firsts], np.diff(starts), axis=0)
    end = np.roll(begin, -1, axis=0)
    end[starts[1:] - 1] = 0
    areas = np.abs(np.add.reduceat(begin[:, 0] * end[:, 1] - begin[:, 1] * end[:, 0], firsts)) / 2
    perimeters = np.add.reduceat(np.hypot(end[:, 0] - begin[:, 0], end[:, 1] - begin[:, 1]), firsts)
    of_planes = np.cumsum([0, *map(len, planes)])
    largest = np.array([first + int(areas[first:last].argmax()) for first, last in pairwise(of_planes.tolist())])
    least, most = np.minimum.reduceat(low, of_planes[:-1]), np.maximum.reduceat(high, of_planes[:-1])
    low, high = low[largest], high[largest]
    whole = ((least >= low) & (most <= high)).all(axis=1)
    of_plane = np.add.reduceat(perimeters, of_planes[:-1])
    return Outlines(areas[largest], perimeters[largest], of_plane, (low + high) / 2, high - low, whole)


def halves(structure: Structure, areas: Floats, outlines: Outlines) -> tuple[Half, Half]:
    """Return the half-slabs below and above each plane; `areas` in mm², without holes."""
    at, stack = structure.planes[0], structure.stack
    parts = np.split(np.arange(len(areas)), np.flatnonzero(stack.missing) + 1)
    slopes = _slopes(areas, at, parts)
    for part in parts:
        rises = np.diff(areas[part])
        slopes[part[1:-1][rises[:-1] * rises[1:] < 0]] = 0  # local extremum of the area, possibly with an edge
    joined = np.zeros(len(areas) + 1, dtype=bool)
    joined[1:-1] = stack.missing == 0
    gaps = np.diff(at)
    ends = _ends(areas, outlines, at, parts)
    sides = (
        (-1, joined[:-1], np.concatenate([[0], gaps]), stack.below),
        (1, joined[1:], np.concatenate([gaps, [0]]), stack.above),
    )
    towards = [
        _towards(areas, way * slopes, np.where(inner, between, 1.0), -way, outlines) for way, inner, between, _ in sides
    ]
    _round_ends(towards, areas, slopes == 0, ends.power, at, parts)
    drifts = [
        np.where(inner[:, np.newaxis], one.drift, 0) for (_, inner, _, _), one in zip(sides, towards, strict=True)
    ]
    below, above = (
        _chosen(inner, one, _beyond(areas, way, ends, beyond, -drift))
        for (way, inner, _, beyond), one, drift in zip(sides, towards, reversed(drifts), strict=True)
    )
    return below, above


def _chosen(first: NDArray[np.bool_], one: Half, other: Half) -> Half:
    """Return the numbers of one half-slab where `first` is true, of the other elsewhere."""
    return Half(
        *(
            np.where(first if left.ndim == 1 else first[:, np.newaxis], left, right)
            for left, right in zip(one, other, strict=True)
        )
    )


def _slopes(values: Floats, at: Floats, parts: Sequence[_Part]) -> Floats:
    """Return the derivative at each plane, exact where the values follow a parabola."""
    slopes = np.zeros(values.shape)
    for part in parts:
        if len(part) > 1:
            slopes[part] = np.gradient(values[part], at[part], axis=0, edge_order=2 if len(part) > 2 else 1)
    return slopes


def _bends(values: Floats, at: Floats, parts: Sequence[_Part]) -> Floats:
    """Return half the second derivative at the first and the last plane of each part, 0 elsewhere."""
    bends = np.zeros(values.shape)
    for part in parts:
        if len(part) > 2:
            for end, three in ((part[0], part[:3]), (part[-1], part[-3:])):
                first, last = (np.diff(values[three], axis=0).T / np.diff(at[three])).T
                bends[end] = (last - first) / (at[three[2]] - at[three[0]])
    return bends


class _Ends(NamedTuple):
    """How the contours of a structure narrow towards its ends; one number or row for each plane."""

    slope: Floats
    bend: Floats
    """Beyond its last plane the square of a body's width, relative to that plane, is 1 + slope t + bend t²."""

    power: Floats
    """Power of this square with which the area changes."""

    slopes: Floats
    bends: Floats
    """The same for the square of the size of the bounding box, shape (planes, 2); 0 if it does not tell the shape."""


def _ends(areas: Floats, outlines: Outlines, at: Floats, parts: Sequence[_Part]) -> _Ends:
    """Follow the widths of the last planes: those of the outlines or, where the last plane is a ring, of the rings."""
    solid = outlines.area <= areas * _SOLID
    whole = _course(outlines.area, outlines.perimeter, at, parts)
    rings = _course(areas, outlines.all_perimeters, at, parts)
    boxes = np.maximum(outlines.size**2, _TINY)
    told = (solid & outlines.whole)[:, np.newaxis]
    return _Ends(
        *(np.where(solid, *both) for both in zip(whole, rings, strict=True)),
        *(np.where(told, each(boxes, at, parts) / boxes, 0) for each in (_slopes, _bends)),
    )


def _course(area: Floats, perimeter: Floats, at: Floats, parts: Sequence[_Part]) -> tuple[Floats, Floats, Floats]:
    """Return slope, bend and power of the widths of contours with these areas and perimeters."""
    area = np.maximum(area, _TINY)
    squares = np.maximum(_width(area, perimeter) ** 2, _TINY)
    power = np.ones(len(area))
    for end, inner in (ends for part in parts if len(part) > 1 for ends in (part[:2], part[:-3:-1])):
        if squares[end] < squares[inner]:
            ratio = np.log(area[end] / area[inner]) / np.log(squares[end] / squares[inner])
            power[end] = np.clip(ratio, _TUBE, 1)
    return _slopes(squares, at, parts) / squares, _bends(squares, at, parts) / squares, power


def _width(area: Floats, perimeter: Floats) -> Floats:
    """Return the width of the track (a rectangle between two half circles) of this area and perimeter."""
    width: Floats = (perimeter - np.sqrt(np.maximum(perimeter**2 - 4 * np.pi * area, 0))) / np.pi
    return width


def _towards(area: Floats, slope: Floats, gap: Floats, shift: int, outlines: Outlines) -> Half:
    """Compute the half-slabs towards the next plane; `slope` is in its direction, `shift` brings it here."""
    next_area, next_slope = np.roll(area, shift), np.roll(slope, shift)
    flat = area * gap / 2
    inner = gap * ((13 * area + 3 * next_area) / 32 + gap * (11 * slope - 5 * next_slope) / 192)
    edge = np.maximum((area + next_area) / 2 + gap * (slope - next_slope) / 8, 0)
    outer, whole = np.roll(outlines.area, shift), np.roll(outlines.whole, shift)
    centre, size = np.roll(outlines.centre, shift, axis=0), np.roll(outlines.size, shift, axis=0)
    grows = size / np.maximum(outlines.size, np.finfo(float).tiny)
    alike = outlines.whole & whole & (np.abs(outlines.area * grows.prod(axis=1) - outer) <= _ALIKE * outer)
    rate = np.where(alike[:, np.newaxis], (grows - 1) / gap[:, np.newaxis], 0)
    return Half(
        gap / 2,
        np.clip(inner, flat * _FILLED[0], flat * _FILLED[1]),
        _lean(area, edge),
        np.zeros(len(area), dtype=bool),
        np.where(alike[:, np.newaxis], (centre - outlines.centre) / gap[:, np.newaxis], 0),
        2 * rate,
        rate**2,
    )


def _round_ends(
    towards: Sequence[Half], areas: Floats, flat: NDArray[np.bool_], power: Floats, at: Floats, parts: Sequence[_Part]
) -> None:
    """Correct the half-slabs between the last two planes where not the area, but a power of it follows a parabola."""
    half = (np.arange(_NODES) + 0.5) / _NODES / 2
    depths = np.concatenate([half, [0.5], half + 0.5])
    for three, inwards in ((three, side) for part in parts if len(part) > 2 for three, side in _both_ends(part)):
        (end, inner, _), largest = three, float(areas[three].max())
        if power[end] == 1 or largest == 0:
            continue
        away = np.abs(at[three] - at[end])
        gap, values = float(away[1]), (areas[three] / largest) ** (1 / power[end])
        first, second = np.gradient(values, away, edge_order=2)[:2] * gap
        curve = _hermite(depths, values[0], values[1], first, 0 if flat[inner] else second)
        curve = np.maximum(curve, 0) ** power[end] * largest
        edge = curve[_NODES]
        for plane, side, part in (end, inwards, curve[:_NODES]), (inner, 1 - inwards, curve[_NODES + 1 :]):
            towards[side].volume[plane] = part.mean() * gap / 2
            towards[side].lean[plane] = _lean(areas[plane], edge)


def _both_ends(part: _Part) -> Iterator[tuple[_Part, int]]:
    """Yield the last three planes, the last one first, and the side of the next plane: 0 below, 1 above."""
    yield part[:3], 1
    yield part[:-4:-1], 0


def _hermite(t: Floats, begin: float, end: float, slope: float, end_slope: float) -> Floats:
    """Return a cubic with these values and slopes at 0 and 1."""
    rise = end - begin
    return begin + t * (slope + t * (3 * rise - 2 * slope - end_slope + t * (slope + end_slope - 2 * rise)))


def _lean(area: Floats, edge: Floats) -> Floats:
    """Return the distribution of a half-slab with these areas in its plane and at its edge."""
    lean: Floats = (edge - area) / np.maximum(edge + area, np.finfo(float).tiny)
    return lean


def _beyond(areas: Floats, way: int, ends: _Ends, gap: Floats, drift: Floats) -> Half:
    """Compute the half-slabs beyond the last plane, where the contour narrows as it does in the last three.

    Its centre goes on as it does between the last two planes: an oblique vessel stays oblique.
    """
    first, second = way * ends.slope, ends.bend
    turn = first**2 - 4 * second
    # The first zero of the parabola or, where it nearly reaches zero, its minimum: written without cancellation.
    reach = 2 / np.maximum(np.sqrt(np.maximum(turn, 0)) - first, 1 / (gap * 2 * _TOUCHING))
    closes = (first < 0) & (turn >= -4 * second * _CLOSED) & (reach <= gap * _TOUCHING)
    reach = np.clip(reach, gap * _LEAST, gap)
    # The area integrated over the square root of the distance from the end, on which it depends smoothly.
    roots = ((np.arange(_NODES) + 0.5) / _NODES)[:, np.newaxis]
    deep = 1 - roots**2
    part = np.maximum(1 + reach * deep * (first + second * reach * deep), 0) ** ends.power * 2 * roots
    filled = np.maximum(part.mean(axis=0), _FILLED[0])
    middle = (part * deep).mean(axis=0) / filled
    return Half(
        np.where(closes, reach, gap / 2),
        areas * np.where(closes, reach * filled, gap / 2),
        np.where(closes, np.clip(6 * middle - 3, -1, 0), 0),
        np.ones(len(areas), dtype=bool),
        drift,
        np.where(closes[:, np.newaxis], way * ends.slopes, 0),
        np.where(closes[:, np.newaxis], ends.bends, 0),
    )
