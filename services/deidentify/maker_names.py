"""Names of manufacturers and models, told from those of hospitals that build their own software.

Words of manufacturers identify neither place nor device: many stations are named after their model. But a hospital that
writes its own name into (0008,0070) *Manufacturer* identifies itself there as in (0008,0080) *Institution Name*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.vocabulary import anatomy, word_lists
from services.vocabulary.spelling import fold, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GENERIC: Final = frozenset(map(fold, word_lists.GENERIC))
_LONG_WORD: Final = 6
"""Minimum length of a name of one word; shorter ones are also words of products."""


def of_makers(texts: Iterable[str], found: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return those manufacturers and models that do not contain the name of a place of the set.

    Parameters
    ----------
    found
        Kind (from the policy's column `identifies`) and value.
    """
    houses = [house for kind, value in found if kind == "place" for house in _names_of_house(value)]
    return frozenset(text for text in texts if not any(_contains(_words(text), house) for house in houses))


def _names_of_house(value: str) -> Iterator[list[str]]:
    """Yield the words of a distinctive name, and those left without common ones around them: `Klinikum Blumenstein`.

    Varian Medical Systems has only words common to all.
    """
    words = _words(value)
    distinctive = [at for at, word in enumerate(words) if not (word in _GENERIC or anatomy.is_term(word))]
    if distinctive:
        for name in (words, words[distinctive[0] : distinctive[-1] + 1]):
            if len(name) > 1 or len(name[0]) >= _LONG_WORD:
                yield name


def _contains(words: list[str], house: list[str]) -> bool:
    return any(words[at : at + len(house)] == house for at in range(len(words) - len(house) + 1))


def _words(text: str) -> list[str]:
    """Return the words of a text, also if digits or other words are joined to them."""
    return [fold(text[start:end]) for start, end in pieces(text) if not text[start:end].isdecimal()]
