"""The typeface of pages and pictures: DejaVu Sans, in which the letters of most of Europe stand.

The files in `sheets/fonts` hold Latin, Greek and Cyrillic letters and signs, without hinting: they are read in a tenth
of the time that the whole ones take.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

FONTS: Final = Path(__file__).parents[1] / "fonts"
