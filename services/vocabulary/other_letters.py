"""Transliterated names, and gendered forms of names.

Иванов is Ivanov, his wife Ivanova; Παπαδόπουλος is Papadopoulos, محمد Mohammed or Muhammad. A name can be
transliterated in many ways. Approximate sounds are compared: letters that vary are unified, and if a letter has several
sounds, a word has several. Arabic and Hebrew write consonants and long vowels only.
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
"""Replacements that unify sounds, applied in order; the last ones are gendered endings."""

_FORMS: Final = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        ("([aei]v|ov|in|sk|ck|dzk)(?:a|y|yi|i|ii|ij|aja|aia|aya|ai|oi|s)$", r"\1"),
        ("(?<=...)ova$", ""),
        ("(?<=...)([ckl])ova$|(?<=..)e([ckl])$", r"\1\2"),
        ("(opoul|id|ak)(?:os|ou|is|i|es|y)$", r"\1"),
        ("(?<=...)(?:iene|uviene|aite|yte|iute|ute|as|is|ys|ius|us)$", "+"),  # Lithuanian
        ("(?<=...)(?:itis|ite)$", "it+"),  # Latvian
        ("(?<=...[bcdfghjklmnpqrtvz])[sae]$", "-"),
    )
)
"""Gendered endings of names."""

_OTHER_SOUNDS: Final = tuple(
    (re.compile(pattern), new) for pattern, new in word_lists.read_letters()["other sounds"].items()
)
"""Other transliterations of some letters, by person or language; each is tried with and without the others."""

_MOST_AT_ONCE: Final = 5
_CONSONANTS_ONLY: Final = re.compile("[\u0590-\u06ff]")
_OTHER: Final = re.compile("[\u0370-\u058f\u0590-\u06ff\u10a0-\u10ff]")
_VOWELS: Final = re.compile("[aeiouv]")
_SHORTEST: Final = 4
_FEWEST: Final = 3
"""Minimum consonants by which a name is recognized, if its long vowels match, too."""
_END: Final = re.compile("h$")
"""A final letter that is often written but rarely spoken."""

_ARTICLE: Final = re.compile("^ال(?=...)")
_LATIN_ARTICLE: Final = re.compile("^[ae]l(?=....)")


def is_other(word: str) -> bool:
    """Return whether a word has letters of a transliterated script: Cyrillic, Greek, Arabic."""
    return _OTHER.search(word) is not None


@lru_cache(maxsize=1 << 12)
def roots(word: str) -> frozenset[str]:
    """Return a name with and without its gendered ending; empty if it is too short."""
    text = _bare(word).translate(_LATIN).replace("w", "v").replace("oy", "ou")
    return frozenset(filter(_long, (text, *(pattern.sub(new, text) for pattern, new in _FORMS))))


@lru_cache(maxsize=1 << 12)
def sounds(word: str) -> frozenset[str]:
    """Return all possible sounds of a word under customary transliterations."""
    return frozenset(filter(_long, _sounds(word)))


@lru_cache(maxsize=1 << 12)
def is_carried_over(word: str, latin: str) -> bool:
    """Return whether a Latin word may be an Arabic or Hebrew one: consonants and long vowels match.

    Four or more consonants suffice: Mustafa is written with a final i.
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
    """Return whether a word is in a script without letters for short vowels."""
    return _CONSONANTS_ONLY.search(word) is not None


def without_article(word: str) -> str:
    """Return an Arabic name without its article, as in speech: الرشيد is رشيد."""
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
    """Return a word in lower case without accents; й and ё are distinct letters."""
    parts = unicodedata.normalize("NFD", word.casefold().replace("й", "i").replace("ё", "\0"))
    kept = "".join(char for char in parts if not unicodedata.combining(char)).replace("\0", "ё")
    return unicodedata.normalize("NFKC", kept)


def _sound(text: str) -> str:
    if is_of_consonants(text):  # two adjacent letters never form one sound
        letters = (_one_sound(_LETTERS.get(char, char)) for char in text)
        return re.sub(r"(.)\1+", r"\1", "".join(letters))
    return _one_sound(text.translate(_LATIN))


def _one_sound(text: str) -> str:
    for pattern, new in _ALIKE:
        text = pattern.sub(new, text)
    return text


def _holds_in_order(text: str, letters: str) -> bool:
    """Return whether a text contains some letters in order, with anything between them."""
    vowels = str.maketrans("eov", "iuu")
    rest = iter(text.translate(vowels))
    return all(letter in rest for letter in _END.sub("", letters.translate(vowels)))


def _long(text: str) -> str:
    return text if len(text) >= _SHORTEST else ""
