"""Planes through the CT with contours and isodoses, as PNG images without metadata.

Drawn by Pillow at twice their size and then halved, to smooth lines; isodoses are traced by contourpy.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from contourpy import LineType, contour_generator
from PIL import Image as Pictures
from PIL import ImageColor, ImageDraw, ImageFont

from sheets.read.ct_volume import AXIAL, ENDS, PLANE_NAMES
from sheets.render.typeface import font_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sheets.read.contours import Spans, Structure
    from sheets.read.ct_volume import Frame, Image, Plane
    from sheets.read.dose_grid import Dose
    from sheets.read.numbers import Floats

Colour = tuple[int, int, int]

WINDOW_HU: Final = (-160.0, 240.0)
"""Soft tissue: level 40, width 400."""

ISODOSES: Final = (
    (105, "#ffffff"),
    (100, "#ffe75e"),
    (95, "#ffbe0b"),
    (90, "#fb7d28"),
    (70, "#e0529c"),
    (50, "#8c4eec"),
    (20, "#3355ee"),
)
"""Per cent of the prescribed dose; brightness increases with dose, for colour-blind readers."""

_ROUND: Final = (1, 2, 2.5, 5, 10)
"""Steps of isodoses not in per cent, times a power of ten."""

MARGIN_MM: Final = 12.0
"""Margin shown around the structures, in mm."""

_LEAST_SEEN_MM: Final = 10.0
"""A line of a slice on which less than this is not black, in mm, shows noise or the couch."""

REACH_MM: Final = 170.0
"""Maximum extent on each side of the target, in mm."""


_FINER: Final = 2
"""Factor between the size drawn and the size shown."""

_GAP_MM: Final = 2.0
_COMPRESSION: Final = 2
_THIN_PX: Final = 1.5
_THICK_PX: Final = 3.0
_DASH_PX: Final = 9.0
_STRAIGHT: Final = 1e-3
_SHARP: Final = 0.3
"""Angles in radians below which a point is dropped, and above which a corner is cut off."""
_LETTER_PX: Final = 17
_EDGE_PX: Final = 7
_BARS_MM: Final = (50.0, 20.0, 10.0)
"""Lengths of a scale bar, the first one that fits."""
_BAR_PX: Final = 4
_MARK_PX: Final = 13
"""Height of the number at an isodose."""
_LONGEST: Final = 6.0
"""Minimum length of an isodose for a number, in heights of the number."""
_CROSS_PX: Final = 11
_HOT_MM: Final = 2.5
"""The maximum dose is marked in planes within this distance, in mm."""

_DOSE_STEP_MM: Final = 1.5
_LINE_MM: Final = 0.5
_TOUCHES_MM: Final = 1e-6
_HALO_PX: Final = 2
_WHITE: Final = (255, 255, 255)
_RED: Final = (255, 0, 0)
_LUMINANCE: Final = np.array([0.2126, 0.7152, 0.0722])


class Shape(NamedTuple):
    """Shape of a picture; panels are arranged to fill it best."""

    width_px: int
    aspect: float
    """Height divided by width."""


LARGE: Final = Shape(1632, 5.6 / 10.2)
"""Page width at 220 dpi."""

LOW: Final = Shape(1224, 0.32)
_SMALL_PX: Final = 345
"""Longer side of a picture that is then reduced to a thumbnail: of a larger one, the letters would be too small."""


class Level(NamedTuple):
    """An isodose."""

    dose: float
    colour: str
    says: str
    mark: str
    """Label at its line."""


def levels(full_gy: float | None, dose: Dose | None) -> list[Level]:
    """Return the isodoses: per cent of the prescribed dose; if none is stated, round doses up to the maximum."""
    highest = dose.highest_gy if dose else 0.0
    if dose is None or highest <= 0:
        return []
    if full_gy:
        of = [Level(percent / 100 * full_gy, colour, f"{percent} %", str(percent)) for percent, colour in ISODOSES]
        return [one._replace(says=f"{one.says} = {one.dose:.1f} Gy") for one in of if one.dose <= highest]
    power = 10 ** np.floor(np.log10(highest / len(ISODOSES)))
    step = next(float(each * power) for each in _ROUND if each * power * (len(ISODOSES) + 1) > highest)
    count = int(highest // step)
    doses = [step * number for number in range(count, 0, -1)]
    return [
        Level(each, colour, f"{each:.4g} {dose.unit}".strip(), f"{each:.4g}")
        for each, (_, colour) in zip(doses, ISODOSES, strict=False)
    ]


def hottest(dose: Dose | None, frame: Frame) -> Floats | None:
    """Return the position of the hottest voxel in the frame, in mm; None if there is no dose."""
    if dose is None or dose.highest_gy <= 0:
        return None
    voxel = np.unravel_index(int(dose.gy.argmax()), dose.gy.shape)
    return np.asarray(frame.of(dose.position(tuple(map(int, voxel)))[np.newaxis])[0])


def seen(structures: Sequence[Structure], views: Sequence[tuple[Plane, Box]]) -> list[Structure]:
    """Return the structures that intersect a plane within the region visible of it."""
    found = []
    for structure in structures:
        if structure.drawn:
            low, high = structure.ends.copy()
            low[structure.stacked], high[structure.stacked] = structure.slabs.min(), structure.slabs.max()
            if any(_is_within(low, high, plane, shown) for plane, shown in views):
                found.append(structure)
    return found


def _is_within(low: Floats, high: Floats, plane: Plane, shown: Box) -> bool:
    across = list(plane.axes)
    return bool(
        low[plane.normal] <= plane.at_mm <= high[plane.normal]
        and (low[across] <= shown.high[across]).all()
        and (high[across] >= shown.low[across]).all()
    )


class Box(NamedTuple):
    """Visible region: lowest and highest corner in the frame, in mm."""

    low: Floats
    high: Floats


@dataclass(frozen=True)
class Scene:
    """The overlays of the CT."""

    frame: Frame
    structures: Sequence[Structure]
    dose: Dose | None
    """None if it cannot be decoded."""
    levels: Sequence[Level]
    """Isodoses in descending order."""
    hottest: Floats | None = None
    """Position of the maximum dose in the frame, in mm."""

    before: Scene | None = None
    """The scene to compare with; differences are drawn on top."""


def box(structures: Sequence[Structure], planes: Sequence[Plane], centre: Floats) -> Box:
    """Return the visible region: all structures with a margin, limited to the CT and around the centre."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for plane in planes:
        edges = plane.extent_mm
        for axis, (start, end) in zip(plane.axes, (edges[:2], edges[2:]), strict=True):
            low[axis], high[axis] = min(low[axis], start), max(high[axis], end)
    centre = np.clip(centre, low, high)
    drawn = [structure.ends for structure in structures if structure.drawn]
    if drawn:
        lowest = np.maximum(low, np.min(drawn, axis=0)[0] - MARGIN_MM)
        highest = np.minimum(high, np.max(drawn, axis=0)[1] + MARGIN_MM)
        if (lowest < highest).all():  # otherwise they are outside the CT
            low, high, centre = lowest, highest, np.clip(centre, lowest, highest)
    return Box(np.maximum(low, centre - REACH_MM), np.minimum(high, centre + REACH_MM))


