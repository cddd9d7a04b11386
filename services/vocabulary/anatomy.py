"""Words of the lexicon, and which of them may be kept in a name: one made of terms stays, whatever the patient's name.

A patient may be called Brain, Hals or Ring. Structures that RapidPlan matches by name must keep their names
nevertheless: a name consisting only of such words reveals nothing about a person that its neighbours (`Brain` beside
`Brainstem`) would not. With a single unknown word, the decision is reversed.

*Terms* name structures (`word_lists.NAMING`). *Known* are all words of the lexicon, including those of devices,
planning and everyday language, which reveal nothing about a person but do not protect a patient's name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from services.vocabulary.spelling import MARKS, all_spellings, fold, is_one_of, pieces, spellings
from services.vocabulary.word_lists import read_anatomy, read_lexicon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TERMS: Final = frozenset(map(fold, read_anatomy()))
_KNOWN: Final = frozenset(fold(word) for words in read_lexicon().values() for word in words)
_SIDES: Final = frozenset(map(fold, read_lexicon()["side"]))
_LEFT_AND_RIGHT: Final = frozenset("lrdgieshv")
"""Letters for left and right: L, R; French D, G; Spanish and Portuguese D, E, I; Italian D, S; Nordic H, V."""
_TARGETS: Final = frozenset(map(fold, read_lexicon()["target"]))
_SIZES_OF_TARGETS: Final = sorted({len(word) for word in _TARGETS if len(word) > 2})
_AS_WRITTEN: Final = all_spellings(read_anatomy())
_KNOWN_AS_WRITTEN: Final = all_spellings(word for words in read_lexicon().values() for word in words)
_OBJECTS: Final = frozenset(map(fold, read_lexicon()["object"]))
_MEANINGLESS: Final = _OBJECTS.union(
    fold(word) for name in ("device", "clinic") for word in read_lexicon()[name] if fold(word) not in _TERMS
)
"""Words without meaning on their own."""

_TOKEN: Final = re.compile(r"[^\W_]+")
_RUN: Final = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{MARKS}])*")
_SHORTEST_WORD: Final = 2
_CAPITALIZED_AFTER_A_LETTER: Final = re.compile(r"(?=[^\W\d_]{4})[A-Z][A-Z][^\W\d_A-Z]+")

_ENDINGS: Final = frozenset("lraeios")
"""Letters that may end a four-letter term: a side, or another number or gender."""
_INFLECTED: Final = 5
"""Minimum length of a term that one more letter inflects: `vocali`."""

_LONGEST_COMPOUND: Final = 64
"""Maximum length of a compound: that of a name (VR LO, PS3.5 6.2); the time for longer runs of letters is unbounded."""

_SHORTEST_PART: Final = 3
"""Minimum length of a term inside a compound: `lungenlappen`, `opticchiasm`; shorter ones would match anywhere."""


def words(text: str) -> list[list[str]]:
    """Return the words of a text without digits: unbroken runs of letters, each as its pieces (`BrainStem` is two)."""
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
    """Return whether a word without spaces is a term, or composed of terms."""
    return _is_compound(fold(word))


def is_listed(word: str) -> bool:
    """Return whether a word is itself a term as spelled, not composed of terms: `Cour` is not `coeur`."""
    return word.casefold() in _AS_WRITTEN


def is_known(word: str) -> bool:
    """Return whether a word without spaces is in the lexicon, composed of terms, or known after a letter: `LKidney`."""
    folded = fold(word)
    if folded in _KNOWN or _is_compound(folded):
        return True
    return _CAPITALIZED_AFTER_A_LETTER.fullmatch(word) is not None and is_known(word[1:])


def is_known_as_spelled(word: str) -> bool:
    """Return whether a word is known in one of its spellings, as a reader sees it: `Maes` is not `más`.

    `is_known` compares folded words, as the cleaner compares names: there `Maes` and `más` are alike.
    """
    written = spellings(word)
    if not written.isdisjoint(_KNOWN_AS_WRITTEN) or any(_is_compound(one, _AS_WRITTEN) for one in written):
        return True
    return _CAPITALIZED_AFTER_A_LETTER.fullmatch(word) is not None and is_known_as_spelled(word[1:])


def is_side(word: str) -> bool:
    """Return whether a word denotes a side or direction."""
    return fold(word) in _SIDES


def is_left_or_right(word: str) -> bool:
    """Return whether a word denotes a side or direction; of single letters, only those for left and right do."""
    folded = fold(word)
    return folded in _LEFT_AND_RIGHT if len(folded) == 1 else folded in _SIDES


def is_meaningful(word: str) -> bool:
    """Return whether a word of the lexicon has a meaning by itself: `Lunge` and `VMAT` do, `Plan` and `neu` do not."""
    return len(word) > 1 and fold(word) not in _MEANINGLESS and is_known(word)


def is_two_known(word: str) -> bool:
    """Return whether a word is two words of the lexicon, each of at least two letters, joined: the code `CTHN`."""
    return len(word) <= _LONGEST_COMPOUND and any(
        is_known(word[:cut]) and is_known(word[cut:]) for cut in range(2, len(word) - 1)
    )


def only_known(text: str) -> bool:
    """Return whether every word of a text is in the lexicon; numbers are not words."""
    return all(map(is_known_run, words(text)))


def is_known_run(run: list[str]) -> bool:
    """Return whether the pieces of a word, as returned by `words`, are known singly or joined."""
    return is_known("".join(run)) or all(map(is_known, run))


def unknown_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the words of a text that are not in the lexicon, without terms joined to them.

    For `PTVHohenlohe` that is `Hohenlohe`. A single letter is not a word. A word that may begin at either of two
    capitals is yielded as a whole: `ARectangle`, `HNmueller`.
    """
    for run in _RUN.finditer(text):
        if (cut := _unknown_part(run[0])) is not None:
            yield run.start() + cut[0], run.start() + cut[1]


