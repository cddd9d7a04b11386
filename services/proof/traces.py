"""Weak evidence of identifiers in a text, which justifies a cautious cleaner's changes.

`services.proof.search` refuses a set only on strong evidence; a change requires only weak evidence. A cleaner may
recognize a name inside a longer word, or the beginning of one truncated at a field's end, or what could be anyone's
date. Only a text without any such sign was changed needlessly.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from itertools import pairwise, product
from typing import TYPE_CHECKING, Final

from services.proof.other_letters import UNKNOWN, other_readings
from services.proof.search import MONTHS, is_made_of_terms, letters_of, parts_of_words, runs_of, spellings, words_of
from services.vocabulary import word_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SHORTEST: Final = 2
_WORDS: Final = re.compile(r"[^\W\d_]{3,}|\d{3,}")
"""Parts of a folder name that may refer to a person."""

_LONG: Final = 4
"""Minimum length of a word, or a number plus one character, that is significant without the rest of its value."""

_LONG_IN_CONSONANTS: Final = 3
"""The same for a name in a script without short vowels."""

_CUT_SHORT: Final = 5
"""Letters of a truncated name that are sufficient."""

_TITLES: Final = word_lists.TITLES | word_lists.TITLES_AS_WRITTEN
_PERSONAL: Final = re.compile(r"\d[\d ()/-]{4,}\d|[@年년]")
"""Possible number, address, or year in Japanese, of anyone."""


class Traces:
    """Possible signs of the identifiers of one set.

    Parameters
    ----------
    values
        Pairs of a kind (column `identifies` of the policy's table) and a value, decoded, one at a time.
    taken
        Whether a word had to be removed although it is not an identifier.
    folders
        Folder names, which may identify the patient.
    """

    def __init__(
        self,
        values: Iterable[tuple[str, str]],
        taken: Callable[[str], bool] | None = None,
        folders: Iterable[str] = (),
    ) -> None:
        self._values = sorted(set(values))
        self._folders = folders
        self._taken = taken

    def are_in(self, text: str) -> bool:
        """Return whether a text contains a possible identifier, of the set or of anyone."""
        plain = _plain(text)
        trace = _trace(plain)
        cut_short = {_trace(_plain(word)) for word in letters_of(text) if len(word) >= _CUT_SHORT}
        return (
            _holds(plain, self._plain)
            or _holds(trace, self._traces)
            or any(each.startswith(tuple(cut_short)) for each in self._traces)
            or _holds(_english(text), self._english)
            or any(self._may_be_a_form(word) for word in set(runs_of(text)))
            or self._may_be_misread(text)
            or any(year in text for year in self._years)
            or not self._days_of_the_year.isdisjoint(pairwise(map(int, re.findall(r"[0-9]+", text))))
            or _may_be_anybodys(text)
            or (self._taken is not None and any(map(self._taken, parts_of_words(text))))
            or any(_plain(part) in plain for folder in self._folders for part in _WORDS.findall(folder))
        )

    def _may_be_a_form(self, word: str) -> bool:
        """Return whether a word may be a transliterated name, or its other gender's form."""
        small = word.casefold()
        if not small[0].isalpha() or any(map(is_made_of_terms, spellings(word))):
            return False
        plain = _plain(word)
        if len(plain) > _LONG and plain[:_LONG] in self._beginnings:
            return True
        scripts = {_script(char) for char in small}
        is_mixed = len(scripts) > 1  # Cyrillic letters among Latin ones look like Latin ones
        return (len(small) >= _SHORTEST or not small.isascii()) and (is_mixed or bool(self._scripts - scripts))

    def _may_be_misread(self, text: str) -> bool:
        """Return whether a text may contain a name garbled by a wrong code page, or with marks in place of letters."""
        if any(mark in text for mark in UNKNOWN):
            return True
        names = self._accented
        if text.isascii() or not names:
            return False
        return _holds(_plain(text), names) or any(_holds(_plain(read), names) for read in other_readings(text))

    # Computed on first use: most sets have no changed texts.

    @cached_property
    def _plain(self) -> frozenset[str]:
        texts = {text for kind, value in self._values for text in _texts(kind, value)}
        return frozenset(plain for plain in map(_plain, texts) if len(plain) >= _SHORTEST)

    @cached_property
    def _traces(self) -> frozenset[str]:
        return frozenset(trace for trace in map(_trace, self._plain) if len(trace) >= _SHORTEST)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(
            word.casefold()
            for kind, value in self._values
            if kind == "person"
            for word in letters_of(value)
            if len(word) >= (_LONG if word.isascii() else _LONG_IN_CONSONANTS)
        )

    @cached_property
    def _scripts(self) -> frozenset[str]:
        """Return the scripts that names are written in."""
        words = (word for kind, value in self._values if kind == "person" for word in letters_of(value))
        return frozenset(_script(word[0]) for word in words if len(word) >= _SHORTEST or not word.isascii())

    @cached_property
    def _accented(self) -> frozenset[str]:
        """Return the beginnings of names of any length that are not in English letters alone."""
        words = (word for kind, value in self._values if kind == "person" for word in letters_of(value))
        return frozenset(_plain(word)[:_CUT_SHORT] for word in words if not word.isascii()) - {""}

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        """Return the beginnings of names, whatever their endings."""
        return frozenset([plain[:_LONG] for plain in map(_plain, self._names) if len(plain) > _LONG])

    @cached_property
    def _english(self) -> frozenset[str]:
        """Return names without the letters that a wrong code page loses."""
        words = (word for kind, value in self._values if kind == "person" for word in letters_of(value))
        return frozenset(english for word in words if len(english := _english(word)) >= _LONG)

    @cached_property
    def _dates(self) -> list[str]:
        return [value for kind, value in self._values if kind == "date"]

    @cached_property
    def _years(self) -> frozenset[str]:
        """Return the last two digits of all years, including those of dates without month."""
        return frozenset(year[2:] for value in self._dates for year in re.findall(r"\d{4}", value))

    @cached_property
    def _days_of_the_year(self) -> frozenset[tuple[int, int]]:
        """Return days and months, in both orders."""
        found = (found for value in self._dates for found in re.findall(r"(?:^|[-])\d{4}\.?(\d\d)\.?(\d\d)", value))
        days = [(int(month), int(day)) for month, day in found]
        return frozenset((*days, *((day, month) for month, day in days)))


def _texts(kind: str, value: str) -> Iterator[str]:
    """Yield the parts of a value that may occur in a text."""
    words, letters = words_of(value), letters_of(value)
    if kind == "person":
        for group in value.split("="):
            yield from _texts_of_a_name([words_of(part) for part in group.split("^")])
        yield from (each for each in letters if len(each) >= _LONG)
        yield from (each.removeprefix(_ARTICLE) for each in letters if each.startswith(_ARTICLE))
        return
    yield value
    yield from (each for each in (*words, *letters) if len(each) >= _LONG)
    yield from (number.lstrip("0") for number in re.findall(r"\d+", value) if len(number) > _LONG)
    if kind == "contact":  # domestic telephone numbers lack the country code
        yield "".join(filter(str.isdecimal, value)).lstrip("0")[3:]
        groups = re.findall(r"\d+", value)
        yield from ("".join(groups[at:]) for at in range(len(groups) - 1))


def _texts_of_a_name(parts: list[list[str]]) -> Iterator[str]:
    """Yield the parts of a name, its words, each with another one or with initials, and the whole name."""
    words = [word for part in parts for word in part]
    yield "".join(words)
    yield "".join(reversed(words))
    initials = "".join(word[0] for word in words)
    some = {initials[begin:end] for begin in range(len(words)) for end in range(begin + 1, len(words) + 1)}
    every = {word for word in (*words, *map("".join, parts)) if len(word) > 1}
    yield from every
    every.update(parts[0])
    for one, other in product(every, (*every, *some)):
        yield one + other
        yield other + one


def _holds(text: str, parts: Iterable[str]) -> bool:
    """Return whether a text contains one of some parts; a loop, since there are hundreds."""
    for part in parts:  # noqa: SIM110 - a generator would be called for each
        if part in text:
            return True
    return False


_LETTERS_AND_DIGITS: Final = frozenset(("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd"))
_LIKE_LETTERS: Final = str.maketrans(
    {"ø": "o", "å": "a", "æ": "a", "œ": "o", "þ": "th", "ð": "d", "đ": "d", "ł": "l", "ħ": "h"}
    | {"\N{LATIN SMALL LETTER DOTLESS I}": "i"}
    | {"\N{ARABIC LETTER TEH MARBUTA}": "\N{ARABIC LETTER HEH}"}
    | {"\N{ARABIC LETTER ALEF MAKSURA}": "\N{ARABIC LETTER YEH}"}
)
_ARTICLE: Final = "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM}"


def _plain(text: str) -> str:
    """Return the letters and digits of a text, in lower case without accents."""
    if text.isascii():  # five times as fast, and most texts are
        return "".join(filter(str.isalnum, text)).lower()
    letters = "".join([char for char in text if unicodedata.category(char) in _LETTERS_AND_DIGITS])
    parts = unicodedata.normalize("NFKD", letters.casefold()).casefold().translate(_LIKE_LETTERS)
    return "".join([char for char in parts if unicodedata.category(char)[0] in "LN"])


def _trace(plain: str) -> str:
    """Remove doubled letters and those that write out an accent, and write Mc for Mac."""
    return re.sub("aa+", "a", plain.replace("e", "")).replace("mac", "mc")


def _english(text: str) -> str:
    """Return the English letters of a text, in lower case."""
    return re.sub(r"[^a-z]+", "", text.lower())


def _script(char: str) -> str:
    """Return the script of a letter."""
    return unicodedata.name(char, "").partition(" ")[0]


def _may_be_anybodys(text: str) -> bool:
    """Return whether a text may be a date, a number or an address, of anyone."""
    numbers = re.findall(r"\d+", text)
    if _PERSONAL.search(text) or len(numbers) > 2 or not _TITLES.isdisjoint(map(str.casefold, runs_of(text))):
        return True
    return bool(numbers) and any(not spellings(word).isdisjoint(MONTHS) for word in letters_of(text))
