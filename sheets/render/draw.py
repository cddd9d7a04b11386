"""Pictures: planes through the CT with contours and isodoses, and histograms.

Drawn by matplotlib without a display and without its global state; the files hold pixels and nothing else, neither
what made them nor when.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL import Image as Pictures

from sheets.read.ct_volume import AXIAL, ENDS, PLANE_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sheets.dvh import Dvh
    from sheets.read.contours import Structure
    from sheets.read.ct_volume import Floats, Frame, Image, Plane
    from sheets.read.dose_grid import Dose

Colour = tuple[int, int, int]

WINDOW_HU: Final = (-160.0, 240.0)
"""Soft tissue: level 40, width 400."""

ISODOSES: Final = (
    (105, "#ff2dd4"),
    (100, "#ff3b30"),
    (95, "#ff9500"),
    (90, "#ffd60a"),
    (70, "#30d158"),
    (50, "#40c8e0"),
    (20, "#3f7bff"),
)
"""Per cent of the prescribed dose, with their colours."""

_ROUND: Final = (1, 2, 2.5, 5, 10)
"""Steps of doses that are told in no per cent, times a power of ten."""

MARGIN_MM: Final = 12.0
"""What is shown around the structures."""

REACH_MM: Final = 170.0
"""No more than this on each side of the target."""

_WIDTH_IN: Final = 10.2
_HEIGHT_IN: Final = 5.6
_GAP_MM: Final = 2.0
_DPI: Final = 160
_SMALL_DPI: Final = 60
_COMPRESSION: Final = {"compress_level": 4}
"""A third faster than the usual 6, and hardly larger."""

_DOSE_STEP_MM: Final = 1.5
_LINE_MM: Final = 0.5
_HALO: Final = (withStroke(linewidth=2, foreground="black"),)


class Level(NamedTuple):
    """An isodose."""

    dose: float
    colour: str
    says: str


def levels(full_gy: float | None, dose: Dose | None) -> list[Level]:
    """Choose the isodoses: per cent of the prescribed dose; where none is stated, round doses up to the highest."""
    highest = dose.highest_gy if dose else 0.0
    if dose is None or highest <= 0:
        return []
    if full_gy:
        of = [Level(percent / 100 * full_gy, colour, f"{percent} %") for percent, colour in ISODOSES]
        return [one._replace(says=f"{one.says} = {one.dose:.1f} Gy") for one in of if one.dose <= highest]
    power = 10 ** np.floor(np.log10(highest / len(ISODOSES)))
    step = next(float(each * power) for each in _ROUND if each * power * (len(ISODOSES) + 1) > highest)
    count = int(highest // step)
    doses = [step * number for number in range(count, 0, -1)]
    return [
        Level(each, colour, f"{each:.4g} {dose.unit}".strip())
        for each, (_, colour) in zip(doses, ISODOSES, strict=False)
    ]


class Box(NamedTuple):
    """What is shown of the patient: lowest and highest corner, in the frame, in mm."""

    low: Floats
    high: Floats


@dataclass(frozen=True)
class Scene:
    """What is drawn over the CT."""

    frame: Frame
    structures: Sequence[Structure]
    dose: Dose | None
    """None where it cannot be decoded."""
    levels: Sequence[Level]
    """Isodoses, the highest first."""

    before: Scene | None = None
    """What it is held against: what differs from it is drawn over everything."""


def box(structures: Sequence[Structure], planes: Sequence[Plane], centre: Floats) -> Box:
    """Choose what is shown: all structures with a margin, as far as the CT goes and not far from the centre."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for plane in planes:
        edges = plane.extent_mm
        for axis, (start, end) in zip(plane.axes, (edges[:2], edges[2:]), strict=True):
            low[axis], high[axis] = min(low[axis], start), max(high[axis], end)
    centre = np.clip(centre, low, high)
    drawn = [points for structure in structures for points in structure.contours]
    if drawn:
        points = np.concatenate(drawn)
        lowest = np.maximum(low, points.min(axis=0) - MARGIN_MM)
        highest = np.minimum(high, points.max(axis=0) + MARGIN_MM)
        if (lowest < highest).all():  # else nothing of them lies in the CT
            low, high, centre = lowest, highest, np.clip(centre, lowest, highest)
    return Box(np.maximum(low, centre - REACH_MM), np.minimum(high, centre + REACH_MM))


