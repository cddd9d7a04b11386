"""Beam's-eye view as a PNG: the aperture over the target, and a dial of the gantry angle or rotation.

Drawn along the axes of the gantry, *x* to the right and *y* up, to the scale of the isocentre plane.
"""

from __future__ import annotations

import io
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from sheets.render.typeface import FONTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheets.read.beam_geometry import BeamView, Leg, Opening
    from sheets.read.contours import Structure
    from sheets.read.ct_volume import Frame
    from sheets.read.numbers import Floats

    Points = list[tuple[float, float]]
    _Place = Callable[..., Points]

SIDE_PX: Final = 460
_MARGIN_MM: Final = 15.0
_LEAST_MM: Final = 40.0
_MOST_MM: Final = 230.0
_POINTS: Final = 48
"""Approximate number of points of a projected contour; the error is half a per cent of a circle's radius."""

_INK: Final = (26, 31, 38)
SHUT: Final = (176, 182, 189)
_LEAF: Final = (150, 157, 165)
_JAW: Final = (20, 80, 200)
_ACCESSORY: Final = (150, 60, 0)
_TARGET_SHUT: Final = (190, 120, 124)
_TARGET: Final = (240, 150, 150)
_TARGET_LINE: Final = (150, 0, 20)
_DIAL_PX: Final = 44
_LEG_PX: Final = 7
_BARS_MM: Final = (50.0, 20.0, 10.0)
"""Lengths of a scale bar, the first one that fits."""

_PATIENT: Final = (("R", "L"), ("A", "P"), ("F", "H"))
_OBLIQUE: Final = 0.4


class Shadow(NamedTuple):
    """Projection of a structure from the source: polygons in mm whose union covers it."""

    faces: list[Floats]
    """Lower and upper faces of the slab of each contour, each of shape (n, 2)."""
    sides: Floats
    """Side faces, shape (m, 4, 2)."""


NOTHING: Final = Shadow([], np.empty((0, 4, 2)))


def shadow(target: Structure | None, view: BeamView, within: Frame) -> Shadow:
    """Project a structure from the source of a beam."""
    if target is None or not target.drawn or view.axes is None:
        return NOTHING
    slabs, thinned = [], []
    for slab, contours in zip(target.slabs, target.planes[1], strict=True):
        for contour in contours:
            slabs.append(slab)
            thinned.append(contour[:: ceil(len(contour) / _POINTS)])
    sizes = np.array([len(one) for one in thinned])
    points = np.concatenate(thinned)
    ends = np.array(slabs).repeat(sizes, axis=0)
    projected = []
    for face in (0, 1):
        points[:, target.stacked] = ends[:, face]
        projected.append(view.projected(within.patient(points)))
    below, above = projected
    last = np.cumsum(sizes) - 1
    following = np.arange(1, len(points) + 1)
    following[last] = last - sizes + 1
    sides = np.stack([below, below[following], above[following], above], axis=1)
    return Shadow([face for of in projected for face in np.split(of, last[:-1] + 1)], sides)


def picture(view: BeamView, target: Shadow = NOTHING) -> bytes:
    """Draw a beam over its target, projected by `shadow`; return a PNG."""
    half = half_mm(view, target)
    scale = SIDE_PX / 2 / half

    def place(points: Floats) -> Points:
        x, y = SIDE_PX / 2 + points[:, 0] * scale, SIDE_PX / 2 - points[:, 1] * scale
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def collimator(*corners: tuple[float, float]) -> Points:
        return place(view.of_collimator(np.array(corners)))

    size = (SIDE_PX, SIDE_PX)
    covered, shut = Pictures.new("L", size), Pictures.new("L", size)
    pen = ImageDraw.Draw(covered)
    for polygon in target.faces:
        pen.polygon(place(polygon), fill=255)
    for side in (SIDE_PX / 2 + _facing(target.sides) * np.array([scale, -scale])).reshape(-1, 8).tolist():
        pen.polygon(side, fill=255)
    _shut(ImageDraw.Draw(shut), view, collimator)
    shown = Pictures.new("RGB", size, "white")
    shown.paste(_TARGET, mask=covered)
    shown.paste(SHUT, mask=shut)
    both = np.minimum(np.asarray(covered), np.asarray(shut))
    shown.paste(_TARGET_SHUT, mask=Pictures.fromarray(both))
    edge = np.asarray(covered) > 0
    inner = edge.copy()
    inner[1:-1, 1:-1] = edge[:-2, 1:-1] & edge[2:, 1:-1] & edge[1:-1, :-2] & edge[1:-1, 2:]
    shown.paste(_TARGET_LINE, mask=Pictures.fromarray(((edge & ~inner) * 255).astype(np.uint8)))
    pen = ImageDraw.Draw(shown)
    _lines(pen, view, collimator)
    for x, y in place(view.spots):
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=_JAW)
    _axes(pen, view, scale, collimator)
    _dial(pen, view)
    stream = io.BytesIO()
    shown.save(stream, "png", compress_level=6)
    return stream.getvalue()


