"""Transliterated names, for the search of the proof: a pattern of all customary transliterations of a word.

Иванов is `[iy][vw]an?ov`, letter by letter; vowels of Arabic are arbitrary. If a Latin word of a text matches the
pattern of a name, or a name that of a word, it is the name. Only a list of letters is shared with the cleaner, which
instead compares how words sound.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Final

from services.vocabulary import word_lists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WRITTEN: Final = {letters: ways.split() or [""] for letters, ways in word_lists.read_letters()["written"].items()}
_OTHER: Final = re.compile("[\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u05d0-\u05ea\u0620-\u064a\u10d0-\u10ff]")
_CONSONANTS_ONLY: Final = re.compile("[\u05d0-\u05ea\u0620-\u064a]")
_ARTICLE: Final = "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM}"
_BETWEEN: Final = "[aeiou]{0,2}"
_SHORTEST: Final = 4
_FEWEST: Final = 3
"""Minimum letters of a name written without short vowels."""

_CONSONANTS: Final = frozenset("bcdfghjklmnpqrstxz")


class OtherLetters:
    """The names of a set, for words in another script."""

    def __init__(self) -> None:
        self._latin: set[str] = set()
        self.patterns: list[re.Pattern[str]] = []
        """Transliteration patterns of names in a non-Latin script."""

    def add(self, name: str, spellings: Iterable[str]) -> None:
        """Add a word of a name, with its spellings in lower case."""
        if name.isascii() or not is_other(name):
            self._latin.update(each for each in spellings if len(each) >= _SHORTEST)
            return
        for part in {name, name.removeprefix(_ARTICLE)}:
            if pattern := pattern_of(part):
                self.patterns.append(pattern)

    def has(self, word: str, spellings: Iterable[str]) -> bool:
        """Return whether a word of a text is a transliterated name."""
        if is_other(word):
            pattern = pattern_of(word) if self._latin else None
            return pattern is not None and any(map(pattern.fullmatch, self._latin))
        some = [each for each in spellings if len(each) >= _SHORTEST] if self.patterns else []
        return any(pattern.fullmatch(each) for pattern in self.patterns for each in some)


def is_other(word: str) -> bool:
    """Return whether a word has letters of a transliterated script, such as Cyrillic or Hebrew."""
    return _OTHER.search(word) is not None


@lru_cache(maxsize=1 << 10)
def pattern_of(word: str) -> re.Pattern[str] | None:
    """Return the transliteration pattern of a word; None if it is too short or has unknown letters."""
    letters = _letters(word)
    if without_vowels := _CONSONANTS_ONLY.search(word) is not None:
        letters = [letter for letter, _ in groupby(letters)]
    if any(letter not in _WRITTEN for letter in letters):
        return None
    if len(letters) < _SHORTEST and not (without_vowels and sum(map(_is_consonant, letters)) >= _FEWEST):
        return None
    ways = ""
    for number, letter in enumerate(letters):
        if number and without_vowels and all(map(_is_consonant, letters[number - 1 : number + 1])):
            ways += _BETWEEN
        ways += f"(?:{'|'.join(_ways(letter, twice=without_vowels))})"
    return re.compile(ways)


def _letters(word: str) -> list[str]:
    """Split a word into letters without accents; digraphs are kept together."""
    found: list[str] = []
    rest = "".join(map(_bare, unicodedata.normalize("NFC", word.casefold())))
    while rest:
        size = 2 if rest[:2] in _WRITTEN else 1
        found.append(rest[:size])
        rest = rest[size:]
    return found


def _bare(char: str) -> str:
    if char in _WRITTEN:
        return char
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part for part in parts if not unicodedata.combining(part) and part != "\N{ARABIC TATWEEL}")


def _ways(letter: str, *, twice: bool) -> list[str]:
    ways = _WRITTEN[letter]
    return [f"{way}{{1,2}}" if twice and way in _CONSONANTS else way for way in ways]


def _is_consonant(letter: str) -> bool:
    return not _CONSONANTS.isdisjoint("".join(_WRITTEN[letter]))


# Wrong code pages -----------------------------------------------------------------------------------------------------

_PAGES: Final = (
    *("utf-8", "cp1250", "iso8859-2", "cp1251", "iso8859-5", "koi8-r", "cp1253", "iso8859-7", "cp1254", "iso8859-9"),
    *("cp1255", "cp1256", "iso8859-6", "cp1257", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
    *("cp850", "mac_roman"),
)
UNKNOWN: Final = "?¿\N{REPLACEMENT CHARACTER}"
"""Characters that programs write for a letter they cannot represent."""

_FEWEST_LEFT: Final = 2


class MisreadLetters:
    """The names of a set, for words garbled by a wrong code page: each word is read again in every code page."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._english: set[tuple[str, ...]] = set()

    def add(self, name: str) -> None:
        """Add a word of a name; one in English letters alone is the same in every code page."""
        if not name.isascii() and len(name) > 1:
            self._names.add(name.casefold())
            if sum(map(str.isascii, name)) >= _FEWEST_LEFT:
                self._english.add(tuple(re.findall(r"[a-z]+|[^a-z]", name.casefold())))

    def are_in(self, text: str) -> bool:
        """Return whether a text contains a name, garbled or with marks in place of letters."""
        if not self._names:
            return False
        if not text.isascii() and any(self._has_name(read) for read in other_readings(text)):
            return True
        return any(mark in text for mark in UNKNOWN) and any(_has_rest(text.casefold(), each) for each in self._english)

    def _has_name(self, text: str) -> bool:
        return any(re.search(rf"(?<![^\W\d_]){re.escape(name)}(?![^\W\d_])", text) for name in self._names)


def other_readings(text: str) -> Iterator[str]:
    """Yield the different texts that other code pages make of a text's bytes."""
    for wrong in ("cp1252", "latin-1", "cp850", "cp437", "mac_roman"):
        written = b"".join(_byte(char, wrong) for char in text)
        for page in _PAGES:
            read = written.decode(page, "ignore").casefold()
            if read != text.casefold():
                yield read


def _byte(char: str, page: str) -> bytes:
    """Return the byte of a character in a code page; a blank if it has none."""
    try:
        return char.encode(page)
    except UnicodeError:
        return b" "


def _has_rest(text: str, name: tuple[str, ...]) -> bool:
    """Return whether a text contains a name with marks in place of all letters that are not English."""
    pattern = "".join(part if part.isascii() else f"[{UNKNOWN}]{{1,2}}" for part in name)
    return re.search(rf"(?<![^\W\d_]){pattern}(?![^\W\d_])", text) is not None
