"""Rendering of a page as PDF: A4, with embedded fonts and pictures, without metadata of author, time and place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sheets.render.columns import PADDING_MM, columns
from sheets.render.page import Facts, Heading, Legend, Picture, Plot, Signature, Table, Text, Tiles
from sheets.render.pdf_file import HEIGHT_MM, MISSING, POINT_MM, WIDTH_MM, PdfFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheets.render.columns import Columns
    from sheets.render.draw import Colour
    from sheets.render.page import Block, Cell, Page, Tile

_INK: Final = (26, 31, 38)
_QUIET: Final = (91, 102, 114)
_LINE: Final = (213, 218, 224)
_TONES: Final[dict[str, Colour]] = {"plain": _INK, "good": (26, 127, 55), "bad": (193, 18, 31), "small": _QUIET}
_MARGIN_MM: Final = 12.0
_BOTTOM_MM: Final = HEIGHT_MM - 16
_ROOM_MM: Final = WIDTH_MM - 2 * _MARGIN_MM
_LINE_MM: Final = 4.1
_PARAGRAPH_MM: Final = 0.8
_FACT_MM: Final = 38.0
_HEADING_MM: Final = 9.0
_ROW_MM: Final = 4.4
_LITTLE_MM: Final = 60.0
"""A heading that begins a page does not leave one behind with less than this on it."""
_ROWS_TOGETHER: Final = 12
"""Minimum number of table rows below a heading, unless there are fewer."""
_CELL_MM: Final = 3.3
_CELL_PT: Final = 7.0
_SWATCH_MM: Final = 2.2
_SAMPLE_MM: Final = 7.0
"""Length of a line sample in a legend."""

_BEHIND_MM = 1.6
"""Height of its dark background."""
_SWATCH_COLUMN_MM: Final = 4.0
_PLOT_MM: Final = (9.0, 2.0, 10.0, 78.0)
"""Left, right and bottom margins of a plot, and its height."""
_TILES_IN_ROW: Final = 4
_TILE_GAP_MM: Final = 3.0
_TILE_MM: Final = (_ROOM_MM - (_TILES_IN_ROW - 1) * _TILE_GAP_MM) / _TILES_IN_ROW
_BASELINE: Final = 0.72
"""Baseline position, as a fraction of the line height from its top."""


def pdf(page: Page) -> bytes:
    """Return a page as PDF."""
    paper = _Paper(page)
    for block, following in zip(page.blocks, [*page.blocks[1:], None], strict=True):
        if isinstance(block, Heading):
            paper.keep_together(block, following)
        paper.put(block)
    return paper.output()


class _Paper:
    """Layout of blocks on pages."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._file = PdfFile(
            title=page.title,
            producer=page.program,
            created=datetime.fromisoformat(page.at).astimezone(UTC) if page.at else None,
        )
        self._y = 0.0
        self._new_page()
        self._write(page.title, 17, bold=True, height=8)
        self._write(page.subtitle, 9, _QUIET)
        self._rule(_INK, self._y + 1)
        self._y += 4

    def output(self) -> bytes:
        """Return the file, with page numbers."""
        if self._file.incomplete:
            self._write(
                f"{MISSING}: a letter that this typeface does not have; the page in HTML shows it.",
                7.5,
                _TONES["small"],
            )
        count = self._file.page_count
        for number in range(1, count + 1):
            self._file.go_to(number)
            says = f"{number} / {count}"
            left = _MARGIN_MM + _ROOM_MM - self._file.width(says, 7)
            self._file.text(_MARGIN_MM, HEIGHT_MM - 8.5, f"{self._page.title}, {self._page.program}", 7, _QUIET)
            self._file.text(left, HEIGHT_MM - 8.5, says, 7, _QUIET)
        return self._file.output()

    def keep_together(self, heading: Heading, following: Block | None) -> None:
        """Start a page if a heading would be separated from its content and that can be avoided."""
        needed = _HEADING_MM + _needed(following)
        if not heading.new_page and needed < _BOTTOM_MM - _MARGIN_MM:
            self._room(needed)

    def put(self, block: Block) -> None:
        """Draw a block below the previous one."""
        match block:
            case Heading():
                self._heading(block)
            case Text(text, tone):
                self._write(text, 7.5 if tone == "small" else 8.5, _TONES[tone], bold=tone in {"good", "bad"})
                self._y += _PARAGRAPH_MM
            case Facts():
                self._facts(block)
            case Table():
                self._table(block)
            case Picture():
                self._picture(block)
            case Plot():
                self._plot(block)
            case Legend():
                self._legend(block)
            case Tiles():
                self._tiles(block)
            case Signature():
                self._signature(block)

    def _new_page(self) -> None:
        self._file.add_page()
        self._y = _MARGIN_MM

    def _room(self, height: float) -> None:
        if self._y + height > _BOTTOM_MM:
            self._new_page()

    def _rule(self, colour: Colour, at: float) -> None:
        self._file.lines([(_MARGIN_MM, at), (_MARGIN_MM + _ROOM_MM, at)], 0.18, colour)

    def _write(
        self,
        text: str,
        size: float,
        colour: Colour = _INK,
        *,
        bold: bool = False,
        height: float = _LINE_MM,
        left: float = _MARGIN_MM,
    ) -> None:
        for line in self._wrapped(text, size, _MARGIN_MM + _ROOM_MM - left, bold=bold):
            self._room(height)
            self._file.text(left, self._y + height * _BASELINE, line, size, colour, bold=bold)
            self._y += height

    def _heading(self, block: Heading) -> None:
        if block.new_page and self._y > _MARGIN_MM + _LITTLE_MM:
            self._new_page()
        elif self._y > _MARGIN_MM:
            self._y += 3
        self._write(block.text, 10.5, bold=True, height=6)

    def _facts(self, block: Facts) -> None:
        self._room(_LINE_MM * len(block.rows))
        for name, value in block.rows:
            self._room(_LINE_MM)
            self._file.text(_MARGIN_MM, self._y + _LINE_MM * _BASELINE, name, 8, _QUIET)
            self._write(value, 8, left=_MARGIN_MM + _FACT_MM)
            if not value:
                self._y += _LINE_MM
        self._y += 1

    def _picture(self, block: Picture) -> None:
        self._room(_height(block) + 1 + (_LINE_MM if block.caption else 0))
        self._file.picture(block.png, _MARGIN_MM, self._y, _ROOM_MM, block.says)
        self._y += _height(block) + 1.5
        if block.caption:
            self.put(Text(block.caption, "small"))
            self._y += 1.5

    def _plot(self, block: Plot) -> None:
        before, behind, below, height = _PLOT_MM
        self._room(height)
        left, right, top, bottom = _MARGIN_MM + before, _MARGIN_MM + _ROOM_MM - behind, self._y + 3, self._y + height
        bottom -= below

        def place(across: float, up: float) -> tuple[float, float]:
            x = left + (right - left) * across / block.ends[0]
            return x, bottom - (bottom - top) * up / block.ends[1]

        for tick in block.ticks[0]:
            self._file.lines([place(tick, 0), place(tick, block.ends[1])], 0.14, _LINE)
            self._write_text(f"{tick:g}", 7, place(tick, 0)[0], bottom + 3.2)
        for tick in block.ticks[1]:
            self._file.lines([place(0, tick), place(block.ends[0], tick)], 0.14, _LINE)
            width = self._file.width(f"{tick:g}", 7)
            self._file.text(left - 1.2 - width, place(0, tick)[1] + 0.9, f"{tick:g}", 7, _QUIET)
        self._file.lines([place(0, block.ends[1]), place(0, 0), place(block.ends[0], 0)], 0.25, _INK)
        if block.mark:
            value, says = block.mark
            self._file.lines([place(value, 0), place(value, block.ends[1])], 0.25, _INK, (0.6, 0.6))
            before_it = self._file.width(says, 7) - 0.8 if block.mark_is_late else 0.8
            behind_name = left + self._file.width(block.names[1], 7) + 2
            self._file.text(max(place(value, 0)[0] - before_it, behind_name), top - 0.8, says, 7, _INK)
        for curve in block.curves:
            points = [place(across, up) for across, up in curve.points]
            self._file.lines(points, curve.width_pt * POINT_MM, curve.colour, curve.dashes)
        self._write_text(block.names[0], 7.5, (left + right) / 2, bottom + 7)
        self._file.text(left, top - 0.8, block.names[1], 7, _QUIET)
        self._y += height

    def _write_text(self, text: str, size: float, middle: float, baseline: float) -> None:
        width = self._file.width(text, size)
        self._file.text(middle - width / 2, baseline, text, size, _QUIET)

    def _legend(self, block: Legend) -> None:
        left = _MARGIN_MM
        self._room(_LINE_MM)
        for key in block.entries:
            sample = _SAMPLE_MM if key.width_pt else _SWATCH_MM
            width = sample + 1 + self._file.width(key.meaning, 7.5) + 5
            if left + width > _MARGIN_MM + _ROOM_MM and left > _MARGIN_MM:
                left = _MARGIN_MM
                self._y += _LINE_MM
                self._room(_LINE_MM)
            if key.width_pt:
                at = self._y + _LINE_MM / 2
                line = [(left, at), (left + sample, at)]
                if key.on_black:
                    self._file.rectangle(left, at - _BEHIND_MM / 2, sample, _BEHIND_MM, (0, 0, 0))
                self._file.lines(line, key.width_pt * POINT_MM, key.colour, key.dashes)
            else:
                self._swatch(key.colour, left, self._y)
            self._file.text(left + sample + 1, self._y + _LINE_MM * _BASELINE, key.meaning, 7.5, _INK)
            left += width
        self._y += _LINE_MM + 1

    def _tiles(self, block: Tiles) -> None:
        for first in range(0, len(block.tiles), _TILES_IN_ROW):
            row = block.tiles[first : first + _TILES_IN_ROW]
            lines = [[part for line in tile.lines for part in self._wrapped(line, _CELL_PT, _TILE_MM)] for tile in row]
            more = 2 * _LINE_MM if first + _TILES_IN_ROW >= len(block.tiles) else 0  # for the text
            self._room(_tile_height(row) + _CELL_MM * (1 + max(map(len, lines))) + more)
            for number, (tile, below) in enumerate(zip(row, lines, strict=True)):
                left, at = _MARGIN_MM + number * (_TILE_MM + _TILE_GAP_MM), self._y
                if tile.png:
                    self._file.picture(tile.png, left, at, _TILE_MM, tile.title)
                at += _tile_height(row) + _CELL_MM
                title = self._wrapped(tile.title, _CELL_PT, _TILE_MM, bold=True)[:1]
                for text, bold in [(one, True) for one in title] + [(one, False) for one in below]:
                    last = tile.bad and text == below[-1] and not bold
                    self._file.text(left, at, text, _CELL_PT, _TONES["bad"] if last else _INK, bold=bold or last)
                    at += _CELL_MM
            self._y += _tile_height(row) + _CELL_MM * (1 + max(map(len, lines))) + 2

    def _swatch(self, colour: Colour, left: float, top: float) -> None:
        edge, at = 0.15, top + (_LINE_MM - _SWATCH_MM) / 2
        self._file.rectangle(left - edge, at - edge, _SWATCH_MM + 2 * edge, _SWATCH_MM + 2 * edge, _QUIET)
        self._file.rectangle(left, at, _SWATCH_MM, _SWATCH_MM, colour)

    def _table(self, block: Table) -> None:
        """Draw a table; its header is repeated on each page."""
        coloured = any(row[0].colour for row in block.rows)
        room = _ROOM_MM - (_SWATCH_COLUMN_MM if coloured else 0)
        widths, size = layout = columns(block, room, self._file.width)
        head = [
            self._wrapped(name, size, width - 2 * PADDING_MM, bold=True)
            for name, width in zip(block.columns, widths, strict=True)
        ]
        self._table_head(head, layout, block, coloured=coloured)
        for cells in block.rows:
            lines = [
                self._wrapped(cell.text, size, width - 2 * PADDING_MM, bold=cell.bad)
                for cell, width in zip(cells, widths, strict=True)
            ]
            if self._y + _row_height(lines) > _BOTTOM_MM:
                self._new_page()
                self._table_head(head, layout, block, coloured=coloured)
            if cells[0].colour:
                self._swatch(cells[0].colour, _MARGIN_MM + PADDING_MM, self._y - 0.2)
            self._row(lines, layout, block.numbers, cells, coloured=coloured)
            self._rule(_LINE, self._y)
        self._y += 1

    def _table_head(self, head: Sequence[Sequence[str]], layout: Columns, block: Table, *, coloured: bool) -> None:
        self._room(_row_height(head) + _ROW_MM)
        self._row(head, layout, block.numbers, None, coloured=coloured)
        self._rule(_INK, self._y)

    def _row(
        self,
        lines: Sequence[Sequence[str]],
        layout: Columns,
        right: frozenset[int],
        cells: Sequence[Cell] | None,
        *,
        coloured: bool,
    ) -> None:
        left = _MARGIN_MM + (_SWATCH_COLUMN_MM if coloured else 0)
        for number, (texts, width) in enumerate(zip(lines, layout.widths, strict=True)):
            bad = cells is not None and cells[number].bad
            bold = bad or cells is None
            for row, text in enumerate(texts):
                over = width - 2 * PADDING_MM - self._file.width(text, layout.size_pt, bold=bold)
                at = left + PADDING_MM + (over if number in right else 0)
                baseline = self._y + 0.45 + _CELL_MM * (row + _BASELINE)
                self._file.text(at, baseline, text, layout.size_pt, _TONES["bad"] if bad else _INK, bold=bold)
            left += width
        self._y += _row_height(lines)

    def _signature(self, block: Signature) -> None:
        self._room(28)
        self._y += 17
        width = _ROOM_MM / len(block.fields)
        for number, field in enumerate(block.fields):
            left = _MARGIN_MM + number * width
            self._file.lines([(left, self._y), (left + width - 6, self._y)], 0.2, _INK)
            self._file.text(left, self._y + 3.5, field, 7.5, _QUIET)
        self._y += 6

    def _wrapped(self, text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
        """Break a text into lines; words longer than a line are broken too."""
        if self._file.width(text, size, bold=bold) <= room:
            return [text] if text else []
        lines = [""]
        for word in text.split(" "):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if self._file.width(longer, size, bold=bold) <= room:
                lines[-1] = longer
                continue
            rest = word
            while self._file.width(rest, size, bold=bold) > room:
                fits = next(
                    count
                    for count in range(len(rest) - 1, 0, -1)
                    if count == 1 or self._file.width(rest[:count], size, bold=bold) <= room
                )
                lines.append(rest[:fits])
                rest = rest[fits:]
            lines.append(rest)
        return [line for line in lines if line]


def _needed(block: Block | None) -> float:
    """Return the height of a block's part that must stay with its heading, in mm."""
    match block:
        case Table():
            return _ROW_MM * (min(len(block.rows), _ROWS_TOGETHER) + 1)
        case Picture():
            return _height(block) + _LINE_MM
        case Plot():
            return _PLOT_MM[3]
        case Tiles():
            return _tile_height(block.tiles[:_TILES_IN_ROW]) + _CELL_MM * 5
        case Signature():
            return 28
    return _ROW_MM * 4


def _height(block: Picture) -> float:
    return _ROOM_MM * _aspect(block.png)


def _tile_height(row: Sequence[Tile]) -> float:
    return max((_TILE_MM * _aspect(tile.png) for tile in row if tile.png), default=0.0)


def _aspect(png: bytes) -> float:
    """Return the height of a PNG divided by its width."""
    columns, rows = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    return rows / columns


def _row_height(lines: Sequence[Sequence[str]]) -> float:
    return max(1, *map(len, lines)) * _CELL_MM + 0.9
