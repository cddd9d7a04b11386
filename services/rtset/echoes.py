"""Search for identifiers in kept values that cannot be cleaned: coded strings, names of hardware, binary values.

Whatever the proof would take for an identifier there must be found here, as the set would otherwise wait for an
operator: every part of a name, alone and joined to another, complete IDs, distinctive words of places and devices, and
dates, in every spelling, between separators, digits and letters of another case. Anatomical terms identify nobody.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import permutations
from typing import TYPE_CHECKING, Final

from services.dicom.dates import read_da
from services.vocabulary import word_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST: Final = 4
"""Minimum letters of a word that identifies beside others; of Chinese, Japanese and Korean, half as many characters."""
_SHORTEST_ALONE: Final = 2
"""The same for a text that is nothing else."""
_LONG_NUMBER: Final = 5
"""Minimum digits of a number in an ID that identifies without the rest."""
_LONG_ID: Final = 6
"""Minimum length of an ID of letters and digits that is found with other letters joined to it."""
_LONGEST_RUN: Final = 24
"""Maximum pieces of a name or ID searched for."""
_NAME_PARTS: Final = 3
"""Family, given and middle name. PS3.5 6.2.1.1."""
_NUMBERED: Final = frozenset(("patient-id", "other-id", "accession"))

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


_ANATOMY: Final = frozenset(spelling for word in word_lists.read_anatomy() for spelling in spellings(word))
_NAMELESS: Final = frozenset(spelling for word in word_lists.NAMELESS for spelling in spellings(word))
_COMMON: Final = _ANATOMY | _NAMELESS | {spelling for word in word_lists.GENERIC for spelling in spellings(word)}
_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
"""A character of a script written without spaces: Chinese, Japanese, Korean."""
_LEADING_ZEROS: Final = re.compile(r"(?<!\d)0+(?=\d)")
_YEAR_FIRST: Final = re.compile(r"(?<!\d)(?=(\d{4})([-./_ ]?)(\d\d?)\2(\d\d?)(?:\d\d){0,3}(?!\d))")
_YEAR_LAST: Final = re.compile(r"(?<!\d)(?=(\d\d?)([-./_ ]?)(\d\d?)\2(\d{4})(?!\d))")
"""Dates; where two overlap, both are found."""
_DAY_AND_MONTH: Final = re.compile(
    r"(?<!\d)(?=(\d\d?)[-./_ ]{0,2}(?:de[ _])?([^\W\d_]{3,12})[-./_, ]{0,2}(?:de[ _])?(\d{4})(?!\d))"
)
_MONTH_AND_DAY: Final = re.compile(
    r"(?<![^\W\d_])(?=([^\W\d_]{3,12})[-./_ ]{0,2}(\d\d?)(?:st|nd|rd|th)?[-./_, ]{1,2}(\d{4})(?!\d))", re.IGNORECASE
)
_MONTHS: Final = {
    spelling: number
    for number, names in enumerate(word_lists.MONTHS, 1)
    for name in names.split()
    for spelling in spellings(name)
}
"""Month numbers by the spellings of their names."""


class Echoes:
    """Identifiers of a set, for values that must not contain them.

    Parameters
    ----------
    found
        Kind (from the policy's column `identifies`) and value.
    """

    def __init__(self, found: Iterable[tuple[str, str]]) -> None:
        values = sorted(set(found))
        keys = {spelling for kind, value in values for key in _keys(kind, value) for spelling in spellings(key)}
        self._alone: Final = {key for key in keys if len(key) >= _SHORTEST_ALONE and key not in _ANATOMY}
        self._keys: Final = {key for key in self._alone if len(key) + len(_UNSPACED.findall(key)) >= _SHORTEST}
        self._unspaced: Final = {key for key in self._keys if _UNSPACED.match(key)}
        ids = {"".join(_WORD.findall(value)).casefold() for kind, value in values if kind == "patient-id"}
        self._ids: Final = {one for one in ids if len(one) >= _LONG_ID and _is_mixed(one)}
        days = {day for kind, value in values if kind == "date" for day in read_da(value)}
        self._days: Final = {(day.year, day.month, day.day) for day in days}

    def is_one(self, word: str) -> bool:
        """Return whether a word is one of them."""
        return not spellings(word).isdisjoint(self._keys)

    def are_in(self, text: str, *, short_numbers: bool = True) -> bool:
        """Return whether a text contains any of them.

        Parameters
        ----------
        short_numbers
            Whether numbers of up to five digits can be IDs; in names of hardware they are sizes and versions.
        """
        words = _WORD.findall(unicodedata.normalize("NFKC", text))
        found = {spelling for run in _runs(words) for spelling in spellings(run)} & self._keys
        if len(words) == 1:
            found |= spellings(words[0]) & self._alone
        return (
            any(short_numbers or not key.isdecimal() or len(key) > _LONG_NUMBER for key in found)
            or any(one in word.casefold() for one in self._ids for word in words)
            or not self._days.isdisjoint(_days(text))
            or any(key in text for key in self._unspaced)
        )


def _keys(kind: str, value: str) -> Iterator[str]:
    """Yield the parts of an identifier that identify: words, and words joined."""
    if kind == "person":
        for group in value.split("="):  # alphabetic, ideographic, phonetic
            yield from _keys_of_name([_WORD.findall(part) for part in group.split("^")[:_NAME_PARTS]])
    elif kind != "date" or any(map(str.isalpha, value)):  # not a date but a comment
        yield from _keys_of_phrase(kind, value)


def _keys_of_name(parts: list[list[str]]) -> Iterator[str]:
    family, *others = parts
    for words in parts:
        naming = [word for word in words if spellings(word).isdisjoint(_NAMELESS)]
        if naming or words is family:
            yield from naming or words
            yield "".join(words)
    given = [word for part in others for word in part]
    if family and given:
        for two in (("".join(family), given[0]), ("".join(family), "".join(given))):
            yield from map("".join, permutations(two))


def _keys_of_phrase(kind: str, value: str) -> Iterator[str]:
    words, numbers = _WORD.findall(value), re.findall(r"\d+", value)
    if kind in _NUMBERED or numbers or not all(map(_is_common, words)):
        yield "".join(words)
        yield "".join(_WORD.findall(_LEADING_ZEROS.sub("", value)))
    yield from (word for word in words if len(word) >= _SHORTEST and not word.isdecimal() and not _is_common(word))
    if kind != "place":
        yield from (number for number in (number.lstrip("0") for number in numbers) if len(number) >= _LONG_NUMBER)


def _is_common(word: str) -> bool:
    return not spellings(word).isdisjoint(_COMMON)


def _is_mixed(word: str) -> bool:
    return not word.isalpha() and not word.isdecimal()


def _runs(words: Iterable[str]) -> Iterator[str]:
    """Yield the pieces of words, and neighbouring pieces joined."""
    pieces = [piece for word in words for piece in _pieces(word)]
    for first in range(len(pieces)):
        for last in range(first + 1, min(first + _LONGEST_RUN, len(pieces)) + 1):
            run = "".join(pieces[first:last])
            yield run
            yield run.lstrip("0")


def _pieces(word: str) -> list[str]:
    """Divide a word where the kind of character changes, before a capital that begins a word, and between syllables."""
    kinds = [(char.isdecimal(), char.isupper(), _UNSPACED.match(char) is not None) for char in word]
    cuts = [
        at
        for at in range(1, len(word))
        if kinds[at - 1] != kinds[at] or kinds[at][2] or (word[at].isupper() and word[at + 1 : at + 2].islower())
    ]
    return [word[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(word)], strict=True)]


def _days(text: str) -> Iterator[tuple[int, int, int]]:
    for found in _YEAR_FIRST.finditer(text):
        yield int(found[1]), int(found[3]), int(found[4])
    for found in _YEAR_LAST.finditer(text):
        yield int(found[4]), int(found[3]), int(found[1])
        yield int(found[4]), int(found[1]), int(found[3])
    for pattern, day, month in ((_DAY_AND_MONTH, 1, 2), (_MONTH_AND_DAY, 2, 1)):
        for found in pattern.finditer(text):
            yield from (
                (int(found[3]), number, int(found[day]))
                for written in spellings(found[month])
                if (number := _MONTHS.get(written))
            )
