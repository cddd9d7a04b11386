"""The names of a set in other scripts, in the other gender's form, and romanized."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from services.vocabulary import anatomy, other_letters, romanised
from services.vocabulary.spelling import all_spellings
from services.vocabulary.text_dates import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST: Final = 2
_BEGIN: Final = "(?:(?<![^\\W\\d_])|(?<=PTV)|(?<=CTV)|(?<=GTV)|(?<=ITV))"
_END: Final = "(?![^\\W\\d_])"


class NamesInOtherLetters:
    """Sounds of a set's names, by which they are recognized in another script or in the other gender's form."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(names)
        self._of_consonants = [name for name in self._names if other_letters.is_of_consonants(name)]
        self._others = {other_letters.is_other(word) for word in self._names}
        self._roots = frozenset(root for word in self._names for root in other_letters.roots(word))

    @cached_property
    def _sounds(self) -> dict[bool, frozenset[str]]:
        """All ways in which names may sound, by whether they are in another script."""
        return {
            is_other: frozenset(
                sound
                for name in self._names
                if other_letters.is_other(name) is is_other
                for sound in other_letters.sounds(name)
            )
            for is_other in (False, True)
        }

    def has(self, word: str) -> bool:
        """Return whether a word is one of the names."""
        is_other = other_letters.is_other(word)
        if not self._roots.isdisjoint(other_letters.roots(word)):
            return True
        if {not is_other}.isdisjoint(self._others):
            return False
        if not self._sounds[not is_other].isdisjoint(other_letters.sounds(word)):
            return True
        if is_other:
            is_abjad = other_letters.is_of_consonants(word)
            return is_abjad and any(other_letters.is_carried_over(word, name) for name in self._names)
        return any(other_letters.is_carried_over(name, word) for name in self._of_consonants)


class RomanisedNames:
    """Latin spellings of names in syllabic scripts, and vice versa."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(names)

    def spans(self, text: str) -> Iterator[Span]:
        """Yield their positions in a text."""
        if (pattern := self._own) is not None:
            yield from (
                Span(*found.span())
                for found in pattern.finditer(text)
                if len(found[0]) >= _SHORTEST and not anatomy.is_known(found[0])
            )
        if not text.isascii() and self._latin:
            yield from (Span(*found.span()) for found in romanised.runs_in(text) if self._is_latin(found[0]))

    def _is_latin(self, word: str) -> bool:
        """Return whether a word of a text is a name of the set in another script."""
        pattern = romanised.pattern_of(word)
        return bool(pattern) and any(re.fullmatch(pattern, name) for name in self._latin)

    @cached_property
    def _own(self) -> re.Pattern[str] | None:
        patterns = {pattern for name in self._names if (pattern := romanised.pattern_of(name))}
        every = "|".join(sorted(patterns, key=len, reverse=True))
        return re.compile(f"{_BEGIN}(?:{every}){_END}", re.IGNORECASE) if every else None

    @cached_property
    def _latin(self) -> frozenset[str]:
        return all_spellings(name for name in self._names if not romanised.is_romanised(name))
