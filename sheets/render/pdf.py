"""A page as PDF: A4, with fonts and pictures within. It says nothing of who made it, when and where."""

from __future__ import annotations

import io
import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace
from PIL import Image

from sheets.render.page import Facts, Heading, Legend, Picture, Signature, Table, Text

if TYPE_CHECKING:
    from sheets.render.page import Block, Page

_FONT: Final = "DejaVu"
_INK: Final = (26, 31, 38)
_QUIET: Final = (91, 102, 114)
_LINE: Final = (213, 218, 224)
_TONES: Final = {"plain": _INK, "good": (26, 127, 55), "bad": (193, 18, 31), "small": _QUIET}
_WHITE: Final = 255
_MARGIN_MM: Final = 12
_LINE_MM: Final = 4.1
_FACT_MM: Final = 38
_HEADING_MM: Final = 9
_ROW_MM: Final = 4.4
_SWATCH_MM: Final = 2.2
_SWATCH_COLUMN_MM: Final = 4.5
_BAD: Final = FontFace(emphasis="BOLD", color=_TONES["bad"])


def pdf(page: Page) -> bytes:
    """Write a page as PDF."""
    # Letters that the font lacks are shown as boxes; nobody needs to be told on a terminal.
    logging.getLogger("fpdf").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    paper = _Paper(page)
    for block, following in zip(page.blocks, [*page.blocks[1:], None], strict=True):
        if isinstance(block, Heading):
            paper.keep_together(block, following)
        paper.put(block)
    return bytes(paper.output())


