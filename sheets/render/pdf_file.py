"""A PDF file by fpdf2: A4 pages with text, lines and pictures, and nothing of who made it, when and where."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Final

from fpdf import FPDF

from sheets.render.typeface import font_file, is_latin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sheets.render.draw import Colour

WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
"""A4."""

_NAME: Final = "DejaVu"


class PdfFile:
    """A file that is being written. Places are in mm from the upper left corner, sizes of texts in points."""

    def __init__(self, *, title: str, producer: str, created: datetime | None) -> None:
        # Letters that the font lacks are shown as boxes; nobody needs to be told on a terminal.
        logging.getLogger("fpdf").setLevel(logging.ERROR)
        logging.getLogger("fontTools").setLevel(logging.ERROR)
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(False)
        self._faces: set[tuple[str, bool]] = set()
        self._pdf.set_title(title)
        self._pdf.set_producer(producer)
        self._pdf.set_lang("en")
        if created is not None:
            self._pdf.set_creation_date(created)
        self._widths: dict[tuple[str, bool], float] = {}

    @property
    def page_count(self) -> int:
        """How many pages there are."""
        return self._pdf.pages_count

    def add_page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()

    def go_to(self, page: int) -> None:
        """Go on with a page; the first is 1."""
        self._pdf.page = page

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """Return how wide a text is, in mm."""
        key = text, bold
        if key not in self._widths:
            self._choose(text, 10, bold=bold)
            self._widths[key] = self._pdf.get_string_width(text) / 10
        return self._widths[key] * size

    def text(self, left: float, baseline: float, text: str, size: float, colour: Colour, *, bold: bool = False) -> None:
        """Write one line."""
        self._choose(text, size, bold=bold)
        self._pdf.set_text_color(*colour)
        self._pdf.text(left, baseline, text)

    def _choose(self, text: str, size: float, *, bold: bool) -> None:
        """Take the smallest face that has the letters of a text: a large one is read and cut down for long."""
        latin = is_latin(text)
        family = _NAME if latin else f"{_NAME}Whole"
        if (family, bold) not in self._faces:
            self._pdf.add_font(family, "B" if bold else "", font_file(bold=bold, latin=latin))
            self._faces.add((family, bold))
        self._pdf.set_font(family, "B" if bold else "", size)

    def lines(
        self,
        points: Sequence[tuple[float, float]],
        width_mm: float,
        colour: Colour,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """Draw straight lines from point to point; broken ones where it is said how long a dash and a gap are."""
        self._pdf.set_draw_color(*colour)
        self._pdf.set_line_width(width_mm)
        self._pdf.set_dash_pattern(*(dashes or ()))
        self._pdf.polyline(points)
        self._pdf.set_dash_pattern()

    def rectangle(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self._pdf.set_fill_color(*colour)
        self._pdf.rect(left, top, width, height, "F")

    def picture(self, png: bytes, left: float, top: float, width: float, says: str) -> None:
        """Draw a PNG."""
        self._pdf.image(io.BytesIO(png), left, top, width, alt_text=says)

    def output(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())
