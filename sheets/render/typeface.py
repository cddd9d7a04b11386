"""The typeface of pages and pictures: DejaVu Sans, in which the letters of most of Europe stand.

The files in `sheets/fonts` hold Latin, Greek and Cyrillic letters and signs, without hinting: small enough to be put
into each PDF as they are. The tables of a font are those of ISO/IEC 14496-22 (OpenType).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from struct import unpack_from
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FONTS: Final = Path(__file__).parents[1] / "fonts"
_SEGMENTS: Final = 4
"""The format of `cmap` that says for ranges of letters which glyphs they are."""

_MISSING: Final = 0
"""The glyph of a letter that the font does not have: a box."""

_EM: Final = 1000
"""What widths are told in: thousandths of the size."""


@dataclass(frozen=True)
class Font:
    """One font."""

    name: str
    data: bytes

    @cached_property
    def packed(self) -> bytes:
        """The file, deflated."""
        return zlib.compress(self.data, 9)

    @cached_property
    def _tables(self) -> Mapping[bytes, int]:
        (count,) = unpack_from(">H", self.data, 4)
        records = (unpack_from(">4sLLL", self.data, 12 + 16 * number) for number in range(count))
        return {tag: offset for tag, _, offset, _ in records}

    @cached_property
    def glyphs(self) -> Mapping[int, int]:
        """The glyph of each letter, by code point."""
        data, table = self.data, self._tables[b"cmap"]
        (count,) = unpack_from(">H", data, table + 2)
        places = [table + unpack_from(">HHL", data, table + 4 + 8 * number)[2] for number in range(count)]
        at = next(place for place in places if unpack_from(">H", data, place)[0] == _SEGMENTS)
        (twice,) = unpack_from(">H", data, at + 6)
        count = twice // 2
        ends = unpack_from(f">{count}H", data, at + 14)
        starts = unpack_from(f">{count}H", data, at + 16 + twice)
        deltas = unpack_from(f">{count}H", data, at + 16 + 2 * twice)
        offsets = unpack_from(f">{count}H", data, at + 16 + 3 * twice)
        found = {}
        for number, (start, end, delta, offset) in enumerate(zip(starts, ends, deltas, offsets, strict=True)):
            here = at + 16 + 3 * twice + 2 * number + offset
            for letter in range(start, end + 1):
                glyph = letter if not offset else unpack_from(">H", data, here + 2 * (letter - start))[0]
                if glyph or not offset:
                    found[letter] = (glyph + delta) % 65536
        return found

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How wide each glyph is, in thousandths of the size."""
        (units,) = unpack_from(">H", self.data, self._tables[b"head"] + 18)
        (count,) = unpack_from(">H", self.data, self._tables[b"hhea"] + 34)
        advances = unpack_from(">" + "Hh" * count, self.data, self._tables[b"hmtx"])[::2]
        return tuple(round(advance * _EM / units) for advance in advances)

    @cached_property
    def _known(self) -> dict[str, int]:
        return {}

    def glyph(self, letter: str) -> int:
        """Give the glyph of a letter; a box where the font has none."""
        return self.glyphs.get(ord(letter), _MISSING)

    def width(self, text: str, size: float) -> float:
        """Tell how wide a text is, in the unit of its size."""
        known = self._known
        if text not in known:
            last = len(self.widths) - 1
            known[text] = sum(self.widths[min(self.glyph(letter), last)] for letter in text)
        return known[text] * size / _EM


@cache
def font(*, bold: bool) -> Font:
    """Read a font."""
    name = "DejaVuSans-Bold" if bold else "DejaVuSans"
    return Font(name, (FONTS / f"{name}.ttf").read_bytes())