def readings(word: str) -> tuple[str, ...]:
    """Return a word, and its rests without letters before it: a name in `MHohenlohe` or `HNmueller`."""
    if not _CAPITALIZED_AFTER_A_LETTER.fullmatch(word):
        return (word,)
    return (word, word[1:], word[2:]) if _is_ambiguous(word) else (word, word[1:])


def _is_ambiguous(run: str) -> bool:
    """Return whether a word may begin at its second capital or after it, where two letters of the lexicon end."""
    known = _CAPITALIZED_AFTER_A_LETTER.fullmatch(run) is not None and fold(run[:2]) in _KNOWN
    return known and fold(run[:2]) not in _TARGETS


def occurring(text: str, words: Iterable[str]) -> list[str]:
    """Return those of some unknown words that a text contains as a word, as a part joined to terms, or as a number."""
    here = {fold(text[start:end]) for start, end in unknown_words(text)}
    here.update(fold(token) for token in _TOKEN.findall(text))
    return [word for word in words if fold(word) in here or (_has_digit(word) and word in text)]


def _has_digit(word: str) -> bool:
    return any(map(str.isdecimal, word))


@lru_cache(maxsize=1 << 14)
def _unknown_part(run: str) -> tuple[int, int] | None:
    """Return the unknown part of a run of letters; None if there is none."""
    cuts = pieces(run)
    if len(run) < _SHORTEST_WORD or is_known_as_spelled(run) or all(is_known_as_spelled(run[s:e]) for s, e in cuts):
        return None
    if _is_ambiguous(run):
        return 0, len(run)
    ends = [end for _, end in cuts[:-1]]
    known = [end for end in ends if end > 1 and is_one_of(run[:end], _KNOWN_AS_WRITTEN)]
    # A word's capital belongs to it: PTVNino is PTV and Nino, though PTVN is a target, too.
    first = max(known, key=lambda end: _is_better_cut(run, end), default=_end_of_target(run))
    known = [end for end in ends if end > first and len(run) - end > 1 and is_one_of(run[end:], _KNOWN_AS_WRITTEN)]
    last = min(known, default=len(run))
    return (first, last) if last - first >= _SHORTEST_WORD else (0, len(run))


def _is_better_cut(run: str, end: int) -> tuple[bool, bool, int]:
    return fold(run[:end]) in _TARGETS, run[end : end + 2].istitle(), end


def _end_of_target(run: str) -> int:
    """Return the end of a target joined to an unknown word in the same case: `PTVHOHENLOHE`, `ptvhohenlohe`."""
    in_one_case = run.isupper() or run.islower()
    return max((size for size in _SIZES_OF_TARGETS if in_one_case and fold(run[:size]) in _TARGETS), default=0)


@lru_cache(maxsize=1 << 13)
def _is_compound(word: str, terms: frozenset[str] = _TERMS) -> bool:
    """Return whether a folded word is a term or composed of terms; one letter may end it (`ptvopt`, `gtvn`, `lungl`).

    Not after a short one that is not a target: `Earl` and `Karl` are neither ear nor vessel. Terms as written are for
    one spelling of a word.
    """
    if word in terms:
        return True
    return len(word) <= _LONGEST_COMPOUND and any(
        word[:cut] in terms
        and (_is_end(word, cut) or (len(word) - cut >= _SHORTEST_PART and _is_compound(word[cut:], terms)))
        for cut in range(_SHORTEST_PART, len(word))
    )


def _is_end(word: str, cut: int) -> bool:
    """Return whether one letter may end a term: the inflection of a long one, a side, or anything after a target."""
    letter = word[cut:]
    is_ending = letter in _ENDINGS and cut > _SHORTEST_PART
    return letter in _TERMS and (cut >= _INFLECTED or is_ending or word[:cut] in _TARGETS)