def cropped(plane: Plane, scene: Scene, shown: Box) -> Box:
    """Return the visible region of a plane: of a slice, only what is not black, and the contours, with a margin.

    A neck does not need the width of the shoulders.
    """
    if plane.normal != scene.frame.stacked:
        return shown
    low, high = shown.low.copy(), shown.high.copy()
    centres = [
        first + np.arange(count) * step
        for first, step, count in zip(plane.first_mm, plane.step_mm, plane.values.shape[::-1], strict=True)
    ]
    columns, rows = ((at >= low[axis]) & (at <= high[axis]) for at, axis in zip(centres, plane.axes, strict=True))
    visible = (plane.values > WINDOW_HU[0]) & rows[:, np.newaxis] & columns
    contours = [contour for one in scene.structures if one.drawn for contour in one.on(plane.at_mm)]
    for number, axis in enumerate(plane.axes):
        is_seen = visible.sum(axis=number) * plane.step_mm[1 - number] >= _LEAST_SEEN_MM
        ends = [*centres[number][is_seen], *(contour[:, axis] for contour in contours)]
        if ends:
            every = np.hstack(ends)
            low[axis] = max(low[axis], float(every.min()) - MARGIN_MM)
            high[axis] = min(high[axis], float(every.max()) + MARGIN_MM)
    return Box(low, high) if (low < high).all() else shown


