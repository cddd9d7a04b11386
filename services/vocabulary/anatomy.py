"""Words that name anatomy and planning: a name made of them alone stays, whatever the patient is called.

A patient may be called Brain, Hals or Ring. The structures that RapidPlan matches by name must keep it all the same: a
name in which every word is one of these says nothing about a person that its neighbours (`Brain` beside `Brainstem`)
would not. One foreign word in it and the doubt goes the other way.

The words are in `anatomy.txt`: TG-263 and everyday ones, English, German, Italian, French and Spanish.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from services.vocabulary.spelling import fold, pieces
from services.vocabulary.word_lists import read_anatomy

_TERMS: Final = frozenset(map(fold, read_anatomy()))
_SHORTEST_PART: Final = 3
"""Letters of a term inside a compound: `lungenlappen`, `opticchiasm`; shorter ones would find themselves anywhere."""


def words(text: str) -> list[list[str]]:
    """Give the words of a text, digits left out: unbroken runs of letters, each as its pieces (`BrainStem` is two)."""
    found: list[list[str]] = []
    last = -1
    for start, end in pieces(text):
        letters = text[start:end]
        if letters.isdecimal():
            continue
        if start == last:
            found[-1].append(letters)
        else:
            found.append([letters])
        last = end
    return found


def is_term(word: str) -> bool:
    """Whether a word without spaces is a term, or made of terms."""
    return _is_compound(fold(word))


def is_listed(word: str) -> bool:
    """Whether a word is a term itself, not one put together of terms."""
    return fold(word) in _TERMS


def only_terms(text: str) -> bool:
    """Whether every word of a text is a term, and one of them more than a letter; numbers are no words."""
    found = words(text)
    return any(sum(map(len, word)) > 1 for word in found) and all(
        is_term("".join(word)) or all(map(is_term, word)) for word in found
    )


@lru_cache(maxsize=4096)
def _is_compound(word: str) -> bool:
    """Whether a folded word is a term, or terms put together; one letter may end it (`ptvopt`, `gtvn`, `lungl`)."""
    if word in _TERMS:
        return True
    return any(
        word[:cut] in _TERMS
        and (_is_compound(word[cut:]) and (len(word) - cut >= _SHORTEST_PART or len(word) - cut == 1))
        for cut in range(_SHORTEST_PART, len(word))
    )
