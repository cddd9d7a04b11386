"""Words of the lexicon, and which of them a name may keep: one made of terms stays, whatever the patient is called.

A patient may be called Brain, Hals or Ring. The structures that RapidPlan matches by name must keep it all the same: a
name in which every word is one of these says nothing about a person that its neighbours (`Brain` beside `Brainstem`)
would not. One foreign word in it and the doubt goes the other way.

*Terms* name structures (`word_lists.NAMING`). *Known* are all words of the lexicon: also those of devices, of planning
and of every day, which say nothing about a person and yet are no excuse for a patient who is called so.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from services.vocabulary.spelling import MARKS, fold, pieces, spellings
from services.vocabulary.word_lists import read_anatomy, read_lexicon

if TYPE_CHECKING:
    from collections.abc import Iterator

_TERMS: Final = frozenset(map(fold, read_anatomy()))
_KNOWN: Final = frozenset(fold(word) for words in read_lexicon().values() for word in words)
_SIDES: Final = frozenset(map(fold, read_lexicon()["side"]))
_TARGETS: Final = frozenset(map(fold, read_lexicon()["target"]))
_SIZES_OF_TARGETS: Final = sorted({len(word) for word in _TARGETS if len(word) > 2})
_AS_WRITTEN: Final = frozenset(spelling for word in read_anatomy() for spelling in spellings(word))
_OBJECTS: Final = frozenset(map(fold, read_lexicon()["object"]))
_MEANINGLESS: Final = _OBJECTS.union(
    fold(word) for name in ("device", "clinic") for word in read_lexicon()[name] if fold(word) not in _TERMS
)
"""Words that are worth nothing on their own."""

_RUN: Final = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{MARKS}])*")
_SHORTEST_WORD: Final = 2

_ENDINGS: Final = frozenset("lraeios")
"""Letters that end a term of four letters: a side, or another number or gender."""
_INFLECTED: Final = 5
"""Letters of a term that one more makes another form of: `vocali`."""

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
    """Return whether a word without spaces is a term, or made of terms."""
    return _is_compound(fold(word))


def is_listed(word: str) -> bool:
    """Return whether a word is a term itself as spelled, not one put together of terms: `Cour` is not `coeur`."""
    return word.casefold() in _AS_WRITTEN


def is_known(word: str) -> bool:
    """Return whether a word without spaces is in the lexicon, or made of terms."""
    folded = fold(word)
    return folded in _KNOWN or _is_compound(folded)


def is_side(word: str) -> bool:
    """Return whether a word says on which side, or in which direction, something is."""
    return fold(word) in _SIDES


def is_meaningful(word: str) -> bool:
    """Whether a word of the lexicon says something on its own: `Lunge` and `VMAT` do, `Plan` and `neu` do not."""
    return len(word) > 1 and fold(word) not in _MEANINGLESS and is_known(word)


def is_two_known(word: str) -> bool:
    """Return whether a word is two of the lexicon written together, each of two letters at least: the code `CTHN`."""
    return any(is_known(word[:cut]) and is_known(word[cut:]) for cut in range(2, len(word) - 1))


def only_terms(text: str) -> bool:
    """Return whether every word of a text is a term, and one of them more than a letter; numbers are no words."""
    found = words(text)
    return any(sum(map(len, word)) > 1 for word in found) and all(
        is_term("".join(word)) or all(map(is_term, word)) for word in found
    )


def only_known(text: str) -> bool:
    """Return whether every word of a text is in the lexicon; numbers are no words."""
    return all(map(is_known_run, words(text)))


def is_known_run(run: list[str]) -> bool:
    """Return whether the pieces of a word, as `words` gives them, are known one by one or put together."""
    return is_known("".join(run)) or all(map(is_known, run))


def unknown_words(text: str) -> Iterator[tuple[int, int]]:
    """Find the words of a text that are not in the lexicon: where each begins and ends, without terms glued to it.

    `PTVHohenlohe` has `Hohenlohe` alone. A single letter is no word.
    """
    for run in _RUN.finditer(text):
        if (cut := _unknown_part(run[0])) is not None:
            yield run.start() + cut[0], run.start() + cut[1]


@lru_cache(maxsize=1 << 14)
def _unknown_part(run: str) -> tuple[int, int] | None:
    """Return what of a run of letters is not known; None where all of it is."""
    cuts = pieces(run)
    if len(run) < _SHORTEST_WORD or is_known_run([run[start:end] for start, end in cuts]):
        return None
    ends = [end for _, end in cuts[:-1]]
    known = [end for end in ends if end > 1 and fold(run[:end]) in _KNOWN]
    # The capital of a word is its own: PTVNino is PTV and Nino, though PTVN is a target, too.
    first = max(known, key=lambda end: _is_better_cut(run, end), default=_end_of_target(run))
    last = min(
        (end for end in ends if end > first and len(run) - end > 1 and fold(run[end:]) in _KNOWN), default=len(run)
    )
    return (first, last) if last - first >= _SHORTEST_WORD else (0, len(run))


def _is_better_cut(run: str, end: int) -> tuple[bool, bool, int]:
    return fold(run[:end]) in _TARGETS, run[end : end + 2].istitle(), end


def _end_of_target(run: str) -> int:
    """Return where a target ends that an unknown word is glued to in one case: `PTVHOHENLOHE`, `ptvhohenlohe`."""
    in_one_case = run.isupper() or run.islower()
    return max((size for size in _SIZES_OF_TARGETS if in_one_case and fold(run[:size]) in _TARGETS), default=0)


@lru_cache(maxsize=4096)
def _is_compound(word: str) -> bool:
    """Return whether a folded word is a term, or terms put together; one letter may end it (`ptvopt`, `gtvn`, `lungl`).

    Not behind a short one that is no target: `Earl` and `Karl` are no ear and no vessel.
    """
    if word in _TERMS:
        return True
    return any(
        word[:cut] in _TERMS
        and (_is_end(word, cut) or (len(word) - cut >= _SHORTEST_PART and _is_compound(word[cut:])))
        for cut in range(_SHORTEST_PART, len(word))
    )


def _is_end(word: str, cut: int) -> bool:
    """Whether one letter ends a term: the inflection of a long one, a side, or whatever stands behind a target."""
    letter = word[cut:]
    is_ending = letter in _ENDINGS and cut > _SHORTEST_PART
    return letter in _TERMS and (cut >= _INFLECTED or is_ending or word[:cut] in _TARGETS)