def views(
    planes: Sequence[Plane],
    scene: Scene,
    shown: Sequence[Box],
    *,
    highlight: Sequence[Image] = (),
    shape: Shape = LARGE,
) -> bytes:
    """Draw planes in one picture and to one scale, with contours and isodoses; return a PNG.

    Parameters
    ----------
    shown
        Visible region of each plane.
    highlight
        Mask for each plane, drawn on top where it is not 0: a difference.
    """
    return _png(_views(planes, scene, shown, highlight, shape))


def _views(
    planes: Sequence[Plane], scene: Scene, shown: Sequence[Box], highlight: Sequence[Image], shape: Shape
) -> Pictures.Image:
    sizes = [(box.high - box.low)[list(plane.axes)] for plane, box in zip(planes, shown, strict=True)]
    corners, whole = _arrangement([(float(width), float(height)) for width, height in sizes], shape.aspect)
    scale = shape.width_px / whole[0]
    picture = Pictures.new("RGB", (shape.width_px, ceil(whole[1] * scale)))
    panels = []
    for number, (plane, around, size, corner) in enumerate(zip(planes, shown, sizes, corners, strict=True)):
        panel = _Panel(plane, around, scale, (max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)))
        _draw(panel, scene, around)
        if number < len(highlight):
            panel.cover(panel.resampled((highlight[number] != 0).astype(np.uint8)), 255)
        place = round(corner[0] * scale), round(corner[1] * scale)
        picture.paste(panel.halved(), place)
        panels.append((panel, place))
    pen = ImageDraw.Draw(picture)
    for panel, place in panels:
        _marks(pen, panel, place)
        _cross(pen, panel, place, scene.hottest)
        _letters(pen, panel, place)
    return picture


class _Panel:
    """One plane being drawn, `_FINER` times larger than shown."""

    def __init__(self, plane: Plane, shown: Box, scale: float, size: tuple[int, int]) -> None:
        self.plane = plane
        self.size = size
        self.scale = scale
        across, up = plane.axes
        # Anterior and head are at the top. PS3.3 C.7.6.2.1.1: axes run to the left, posterior and head.
        self._down = plane.normal == AXIAL
        self._left = float(shown.low[across])
        self._top = float(shown.low[up] if self._down else shown.high[up])
        low, high = WINDOW_HU
        grey = np.clip((plane.values - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
        self.picture = self.resampled(grey).convert("RGB")
        self.pen = ImageDraw.Draw(self.picture)
        self.marks: list[tuple[float, float, Level]] = []
        """Positions of the isodose numbers, in shown pixels."""

    def resampled(self, values: NDArray[np.uint8]) -> Pictures.Image:
        """Return values on the grid of the plane, [up, across], scaled to the panel."""
        step = 1 / (self.scale * _FINER)
        columns, rows = step / self.plane.step_mm[0], step / self.plane.step_mm[1]
        left = (self._left - self.plane.first_mm[0]) / self.plane.step_mm[0] + 0.5
        top = (self._top - self.plane.first_mm[1]) / self.plane.step_mm[1] + 0.5
        size = self.size[0] * _FINER, self.size[1] * _FINER
        return Pictures.fromarray(values).transform(
            size, Pictures.Transform.AFFINE, (columns, 0, left, 0, rows if self._down else -rows, top)
        )

    def pixels(self, across: Floats, up: Floats) -> list[tuple[float, float]]:
        """Return the pixel positions of points of the plane in mm."""
        x = (across - self._left) * (self.scale * _FINER)
        y = (up - self._top) * ((self.scale if self._down else -self.scale) * _FINER)
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def line(self, across: Floats, up: Floats, colour: Colour, width_px: float, *, broken: bool = False) -> None:
        """Draw a line through points of the plane in mm."""
        points = np.array(self.pixels(across, up))
        width = max(round(width_px * _FINER), 1)
        for part in _dashes(points, _DASH_PX * _FINER) if broken else [points]:
            self.pen.line(rounded(part, width).ravel().tolist(), fill=colour, width=width)

    def cover(self, mask: Pictures.Image, opacity: int) -> None:
        """Paint red where a mask is not 0."""
        self.picture.paste(_RED, mask=mask.point(lambda value: opacity if value else 0))

    def halved(self) -> Pictures.Image:
        """Return the panel in its final size."""
        return self.picture.reduce(_FINER)


def rounded(line: Floats, width: float) -> Floats:
    """Return a line (n, 2) with cut corners, to avoid notches in broad lines, and without redundant points."""
    if len(line) < 3:
        return line
    before, after = line[1:-1] - line[:-2], line[2:] - line[1:-1]
    turned = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1))
    kept = np.concatenate([[True], np.abs(turned) > _STRAIGHT, [True]])
    line, turned = line[kept], np.concatenate([[0.0], turned, [0.0]])[kept]
    sharp = np.abs(turned) > _SHARP
    if width <= _FINER or not sharp.any():
        return line
    steps = np.diff(line, axis=0)
    lengths = np.maximum(np.hypot(*steps.T), np.finfo(float).tiny)
    cut = (steps.T * np.minimum(width / 2 / lengths, 0.5)).T
    doubled = np.repeat(line, np.where(sharp, 2, 1), axis=0)
    first = (np.cumsum(np.where(sharp, 2, 1)) - np.where(sharp, 2, 1))[sharp]
    corners = np.flatnonzero(sharp)
    doubled[first] -= cut[corners - 1]
    doubled[first + 1] += cut[corners]
    return doubled