def _facing(sides: Floats) -> Floats:
    """Return the sides facing the source; a slab is closed, so with the faces they cover the same area as all sides."""
    first, second = sides[:, 2] - sides[:, 0], sides[:, 3] - sides[:, 1]
    return sides[first[:, 0] * second[:, 1] > first[:, 1] * second[:, 0]]


def half_mm(view: BeamView, target: Shadow) -> float:
    """Return the half width of the picture in mm."""
    points = [target.sides, view.spots, *(view.of_collimator(one.points) for one in view.outlines)]
    if view.opening is not None:
        points.append(view.of_collimator(_corners(_open_box(view.opening))))
    far = max((float(np.abs(one).max()) for one in points if len(one)), default=0.0)
    return min(max(far + _MARGIN_MM, _LEAST_MM), _MOST_MM)


def _corners(box: Floats) -> Floats:
    return np.array([(x, y) for x in box[0] for y in box[1]])


def _open_box(opening: Opening) -> Floats:
    """Return the bounding box of the aperture along both axes of the collimator."""
    box = opening.jaws.copy()
    for one in opening.leaves:
        apart = one.ends[1] > one.ends[0]
        inside = (one.boundaries[1:] > box[1 - one.along, 0]) & (one.boundaries[:-1] < box[1 - one.along, 1])
        if (apart & inside).any():
            low, high = one.ends[0, apart & inside].min(), one.ends[1, apart & inside].max()
            box[one.along] = max(box[one.along, 0], low), min(box[one.along, 1], high)
    return box


def _rectangle(along: int, low: float, high: float, first: float, last: float) -> list[tuple[float, float]]:
    """Return the corners of a rectangle extending from low to high along one axis."""
    corners = [(low, first), (high, first), (high, last), (low, last)]
    return corners if along == 0 else [(y, x) for x, y in corners]


def _shut(pen: ImageDraw.ImageDraw, view: BeamView, collimator: _Place) -> None:
    """Fill the areas shielded by jaws, leaves, blocks and applicators."""
    far = 2 * _MOST_MM
    if view.opening is not None:
        for axis, (low, high) in enumerate(view.opening.jaws):
            pen.polygon(collimator(*_rectangle(axis, -far, low, -far, far)), fill=255)
            pen.polygon(collimator(*_rectangle(axis, high, far, -far, far)), fill=255)
        for one in view.opening.leaves:
            for pair, (low, high) in enumerate(one.ends.T):
                first, last = one.boundaries[pair : pair + 2]
                pen.polygon(collimator(*_rectangle(one.along, -far, low, first, last)), fill=255)
                pen.polygon(collimator(*_rectangle(one.along, high, far, first, last)), fill=255)
    for block in view.outlines:
        inside = collimator(*map(tuple, block.points))
        if block.shields:
            pen.polygon(inside, fill=255)
        else:
            mask = Pictures.new("L", (SIDE_PX, SIDE_PX), 255)
            ImageDraw.Draw(mask).polygon(inside, fill=0)
            pen.bitmap((0, 0), mask, fill=255)


def _lines(pen: ImageDraw.ImageDraw, view: BeamView, collimator: _Place) -> None:
    """Draw the edges of leaves, jaws, blocks and applicators."""
    if view.opening is not None:
        for one in view.opening.leaves:
            for pair, (low, high) in enumerate(one.ends.T):
                first, last = one.boundaries[pair : pair + 2]
                for end, outer in ((low, -_MOST_MM), (high, _MOST_MM)):
                    pen.line(collimator(*_rectangle(one.along, outer, end, first, last)), fill=_LEAF, width=1)
                    tip = [(end, first), (end, last)] if one.along == 0 else [(first, end), (last, end)]
                    pen.line(collimator(*tip), fill=_INK, width=2)
        (left, right), (low, high) = view.opening.jaws
        around = collimator((left, low), (right, low), (right, high), (left, high), (left, low))
        pen.line(around, fill=_JAW, width=3)
    for block in view.outlines:
        edge = collimator(*map(tuple, block.points))
        pen.line([*edge, edge[0]], fill=_ACCESSORY, width=3)


