"""A PDF file: pages with text, lines and pictures, and nothing of who made it, when and where but what it is told.

PDF 1.7 (ISO 32000-1). Texts are in two fonts that are embedded whole, so that nothing has to be made for each file; the
compressed pixels of a PNG go into it as they are.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from struct import unpack_from
from typing import TYPE_CHECKING, Final

from sheets.render.typeface import font

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheets.render.draw import Colour
    from sheets.render.typeface import Font

WIDTH_MM: Final = 210.0
HEIGHT_MM: Final = 297.0
"""A4."""

POINTS: Final = 72 / 25.4
"""In a millimetre."""

_PNG_HEAD: Final = 8
_GREY, _RGB, _PALETTE = 0, 2, 3
_ASCENT: Final = 0.93
_DESCENT: Final = 0.24
"""Of the size; of DejaVu Sans."""


@dataclass
class _Page:
    content: list[str] = field(default_factory=list)
    images: list[int] = field(default_factory=list)


class PdfFile:
    """A file that is being written. Places are in mm from the upper left corner, sizes of texts in points."""

    def __init__(self, *, title: str, producer: str, created: str) -> None:
        self._info = {"Title": title, "Producer": producer, "CreationDate": created}
        self._pages: list[_Page] = []
        self._images: list[bytes] = []
        self._fonts: dict[Font, set[str]] = {font(bold=False): set(), font(bold=True): set()}
        self._names = {one: f"F{number}" for number, one in enumerate(self._fonts)}

    @property
    def page_count(self) -> int:
        """How many pages there are."""
        return len(self._pages)

    def add_page(self) -> None:
        """Begin a page."""
        self._pages.append(_Page())

    def text(self, left: float, baseline: float, text: str, size: float, colour: Colour, *, bold: bool = False) -> None:
        """Write one line."""
        self.text_on(len(self._pages) - 1, left, baseline, text, size, colour, bold=bold)

    def text_on(
        self, page: int, left: float, baseline: float, text: str, size: float, colour: Colour, *, bold: bool = False
    ) -> None:
        """Write one line on a page that may be an earlier one."""
        used = font(bold=bold)
        self._fonts[used].update(text)
        glyphs = "".join(f"{used.glyph(letter):04x}" for letter in text)
        place = f"{left * POINTS:.2f} {(HEIGHT_MM - baseline) * POINTS:.2f}"
        self._pages[page].content.append(
            f"{_rgb(colour)} rg BT /{self._names[used]} {size:g} Tf {place} Td <{glyphs}> Tj ET"
        )

    def lines(
        self,
        points: Sequence[tuple[float, float]],
        width_pt: float,
        colour: Colour,
        *,
        dashes: Sequence[float] = (),
    ) -> None:
        """Draw straight lines from point to point."""
        path = " ".join(
            f"{x * POINTS:.2f} {(HEIGHT_MM - y) * POINTS:.2f} {'l' if number else 'm'}"
            for number, (x, y) in enumerate(points)
        )
        dash = f"[{' '.join(f'{one:g}' for one in dashes)}] 0 d"
        self._pages[-1].content.append(f"q {_rgb(colour)} RG {width_pt:g} w 1 j {dash} {path} S Q")

    def rectangle(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        place = f"{left * POINTS:.2f} {(HEIGHT_MM - top - height) * POINTS:.2f}"
        self._pages[-1].content.append(f"{_rgb(colour)} rg {place} {width * POINTS:.2f} {height * POINTS:.2f} re f")

    def picture(self, png: bytes, left: float, top: float, width: float, says: str) -> float:
        """Put a PNG, and tell how high it is.

        Raises
        ------
        ValueError
            It is none that Pillow writes: interlaced, transparent, or with samples that are not of 8 bits.
        """
        columns, rows, entry = _image(png)
        height = width * rows / columns
        if entry not in self._images:
            self._images.append(entry)
        number = self._images.index(entry)
        self._pages[-1].images.append(number)
        place = f"{left * POINTS:.2f} {(HEIGHT_MM - top - height) * POINTS:.2f}"
        self._pages[-1].content.append(
            f"/Figure << /Alt {_string(says)} >> BDC q {width * POINTS:.2f} 0 0 {height * POINTS:.2f} {place} cm "
            f"/I{number} Do Q EMC"
        )
        return height

    def output(self) -> bytes:
        """Give the file."""
        objects: list[bytes] = [b"", b"", _dictionary({key: _string(value) for key, value in self._info.items()})]
        fonts = {self._names[one]: self._add_font(one, used, objects) for one, used in self._fonts.items()}
        images = [_add(objects, entry) for entry in self._images]
        resources = " ".join(f"/{name} {number} 0 R" for name, number in fonts.items())
        kids = []
        for page in self._pages:
            content = _add(objects, _stream("", "\n".join(page.content).encode("ascii")))
            shown = " ".join(f"/I{number} {images[number]} 0 R" for number in dict.fromkeys(page.images))
            entry = (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH_MM * POINTS:.2f} {HEIGHT_MM * POINTS:.2f}] "
                f"/Contents {content} 0 R /Resources << /Font << {resources} >> /XObject << {shown} >> >> >>"
            )
            kids.append(_add(objects, entry.encode("ascii")))
        objects[0] = b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>"
        listed = " ".join(f"{kid} 0 R" for kid in kids)
        objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{listed}] >>".encode("ascii")
        return _file(objects)

    def _add_font(self, used: Font, letters: set[str], objects: list[bytes]) -> int:
        """Embed a font. PDF 9.7.4 (CID fonts), 9.10.3 (which letters its glyphs are)."""
        glyphs = sorted({used.glyph(letter): letter for letter in sorted(letters)}.items())
        widths = " ".join(f"{glyph} [{used.widths[min(glyph, len(used.widths) - 1)]}]" for glyph, _ in glyphs)
        data = f"<< /Length1 {len(used.data)} /Length {len(used.packed)} /Filter /FlateDecode >>\nstream\n"
        file = _add(objects, data.encode("ascii") + used.packed + b"\nendstream")
        descriptor = _add(
            objects,
            (
                f"<< /Type /FontDescriptor /FontName /{used.name} /Flags 4 /FontBBox [-1021 -463 1793 1232] "
                f"/ItalicAngle 0 /Ascent {_ASCENT * 1000:.0f} /Descent {-_DESCENT * 1000:.0f} /CapHeight 729 "
                f"/StemV 80 /FontFile2 {file} 0 R >>"
            ).encode("ascii"),
        )
        descendant = _add(
            objects,
            (
                f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{used.name} /CIDToGIDMap /Identity "
                f"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
                f"/FontDescriptor {descriptor} 0 R /DW 600 /W [{widths}] >>"
            ).encode("ascii"),
        )
        unicode = _add(objects, _stream("", _to_unicode(glyphs)))
        return _add(
            objects,
            (
                f"<< /Type /Font /Subtype /Type0 /BaseFont /{used.name} /Encoding /Identity-H "
                f"/DescendantFonts [{descendant} 0 R] /ToUnicode {unicode} 0 R >>"
            ).encode("ascii"),
        )


def _rgb(colour: Colour) -> str:
    return " ".join(f"{part / 255:.3g}" for part in colour)


def _string(text: str) -> str:
    """Write a text as PDF does where it may hold any letter. PDF 7.9.2.2."""
    return f"<feff{text.encode('utf-16-be').hex()}>"


def _dictionary(entries: dict[str, str]) -> bytes:
    return f"<< {' '.join(f'/{key} {value}' for key, value in entries.items())} >>".encode("ascii")


def _stream(entries: str, data: bytes) -> bytes:
    packed = zlib.compress(data)
    head = f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n"
    return head.encode("ascii") + packed + b"\nendstream"


def _to_unicode(glyphs: Iterable[tuple[int, str]]) -> bytes:
    pairs = [f"<{glyph:04x}> <{letter.encode('utf-16-be').hex()}>" for glyph, letter in glyphs]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    mapped = "\n".join(
        f"{len(block)} beginbfchar\n{joined}\nendbfchar" for block in blocks for joined in ["\n".join(block)]
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{mapped}\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode("ascii")


def _image(png: bytes) -> tuple[int, int, bytes]:
    """Make of a PNG an image of PDF: width, height, object. Its rows are predicted in the same way. PDF 7.4.4.4."""
    at, data, palette = _PNG_HEAD, b"", b""
    columns = rows = depth = kind = 0
    while at < len(png):
        length, name = unpack_from(">L4s", png, at)
        body = png[at + 8 : at + 8 + length]
        if name == b"IHDR":
            columns, rows, depth, kind, *more = unpack_from(">LLBBBBB", body)
            if depth != 8 or kind not in (_GREY, _RGB, _PALETTE) or any(more):
                raise ValueError("a PNG of another kind")
        elif name == b"PLTE":
            palette = body
        elif name == b"IDAT":
            data += body
        at += length + 12
    colours = 3 if kind == _RGB else 1
    space = "/DeviceRGB" if kind == _RGB else "/DeviceGray"
    if kind == _PALETTE:
        space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1} <{palette.hex()}>]"
    head = (
        f"<< /Type /XObject /Subtype /Image /Width {columns} /Height {rows} /BitsPerComponent 8 /ColorSpace {space} "
        f"/Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors {colours} /BitsPerComponent 8 "
        f"/Columns {columns} >> /Length {len(data)} >>\nstream\n"
    )
    return columns, rows, head.encode("ascii") + data + b"\nendstream"


def _add(objects: list[bytes], entry: bytes) -> int:
    objects.append(entry)
    return len(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    """Put objects into a file, with the table that says where each is. The third is what the file says of itself."""
    parts, places = [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"], []
    at = len(parts[0])
    for number, entry in enumerate(objects, 1):
        part = b"%d 0 obj\n%s\nendobj\n" % (number, entry)
        places.append(at)
        parts.append(part)
        at += len(part)
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    parts.append(
        f"xref\n0 {count}\n0000000000 65535 f \n{rows}trailer\n<< /Size {count} /Root 1 0 R /Info 3 0 R >>\n"
        f"startxref\n{at}\n%%EOF\n".encode("ascii")
    )
    return b"".join(parts)
