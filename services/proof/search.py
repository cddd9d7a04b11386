"""Search of the proof for identifiers of the set in output texts.

It is based on the source's own values and shares lists of words with the cleaner, but no matching code, so that it does
not miss what the cleaner misses. It only uses strong evidence, since it must not stop a valid set:

* every part of a name (family, given, middle) as a whole, and family and given name joined;
* IDs, places, devices and addresses in full, IDs also without leading zeros or separators, and distinctive words and
  long numbers in them; IDs of letters and digits also with other letters joined to them;
* dates, in digits or with the month's name;
* transliterated names of four or more letters, in typed texts (`other_letters`);
* in binary values, words that are a part of a name, an ID, a place or a device.

*As a whole* means complete tokens, which end at separators, between letters and digits, or before a capital that begins
a word. Case is ignored; accents may be present, omitted, or written out (Müller, Muller, Mueller). Short tokens are
weak evidence: they count in typed texts, or as a complete value. A name that is also an anatomical term does not count
there: Mrs Herz does not cost a set its `Herz`. For the structure of names and dates see PS3.5 6.2.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import binary_values
from services.proof.other_letters import MisreadLetters, OtherLetters
from services.vocabulary import word_lists
from services.vocabulary.defined_terms import is_term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_TOKEN: Final = 4
"""Minimum length of a token that is significant anywhere; characters of `_SYLLABLES` count twice."""

_SHORT: Final = 2
"""Minimum length in typed texts, and for complete values."""

_SPREAD: Final = 6
"""Minimum length of an ID that is found with inserted separators; that of a number is `_LONG_NUMBER`."""

_LONG_NUMBER: Final = 5
"""Minimum digits of a number inside an ID that is as significant as the ID; shorter ones are years and versions."""

_TITLES_AS_WRITTEN: Final = sorted(word_lists.TITLES_AS_WRITTEN - word_lists.TITLES_WITH_A_DOT)
_NUMBERED: Final = frozenset(("patient-id", "other-id", "accession"))
_NAME_PARTS: Final = 3
"""Family, given and middle name; titles follow. PS3.5 6.2.1.1."""

_ANYBODY: Final = re.compile(
    r"\d{6,}|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<!\w)(?<!\d[.-])(?:756\.\d{4}\.\d{4}\.\d\d|\d{3}-\d\d-\d{4}|\d{3}\.\d{3}\.\d{3}-\d\d"
    r"|[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z])(?!\w|[.-]\d)"
)
"""A long number, a social security number or an e-mail address identifies somebody, whoever it is."""


_DECIMAL: Final = re.compile(r"\d+(?:[.,]\d+)+")


class Hit(NamedTuple):
    """A match in a text."""

    text: str
    kinds: frozenset[str]
    """Kinds of identifiers, as in the policy's table."""


