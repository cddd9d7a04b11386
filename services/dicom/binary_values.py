"""Identifiers in binary values: bytes of tables and maps may spell words, and a number may be an ID."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

VRS: Final = frozenset(b"AT FD FL OB OD OF OL OV OW SL SS SV UL UN US UV".split())
"""VRs of binary values. PS3.5 6.2."""

SHORTEST: Final = 4
"""Minimum length of a word; three bytes of a number spell one by chance."""
_LONGEST: Final = 64
"""Maximum length of a word; tables read as UTF-16 have runs of thousands of Chinese characters."""

_WORDS: Final = tuple(
    re.compile(rf"{letter}{{{SHORTEST},}}")
    for letter in (r"[^\W_]", "[0-9A-Za-z]", "[0-9A-Za-zÀ-ÖØ-öø-ÿ]", "[\u0370-\u03ff]", "[\u0400-\u04ff]")
)
"""Runs of any letters and digits, and of those of one script: numbers beside a text read as letters, too."""
_ENCODINGS: Final = ("latin-1", "utf-8", "utf-16-le", "utf-16-be")


def words_in(value: bytes) -> frozenset[str]:
    """Return the runs of letters and digits in a binary value, read as Latin-1, UTF-8 and UTF-16 of either order."""
    if len(value) - value.count(0) < SHORTEST:
        return frozenset()  # as most numbers
    texts = (value.decode(encoding, "replace") for encoding in _ENCODINGS)
    words = (word for text in texts for words in _WORDS for word in words.findall(text))
    return frozenset(word for word in words if len(word) <= _LONGEST)


def codes_of(number: int) -> Iterator[bytes]:
    """Yield the values of VR FD, FL, SL, SV, UL and UV that are this number. PS3.5 6.2."""
    for form in ("<d", "<f", "<I", "<Q"):
        with suppress(struct.error, OverflowError):
            yield struct.pack(form, number)
