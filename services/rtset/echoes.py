"""Search for identifiers in texts that are kept unchanged because nothing in them can be cleaned.

Complete names, IDs, places, devices and dates match if they fill whole words or pieces of words; fragments do not.
Anatomical terms do not identify anyone, nor do words common to all clinics or manufacturers.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from services.dicom.character_sets import name_components
from services.dicom.dates import read_da
from services.vocabulary import word_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST: Final = 4
"""Minimum letters of an identifying word; for Chinese, Japanese and Korean, half as many characters."""
_LONG_NUMBER: Final = 6
"""Minimum digits of a number treated as an ID anywhere; shorter ones are versions and sizes."""
_LONGEST_RUN: Final = 12
"""Maximum pieces of a name or ID searched for."""
_WRITTEN_OUT: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ő": "oe", "ø": "oe", "œ": "oe", "ü": "ue", "ű": "ue", "æ": "ae", "å": "aa", "þ": "th"}
)
_LEFT_OFF: Final = str.maketrans("øłđðħ\N{LATIN SMALL LETTER DOTLESS I}", "olddhi")
"""Letters without a decomposition."""


def spellings(word: str) -> set[str]:
    """Return a word in lower case: unchanged, with accents written out, and without them."""
    small = unicodedata.normalize("NFKC", word).casefold()
    if small.isascii():
        return {small}
    return {small, small.translate(_WRITTEN_OUT), _bare(small.translate(_WRITTEN_OUT)), _bare(small)}


def _bare(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word).translate(_LEFT_OFF)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


_COMMON: Final = frozenset(
    spelling
    for word in (*word_lists.GENERIC, *word_lists.NAMELESS, *word_lists.read_anatomy())
    for spelling in spellings(word)
)
_WORD: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"\d+|[^\W\d_]+")
_WITHIN: Final = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ])")
"""Positions where a capital begins another word."""
_DATE: Final = re.compile(r"(?<!\d)(?:(\d{4})([-./_ ]?)(\d\d?)\2(\d\d?)|(\d\d?)([-./_ ]?)(\d\d?)\6(\d{4}))(?!\d)")


class Echoes:
    """Identifiers of a set, for texts that must not contain them.

    Parameters
    ----------
    found
        Kind (from the policy's column `identifies`) and value.
    """

    def __init__(self, found: Iterable[tuple[str, str]]) -> None:
        values = sorted(set(found))
        self._keys: Final = frozenset(key for kind, value in values for key in _keys(kind, value))
        days = {day for kind, value in values if kind == "date" for day in read_da(value)}
        self._days: Final = {(day.year, day.month, day.day) for day in days}

    def are_in(self, text: str) -> bool:
        """Return whether a text contains any of them."""
        return (
            not self._keys.isdisjoint(_runs(text))
            or not self._days.isdisjoint(_days(text))
            or any(key in text for key in self._keys if _is_unspaced(key))
        )


def _keys(kind: str, value: str) -> Iterator[str]:
    if kind == "date":
        return
    texts = (part for group in name_components(value) for part in group) if kind == "person" else (value,)
    for text in texts:
        words = _WORD.findall(text)
        for key in {spelling for word in (*words, "".join(words)) for spelling in spellings(word)}:
            if _names(key):
                yield key
                yield key.lstrip("0")


def _names(key: str) -> bool:
    if key.isdecimal():
        return len(key.lstrip("0")) >= _LONG_NUMBER
    return len(key) * (1 + _is_unspaced(key)) >= _SHORTEST and key not in _COMMON


def _is_unspaced(key: str) -> bool:
    """Return whether a word is of a script written without spaces."""
    return key != "" and unicodedata.name(key[0], "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL"))


def _runs(text: str) -> Iterator[str]:
    """Yield the pieces of a text and joined neighbours, in every spelling."""
    cut = [piece for run in _PIECE.findall(text) for piece in _WITHIN.split(run)]
    for first in range(len(cut)):
        for last in range(first + 1, min(first + _LONGEST_RUN, len(cut)) + 1):
            yield from spellings("".join(cut[first:last]))


def _days(text: str) -> Iterator[tuple[int, int, int]]:
    for found in _DATE.finditer(text):
        if found[1]:
            yield int(found[1]), int(found[3]), int(found[4])
        else:
            yield int(found[8]), int(found[7]), int(found[5])
            yield int(found[8]), int(found[5]), int(found[7])
