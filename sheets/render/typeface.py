"""The typeface of pages and pictures: DejaVu Sans, which covers most European scripts.

The files in `sheets/fonts` hold Latin, Greek and Cyrillic letters and symbols, without hinting, and load in a tenth of
the time of the complete fonts. Each also has a Latin subset, sufficient for most pages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FONTS: Final = Path(__file__).parents[1] / "fonts"

_OF_LATIN: Final = frozenset(
    chr(code)
    for codes in (
        *(range(0x20, 0x7F), range(0xA0, 0x180), range(0x2010, 0x2028), range(0x2030, 0x203B), range(0x2190, 0x2194)),
        *(range(0x2260, 0x2266), (0x20AC, 0x2212)),
    )
    for code in codes
)


def is_latin(text: str) -> bool:
    """Return whether the Latin subset covers a text."""
    return text.isascii() or _OF_LATIN.issuperset(text)


def font_file(*, bold: bool, latin: bool = False) -> Path:
    """Return the font file of a face."""
    return FONTS / f"DejaVuSans{'-Bold' if bold else ''}{'-Latin' if latin else ''}.ttf"
