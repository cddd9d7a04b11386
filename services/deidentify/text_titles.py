"""Names beside a title: `Frau Katzenbeißer`, `Dr. Zeller`, `geb. Trollmann`.

A title is recognized only as usually written: `Dr.` and `Mr`, not the `MR` of an image or the `HR` of a risk. The word
beside it is a name unless in the lexicon: `Dr. Boost` and `MR Brain` do not name anyone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from services.vocabulary import anatomy, word_lists
from services.vocabulary.spelling import all_spellings, fold, is_one_of, pieces
from services.vocabulary.text_dates import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TITLES: Final = frozenset(map(fold, word_lists.TITLES))
_AS_WRITTEN: Final = frozenset(map(fold, word_lists.TITLES_AS_WRITTEN))
_WITH_A_DOT: Final = frozenset(map(fold, word_lists.TITLES_WITH_A_DOT))
_BEFORE_NAMES: Final = all_spellings(
    word_lists.TITLES | word_lists.TITLES_AS_WRITTEN | word_lists.NAMELESS | {"ra", "na", "ssa"}
)
"""Words between a title and the name; the last ones are endings after a dot inside a title: Sig.ra, Dott.ssa."""
_BETWEEN: Final = re.compile("[\\s._,('\N{RIGHT SINGLE QUOTATION MARK}-]{0,3}")
_SHORTEST_NAME: Final = 2
_TITLE: Final = re.compile("|".join(sorted(word_lists.TITLES | word_lists.TITLES_AS_WRITTEN)), re.IGNORECASE)


class _Token(NamedTuple):
    start: int
    end: int
    word: str


def read_names(text: str) -> Iterator[Span]:
    """Yield the positions of names after or before a title, including the title."""
    if not _TITLE.search(text):
        return
    tokens = [_Token(start, end, text[start:end]) for start, end in pieces(text) if text[start].isalpha()]
    for number, token in enumerate(tokens):
        if not _is_title(token, text):
            continue
        last = _name_behind(tokens, number, text)
        if last is not None:
            yield Span(token.start, tokens[last].end)
        elif number and _is_name(tokens[number - 1].word) and _touch(tokens, number, text):
            yield Span(tokens[number - 1].start, token.end)


def _name_behind(tokens: Sequence[_Token], number: int, text: str) -> int | None:
    """Return the last token of the name after a title; particles, initials and other titles may come between."""
    last = None
    for each in range(number + 1, len(tokens)):
        if not _touch(tokens, each, text):
            break
        word = tokens[each].word
        if _is_name(word):
            last = each
        elif last is not None or not (len(word) == 1 or is_one_of(word, _BEFORE_NAMES)):
            break
    return last


def _touch(tokens: Sequence[_Token], number: int, text: str) -> bool:
    return _BETWEEN.fullmatch(text, tokens[number - 1].end, tokens[number].start) is not None


def _is_title(token: _Token, text: str) -> bool:
    folded, has_dot = fold(token.word), text[token.end : token.end + 1] == "."
    if folded in _WITH_A_DOT:
        return has_dot
    return folded in _TITLES or (folded in _AS_WRITTEN and (has_dot or token.word.istitle()))


def _is_name(word: str) -> bool:
    return len(word) >= _SHORTEST_NAME and not anatomy.is_known_as_spelled(word) and not is_one_of(word, _BEFORE_NAMES)
