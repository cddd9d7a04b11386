"""When two spellings are one, and where a text that is written together may be cut."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from services.vocabulary.word_lists import read_letters

_LETTERS: Final = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)
"""Latin letters that Unicode does not take apart into a letter and an accent."""

_IN_ONE_WAY: Final = str.maketrans(
    {"\N{ARABIC TATWEEL}": ""}
    | {chr(code): chr(code + 0x60) for code in range(0x3041, 0x3097)}
    | read_letters()["one way"]
)
"""Letters that are written in two ways: Arabic ones at the end of a word, hiragana, traditional characters of names."""

_TWINS: Final = re.compile(r"(?<=[ou])e+|(?<=a)[ae]+")
"""What follows a vowel where an umlaut is written out: Mueller, Soerensen, Haakon."""


@lru_cache(maxsize=1 << 14)
def fold(text: str) -> str:
    """Return the one spelling that stands for all spellings of a text; two texts are alike when these are equal.

    Case and accents go, ß is ss, and the twins of an umlaut meet: Müller, Mueller, MULLER are all `muller`. That makes
    Samuel `samul` too, on both sides of every comparison, so nothing is lost by it. Other scripts keep their letters.
    """
    text = text.casefold()
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
        kept = "".join(char for char in parts if not unicodedata.combining(char))
        text = unicodedata.normalize("NFC", kept).translate(_IN_ONE_WAY)  # puts Korean syllables together again
    return _TWINS.sub("", text)


_WRITTEN_OUT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


def spellings(word: str) -> frozenset[str]:
    """Return the ways to write a word in small letters: as it is, with umlauts written out, and without accents."""
    small = word.casefold()
    return (
        frozenset((small,))
        if small.isascii()
        else frozenset((small, _bare(small.translate(_WRITTEN_OUT)), _bare(small)))
    )


def _bare(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word).translate(_LETTERS)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


MARKS: Final = "".join(filter(lambda char: unicodedata.category(char)[0] == "M", map(chr, range(0x300, 0x3100))))
"""Accents, vowels and tones that stand as signs of their own beside a letter, as in Thai: part of the word it is in."""

_PIECE: Final = re.compile(r"(?<=U)U(?=l)|U+(?=Ul)|Ul+|U+|l+|z+(?=9)|[z9]+|C")


def pieces(text: str) -> list[tuple[int, int]]:
    """Cut a text where a separator stands, letters meet digits, or a capital begins a word: (start, end) of each piece.

    `PTV_60GyMueller` is PTV, 60, Gy, Mueller. In `PTVmueller` a reader sees PTV and mueller, a machine PT and Vmueller:
    it is cut at both places. Leading zeros are parted from their number. Chinese, Japanese and Korean are written
    without spaces: each character is a piece.
    """
    return [found.span() for found in _PIECE.finditer(text.translate(_CLASSES))]


class _Classes(dict[int, str]):
    """The class of a character, worked out when first met: U upper, l lower or caseless, z zero, 9 digit, C CJK."""

    def __missing__(self, code: int) -> str:
        self[code] = found = self._class_of(code)
        return found

    @staticmethod
    def _class_of(code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Nd":
            return "9" if unicodedata.digit(char) else "z"
        if any(code in block for block in _CJK):
            return "C"
        if category in {"Lu", "Lt"}:
            return "U"
        return "l" if category[0] in "LM" else " "


_CJK: Final = (
    range(0x3005, 0x3008),  # iteration marks
    range(0x3040, 0x3100),  # hiragana, katakana
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),  # ideographs
    range(0xAC00, 0xD7B0),  # Korean syllables
    range(0xF900, 0xFB00),
    range(0xFF66, 0xFFA0),  # half-width katakana
    range(0x20000, 0x40000),
)
_CLASSES: Final = _Classes()


def is_cjk(char: str) -> bool:
    """Return whether a character says as much as a syllable: two of them make a name."""
    return _CLASSES[ord(char)] == "C"
