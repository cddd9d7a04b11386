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

from services.dicom.dates import read_da, read_dt
from services.vocabulary import word_lists
from services.vocabulary.spelling import all_spellings, is_cjk, is_one_of, pieces, spellings
from services.vocabulary.text_dates import read_dates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

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

_ANATOMY: Final = all_spellings(word_lists.read_anatomy())
_NAMELESS: Final = all_spellings(word_lists.NAMELESS)
_COMMON: Final = _ANATOMY | _NAMELESS | all_spellings(word_lists.GENERIC)
_WORD: Final = re.compile(r"[^\W_]+")
_LEADING_ZEROS: Final = re.compile(r"(?<!\d)0+(?=\d)")
_YEAR: Final = re.compile(r"\d{4}")


class Echoes:
    """Identifiers of a set, for values that must not contain them.

    Parameters
    ----------
    found
        Kind (from the policy's column `identifies`) and value.
    """

    def __init__(self, found: Iterable[tuple[str, str]]) -> None:
        values = sorted(set(found))
        keys = all_spellings(key for kind, value in values for key in _keys(kind, value))
        self._alone: Final = {key for key in keys if len(key) >= _SHORTEST_ALONE and key not in _ANATOMY}
        self._keys: Final = {
            key for key in self._alone if len(key) >= _SHORTEST or len(key) + sum(map(is_cjk, key)) >= _SHORTEST
        }
        ids = {"".join(_WORD.findall(value)).casefold() for kind, value in values if kind == "patient-id"}
        self._ids: Final = {one for one in ids if len(one) >= _LONG_ID and _is_mixed(one)}
        dates = (value for kind, value in values if kind == "date")
        self._days: Final = {day for value in dates for day in read_da(value) or read_dt(value)}

    def is_one(self, word: str) -> bool:
        """Return whether a word is one of them."""
        return is_one_of(word, self._keys)

    def are_in(self, text: str, *, short_numbers: bool = True) -> bool:
        """Return whether a text contains any of them.

        Parameters
        ----------
        short_numbers
            Whether numbers of up to five digits can be IDs; in names of hardware they are sizes and versions.
        """
        text = unicodedata.normalize("NFKC", text)
        words = _WORD.findall(text)
        found = all_spellings(_runs(text)) & self._keys
        if len(words) == 1:
            found |= spellings(words[0]) & self._alone
        return (
            any(short_numbers or not key.isdecimal() or len(key) > _LONG_NUMBER for key in found)
            or any(one in word.casefold() for one in self._ids for word in words)
            or not self._days.isdisjoint(_days(text))
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
        naming = [word for word in words if not is_one_of(word, _NAMELESS)]
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
    return is_one_of(word, _COMMON)


def _is_mixed(word: str) -> bool:
    return not word.isalpha() and not word.isdecimal()


def _runs(text: str) -> Iterator[str]:
    """Yield the pieces of a text, and neighbouring pieces joined."""
    parts = pieces(text)
    for first, (begin, _) in enumerate(parts):
        for _, end in parts[first : first + _LONGEST_RUN]:
            yield "".join(_WORD.findall(text[begin:end]))


def _days(text: str) -> Iterator[date]:
    """Yield the possible days of the dates in a text whose year has four digits."""
    for span, days in read_dates(text) if _YEAR.search(text) else ():
        if _YEAR.search(text, span.start, span.end):
            yield from days