class _Paper(FPDF):
    """The paper, block after block."""

    def __init__(self, page: Page) -> None:
        super().__init__(format="A4")
        self._page = page
        fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
        self.add_font(_FONT, "", fonts / "DejaVuSans.ttf")
        self.add_font(_FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_title(page.title)
        self.set_producer(page.program)
        self.set_creation_date(datetime.fromisoformat(page.at))
        self.set_lang("en")
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(True, 16)
        self.add_page()
        self._write(page.title, 17, bold=True, height=8)
        self._write(page.subtitle, 9, _QUIET)
        self._rule(_INK)
        self.ln(2)

    def footer(self) -> None:
        """Say on each page which one it is, and of what."""
        self.set_y(-12)
        self.set_font(_FONT, "", 7)
        self.set_text_color(*_QUIET)
        self.cell(self.epw / 2, 5, f"{self._page.title}, {self._page.program}")
        self.cell(self.epw / 2, 5, f"{self.page_no()} / {{nb}}", align="R")

    def keep_together(self, heading: Heading, following: Block | None) -> None:
        """Begin a page where a heading and what it stands over would be torn apart, and need not be."""
        needed = _HEADING_MM + (_ROW_MM * (len(following.rows) + 1) if isinstance(following, Table) else _ROW_MM * 4)
        if not heading.new_page and needed < self.eph:
            self._room(needed)

    def put(self, block: Block) -> None:
        """Put a block below what is there."""
        match block:
            case Heading():
                self._heading(block)
            case Text(text, tone):
                self._write(text, 7.5 if tone == "small" else 8.5, _TONES[tone], bold=tone in {"good", "bad"})
            case Facts():
                self._facts(block)
            case Table():
                self._table(block)
            case Picture():
                self._picture(block)
            case Legend():
                self._legend(block)
            case Signature():
                self._signature(block)

    def _write(
        self,
        text: str,
        size: float,
        colour: tuple[int, int, int] = _INK,
        *,
        bold: bool = False,
        height: float = _LINE_MM,
    ) -> None:
        self.set_font(_FONT, "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(self.epw, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _rule(self, colour: tuple[int, int, int]) -> None:
        self.set_draw_color(*colour)
        self.line(self.l_margin, self.y + 1, self.l_margin + self.epw, self.y + 1)
        self.ln(2)

    def _room(self, height: float) -> None:
        if self.will_page_break(height):
            self.add_page()

    def _heading(self, block: Heading) -> None:
        if block.new_page and self.y > self.t_margin + 1:
            self.add_page()
        else:
            self.ln(3)
        self._write(block.text, 10.5, bold=True, height=6)

    def _facts(self, block: Facts) -> None:
        self._room(_LINE_MM * len(block.rows))
        for name, value in block.rows:
            top = self.y
            self.set_font(_FONT, "", 8)
            self.set_text_color(*_QUIET)
            self.cell(_FACT_MM, _LINE_MM, name)
            self.set_text_color(*_INK)
            self.set_xy(self.l_margin + _FACT_MM, top)
            self.multi_cell(self.epw - _FACT_MM, _LINE_MM, value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def _picture(self, block: Picture) -> None:
        with Image.open(io.BytesIO(block.png)) as picture:
            height = self.epw * picture.height / picture.width
        self._room(height + 1 + (_LINE_MM if block.caption else 0))
        self.image(io.BytesIO(block.png), w=self.epw, alt_text=block.says)
        self.ln(1.5)
        if block.caption:
            self.put(Text(block.caption, "small"))
            self.ln(1.5)

    def _legend(self, block: Legend) -> None:
        self.set_font(_FONT, "", 7.5)
        self.set_text_color(*_INK)
        for colour, meaning in block.entries:
            width = _SWATCH_MM + 1 + self.get_string_width(meaning) + 5
            if self.x + width > self.l_margin + self.epw:
                self.ln(_LINE_MM)
            red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
            self._swatch((red, green, blue), self.x, self.y)
            self.x += _SWATCH_MM + 1
            self.cell(width - _SWATCH_MM - 1, _LINE_MM, meaning)
        self.ln(_LINE_MM + 1)

    def _swatch(self, colour: tuple[int, int, int], left: float, top: float) -> None:
        self.set_fill_color(*colour)
        self.set_draw_color(*_QUIET)
        self.rect(left, top + (_LINE_MM - _SWATCH_MM) / 2, _SWATCH_MM, _SWATCH_MM, "FD")

    def _table(self, block: Table) -> None:
        """Set a table; colours of its first column stand in a narrow one of their own before it."""
        coloured = any(row[0].colour for row in block.rows)
        shift = 1 if coloured else 0
        room = self.epw - (_SWATCH_COLUMN_MM if coloured else 0)
        parts = block.widths or [1.0] * len(block.columns)
        widths = [*([_SWATCH_COLUMN_MM] if coloured else []), *(part / sum(parts) * room for part in parts)]
        right = {number + shift for number in block.numbers}
        self.set_font(_FONT, "", 7)
        self.set_text_color(*_INK)
        self.set_draw_color(*_LINE)
        self.set_fill_color(_WHITE)
        with self.table(
            borders_layout="HORIZONTAL_LINES",
            col_widths=widths,
            text_align=tuple("RIGHT" if at in right else "LEFT" for at in range(len(widths))),
            line_height=3.4,
            padding=(0.45, 0.8),
            headings_style=FontFace(emphasis="BOLD", color=_INK),
            width=self.epw,
        ) as table:
            heading = table.row()
            for column in [*([""] if coloured else []), *block.columns]:
                heading.cell(column)
            for cells in block.rows:
                row = table.row()
                if coloured:
                    row.cell("\N{BLACK SQUARE}" if cells[0].colour else "", style=FontFace(color=cells[0].colour))
                for cell in cells:
                    row.cell(cell.text, style=_BAD if cell.bad else None)
        self.ln(1)

    def _signature(self, block: Signature) -> None:
        self._room(28)
        self.ln(17)
        width = self.epw / len(block.fields)
        self.set_font(_FONT, "", 7.5)
        self.set_text_color(*_QUIET)
        self.set_draw_color(*_INK)
        for field in block.fields:
            self.line(self.x, self.y, self.x + width - 6, self.y)
            self.cell(width, 5, field)
        self.ln(6)