def views(
    planes: Sequence[Plane], scene: Scene, shown: Box, *, highlight: Sequence[Image] = (), dpi: int = _DPI
) -> bytes:
    """Draw planes in one picture and to one scale, with contours and isodoses: a PNG.

    Parameters
    ----------
    highlight
        For each plane what is to be seen on top, where it is not 0: a difference.
    """
    sizes = [shown.high[list(plane.axes)] - shown.low[list(plane.axes)] for plane in planes]
    corners, whole = _arrangement([(float(width), float(height)) for width, height in sizes])
    figure = Figure(figsize=(_WIDTH_IN, _WIDTH_IN * whole[1] / whole[0]), dpi=dpi, facecolor="black")
    FigureCanvasAgg(figure)
    for plane, size, corner in zip(planes, sizes, corners, strict=True):
        left, top = corner[0] / whole[0], corner[1] / whole[1]
        width, height = float(size[0]) / whole[0], float(size[1]) / whole[1]
        axes = figure.add_axes((left, 1 - top - height, width, height))
        _plane(axes, plane, scene, shown)
    for axes, plane, values in zip(figure.axes, planes, highlight, strict=False):
        _highlight(axes, plane, values)
    return _png(figure)


def _arrangement(sizes: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Place panels (width, height) in a row, or the first beside the others, whichever is shown larger.

    Returns
    -------
    The upper left corner of each, from the upper left corner of the whole; the size of the whole.
    """
    widths, heights = zip(*sizes, strict=True)
    row = [(sum(widths[:number]) + number * _GAP_MM, 0.0) for number in range(len(sizes))]
    whole = (sum(widths) + (len(sizes) - 1) * _GAP_MM, max(heights))
    stack = [(0.0, 0.0)]
    stack += [(widths[0] + _GAP_MM, sum(heights[1:number]) + (number - 1) * _GAP_MM) for number in range(1, len(sizes))]
    other = (widths[0] + _GAP_MM + max(widths[1:], default=0), max(heights[0], sum(heights[1:]) + _GAP_MM))
    scales = [min(_WIDTH_IN / width, _HEIGHT_IN / height) for width, height in (whole, other)]
    corners, (width, height) = (row, whole) if scales[0] >= scales[1] else (stack, other)
    wide = max(width, height * _WIDTH_IN / _HEIGHT_IN)
    return [(x + (wide - width) / 2, y) for x, y in corners], (wide, height)


def _plane(axes: Axes, plane: Plane, scene: Scene, shown: Box) -> None:
    axes.set_axis_off()
    axes.imshow(
        plane.values,
        cmap="gray",
        vmin=WINDOW_HU[0],
        vmax=WINDOW_HU[1],
        extent=plane.extent_mm,
        origin="lower",
        interpolation="nearest",
        aspect="auto",
    )
    if scene.dose is not None:
        _isodoses(axes, plane, scene, scene.dose, shown)
    for structure in scene.structures:
        _outline(axes, plane, scene.frame, structure, on_black(structure.colour))
    if scene.before is not None:
        _differences(axes, plane, scene, scene.before, shown)
    across, up = plane.axes
    axes.set_xlim(shown.low[across], shown.high[across])
    bottom, top = (shown.high, shown.low) if plane.normal == AXIAL else (shown.low, shown.high)
    axes.set_ylim(bottom[up], top[up])
    at_bottom, at_top = ENDS[up] if plane.normal != AXIAL else ENDS[up][::-1]
    label = f"{PLANE_NAMES[plane.normal]}, {'xyz'[plane.normal]} = {plane.at_mm:.1f} mm"
    _write(axes, (0, 0.5), (4, 0), ENDS[across][0], "left", "center")
    _write(axes, (1, 0.5), (-4, 0), ENDS[across][1], "right", "center")
    _write(axes, (0.5, 0), (0, 4), at_bottom, "center", "bottom")
    _write(axes, (0.5, 1), (0, -4), at_top, "center", "top")
    _write(axes, (0, 1), (4, -4), label, "left", "top")


def _write(axes: Axes, place: tuple[float, float], offset: tuple[int, int], text: str, across: str, up: str) -> None:
    """Write beside an edge: `place` in parts of the panel, `offset` in points."""
    axes.annotate(
        text,
        place,
        offset,
        xycoords="axes fraction",
        textcoords="offset points",
        color="white",
        fontsize=7.5,
        horizontalalignment=across,
        verticalalignment=up,
        path_effects=_HALO,
    )


def _isodoses(axes: Axes, plane: Plane, scene: Scene, dose: Dose, shown: Box) -> None:
    across, up, gy = _dose_on(plane, scene.frame, dose, shown)
    if np.isnan(gy).all():
        return
    seen = [(one.dose, one.colour) for one in reversed(scene.levels) if np.nanmin(gy) < one.dose < np.nanmax(gy)]
    if seen:
        gys, colours = zip(*seen, strict=True)
        axes.contour(across, up, np.ma.masked_invalid(gy), levels=gys, colors=colours, linewidths=0.8)


def _dose_on(plane: Plane, frame: Frame, dose: Dose, shown: Box) -> tuple[Floats, Floats, Image]:
    """Give the dose on an even grid in a plane, with the grid: across, up, Gy; NaN where it is not known."""
    across, up = np.meshgrid(
        *(np.arange(shown.low[axis], shown.high[axis] + _DOSE_STEP_MM, _DOSE_STEP_MM) for axis in plane.axes)
    )
    points = np.empty((across.size, 3))
    points[:, plane.normal] = plane.at_mm
    points[:, plane.axes[0]], points[:, plane.axes[1]] = across.ravel(), up.ravel()
    return across, up, dose.at(frame.patient(points)).reshape(across.shape)


def _differences(axes: Axes, plane: Plane, scene: Scene, before: Scene, shown: Box) -> None:
    """Draw what the other one has elsewhere: doses that differ as red fields, contours that moved as broken lines."""
    if scene.dose is not None and before.dose is not None:
        across, up, gy = _dose_on(plane, scene.frame, scene.dose, shown)
        off = np.abs(np.nan_to_num(gy) - np.nan_to_num(_dose_on(plane, scene.frame, before.dose, shown)[2]))
        if off.max() > 0:
            axes.contourf(across, up, off, levels=[off.max() / 100, off.max() * 1.01], colors=["#ff0000"], alpha=0.6)
    for structure, other in zip(scene.structures, before.structures, strict=False):
        moved = len(structure.contours) != len(other.contours) or any(
            not np.array_equal(here, there) for here, there in zip(structure.contours, other.contours, strict=True)
        )
        if moved:
            _outline(axes, plane, scene.frame, other, (1.0, 1.0, 1.0), "dashed")


def _outline(
    axes: Axes,
    plane: Plane,
    frame: Frame,
    structure: Structure,
    colour: tuple[float, float, float],
    style: str = "solid",
) -> None:
    if not structure.drawn:
        return
    if plane.normal == frame.stacked:
        lines = [np.vstack([contour, contour[:1]])[:, list(plane.axes)] for contour in structure.on(plane.at_mm)]
        axes.add_collection(LineCollection(lines, colors=[colour], linewidths=1.1, linestyles=style))
        return
    grid = cut(structure, plane, frame)
    if grid is not None:
        along, stacked, inside = grid
        x, y, values = (along, stacked, inside) if plane.axes[1] == frame.stacked else (stacked, along, inside.T)
        axes.contour(x, y, values, levels=[0.5], colors=[colour], linewidths=1.1, linestyles=style)


def cut(structure: Structure, plane: Plane, frame: Frame) -> tuple[Floats, Floats, Image] | None:
    """Cut a structure by a plane that stands across its contours.

    Returns
    -------
    Positions along the contours' planes, positions of these planes, and what is inside (1) at each: [plane, along];
    None where the plane misses the structure.
    """
    along = next(axis for axis in plane.axes if axis != frame.stacked)
    spans = structure.spans(plane.normal, along, plane.at_mm, 1.0, 1)
    if not len(spans.plane):
        return None
    positions = np.arange(spans.start.min() - 1, spans.end.max() + 1 + _LINE_MM, _LINE_MM)
    at, slabs = structure.planes[0], structure.slabs
    inside = np.zeros((len(at), len(positions)), np.float32)
    for number, start, end in zip(spans.plane, spans.start, spans.end, strict=True):
        inside[number, (positions >= start) & (positions <= end)] = 1
    # An empty row where a slab ends and no other begins, as far away again: the outline runs where the slab ends.
    rows: list[tuple[float, Image]] = []
    empty = np.zeros(len(positions), np.float32)
    for number, position in enumerate(at):
        low, high = slabs[number]
        if number == 0 or slabs[number - 1][1] < low:
            rows.append((2 * low - position, empty))
        rows.append((position, inside[number]))
        if number == len(at) - 1 or slabs[number + 1][0] > high:
            rows.append((2 * high - position, empty))
    rows.sort(key=lambda row: row[0])
    return positions, np.array([position for position, _ in rows]), np.array([row for _, row in rows])


def _highlight(axes: Axes, plane: Plane, values: Image) -> None:
    shown = np.zeros((*values.shape, 4), np.float32)
    shown[values != 0] = (1, 0, 0, 1)
    axes.imshow(shown, extent=plane.extent_mm, origin="lower", interpolation="nearest", aspect="auto")


def histograms(rows: Sequence[tuple[Structure, Dvh, Dvh | None]], highest_gy: float, unit: str) -> bytes:
    """Draw all histograms in one plot: a PNG.

    Parameters
    ----------
    rows
        Structure, its histogram as published, and that of the source, which is drawn as a broad pale line below.
    """
    figure = Figure(figsize=(_WIDTH_IN, 4.6), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.055, 0.105, 0.935, 0.875))
    doses = np.linspace(0, highest_gy * 1.02 or 1, 500)
    for structure, after, before in rows:
        colour = on_white(structure.colour)
        if before is not None:
            axes.plot(doses, before.curve(doses), color=colour, linewidth=4, alpha=0.28, solid_capstyle="butt")
        axes.plot(doses, after.curve(doses), color=colour, linewidth=1.1)
    axes.set_xlim(0, doses[-1])
    axes.set_ylim(0, 101)
    axes.set_xlabel(f"dose in {unit}" if unit else "dose, in its own units")
    axes.set_ylabel("volume in %")
    axes.grid(visible=True, color="#d8d8d8", linewidth=0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return _png(figure)


def thumbnail(plane: Plane, scene: Scene, shown: Box, width_px: int = 240) -> bytes:
    """Draw one plane small and square: a PNG."""
    whole = Pictures.open(io.BytesIO(views([plane], scene, shown, dpi=_SMALL_DPI)))
    side = min(whole.size)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    picture = whole.crop((left, top, left + side, top + side))
    picture.thumbnail((width_px, width_px))
    stream = io.BytesIO()
    picture.convert("RGB").convert("P", palette=Pictures.Palette.ADAPTIVE, colors=96).save(stream, "png", optimize=True)
    return stream.getvalue()


def on_white(colour: Colour) -> tuple[float, float, float]:
    """Make a colour that is seen on paper."""
    return _scaled(colour, 0.0, 0.55)


def on_black(colour: Colour) -> tuple[float, float, float]:
    """Make a colour that is seen on a CT."""
    return _scaled(colour, 0.35, 1.0)


def _scaled(colour: Colour, darkest: float, brightest: float) -> tuple[float, float, float]:
    """Bring a colour's luminance into a range."""
    red, green, blue = (min(max(part, 0), 255) / 255 for part in colour)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    if luminance > brightest:
        factor = brightest / luminance
        return red * factor, green * factor, blue * factor
    if luminance < darkest:
        part = (darkest - luminance) / (1 - luminance)
        return red + (1 - red) * part, green + (1 - green) * part, blue + (1 - blue) * part
    return red, green, blue


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(
        stream, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None}, pil_kwargs=_COMPRESSION
    )
    return stream.getvalue()