class Search:
    """Identifiers of one set.

    Parameters
    ----------
    values
        Pairs of a kind (column `identifies` of the policy's table) and a value, decoded, one at a time.
    makers
        Manufacturers and models of the set's devices, whose words identify neither place nor device.
    taken
        Whether a word had to be removed from typed texts although it is not an identifier.
    """

    def __init__(
        self,
        values: Iterable[tuple[str, str]],
        makers: Iterable[str] = (),
        taken: Callable[[str], bool] | None = None,
    ) -> None:
        self._taken = taken
        self._tokens: defaultdict[str, set[str]] = defaultdict(set)
        self._short: defaultdict[str, set[str]] = defaultdict(set)
        self._whole: defaultdict[str, set[str]] = defaultdict(set)
        self._spread: defaultdict[str, set[str]] = defaultdict(set)
        self._forms: defaultdict[str, set[str]] = defaultdict(set)
        self._other_letters = OtherLetters()
        self._misread = MisreadLetters()
        self._characters: set[str] = set()
        self._days: set[_Day] = set()
        values = set(values)
        self._in_words = _inside_words(values)
        self._houses = list(_names_of_houses(values))
        own = (text for text in makers if not self.names_a_house(text))
        words = (word for text in own for word in (*words_of(text), *letters_of(text)))
        self._common = _COMMON.union(*map(spellings, words))
        for kind, value in values:
            self._take(kind, value)

    def hits(self, text: str, tokens: Sequence[str] | None = None) -> Iterator[Hit]:
        """Yield identifiers in a text of any origin.

        Parameters
        ----------
        tokens
            Tokens of the text, if known.
        """
        yield from self._found(_tokens(text) if tokens is None else tokens, self._tokens)
        yield from self._found(_put_together(text), self._spread)
        yield from self._found((word for word in _alone(text) if not word.isdecimal()), self._whole)
        yield from (Hit(found, _DATE) for found, year, day in _days_in(text) if len(year) == 4 and day in self._days)
        if self._in_words:
            yield from (Hit(found, _PATIENT_ID) for found in self._in_words.findall(text))

    def in_typed(self, text: str) -> frozenset[str]:
        """Return the kinds of identifiers in a typed text that had to be cleaned."""
        tokens = _tokens(text)
        hits = [*self.hits(text, tokens), *self._found(tokens, self._short), *self._found(_alone(text), self._whole)]
        if _BESIDE_TARGET.search(text):
            hits += self._found(_beside_targets(text), self._tokens)
        if not self._forms.keys().isdisjoint(map(str.casefold, tokens)):
            hits += (hit for hit in self._found(tokens, self._forms) if not self._is_common(hit.text))
        if self._other_letters.patterns or not text.isascii():
            hits += (Hit(word, _PERSON) for word in tokens if self._is_in_other_letters(word))
        if self._misread.are_in(text) or not self._characters.isdisjoint(_CHARACTER.findall(text)):
            hits.append(Hit(text, _PERSON))
        if titled := _TITLED.findall(text):
            hits += (Hit(word, _PERSON) for word in titled if not (self._is_common(word) or _is_address(word)))
        hits += (Hit(found, _DATE) for found, _, day in _days_in(text) if day in self._days)
        hits += (Hit(found, frozenset(("number or address",))) for found in _ANYBODY.findall(text))
        if self.was_to_go(text):
            hits.append(Hit(text, frozenset(("word that was to go",))))
        return frozenset(kind for hit in hits for kind in hit.kinds)

    def in_binary(self, value: bytes) -> frozenset[str]:
        """Return the kinds of identifiers that are whole words in a binary value; terms and short numbers are not."""
        words = [word for word in binary_values.words_in(value) if not is_term(word.upper())]
        found = self._found((word for word in words if not word.isdecimal() or len(word) >= _SPREAD), self._tokens)
        return frozenset(kind for hit in found for kind in hit.kinds)

    def without_identifiers(self, text: str) -> str:
        """Return a text with a blank for each identifier and date of the set that is a word of its own.

        Letters in IDs and names of devices stay, since they may be words: CT01, HN4711382.
        """
        found = {hit.text for hit in self.hits(text)} | {found for found, _, day in _days_in(text) if day in self._days}
        for one in sorted(found, key=len, reverse=True):
            left = re.sub(r"\d+", " ", one) if _is_mixed(one) else f" {_sides_of(one)} "
            text = re.sub(rf"(?<![^\W_]){re.escape(one)}(?![^\W_])", left, text)
        return text

    def names_a_house(self, text: str) -> bool:
        """Return whether a manufacturer's or model's name contains a complete name of an institution of the set."""
        words = [spellings(word) for word in _parts_of(text)]
        return any(
            not any(map(frozenset.isdisjoint, house, words[at:]))
            for house in self._houses
            for at in range(len(words) - len(house) + 1)
        )

    def was_to_go(self, text: str) -> bool:
        """Return whether a text contains a word that had to be removed although it is not an identifier.

        The digits of a decimal number are none.
        """
        return self._taken is not None and any(map(self._taken, _tokens(_DECIMAL.sub(" ", text))))

    @staticmethod
    def is_of_makers(found: str) -> bool:
        """Return whether a match is a lexicon word as used by manufacturers, which in their texts identifies nobody."""
        return found.isalpha() and not spellings(found).isdisjoint(_COMMON)

    def _is_in_other_letters(self, word: str) -> bool:
        return word.isalpha() and self._other_letters.has(word, spellings(word)) and not self._is_common(word)

    @staticmethod
    def _found(parts: Iterable[str], among: dict[str, set[str]]) -> Iterator[Hit]:
        for part in parts:
            written = spellings(part)
            if not among.keys().isdisjoint(written) and written.isdisjoint(_ANATOMY):
                yield Hit(part, frozenset(kind for spelling in written for kind in among.get(spelling, ())))

    # Adding

    def _take(self, kind: str, value: str) -> None:
        if kind == "person":
            for group in value.split("="):  # alphabetic, ideographic, phonetic
                self._take_name([words_of(part) for part in group.split("^")[:_NAME_PARTS]])
        elif kind != "date":
            self._take_phrase(kind, value)
        elif days := stated_days(value):
            self._days.update(days)
        elif any(map(str.isalpha, value)):  # not a date but a name or a comment; a year alone identifies nobody
            self._take_phrase(kind, value)

    def _take_name(self, parts: list[list[str]]) -> None:
        """Add a name; a single short word is a code rather than a name, and AP rather a field than P. A. joined."""
        naming = [[word for word in part if spellings(word).isdisjoint(_NAMELESS)] for part in parts]
        if len(parts) > 1 and len(parts[0]) == 1 and not spellings(parts[0][0]).isdisjoint(_FAMILIES_TOO):
            naming[0] = parts[0]  # Herr, Das: may be a family name
        is_name = sum(map(len, naming)) > 1
        for part, words in zip(parts, naming, strict=True):
            for token in {*words, "".join(part)} if words else ():
                if is_name or len(token) >= _TOKEN or not self._is_common(token):
                    self._add("person", token, short=is_name)
                self._misread.add(token)
                if len(token) == 1 and _shape(token) == "W" and token not in _PLACES:
                    self._characters.add(token)
                self._other_letters.add(token, spellings(token))
                for form in _forms(token):
                    self._other_letters.add(form, spellings(form))
                    for spelling in spellings(form):
                        self._forms[spelling].add("person")
        given = [word for part in parts[1:] for word in part]
        if given and naming[0]:
            for two in (("".join(parts[0]), given[0]), ("".join(parts[0]), "".join(given))):
                for joined in map("".join, permutations(two)):
                    if len(joined) >= _TOKEN or not self._is_common(joined):
                        self._add("person", joined)

    def _take_phrase(self, kind: str, value: str) -> None:
        """Add an ID, place, device or address: in full, and its distinctive parts."""
        words, numbers = words_of(value), re.findall(r"[0-9]+", value)
        if kind in _NUMBERED or numbers or not all(map(self._is_common, words)):
            self._add(kind, "".join(words), spread=True)
        if kind in _NUMBERED:
            self._add(kind, "".join(words_of(_LEADING_ZEROS.sub("", value))), spread=True)
        for word in words:
            if len(word) >= _TOKEN and (_is_mixed(word) or (word.isalpha() and not self._is_common(word))):
                self._add(kind, word)
        for number in (number.lstrip("0") for number in numbers):
            if kind != "place" and len(number) >= _LONG_NUMBER:
                self._add(kind, number)

    def _add(self, kind: str, token: str, *, short: bool = False, spread: bool = False) -> None:
        size = sum(2 if shape == "W" else 1 for shape in _shapes(token))
        if len(token) < _SHORT:
            return
        for spelling in spellings(token):
            self._whole[spelling].add(kind)
            if size >= _TOKEN:
                self._tokens[spelling].add(kind)
            elif short and token.isalpha():
                self._short[spelling].add(kind)
            if spread and (size >= _SPREAD or (size >= _LONG_NUMBER and token.isdecimal() and kind in _NUMBERED)):
                self._spread[spelling].add(kind)

    def _is_common(self, word: str) -> bool:
        written = spellings(word)
        return not written.isdisjoint(self._common) or any(map(is_made_of_terms, written))


