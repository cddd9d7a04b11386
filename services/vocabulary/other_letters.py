"""Names in the letters of another script, and in the forms that one script has of them.

Иванов is Ivanov, his wife Ivanova; Παπαδόπουλος is Papadopoulos, محمد Mohammed or Muhammad. A name can be written in
Latin letters in many ways. What is compared is how it sounds, roughly: the letters that the ways differ in become one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from services.vocabulary import word_lists

_LATIN: Final = str.maketrans(word_lists.read_letters()["latin"] | {"\N{ARABIC TATWEEL}": ""})

_ALIKE: Final = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        ("tsch|tch|tsh|cz|ch|kh|ts|tz", "c"),
        ("sch|sh|sz", "s"),
        ("zh|dj|dz", "z"),
        ("ou|oy", "u"),
        ("ph", "f"),
        ("th", "t"),
        ("ck|q", "k"),
        ("x", "ks"),
        ("w", "v"),
        ("[yj]", "i"),
        (r"(.)\1+", r"\1"),
        ("(ov|ev|in|sk)(?:a|i|aia|ai|oi)$", r"\1"),
    )
)
"""What is one sound, in this order; at the end the endings that say man or woman."""

_ARABIC_LETTER: Final = re.compile("[\u0600-\u06ff]")
_OTHER: Final = re.compile("[\u0370-\u04ff\u0600-\u06ff]")
_VOWELS: Final = re.compile("[aeiouv]")
_SHORTEST: Final = 4
_SLAVIC: Final = re.compile(r"(?:ov|ev|in|sk|ck|dzk)(?:a|á|i|y|ý)?$|(?:sk|ck)[ia][yj]a?$", re.IGNORECASE)


def is_other(word: str) -> bool:
    """Whether a word has letters of a script that names are carried over from and into: Cyrillic, Greek, Arabic."""
    return _OTHER.search(word) is not None


def has_forms(word: str) -> bool:
    """Return whether a name ends as those do that men and women bear in different forms."""
    return _SLAVIC.search(word) is not None


@lru_cache(maxsize=1 << 12)
def sound(word: str) -> str:
    """Return how a word sounds; empty where that is too short to say anything."""
    return _long(_sound(word))


@lru_cache(maxsize=1 << 12)
def skeleton(word: str) -> str:
    """Return the consonants of a word, which is all that Arabic writes; empty where they are too few."""
    return _long(_VOWELS.sub("", _sound(word)))


def is_arabic(word: str) -> bool:
    """Return whether a word has Arabic letters."""
    return _ARABIC_LETTER.search(word) is not None


def _sound(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word.casefold().translate(_LATIN))
    text = "".join(char for char in parts if not unicodedata.combining(char)).translate(_LATIN)
    for pattern, new in _ALIKE:
        text = pattern.sub(new, text)
    return text


def _long(text: str) -> str:
    return text if len(text) >= _SHORTEST else ""
