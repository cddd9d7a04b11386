"""Names in the letters of another script, and in the forms that one script has of them.

Иванов is Ivanov, his wife Ivanova; Παπαδόπουλος is Papadopoulos, محمد Mohammed or Muhammad. A name can be written in
Latin letters in many ways. What is compared is how it sounds, roughly: the letters that the ways differ in become one,
and where one letter has several sounds, a word has several. Arabic and Hebrew write consonants and long vowels only.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import product
from typing import Final

from services.vocabulary import word_lists

_LETTERS: Final = word_lists.read_letters()["latin"] | {"\N{ARABIC TATWEEL}": ""}
_LATIN: Final = str.maketrans(_LETTERS)

_ALIKE: Final = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        ("tsch|tch|tsh|cz|ch|kh|ts|tz", "c"),
        ("sch|sh|sz", "s"),
        ("zh|dj|dz", "z"),
        ("ou|oy(?![aeiou])", "u"),
        ("ph", "f"),
        ("th", "t"),
        ("ck|q", "k"),
        ("x", "ks"),
        ("w", "v"),
        ("[yj]", "i"),
        ("i+e", "e"),
        ("i+o", "o"),
        ("z", "s"),
        (r"(.)\1+", r"\1"),
        ("(ov|ev|in|sk)(?:a|i|aia|ai|oi)$", r"\1"),
    )
)
"""What is one sound, in this order; at the end, the endings that say man or woman."""

_FORMS: Final = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        ("([aei]v|ov|in|sk|ck|dzk)(?:a|y|yi|i|ii|ij|aja|aia|aya|ai|oi|s)$", r"\1"),
        ("(?<=...)ova$", ""),
        ("(?<=...)([ckl])ova$|(?<=..)e([ckl])$", r"\1\2"),
        ("(opoul|id|ak)(?:os|ou|is|i|es|y)$", r"\1"),
    )
)
"""The endings of a name that say man or woman."""

_OTHER_SOUNDS: Final = tuple(
    (re.compile(pattern), new) for pattern, new in word_lists.read_letters()["other sounds"].items()
)
"""What some letters are written as by other people, or in other languages; each with and without the others."""

_MOST_AT_ONCE: Final = 5
_CONSONANTS_ONLY: Final = re.compile("[\u0590-\u06ff]")
_OTHER: Final = re.compile("[\u0370-\u058f\u0590-\u06ff\u10a0-\u10ff]")
_VOWELS: Final = re.compile("[aeiouv]")
_SHORTEST: Final = 4
_FEWEST: Final = 3
"""Consonants of a name that is known by them where its long vowels agree, too."""
_END: Final = re.compile("h$")
"""What is written at the end of many names, and spoken by few."""

_ARTICLE: Final = re.compile("^ال(?=...)")
_LATIN_ARTICLE: Final = re.compile("^[ae]l(?=....)")


def is_other(word: str) -> bool:
    """Whether a word has letters of a script that names are carried over from and into: Cyrillic, Greek, Arabic."""
    return _OTHER.search(word) is not None


@lru_cache(maxsize=1 << 12)
def roots(word: str) -> frozenset[str]:
    """Return a name, and what it is without an ending that says man or woman; none where it is too short."""
    text = _bare(word).translate(_LATIN).replace("w", "v").replace("oy", "ou")
    return frozenset(filter(_long, (text, *(pattern.sub(new, text) for pattern, new in _FORMS))))


@lru_cache(maxsize=1 << 12)
def sounds(word: str) -> frozenset[str]:
    """Return all ways in which a word may sound, as people carry it over from one script into another."""
    return frozenset(filter(_long, _sounds(word)))


@lru_cache(maxsize=1 << 12)
def is_carried_over(word: str, latin: str) -> bool:
    """Return whether a Latin word may be an Arabic or Hebrew one: its consonants are, and so are the long vowels.

    Of four consonants and more they alone say it: Mustafa is written with an i at the end.
    """
    return any(_is_vocalized(one, other) for one in _sounds(word) for other in _sounds(latin))


def _is_vocalized(written: str, spoken: str) -> bool:
    bones, others = _VOWELS.sub("", written), _VOWELS.sub("", spoken)
    if _long(bones) and bones == others:
        return True
    short = _END.sub("", bones)
    if short != _END.sub("", others) or not _holds_in_order(spoken, written):
        return False
    return len(short) >= _FEWEST or (len(short) == _FEWEST - 1 and bool(_long(written)) and written[0] == spoken[0])


def is_of_consonants(word: str) -> bool:
    """Return whether a word is of a script that has no letters for short vowels."""
    return _CONSONANTS_ONLY.search(word) is not None


def without_article(word: str) -> str:
    """Return an Arabic name without its article, as people call it: الرشيد is رشيد."""
    return _ARTICLE.sub("", word)


def _sounds(word: str) -> frozenset[str]:
    bare = _bare(word)
    ways = [(pattern, new) for pattern, new in _OTHER_SOUNDS if pattern.search(bare)][:_MOST_AT_ONCE]
    found = set()
    for chosen in product((False, True), repeat=len(ways)):
        text = bare
        for (pattern, new), is_taken in zip(ways, chosen, strict=True):
            text = pattern.sub(new, text) if is_taken else text
        found.add(_sound(text))
    short = without_article(bare) if is_of_consonants(bare) else _LATIN_ARTICLE.sub("", bare)
    return frozenset(found) | (_sounds(short) if short != bare else frozenset())


def _bare(word: str) -> str:
    """Return a word in small letters, without accents; й and ё are letters of their own."""
    parts = unicodedata.normalize("NFD", word.casefold().replace("й", "i").replace("ё", "\0"))
    kept = "".join(char for char in parts if not unicodedata.combining(char)).replace("\0", "ё")
    return unicodedata.normalize("NFKC", kept)


def _sound(text: str) -> str:
    if is_of_consonants(text):  # two letters beside each other are never one sound
        letters = (_one_sound(_LETTERS.get(char, char)) for char in text)
        return re.sub(r"(.)\1+", r"\1", "".join(letters))
    return _one_sound(text.translate(_LATIN))


def _one_sound(text: str) -> str:
    for pattern, new in _ALIKE:
        text = pattern.sub(new, text)
    return text


def _holds_in_order(text: str, letters: str) -> bool:
    """Return whether a text has some letters in their order, whatever stands between them."""
    vowels = str.maketrans("eov", "iuu")
    rest = iter(text.translate(vowels))
    return all(letter in rest for letter in _END.sub("", letters.translate(vowels)))


def _long(text: str) -> str:
    return text if len(text) >= _SHORTEST else ""