def _axes(pen: ImageDraw.ImageDraw, view: BeamView, scale: float, collimator: _Place) -> None:
    """Draw the axes through the isocentre, the patient directions and a scale bar."""
    middle, far = SIDE_PX / 2, 2 * _MOST_MM
    for ends in (((-far, 0.0), (far, 0.0)), ((0.0, -far), (0.0, far))):
        pen.line(collimator(*ends), fill=_INK, width=1)
    reach = SIDE_PX / 2 / scale - 6
    (x, y), *_ = collimator((0.0, reach * 0.82))
    _write_text(pen, (x, y), "Y", "mm")
    if view.axes is not None:
        for axis, sign, at, anchor in (
            (0, 1, (SIDE_PX - 5, middle), "rm"),
            (0, -1, (5, middle), "lm"),
            (1, 1, (middle, 5), "ma"),
            (1, -1, (middle, SIDE_PX - 5), "md"),
        ):
            _write_text(pen, at, direction(view.axes[axis] * sign), anchor)
    bar = next((mm for mm in _BARS_MM if mm * scale < SIDE_PX / 3), _BARS_MM[-1])
    left, bottom = 8, SIDE_PX - 8
    pen.rectangle((left - 1, bottom - 5, left + bar * scale + 1, bottom + 1), fill="white")
    pen.rectangle((left, bottom - 4, left + bar * scale, bottom), fill=_INK)
    _write_text(pen, (left + bar * scale / 2, bottom - 7), f"{bar / 10:.0f} cm", "md")


def direction(vector: Floats) -> str:
    """Return the name of a patient direction, from the one or two nearest axes."""
    order = np.argsort(-np.abs(vector))
    return "".join(
        _PATIENT[axis][int(vector[axis] > 0)]
        for rank, axis in enumerate(order)
        if rank == 0 or (rank == 1 and abs(vector[axis]) > _OBLIQUE)
    )


def _dial(pen: ImageDraw.ImageDraw, view: BeamView) -> None:
    """Draw the gantry angle or rotation, as seen facing the gantry."""
    x, y, radius = SIDE_PX - _DIAL_PX - 8, _DIAL_PX + 8, _DIAL_PX
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill="white", outline=_LEAF, width=2)
    if not view.turns:
        if view.gantry is None:
            return
        start, end = _on_dial(x, y, radius - 4, view.gantry), _on_dial(x, y, 4, view.gantry)
        pen.line([start, end], fill=_INK, width=4)
        _arrow(pen, end, np.subtract(end, start))
        return
    for number, leg in enumerate(view.turns[: radius // _LEG_PX - 1]):
        _leg(pen, (x, y), radius - 8 - number * _LEG_PX, leg)


def _leg(pen: ImageDraw.ImageDraw, middle: tuple[int, int], radius: float, leg: Leg) -> None:
    x, y = middle
    low, high = sorted((leg.start, leg.start + max(min(leg.turned, 360.0), -360.0)))
    pen.arc((x - radius, y - radius, x + radius, y + radius), low - 90, high - 90, fill=_JAW, width=4)
    begin_x, begin_y = _on_dial(x, y, radius - 1, leg.start)
    pen.ellipse((begin_x - 5, begin_y - 5, begin_x + 5, begin_y + 5), fill=_INK)
    end, ahead = leg.start + leg.turned, np.sign(leg.turned)
    angle = np.radians(end)
    _arrow(pen, _on_dial(x, y, radius - 1, end), ahead * np.array([np.cos(angle), np.sin(angle)]))


def _on_dial(x: float, y: float, radius: float, degrees: float) -> tuple[float, float]:
    """Return a point on a circle: 0° at the top, clockwise."""
    angle = np.radians(degrees)
    return float(x + radius * np.sin(angle)), float(y - radius * np.cos(angle))


def _arrow(pen: ImageDraw.ImageDraw, tip: tuple[float, float], way: Floats) -> None:
    way = way / np.hypot(*way)
    side = np.array([-way[1], way[0]])
    at = np.array(tip)
    corners = [at + way * 9, at - way * 4 + side * 7, at - way * 4 - side * 7]
    pen.polygon([(float(x), float(y)) for x, y in corners], fill=_INK)


@cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / "DejaVuSans-Bold.ttf", 19)


def _write_text(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, anchor: str) -> None:
    pen.text(at, text, _INK, _font(), anchor, stroke_width=3, stroke_fill="white")
