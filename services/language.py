"""Sentences for people, in the language that their collection speaks: English, or German from its catalogue.

Sentences stand in the code in English, as arguments of `gettext` and `ngettext`, with named placeholders so that a
translation may put them in another order. The language is that of `speaking`; without it, English. Codes, states, keys
and columns are an interface and never translated; what travels or is logged stays English, too (`english`).
"""

from __future__ import annotations

import gettext as catalogues
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Language = Literal["en", "de"]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)

FOLDER: Final = Path(__file__).with_name("translations")
"""A catalogue for each language but English: `de.po`, for people, and `de.mo`, compiled of it by `make texts`."""

_ENGLISH: Final = "en"
_SPOKEN: Final[ContextVar[str]] = ContextVar("spoken", default=_ENGLISH)


class Sentence(str):
    """A sentence in another language, with its English beside it."""

    __slots__ = ("english",)

    english: str

    def __new__(cls, text: str, english: str = "") -> Self:
        """Return the text, as a string like any other."""
        new = super().__new__(cls, text)
        new.english = english or text
        return new


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Make the sentences of this task or thread those of a language."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def spoken() -> str:
    """Return the language of this task or thread."""
    return _SPOKEN.get()


def gettext(message: str, /, **values: Any) -> str:
    """Return a sentence in the language that is spoken.

    Parameters
    ----------
    message
        In English.
    values
        What its placeholders stand for, as in `str.format`; without any, the message is taken as it is.
    """
    language = _SPOKEN.get()
    if language == _ENGLISH:
        return message.format(**values) if values else message
    return _filled(catalogue(language).gettext(message), message, values)


def ngettext(one: str, many: str, count: float, /, **values: Any) -> str:
    """Return a sentence for a number of things, `{count}`, in the language that is spoken."""
    language, message = _SPOKEN.get(), one if count == 1 else many
    values["count"] = count
    if language == _ENGLISH:
        return message.format(**values)
    return _filled(catalogue(language).ngettext(one, many, 1 if count == 1 else 2), message, values)


def gettext_noop(message: str) -> str:
    """Mark a sentence that stands where no language is spoken yet: `gettext` of it comes later."""
    return message


def said_in(language: str, message: str) -> str:
    """Return a sentence without placeholders in a language, whatever is spoken."""
    return message if language == _ENGLISH else catalogue(language).gettext(message)


def english(text: str) -> str:
    """Return a sentence in English, whatever is spoken."""
    return text.english if isinstance(text, Sentence) else text


def joined(texts: Iterable[str], by: str = " ") -> str:
    """Join sentences, in their language and in English."""
    every = list(texts)
    whole = by.join(every)
    return Sentence(whole, by.join(map(english, every))) if any(isinstance(one, Sentence) for one in every) else whole


def sentence(text: str, in_english: str) -> str:
    """Return a sentence of the language that is spoken, with its English beside it."""
    return Sentence(text, in_english)


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
