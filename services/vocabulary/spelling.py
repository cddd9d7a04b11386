"""Equality of spellings, and word boundaries in joined texts."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from services.vocabulary.word_lists import read_letters

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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
"""Latin letters that Unicode does not decompose into a letter and an accent."""

_IN_ONE_WAY: Final = str.maketrans(
    {"\N{ARABIC TATWEEL}": ""}
    | {chr(code): chr(code + 0x60) for code in range(0x3041, 0x3097)}
    | read_letters()["one way"]
)
"""Letters with two forms: Arabic final forms, hiragana, traditional characters of names."""

_TWINS: Final = re.compile(r"(?<=[ou])e+|(?<=a)[ae]+")
"""Second vowel of an umlaut written out: Mueller, Soerensen, Haakon."""


@lru_cache(maxsize=1 << 14)
def fold(text: str) -> str:
    """Return a normalized spelling; two texts are considered alike if these are equal.

    Case and accents are removed, ß becomes ss, and umlauts and their digraphs are unified: Müller, Mueller, MULLER are
    all `muller`. Samuel becomes `samul`, too, on both sides of every comparison, so nothing is lost. Other scripts keep
    their letters.
    """
    text = text.casefold()
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
        kept = "".join(char for char in parts if not unicodedata.combining(char))
        text = unicodedata.normalize("NFC", kept).translate(_IN_ONE_WAY)  # recomposes Korean syllables
    return _TWINS.sub("", text)


_WRITTEN_OUT: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ő": "oe", "ø": "oe", "œ": "oe", "ü": "ue", "ű": "ue", "æ": "ae", "å": "aa", "þ": "th"}
)


def spellings(word: str) -> frozenset[str]:
    """Return the lower-case spellings of a word: as it is, with umlauts written out, and without accents."""
    small = unicodedata.normalize("NFKC", word).casefold()
    if small.isascii():
        return frozenset((small,))
    written_out = small.translate(_WRITTEN_OUT)
    forms = {small, written_out, _without_accents(small), _without_accents(written_out)}
    return frozenset(forms.union(form.translate(_LETTERS) for form in forms))


def all_spellings(words: Iterable[str]) -> frozenset[str]:
    """Return words in all their spellings: Loes, Dae and Doe are not los, da and do, as whose folds they have."""
    return frozenset(spelling for word in words for spelling in spellings(word))


def is_one_of(word: str, spelled: Collection[str]) -> bool:
    """Return whether a word has a spelling in common with words of which all are given."""
    return not spellings(word).isdisjoint(spelled)


def _without_accents(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


MARKS: Final = "".join(filter(lambda char: unicodedata.category(char)[0] == "M", map(chr, range(0x300, 0x3100))))
"""Combining accents, vowels and tones, as in Thai: part of the word they are in."""

_PIECE: Final = re.compile(r"(?<=U)U(?=l)|U+(?=Ul)|Ul+|U+|l+|z+(?=9)|[z9]+|C")


def pieces(text: str) -> list[tuple[int, int]]:
    """Split a text at separators, between letters and digits, and at capitals: (start, end) of each piece.

    `PTV_60GyMueller` is PTV, 60, Gy, Mueller. In `PTVmueller` a reader sees PTV and mueller, a program PT and Vmueller:
    it is split at both places. Leading zeros are split from their number. In Chinese, Japanese and Korean, which are
    written without spaces, each character is a piece.
    """
    return [found.span() for found in _PIECE.finditer(text.translate(_CLASSES))]


class _Classes(dict[int, str]):
    """Character classes, computed on first use: U upper, l lower or caseless, z zero, 9 digit, C CJK."""

    def __missing__(self, code: int) -> str:
        self[code] = found = self._class_of(code)
        return found

    @staticmethod
    def _class_of(code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "So" and len(letter := unicodedata.normalize("NFKC", char)) == 1:
            category = unicodedata.category(letter)  # in a circle
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
    """Return whether a character is equivalent to a syllable, so that two of them make a name."""
    return _CLASSES[ord(char)] == "C"
