"""A page as one HTML file: pictures within, nothing fetched, nothing that runs; printed, it fits A4."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from jinja2 import Template

    from sheets.render.draw import Colour
    from sheets.render.page import Page


def html(page: Page) -> bytes:
    """Write a page as HTML."""
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
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.get_template("page.html")


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"


def _rgb(colour: Colour) -> str:
    return f"rgb{colour}"