def _names_of_houses(values: Iterable[tuple[str, str]]) -> Iterator[list[frozenset[str]]]:
    """Yield the words of distinctive names of institutions, as spellings, and those between their common words."""
    for value in (value for kind, value in values if kind == "place"):
        words = _parts_of(value)
        own = [at for at, word in enumerate(words) if not _is_of_anybody(word)]
        for name in (words, words[own[0] : own[-1] + 1]) if own else ():
            if len(name) > 1 or len(name[0]) >= _SPREAD:
                yield [*map(spellings, name)]


def _inside_words(values: Iterable[tuple[str, str]]) -> re.Pattern[str] | None:
    """Return a pattern of patient IDs with letters and digits, which are found with other letters joined to them."""
    ids = {"".join(words_of(value)) for kind, value in values if kind == "patient-id"}
    wanted = sorted(re.escape(one) for one in ids if _is_mixed(one) and len(one) >= _SPREAD)
    return re.compile(rf"(?<!\d)(?:{'|'.join(wanted)})(?!\d)", re.IGNORECASE) if wanted else None


def _is_of_anybody(word: str) -> bool:
    written = spellings(word)
    return not written.isdisjoint(_COMMON) or any(map(is_made_of_terms, written))


# Spellings ------------------------------------------------------------------------------------------------------------

