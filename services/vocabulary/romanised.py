"""Names in scripts with signs for syllables or marks for vowels, romanized: Korean, Thai, Indic scripts, Hebrew.

The sound of such a name does not determine its Latin spelling: 이 is Lee, Yi or Rhee. `letters.txt` lists the customary
spellings of each sign, from which a pattern is made for a name: 민수 is `min(su|soo|…)`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from services.vocabulary import word_lists

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAYS: Final = {sign: ways.split() or [""] for sign, ways in word_lists.read_letters()["romanised"].items()}
_BETWEEN: Final = "[-' ]?"
_HANGUL: Final = re.compile("[\uac00-\ud7a3]+")
_INDIC: Final = re.compile("[\u0900-\u0d7f]+")
_THAI: Final = re.compile("[\u0e01-\u0e4e]+")
_HEBREW: Final = re.compile("[\u05d0-\u05ea]{2,}")
_RUN: Final = re.compile("[\uac00-\ud7a3]+|[\u0900-\u0d7f]+|[\u0e01-\u0e4e]+|[\u05d0-\u05ea]+")

_DEVANAGARI, _BLOCK = 0x900, 0x80
_VIRAMA, _NUKTA = "\u094d", "\u093c"
_VOWEL_SIGNS: Final = re.compile("[\u093e-\u094c\u0962\u0963]")
_CONSONANT: Final = re.compile("[\u0915-\u0939]")
_SILENCED: Final = re.compile("[\u0e01-\u0e2e][\u0e34-\u0e39]?\u0e4c")
_LEADING: Final = re.compile("([\u0e40-\u0e44])([\u0e01-\u0e2e])")
_ANY_VOWELS: Final = "[aeiou]{0,2}"
_MARKS_OF_A_CONSONANT: Final = frozenset(map(chr, range(0x0E01, 0x0E2F)))


def is_romanised(word: str) -> bool:
    """Return whether a word has signs of these scripts."""
    return _RUN.search(word) is not None


def runs_in(text: str) -> Iterator[re.Match[str]]:
    """Yield the runs of these scripts in a text, each in one script."""
    return _RUN.finditer(text)


@lru_cache(maxsize=1 << 10)
def pattern_of(word: str) -> str:
    """Return a pattern of a word's spellings in lower-case Latin letters; empty if there is none."""
    word = unicodedata.normalize("NFC", word)
    if _HANGUL.fullmatch(word):
        return _BETWEEN.join(map(_of_syllable, word))
    if _INDIC.fullmatch(word):
        return _of_indic(word)
    if _THAI.fullmatch(word):
        return _of_thai(word)
    return _ANY_VOWELS.join(map(_of_consonant, word)) if _HEBREW.fullmatch(word) else ""


def _of_syllable(syllable: str) -> str:
    """Return the spellings of a Korean syllable: those of its letters, and further customary ones of common names."""
    letters = "".join(map(_of_sign, unicodedata.normalize("NFD", syllable)))
    own = _WAYS.get(syllable, [])
    return f"(?:{'|'.join([*own, letters])})"


def _of_indic(word: str) -> str:
    """Return the spellings of an Indic word; Unicode's Indic blocks share one layout, so one list serves them all."""
    signs = "".join(chr(_DEVANAGARI + (ord(sign) & (_BLOCK - 1))) for sign in word)
    signs = unicodedata.normalize("NFD", signs)
    ways = ""
    for number, sign in enumerate(signs):
        ways += _of_sign(sign)
        behind = signs[number + 1 : number + 2]
        if _CONSONANT.match(sign) and behind not in {_VIRAMA, _NUKTA} and not _VOWEL_SIGNS.match(behind):
            ways += "[aou]?"
    return ways


def _of_thai(word: str) -> str:
    """Return the spellings of a Thai word: its consonants and vowels, and some vowels that are not written."""
    word = _LEADING.sub(r"\2\1", _SILENCED.sub("", word))
    ways = ""
    for number, sign in enumerate(word):
        ways += _of_sign(sign)
        if sign in _MARKS_OF_A_CONSONANT and word[number + 1 : number + 2] in _MARKS_OF_A_CONSONANT:
            ways += _ANY_VOWELS
    return ways


def _of_consonant(sign: str) -> str:
    """Return the spellings of a Hebrew letter, which some people double."""
    return f"(?:{'|'.join(f'{way}{{1,2}}' if len(way) == 1 else way for way in _WAYS[sign])})"


def _of_sign(sign: str) -> str:
    return f"(?:{'|'.join(_WAYS.get(sign, ['']))})"