def _dashes(line: Floats, length: float) -> list[Floats]:
    """Return the dashes of a line (n, 2)."""
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    pieces = []
    for start in np.arange(0.0, run[-1], 2 * length):
        inner = (run > start) & (run < start + length)
        at = np.concatenate([[start], run[inner], [min(start + length, run[-1])]])
        pieces.append(np.column_stack([np.interp(at, run, line[:, 0]), np.interp(at, run, line[:, 1])]))
    return pieces


def _arrangement(
    sizes: Sequence[tuple[float, float]], aspect: float
) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Arrange panels (width, height) in a row, or the first beside the others, whichever is larger.

    Returns
    -------
    The upper left corner of each relative to the whole; the size of the whole.
    """
    widths, heights = zip(*sizes, strict=True)
    row = [(sum(widths[:number]) + number * _GAP_MM, 0.0) for number in range(len(sizes))]
    whole = (sum(widths) + (len(sizes) - 1) * _GAP_MM, max(heights))
    stack = [(0.0, 0.0)]
    stack += [(widths[0] + _GAP_MM, sum(heights[1:number]) + (number - 1) * _GAP_MM) for number in range(1, len(sizes))]
    other = (widths[0] + _GAP_MM + max(widths[1:], default=0), max(heights[0], sum(heights[1:]) + _GAP_MM))
    scales = [min(1 / width, aspect / height) for width, height in (whole, other)]
    corners, (width, height) = (row, whole) if scales[0] >= scales[1] else (stack, other)
    wide = max(width, height / aspect)
    return [(x + (wide - width) / 2, y) for x, y in corners], (wide, height)


def _draw(panel: _Panel, scene: Scene, shown: Box) -> None:
    if scene.dose is not None:
        _isodoses(panel, scene, scene.dose, shown)
    for structure in scene.structures:
        _outline(panel, scene.frame, structure, on_black(structure.colour))
    if scene.before is not None:
        _differences(panel, scene, scene.before, shown)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(bold=True), size_px)


def _letters(pen: ImageDraw.ImageDraw, panel: _Panel, place: tuple[int, int]) -> None:
    """Draw the directions at the edges, the name of the plane and a scale bar."""
    plane, (width, height), (left, top) = panel.plane, panel.size, place
    across, up = plane.axes
    below, above = ENDS[up] if plane.normal != AXIAL else ENDS[up][::-1]
    font = _font(_LETTER_PX if width > 20 * _LETTER_PX else _LETTER_PX * 2 // 3)
    low, high = WINDOW_HU
    window = f"W {high - low:.0f} L {(high + low) / 2:.0f}"
    for x, y, text, anchor in (
        (_EDGE_PX, height / 2, ENDS[across][0], "lm"),
        (width - _EDGE_PX, height / 2, ENDS[across][1], "rm"),
        (width / 2, height - _EDGE_PX, below, "md"),
        (width / 2, _EDGE_PX + font.size, above, "ma"),
        (
            _EDGE_PX,
            _EDGE_PX,
            f"{PLANE_NAMES[plane.normal]}, {'xyz'[plane.normal]} = {round(plane.at_mm, 1) + 0.0:.1f} mm",
            "la",
        ),
        (_EDGE_PX, height - _EDGE_PX, window, "ld"),
    ):
        if width > 6 * font.size or len(text) == 1:
            pen.text((left + x, top + y), text, _WHITE, font, anchor, stroke_width=_HALO_PX, stroke_fill="black")
    _bar(pen, font, panel.scale, (left + width - _EDGE_PX, top + height - _EDGE_PX), width / 4)


def _bar(
    pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, scale: float, corner: tuple[int, int], most_px: float
) -> None:
    """Draw a scale bar of 5 cm, or a shorter one if that is too long; none if none fits."""
    length = next((mm for mm in _BARS_MM if mm * scale < most_px), None)
    if length is None:
        return
    right, bottom = corner
    left = right - round(length * scale)
    pen.rectangle((left - 1, bottom - _BAR_PX - 1, right + 1, bottom + 1), fill="black")
    pen.rectangle((left, bottom - _BAR_PX, right, bottom), fill=_WHITE)
    says = f"{length / 10:.0f} cm"
    middle = (left + right) / 2
    pen.text((middle, bottom - _BAR_PX - 3), says, _WHITE, font, "md", stroke_width=_HALO_PX, stroke_fill="black")


def _isodoses(panel: _Panel, scene: Scene, dose: Dose, shown: Box) -> None:
    across, up, gy = _dose_on(panel.plane, scene.frame, dose, shown)
    if np.isnan(gy).all():
        return
    traced = contour_generator(across, up, np.ma.masked_invalid(gy), line_type=LineType.Separate)
    for number, one in enumerate(reversed(scene.levels)):
        longest = None
        for points in traced.lines(one.dose):
            line = np.asarray(points)
            panel.line(line[:, 0], line[:, 1], rgb(one.colour), _THIN_PX)
            if longest is None or len(line) > len(longest):
                longest = line
        if longest is not None:
            _mark(panel, one, longest, number)


def _mark(panel: _Panel, level: Level, line: Floats, number: int) -> None:
    """Choose the position of an isodose number, each a little further round to avoid overlaps."""
    places = np.array(panel.pixels(line[:, 0], line[:, 1])) / _FINER
    inside = ((places > _MARK_PX) & (places < np.array(panel.size) - _MARK_PX)).all(axis=1)
    if not level.mark or np.hypot(*(np.ptp(each) for each in places.T)) < _LONGEST * _MARK_PX or not inside.any():
        return
    around = places - places.mean(axis=0)
    wanted = np.pi * (0.25 + 0.3 * number)
    off = np.cos(np.arctan2(around[:, 1], around[:, 0]) - wanted)
    x, y = places[int(np.where(inside, off, -2.0).argmax())].tolist()
    panel.marks.append((x, y, level))


def _marks(pen: ImageDraw.ImageDraw, panel: _Panel, place: tuple[int, int]) -> None:
    """Draw the numbers of the isodoses at their lines."""
    for x, y, level in panel.marks:
        at = place[0] + x, place[1] + y
        pen.text(at, level.mark, level.colour, _font(_MARK_PX), "mm", stroke_width=_HALO_PX, stroke_fill="black")


def _cross(pen: ImageDraw.ImageDraw, panel: _Panel, place: tuple[int, int], hottest: Floats | None) -> None:
    """Mark the maximum dose in a plane through it."""
    plane = panel.plane
    if hottest is None or abs(hottest[plane.normal] - plane.at_mm) > _HOT_MM:
        return
    across, up = (np.array([hottest[axis]]) for axis in plane.axes)
    ((x, y),) = panel.pixels(across, up)
    if not (0 <= x <= panel.size[0] * _FINER and 0 <= y <= panel.size[1] * _FINER):
        return
    x, y, size = place[0] + x / _FINER, place[1] + y / _FINER, _CROSS_PX
    for width, colour in ((5, "black"), (2, "white")):
        pen.line((x - size, y, x + size, y), fill=colour, width=width)
        pen.line((x, y - size, x, y + size), fill=colour, width=width)


def rgb(name: str) -> Colour:
    """Return the colour of `#rrggbb`."""
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue


def _dose_on(plane: Plane, frame: Frame, dose: Dose, shown: Box) -> tuple[Floats, Floats, Image]:
    """Return a regular grid in a plane and its dose: across, up, Gy; NaN where unknown."""
    across, up = np.meshgrid(
        *(np.arange(shown.low[axis], shown.high[axis] + _DOSE_STEP_MM, _DOSE_STEP_MM) for axis in plane.axes)
    )
    points = np.empty((across.size, 3))
    points[:, plane.normal] = plane.at_mm
    points[:, plane.axes[0]], points[:, plane.axes[1]] = across.ravel(), up.ravel()
    return across, up, dose.at(frame.patient(points)).reshape(across.shape)


def _differences(panel: _Panel, scene: Scene, before: Scene, shown: Box) -> None:
    """Draw the differences from the other scene: differing doses as red areas, moved contours as dashed lines."""
    if scene.dose is not None and before.dose is not None:
        across, up, gy = _dose_on(panel.plane, scene.frame, scene.dose, shown)
        off = np.abs(np.nan_to_num(gy) - np.nan_to_num(_dose_on(panel.plane, scene.frame, before.dose, shown)[2]))
        if off.max() > 0:
            mask = Pictures.new("L", panel.picture.size)
            pen = ImageDraw.Draw(mask)
            half = _DOSE_STEP_MM / 2
            for row, column in np.argwhere(off > off.max() / 100):
                x, y = across[row, column], up[row, column]
                corners = panel.pixels(np.array([x - half, x + half]), np.array([y - half, y + half]))
                (left, right), (top, bottom) = (sorted(pair) for pair in zip(*corners, strict=True))
                pen.rectangle((left, top, right, bottom), fill=1)
            panel.cover(mask, 150)
    for structure, other in zip(scene.structures, before.structures, strict=False):
        moved = len(structure.contours) != len(other.contours) or any(
            not np.array_equal(here, there) for here, there in zip(structure.contours, other.contours, strict=True)
        )
        if moved:
            _outline(panel, scene.frame, other, _WHITE, broken=True)


def _outline(panel: _Panel, frame: Frame, structure: Structure, colour: Colour, *, broken: bool = False) -> None:
    if not structure.drawn:
        return
    plane = panel.plane
    if plane.normal == frame.stacked:
        first, second = plane.axes
        for contour in structure.on(plane.at_mm):
            closed = np.vstack([contour, contour[:1]])
            panel.line(closed[:, first], closed[:, second], colour, _THICK_PX, broken=broken)
        return
    for line in outlines(structure, plane, frame):
        x, y = line.T if plane.axes[1] == frame.stacked else line.T[::-1]
        panel.line(x, y, colour, _THICK_PX, broken=broken)


def outlines(structure: Structure, plane: Plane, frame: Frame) -> list[Floats]:
    """Return the cross-section of a structure in a plane perpendicular to its contours.

    Returns
    -------
    Outlines (n, 2) in mm: along the contour planes, and along the stacking axis.
    """
    along = next(axis for axis in plane.axes if axis != frame.stacked)
    spans = structure.spans(plane.normal, along, plane.at_mm, 1.0, 1)
    planes = spans.plane
    if (np.diff(planes) == 0).any():
        return _traced(structure, spans)
    at, slabs, found = structure.planes[0], structure.slabs, []
    joined = (slabs[planes[:-1], 1] > slabs[planes[1:], 0] - _TOUCHES_MM) & (np.diff(planes) == 1)
    joined &= (spans.start[1:] <= spans.end[:-1]) & (spans.end[1:] >= spans.start[:-1])
    for piece in np.split(np.arange(len(planes)), np.flatnonzero(~joined) + 1) if len(planes) else ():
        ends = [piece[0], *piece, piece[-1]]
        heights = np.array([slabs[planes[piece[0]], 0], *at[planes[piece]], slabs[planes[piece[-1]], 1]])
        left, right = (np.column_stack([side[ends], heights]) for side in (spans.start, spans.end))
        found.append(np.concatenate([left, right[::-1], left[:1]]))
    return found


def _traced(structure: Structure, spans: Spans) -> list[Floats]:
    """Trace the outlines on a grid, for contour planes that are cut more than once."""
    positions = np.arange(spans.start.min() - 1, spans.end.max() + 1 + _LINE_MM, _LINE_MM)
    at, slabs = structure.planes[0], structure.slabs
    changes = np.zeros((len(at), len(positions) + 1), np.int8)
    np.add.at(changes, (spans.plane, np.searchsorted(positions, spans.start, "left")), 1)
    np.add.at(changes, (spans.plane, np.searchsorted(positions, spans.end, "right")), -1)
    inside = changes[:, :-1].cumsum(axis=1, dtype=np.int8) > 0
    # An empty row beyond each free end of a slab, at the same distance, so that the outline runs at the slab's end.
    rows: list[tuple[float, NDArray[np.bool_]]] = []
    empty = np.zeros(len(positions), bool)
    for number, position in enumerate(at):
        low, high = slabs[number]
        if number == 0 or slabs[number - 1][1] < low:
            rows.append((2 * low - position, empty))
        rows.append((position, inside[number]))
        if number == len(at) - 1 or slabs[number + 1][0] > high:
            rows.append((2 * high - position, empty))
    rows.sort(key=lambda row: row[0])
    grid = np.array([row for _, row in rows], dtype=float)
    heights = [position for position, _ in rows]
    return list(map(np.asarray, contour_generator(positions, heights, grid, line_type=LineType.Separate).lines(0.5)))


def thumbnail(plane: Plane, scene: Scene, shown: Box, width_px: int = 240) -> bytes:
    """Draw a small square picture of one plane; return a PNG."""
    plain = replace(scene, levels=[level._replace(mark="") for level in scene.levels], hottest=None)
    width, height = (shown.high - shown.low)[list(plane.axes)].tolist()
    drawn = _views([plane], plain, [shown], (), Shape(round(_SMALL_PX * min(1, width / height)), height / width))
    side = max(drawn.size)
    picture = Pictures.new("RGB", (side, side))
    picture.paste(drawn, ((side - drawn.width) // 2, (side - drawn.height) // 2))
    picture.thumbnail((width_px, width_px))
    stream = io.BytesIO()
    picture.quantize(96, Pictures.Quantize.FASTOCTREE).save(stream, "png", optimize=True)
    return stream.getvalue()


def on_white(colour: Colour) -> Colour:
    """Return a variant of a colour visible on paper."""
    return _scaled(colour, 0.0, 0.55)


def on_black(colour: Colour) -> Colour:
    """Return a variant of a colour visible on a CT."""
    return _scaled(colour, 0.35, 1.0)


def _scaled(colour: Colour, darkest: float, brightest: float) -> Colour:
    """Scale a colour's luminance into a range."""
    parts = np.clip(np.array(colour, dtype=float), 0, 255) / 255
    luminance = float(parts @ _LUMINANCE)
    if luminance > brightest:
        parts *= brightest / luminance
    elif luminance < darkest:
        parts += (1 - parts) * (darkest - luminance) / (1 - luminance)
    red, green, blue = np.rint(parts * 255).astype(int).tolist()
    return red, green, blue


def _png(picture: Pictures.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "png", compress_level=_COMPRESSION)
    return stream.getvalue()
