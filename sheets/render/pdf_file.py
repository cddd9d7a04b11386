"""A PDF file by fpdf2: A4 pages with text, lines and pictures, without metadata of author, time and place."""

from __future__ import annotations

import io
import logging
from struct import unpack, unpack_from
from typing import TYPE_CHECKING, Final

from fpdf import FPDF
from fpdf.fonts import TTFFont
from fpdf.image_datastructures import RasterImageInfo

from sheets.render.typeface import font_file, is_latin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sheets.render.draw import Colour

WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
"""A4."""

POINT_MM: Final = 25.4 / 72
_NAME: Final = "DejaVu"
MISSING: Final = "\N{WHITE SQUARE}"
"""Written for a character that the typeface does not have, which a viewer would leave out without a trace."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PLAIN_RGB: Final = [8, 2, 0, 0, 0]
"""Values in a PNG header: bit depth, colour type, compression, filter, interlacing."""
_PLAIN_PARTS: Final = frozenset((b"IHDR", b"IDAT", b"IEND"))


class PdfFile:
    """A PDF being written. Positions are in mm from the upper left corner, text sizes in points."""

    def __init__(self, *, title: str, producer: str, created: datetime | None) -> None:
        # Characters missing in the font are written as boxes; no warning on the terminal is needed.
        logging.getLogger("fpdf").setLevel(logging.ERROR)
        logging.getLogger("fontTools").setLevel(logging.ERROR)
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(False)
        self.incomplete = False
        """Whether a text has characters that the typeface does not have."""
        self._letters: dict[tuple[str, bool], frozenset[int]] = {}
        """Character codes by face."""
        self._advances: dict[tuple[str, bool], Mapping[int, float]] = {}
        """Character widths by face, in thousandths of the size."""
        self._pdf.set_title(title)
        self._pdf.set_producer(producer)
        self._pdf.set_lang("en")
        if created is not None:
            self._pdf.set_creation_date(created)
        self._widths: dict[tuple[str, bool], float] = {}

    @property
    def page_count(self) -> int:
        """Return the number of pages."""
        return self._pdf.pages_count

    def add_page(self) -> None:
        """Add a page."""
        self._pdf.add_page()

    def go_to(self, page: int) -> None:
        """Continue on a page, numbered from 1."""
        self._pdf.page = page

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """Return the width of a text, in mm."""
        key = text, bold
        if key not in self._widths:
            face = self._face(text, bold=bold)
            advances = self._advances[face]
            self._widths[key] = sum(advances[ord(letter)] for letter in self._written(text, face)) / 1000 * POINT_MM
        return self._widths[key] * size

    def text(self, left: float, baseline: float, text: str, size: float, colour: Colour, *, bold: bool = False) -> None:
        """Write one line."""
        face = self._face(text, bold=bold)
        self._pdf.set_font(face[0], "B" if bold else "", size)
        self._pdf.set_text_color(*colour)
        self._pdf.text(left, baseline, self._written(text, face))

    def _written(self, text: str, face: tuple[str, bool]) -> str:
        """Return a text with a box for each character that the face does not have."""
        letters = self._letters[face]
        if all(ord(letter) in letters for letter in text):
            return text
        self.incomplete = True
        return "".join(letter if ord(letter) in letters else MISSING for letter in text)

    def _face(self, text: str, *, bold: bool) -> tuple[str, bool]:
        """Return the smallest face with all characters of a text: loading and subsetting a large one takes long."""
        latin = is_latin(text)
        face = _NAME if latin else f"{_NAME}Whole", bold
        if face not in self._advances:
            style = "B" if bold else ""
            self._pdf.add_font(face[0], style, font_file(bold=bold, latin=latin))
            font = self._pdf.fonts[f"{face[0].lower()}{style}"]
            assert isinstance(font, TTFFont)
            font.ttfont.recalcBBoxes = False  # the widths of the full face also apply to its subset
            self._advances[face] = font.cw
            self._letters[face] = frozenset(font.ttfont.getBestCmap())
        return face

    def lines(
        self,
        points: Sequence[tuple[float, float]],
        width_mm: float,
        colour: Colour,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """Draw straight lines from point to point, dashed if the lengths of dash and gap are given."""
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
        known = self._pdf.image_cache.images
        if (found := _as_stored(png)) is None:
            self._pdf.image(io.BytesIO(png), left, top, width, alt_text=says)
        else:
            found["i"] = len(known) + 1
            name = f"picture {found['i']}"
            known[name] = found
            self._pdf.image(name, left, top, width, alt_text=says)

    def output(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())


def _as_stored(png: bytes) -> RasterImageInfo | None:
    """Return a PNG whose compressed rows can be embedded unchanged; None if fpdf2 must unpack it.

    PDF uses PNG's row filters: ISO 32000-1 7.4.4.4.
    """
    parts, at = [], len(_PNG)
    while at < len(png):
        length, name = unpack_from(">I4s", png, at)
        parts.append((name, png[at + 8 : at + 8 + length]))
        at += length + 12
    width, height, *kind = unpack(">IIBBBBB", parts[0][1])
    if kind != _PLAIN_RGB or not {name for name, _ in parts} <= _PLAIN_PARTS:
        return None
    return RasterImageInfo(
        data=b"".join(part for name, part in parts if name == b"IDAT"),
        w=width,
        h=height,
        cs="DeviceRGB",
        dpn=3,
        bpc=8,
        f="FlateDecode",
        dp=f"/Predictor 15 /Colors 3 /Columns {width}",
        inverted=False,
        iccp=None,
        iccp_i=None,
        usages=0,
    )