_WRITTEN_OUT: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "đ": "d"}
    | {"ő": "oe", "ű": "ue"}
)
_LEFT_OFF: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)
_OF_MEN_AND_WOMEN: Final = (
    ("ski", "ska"),
    ("cki", "cka"),
    ("sky", "ska"),
    ("ský", "ská"),
    ("cký", "cká"),
    ("skij", "skaja"),
    ("ov", "ova"),
    ("ev", "eva"),
    ("in", "ina"),
    ("ов", "ова"),
    ("ев", "ева"),
    ("ин", "ина"),
    ("ский", "ская"),
    ("ський", "ська"),
    ("opoulos", "opoulou"),
    ("", "ová"),
    ("ņš", "ņa"),
    ("ītis", "īte"),
    ("sons", "sone"),
    *((man, woman) for man in ("as", "is", "ys", "us", "ius") for woman in ("ienė", "aitė", "ytė", "utė", "iūtė")),
)
_ENDINGS: Final = (*_OF_MEN_AND_WOMEN, *((woman, man) for man, woman in _OF_MEN_AND_WOMEN))
"""Pairs of male and female name endings."""


def _forms(name: str) -> list[str]:
    """Return the other gender's form of a name."""
    small = name.casefold()
    return [
        small.removesuffix(ending) + other
        for ending, other in _ENDINGS
        if small.endswith(ending) and len(small) >= _SHORTEST_STEM + len(ending) and small.isalpha()
    ]


_SHORTEST_STEM: Final = 4
_LEADING_ZEROS: Final = re.compile(r"(?<![0-9])0+(?=[0-9])")


@lru_cache(maxsize=1 << 14)
def spellings(word: str) -> frozenset[str]:
    """Return the lower-case spellings of a word: unchanged, with accents written out, and without them."""
    plain = unicodedata.normalize("NFKC", word).casefold()
    if plain.isascii():
        return frozenset((plain,))
    return frozenset((plain, _bare(plain.translate(_WRITTEN_OUT)), _bare(plain)))


def _bare(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word).translate(_LEFT_OFF)
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


_ANATOMY: Final = frozenset(spelling for word in word_lists.read_anatomy() for spelling in spellings(word))
_NAMELESS: Final = frozenset(spelling for word in word_lists.NAMELESS for spelling in spellings(word))
_ADDRESSES: Final = _NAMELESS | word_lists.TITLES | word_lists.TITLES_AS_WRITTEN
_FAMILIES_TOO: Final = frozenset(one for word in word_lists.TITLES_AND_PARTICLES for one in spellings(word))
_COMMON: Final = _ANATOMY | {spelling for word in word_lists.GENERIC for spelling in spellings(word)}
_SIDES_AND_SITES: Final = frozenset(
    spelling
    for name, words in word_lists.read_lexicon().items()
    for word in words
    if name == "side" or len(word) < _TOKEN
    for spelling in spellings(word)
)
_SHORTEST_TERM: Final = 3
_LONGEST_COMPOUND: Final = 64
"""Maximum length of a word made of terms: that of a name (VR LO, PS3.5 6.2)."""


@lru_cache(maxsize=1 << 12)
def is_made_of_terms(word: str) -> bool:
    """Return whether a word is composed of anatomical terms: `Brustkopf` is not a town."""
    cuts = range(_SHORTEST_TERM, len(word) if len(word) <= _LONGEST_COMPOUND else 0)
    return word in _ANATOMY or any(word[:cut] in _ANATOMY and is_made_of_terms(word[cut:]) for cut in cuts)


# Tokens ---------------------------------------------------------------------------------------------------------------

_SYLLABLES: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
"""Scripts written without spaces, with a syllable or more per character."""

_LONGEST_RUN: Final = 24
"""Maximum tokens of a run looked up; the longest IDs, of groups of letters and digits, have fewer."""


@lru_cache(maxsize=4096)
def _shape(char: str) -> str:
    """Return the class of a character: A capital, a other letter, 0 digit, W a word by itself, or blank."""
    category = unicodedata.category(char)
    if category == "Nd":
        return "0"
    if category[0] not in "LM":
        return " "
    if unicodedata.name(char, "").startswith(_SYLLABLES):
        return "W"
    return "A" if category in ("Lu", "Lt") else "a"


def _shapes(text: str) -> str:
    return "".join(map(_shape, text))


def words_of(text: str) -> list[str]:
    """Return the unbroken runs of letters and digits."""
    text = unicodedata.normalize("NFKC", text)
    return [text[found.start() : found.end()] for found in re.finditer(r"\S+", _shapes(text))]


