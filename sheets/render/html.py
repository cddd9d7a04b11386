"""Rendering of a page as a self-contained HTML file without scripts; prints on A4."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from jinja2 import Template

    from sheets.render.draw import Colour
    from sheets.render.page import Key, Page, Plot


def html(page: Page) -> bytes:
    """Return a page as HTML."""
    return _template().render(page=page).encode("utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("sheets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data"] = _data
    environment.filters["rgb"] = _rgb
    environment.filters["svg"] = _svg
    environment.filters["line"] = _line
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.get_template("page.html")


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


_PLOT: Final = (1000, 440, 52, 10, 22, 48)
"""Width and height of a plot, and its left, right, top and bottom margins."""

_PX_OF_MM: Final = 5.2
"""Scale of a plot, which is as wide as a page."""

_LETTER_PX: Final = 9
"""Ample width of a letter above a plot."""


def _svg(plot: Plot) -> Markup:
    """Draw a plot."""
    width, height, left, right, top, bottom = _PLOT
    across, up = (width - left - right) / plot.ends[0], (height - top - bottom) / plot.ends[1]

    def place(x: float, y: float) -> tuple[float, float]:
        return round(left + x * across, 1), round(height - bottom - y * up, 1)

    parts = []
    for tick in plot.ticks[0]:
        x, y = place(tick, 0)
        parts.append(f'<path class="grid" d="M{x} {y}V{top}"/><text x="{x}" y="{y + 18}" class="mid">{tick:g}</text>')
    for tick in plot.ticks[1]:
        x, y = place(0, tick)
        parts.append(f'<path class="grid" d="M{x} {y}H{width - right}"/>')
        parts.append(f'<text x="{x - 6}" y="{y + 5}" class="end">{tick:g}</text>')
    parts.append(f'<path class="axes" d="M{left} {top}V{height - bottom}H{width - right}"/>')
    if plot.mark:
        x, _ = place(plot.mark[0], 0)
        parts.append(f'<path class="mark" d="M{x} {top}V{height - bottom}"/>')
        beside = (
            f'x="{x + 4}" class="end"'
            if plot.mark_is_late
            else f'x="{max(x - 4, left + _LETTER_PX * len(plot.names[1]))}"'
        )
        parts.append(f'<text {beside} y="{top - 5}">{escape(plot.mark[1])}</text>')
    for curve in plot.curves:
        points = " ".join(f"{x:g},{y:g}" for x, y in (place(*point) for point in curve.points))
        look = f'stroke="{_rgb(curve.colour)}" stroke-width="{curve.width_pt * 1.8:g}"'
        parts.append(f'<polyline points="{points}" {look}{_dashes(curve.dashes)}/>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 8}" class="mid">{escape(plot.names[0])}</text>')
    parts.append(f'<text x="{left}" y="{top - 5}">{escape(plot.names[1])}</text>')
    head = f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(plot.says)}">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704 - numbers, and texts that are escaped


def _dashes(dashes: tuple[float, float] | None) -> str:
    """Return the SVG attribute for a dashed line."""
    return f' stroke-dasharray="{dashes[0] * _PX_OF_MM:g} {dashes[1] * _PX_OF_MM:g}"' if dashes else ""


def _line(key: Key) -> Markup:
    """Draw a sample of the line of a key."""
    look = f'stroke="{_rgb(key.colour)}" stroke-width="{key.width_pt * 1.8:g}"{_dashes(key.dashes)}'
    behind = '<rect width="34" height="8"/>' if key.on_black else ""
    return Markup(f'<svg class="line" viewBox="0 0 34 8" aria-hidden="true">{behind}<path d="M0 4H34" {look}/></svg>')  # noqa: S704 - numbers


def _rgb(colour: Colour) -> str:
    return f"rgb{colour}"
