"""Sentences for people, in the language of their collection: English, or German from its catalogue.

Sentences are written in English in the code, as arguments of `gettext` and `ngettext`, with named placeholders so that
translations can reorder them. The language is set by `speaking` and defaults to English. Codes, states, keys and
columns are an interface and never translated; exported and logged text stays English (`english`).
"""

from __future__ import annotations

import gettext as catalogues
import re
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Language = Literal["en", "de"]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)

FOLDER: Final = Path(__file__).with_name("translations")
"""One catalogue per language other than English: `de.po`, edited by people, and `de.mo`, compiled from it by `make
texts`.
"""

_UID: Final = re.compile(r"\d+(\.\d+){4,}", re.ASCII)
_MOST_NAMED: Final = 5

_ENGLISH: Final = "en"
_SPOKEN: Final[ContextVar[str]] = ContextVar("spoken", default=_ENGLISH)


class Sentence(str):
    """Translated sentence that keeps its English original."""

    __slots__ = ("english",)

    english: str

    def __new__(cls, text: str, english: str = "") -> Self:
        """Create the string."""
        new = super().__new__(cls, text)
        new.english = english or text
        return new


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Set the language of sentences for the current task or thread."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def spoken() -> str:
    """Return the language of the current task or thread."""
    return _SPOKEN.get()


def gettext(message: str, /, **values: Any) -> str:
    """Return a sentence in the current language.

    Parameters
    ----------
    message
        In English.
    values
        Placeholder values, as in `str.format`; if none are given, the message is used as is.
    """
    language = _SPOKEN.get()
    if language == _ENGLISH:
        return message.format(**values) if values else message
    return _filled(catalogue(language).gettext(message), message, values)


def ngettext(one: str, many: str, count: float, /, **values: Any) -> str:
    """Return the singular or plural sentence for `{count}` things in the current language."""
    language, message = _SPOKEN.get(), one if count == 1 else many
    values["count"] = count
    if language == _ENGLISH:
        return message.format(**values)
    return _filled(catalogue(language).ngettext(one, many, 1 if count == 1 else 2), message, values)


def counted(number: int, noun: str) -> str:
    """Return a number with its English noun, in the plural if needed, for texts that are English in every language."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def gettext_noop(message: str) -> str:
    """Mark a sentence for extraction; it is translated later by `gettext`."""
    return message


def in_language(language: str, message: str) -> str:
    """Return a sentence without placeholders in the given language, regardless of the current one."""
    return message if language == _ENGLISH else catalogue(language).gettext(message)


def english(text: str) -> str:
    """Return the English version of a sentence, regardless of the current language."""
    return text.english if isinstance(text, Sentence) else text


def tallied(names: Mapping[str, int]) -> str:
    """Return names with the number of places of each that has several: `RescaleSlope (40), HighBit`."""
    return ", ".join(name if times == 1 else f"{name} ({times})" for name, times in names.items())


def printable(name: object) -> str:
    """Return a file name or label as a single line, whatever it contains."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(name))


def named(names: Iterable[object]) -> str:
    """List the first few names and the number of others; of names made of UIDs, which nobody reads, only one."""
    every = [printable(name) for name in names]
    most = 1 if sum(_UID.search(name) is not None for name in every) > 1 else _MOST_NAMED
    more = len(every) - most
    return and_more(", ".join(every[:most]), more)


def and_more(names: str, count: int) -> str:
    """Append the number of further names, if any."""
    return gettext("{names} and {count} more", names=names, count=count) if count > 0 else names


def below(names: Iterable[object]) -> str:
    """List all names, one per line, for a person to choose from."""
    return "".join(f"\n{printable(name)}" for name in names)


def joined(texts: Iterable[str], by: str = " ") -> str:
    """Join sentences, both in their language and in English."""
    every = list(texts)
    whole = by.join(every)
    return Sentence(whole, by.join(map(english, every))) if any(isinstance(one, Sentence) for one in every) else whole


def sentence(text: str, in_english: str) -> str:
    """Return a sentence in the current language, paired with its English version."""
    return Sentence(text, in_english)


class Phrases:
    """Sentences that a lower layer reports in English, marked by `gettext_noop`, with `{}` for variable parts."""

    def __init__(self, *known: str) -> None:
        self._known = known

    def in_words(self, says: str) -> str:
        """Return a reported sentence in the current language, its variable parts too; unknown ones unchanged."""
        if _SPOKEN.get() == _ENGLISH:
            return says
        for known, pattern in self._patterns:
            if found := pattern.fullmatch(says):
                return Sentence(in_language(_SPOKEN.get(), known).format(*map(self.in_words, found.groups())), says)
        return says

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        """Each sentence with a pattern that matches it; those with more fixed words first."""
        every = sorted(self._known, key=lambda known: -len(known.replace("{}", "")))
        return [(known, re.compile(re.escape(known).replace(r"\{\}", "(.+?)"), re.DOTALL)) for known in every]


@cache
def catalogue(language: str) -> catalogues.NullTranslations:
    """Read the catalogue of a language, once."""
    with (FOLDER / f"{language}.mo").open("rb") as opened:
        return catalogues.GNUTranslations(opened)


def _filled(translated: str, message: str, values: dict[str, Any]) -> Sentence:
    if not values:
        return Sentence(translated, message)
    in_english = {name: english(value) if isinstance(value, str) else value for name, value in values.items()}
    return Sentence(translated.format(**values), message.format(**in_english))