def letters_of(text: str) -> list[str]:
    """Return the unbroken runs of letters."""
    return re.findall(r"[^\W\d_]+", text)


def runs_of(text: str) -> Iterator[str]:
    """Yield the tokens and letter runs of a text, and words joined to a target in the same case."""
    yield from _tokens(text)
    yield from letters_of(text)
    yield from _beside_targets(text)


def parts_of_words(text: str) -> Iterator[str]:
    """Yield the tokens of a text, and all prefixes and suffixes of its letter runs."""
    yield from _tokens(text)
    for run in letters_of(text):
        yield from (run[:end] for end in range(_SHORT, len(run)))
        yield from (run[begin:] for begin in range(1, len(run) - 1))


_TITLED: Final = re.compile(
    rf"(?<![^\W_])(?:(?i:{'|'.join(sorted(word_lists.TITLES))})|{'|'.join(map(str.title, _TITLES_AS_WRITTEN))})"
    r"[ ._]{1,3}(?=[^\W\d_a-z])([^\W\d_]{3,})(?![^\W\d_])"
)
"""A capitalized word after a title: Frau Katzenbeißer."""

_PLACES: Final = frozenset("左右上下前後后中内外")
"""Sides and directions in one character."""

_CHARACTER: Final = re.compile(
    "(?<![\u3005-\u9fff\uac00-\ud7af])[\u3400-\u9fff\uac00-\ud7af](?![\u3005-\u9fff\uac00-\ud7af])"
)
"""A Chinese or Korean character with no other one beside it."""

_BESIDE_TARGET: Final = re.compile("(?:PTV|CTV|GTV|ITV)([^\\W\\d_]+)|([^\\W\\d_]+)(?:PTV|CTV|GTV|ITV)", re.IGNORECASE)


def _is_address(word: str) -> bool:
    """Return whether a word after a title is another title: Herr Prof."""
    return not spellings(word).isdisjoint(_ADDRESSES)


def _beside_targets(text: str) -> Iterator[str]:
    """Yield words joined to a target in letters of one case: PTVMUELLER."""
    for run in letters_of(text):
        if found := _BESIDE_TARGET.fullmatch(run):
            yield found[1] or found[2]


def _is_mixed(word: str) -> bool:
    return any(map(str.isalpha, word)) and any(map(str.isdecimal, word))


def _tokens(text: str) -> list[str]:
    """Return the tokens of a text, and all runs of tokens without separators."""
    found = []
    for word in words_of(text):
        edges = _edges(word)
        for number, begin in enumerate(edges):
            found += [word[begin:end] for end in edges[number + 1 : number + 1 + _LONGEST_RUN]]
    return found


def _sides_of(found: str) -> str:
    """Return the sides and sites that an identifier begins or ends with: of `RMüller` or of the ID `HN77`.

    They may as well be the organ's.
    """
    edges = _edges(found)
    ends = (found[: edges[1]], found[edges[-2] :]) if len(edges) > 2 else ()
    return " ".join(end for end in ends if not spellings(end).isdisjoint(_SIDES_AND_SITES))


def _parts_of(text: str) -> list[str]:
    """Return the tokens of a text that are not numbers."""
    cuts = [(word, pairwise(_edges(word))) for word in words_of(text)]
    return [word[begin:end] for word, edges in cuts for begin, end in edges if not word[begin:end].isdecimal()]


def _edges(word: str) -> list[int]:
    """Return where the tokens of a word begin and end."""
    shapes = _shapes(word)
    return [0, *(at for at in range(1, len(word)) if _is_edge(word, shapes, at)), len(word)]


def _is_edge(word: str, shapes: str, at: int) -> bool:
    """Return whether a token may end, and another begin, before a character."""
    before, after = shapes[at - 1], shapes[at]
    if before == after == "0":  # leading zeros
        return word[at] != "0" == word[at - 1] and not word[:at].rstrip("0")[-1:].isdecimal()
    if before == after:
        return after == "W" or (after == "A" and shapes[at + 1 : at + 2] == "a")
    # A single capital belongs to the lower-case letters after it; in PTVm… this is ambiguous.
    return before + after != "Aa" or shapes[max(at - 2, 0) : at] == "AA"


def _put_together(text: str) -> list[str]:
    """Return all runs of words of a text, with separators removed."""
    words = words_of(text)
    runs = [words[begin : begin + _LONGEST_RUN] for begin in range(len(words))]
    return ["".join(run[:end]) for run in runs for end in range(2, len(run) + 1)]


