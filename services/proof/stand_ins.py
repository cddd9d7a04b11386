"""Permitted replacements of a text: a name made of a number, or the rest of the text in words of the lexicon.

A cleaner that writes anything else may have written what it had to remove. The words are from the common lists; how
they are matched is specific to this module.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from services.proof.search import letters_of, spellings
from services.vocabulary import word_lists

_STAND_IN: Final = re.compile(r"(?:ROI_|SS|Plan|Beam|Tol|DoseRef|Meaning|Text|Item|Product)\d{2,4}", re.ASCII)
_NAMESAKE: Final = re.compile(r"(?<=.)_[2-9]$")
"""Number of an object whose name would be another one's without it: `Lung_L_2`, `PTV (2)_2`."""

_TWINS: Final = re.compile(r"(?<=[ou])e+|(?<=a)[ae]+")
"""Second vowel in place of an accent: Hoehle, Laarynx."""

_MOST_LETTERS: Final = 3
"""Maximum single letters in a word, which may denote a side or a number."""

_SYLLABLES: Final = "\u2e80"
"""Characters from here on are equivalent to a syllable."""


def is_stand_in(new: str) -> bool:
    """Return whether a text is a name made of a number: `ROI_07`, `Plan01`."""
    return _STAND_IN.fullmatch(new) is not None


def is_left_of(old: str, new: str) -> bool:
    """Return whether a text is the rest of another one, with only known words; numbered if it is another one's name."""
    rest, left = iter(old), _NAMESAKE.sub("", new)
    return all(char in rest for char in left if char.isalnum()) and all(map(_is_known, letters_of(left)))


@lru_cache(maxsize=1 << 12)
def _is_known(run: str) -> bool:
    """Return whether a run of letters consists of words of the lexicon and few other letters."""
    fewest = {0: 0}
    """Minimum single letters before each position of the run."""
    for end in range(1, len(run) + 1):
        ways = [
            fewest[begin] + (end - begin == 1 and run[begin] < _SYLLABLES)
            for begin in range(end)
            if begin in fewest and not _keys(run[begin:end]).isdisjoint(_words())
        ]
        if ways:
            fewest[end] = min(ways)
    return fewest.get(len(run), _MOST_LETTERS + 1) <= _MOST_LETTERS


def _keys(word: str) -> frozenset[str]:
    return frozenset(_TWINS.sub("", spelling) for spelling in spellings(word))


@cache
def _words() -> frozenset[str]:
    return frozenset(key for words in word_lists.read_lexicon().values() for word in words for key in _keys(word))