def _alone(text: str) -> list[str]:
    """Return the word if a text consists of just one; otherwise empty."""
    words = words_of(text)
    return words if len(words) == 1 else []


# Dates ----------------------------------------------------------------------------------------------------------------

_Day = tuple[int, int, int]
"""Year, month, day."""

_DATE: Final = frozenset(("date",))
_PERSON: Final = frozenset(("person",))
_PATIENT_ID: Final = frozenset(("patient-id",))
_STATED: Final = re.compile(r"(\d{4})(\.?)(\d\d)\2(\d\d)[\d.+]*", re.ASCII)
"""DA, in old objects with dots; the day of a DT onwards. PS3.5 6.2."""
_YEAR_FIRST: Final = re.compile(r"(?<!\d)(\d{4}) ?([-./_|~ ]) ?(\d{1,2}) ?\2 ?(\d{1,2})(?!\d)", re.ASCII)
_SHORT_YEAR_FIRST: Final = re.compile(r"(?<![\d.])(\d\d)([-./_ ])(\d\d?)\2(\d\d?)(?!\d|\.\d)", re.ASCII)
_IN_DOTS: Final = re.compile(r"(?<=\d\.)(\d\d?)\.(\d\d?)\.((?:19|20)\d\d)(?![\d.])", re.ASCII)
_YEAR_LAST: Final = re.compile(r"(?<!\d)(?<!\d\.)(\d\d?) ?([-./_|~ ]) ?(\d\d?) ?\2 ?(\d{4}|\d\d)(?!\d|\.\d)", re.ASCII)
_IN_ONE: Final = re.compile(r"(?<!\d)(?:\d{8}|\d{10}|\d{12}|\d{14})(?!\d)", re.ASCII)
_MONTH_SECOND: Final = re.compile(
    r"(?<!\d)(\d\d?)[-./_ ]{0,2}(?:de[ _])?([^\W\d_]{3,12})[-./_, ]{0,2}(?:de[ _])?(\d{4}|\d\d)(?!\d)"
)
_MONTH_FIRST: Final = re.compile(
    r"(?<![^\W\d_])([^\W\d_]{3,10})[-./_ ]{0,2}(\d\d?)(?:st|nd|rd|th)?[-./_, ]{1,2}(\d{4}|\d\d)(?!\d)"
)

MONTHS: Final = {
    spelling: str(number)
    for number, names in enumerate(word_lists.MONTHS, 1)
    for name in names.split()
    for spelling in spellings(name)
}
"""Month numbers by the spellings of their names."""


def stated_days(value: str) -> list[_Day]:
    """Return the days fully stated in a DA or DT value or range."""
    stated = (_STATED.fullmatch(part.strip(" \0")) for part in value.split("-"))
    return [(int(found[1]), int(found[3]), int(found[4])) for found in stated if found]


def _days_in(text: str) -> Iterator[tuple[str, str, _Day]]:
    """Yield the dates in a text: the text, the year as written, and a possible day."""
    if not any(map(str.isdecimal, text)):
        return
    for found, year, month, day in _dates_in(text):
        for number in (int(year),) if len(year) == 4 else (1900 + int(year), 2000 + int(year)):
            yield found, year, (number, int(month), int(day))


def _dates_in(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the dates in a text: text, year, month, day; some are ambiguous."""
    for found in _YEAR_FIRST.finditer(text):
        yield found[0], found[1], found[3], found[4]
    for found in _YEAR_LAST.finditer(text):
        yield found[0], found[4], found[3], found[1]
        yield found[0], found[4], found[1], found[3]
    for found in _SHORT_YEAR_FIRST.finditer(text):
        yield found[0], found[1], found[3], found[4]
    for found in _IN_DOTS.finditer(text):
        yield found[0], found[3], found[2], found[1]
        yield found[0], found[3], found[1], found[2]
    for found in _IN_ONE.finditer(text):
        run = found[0]
        yield run, run[:4], run[4:6], run[6:8]
        if len(run) == 8:
            yield run, run[4:], run[2:4], run[:2]
            yield run, run[4:], run[:2], run[2:4]
    for pattern, day, month in ((_MONTH_SECOND, 1, 2), (_MONTH_FIRST, 2, 1)):
        for found in pattern.finditer(text):
            for number in {MONTHS[each] for each in spellings(found[month]) if each in MONTHS}:
                yield found[0], found[3], number, found[day]
