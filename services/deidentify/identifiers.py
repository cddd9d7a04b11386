"""Identifiers of a set in their customary spellings, for the cleaner to remove.

A patient's name recurs as `Mueller`, `MUELLERANNA`, `Müller_A`; an ID without its leading zeros or its dashes; the date
of birth as `3.11.50`. Hundreds of patterns over thousands of texts would take a second. Instead every identifier is
folded once into keys, every text is cut once into pieces, and a key is looked up wherever a piece begins: a few
dictionary look-ups a text.

What counts as found:

* Keys of four characters and more (two in Chinese, Japanese and Korean writing) wherever they fill whole pieces.
  Those of six and more, and IDs of five digits, may have separators inserted; shorter ones only where the identifier
  itself has them, or `Ring_O` would be a Mr Ringo.
* Keys of two and three characters as the whole value. The cleaner removes them as whole words too. Numbers of up to
  three digits occur in every technical text (wedge 15, tray 1), so only the cleaner considers them; a single
  character is not an identifier.
* Dates are parsed from the text in any form and compared as dates; the cleaner also removes their months.

What does not count:

* A name made of anatomical terms alone (`services.vocabulary.anatomy`), unless the match consists of digits: words may
  be anatomy, numbers never. `Lung_L` is kept for a Mrs Lung; `PTV_2018` is not if 2018 is the patient's ID.
* Words common to all clinics (hospital, department), names of manufacturers, and roles of people.

Numbers, dates and UIDs as values of their own VRs are never searched here: a four-digit ID occurs by chance in a third
of all structure sets. They are proven separately.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from services.deidentify.maker_names import of_makers
from services.deidentify.names_in_other_letters import NamesInOtherLetters, RomanisedNames
from services.deidentify.wrong_code_pages import MisreadNames
from services.dicom.character_sets import name_components
from services.dicom.dates import read_da, read_dt
from services.vocabulary import anatomy, other_letters, word_lists
from services.vocabulary.spelling import MARKS, all_spellings, fold, is_cjk, is_one_of, pieces, spellings
from services.vocabulary.text_dates import (
    Span,
    read_birth_years,
    read_dates,
    read_days_of_the_year,
    read_marked_birth_years,
    read_months,
    read_short_dates,
    read_weeks,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

__all__ = ["KINDS", "Identifiers", "Span", "join", "read_dates"]

KINDS: Final = frozenset({"person", "patient-id", "other-id", "accession", "place", "device", "contact", "date"})
"""Values of the column `identifies` of the policy table."""

_NUMBERED: Final = frozenset({"patient-id", "other-id", "accession"})
_OF_DEVICES: Final = frozenset({"device", "place"})
_SERIAL: Final = re.compile(r"\d{5}")
"""Minimum digits of a serial number; names of models have fewer."""
_CALLED_SERIAL: Final = re.compile(r"(?:S/?N|[Ss]er(?:ial)?\.?(?: ?[Nn](?:o|r|umber)\.?)?)[ .:#-]{0,3}\d+\Z")
"""A serial number of any length that is called so: SN4123, S/N 4123."""

_TOKEN: Final = 4
"""Minimum length of a key searched as a token; PTV, CTV and the like are shorter."""

_NAME_PARTS: Final = 3
"""Number of components before the titles: family, given and middle name. PS3.5 6.2.1.1."""

_JOINED: Final = 6
"""Minimum length of a key also found with inserted separators."""

_LONG_NUMBER: Final = 5
"""The same for a number that is an ID: 47-118 for 0047118. Four digits in two groups occur by chance."""

_EMBEDDED: Final = 5
"""Minimum length of a name that the cleaner also finds inside a longer word (`ptvmueller`), or truncated by a field of
13 or 16 characters (`HN Mustermanns`).
"""

_GLUED: Final = 5
"""Minimum length of an ID of letters and digits that is also found with other letters joined to its own."""

_LONGEST_VERSION: Final = 5
"""Maximum digits of a version, year or tray number that may equal an ID by chance."""

_LONGEST_INITIALS: Final = 3
_SHORTEST_TERM: Final = 3
"""Minimum length of a term that is separated from a joined name: PTV."""


_MAC: Final = re.compile(r"ma?c(?=[^\W\d_]{3})", re.IGNORECASE)


_GENERIC: Final = all_spellings(word_lists.GENERIC)
_NAMELESS: Final = all_spellings(word_lists.NAMELESS)
_FAMILIES_TOO: Final = all_spellings(word_lists.TITLES_AND_PARTICLES)


@dataclass(slots=True)
class _Key:
    """One folded spelling."""

    weight: int = 0
    """Its length as spelled in the identifier; Chinese, Japanese and Korean characters count twice."""

    kinds: set[str] = field(default_factory=set)
    cuts: set[int] = field(default_factory=set)
    """Positions at which the identifier itself has separators."""


class _Reading:
    """A text split into pieces, and rejoined without separators, folded."""

    __slots__ = ("ends", "gaps", "joined", "starts")

    def __init__(self, text: str) -> None:
        joined = ""
        #: begin and end of pieces, as offsets in `joined` and in the text
        self.starts: list[tuple[int, int]] = []
        self.ends: dict[int, int] = {}
        #: offsets in `joined` of the text's separators
        self.gaps: list[int] = []
        at = last = 0
        for start, end in pieces(text):
            if start > last and at:
                self.gaps.append(at)
            self.starts.append((at, start))
            joined += fold(text[start:end])
            at = len(joined)
            self.ends[at] = last = end
        self.joined = joined


class _Hit(NamedTuple):
    start: int
    end: int
    spelling: str
    whole: bool


class Identifiers:
    """Identifiers of one set.

    Parameters
    ----------
    found
        Pairs of a kind (`KINDS`) and a value, decoded and one at a time; names in the form of PN, dates as DA or DT.
    technical
        Manufacturers and models, whose words identify neither place nor device.
    births
        Birth dates, as DA, whose years identify, too.
    """

    def __init__(
        self, found: Iterable[tuple[str, str]], technical: Iterable[str] = (), births: Iterable[str] = ()
    ) -> None:
        self._keys: defaultdict[str, _Key] = defaultdict(_Key)
        self._days: set[date] = set()
        self._names: set[str] = set()
        """Words of names, as spelled."""
        self._damaged: set[str] = set()
        """Folded names without the letters that a wrong code page loses."""
        self._initials: set[str] = set()
        """Two letters each: of family and given name, in both orders."""
        self._short: set[str] = set()
        """Folded words of names of several words; a single short word is a code rather than a name."""
        values = sorted(set(found))
        self._makers = of_makers(technical, values)
        self._generic = _GENERIC | all_spellings(word for text in self._makers for word in _letters(text))
        for kind, text in values:
            self._take(kind, text)
        self._index: defaultdict[str, list[str]] = defaultdict(list)
        for spelling in self._keys:
            self._index[spelling[:2]].append(spelling)
        self._years = tuple({f"{day.year % 100:02d}" for day in self._days})
        self._months = {(day.year, day.month) for day in self._days}
        self._weeks = {day.isocalendar()[:2] for day in self._days}
        self._days_of_the_year = {(day.month, day.day) for day in self._days}
        self._birth_years = {day.year for text in births for day in read_da(text)}
        self._of_birth = self._initials_with_year()
        words = {spelling: key for spelling, key in self._keys.items() if key.weight >= _TOKEN and spelling.isalpha()}
        self._glued = tuple(words)
        self._letters = NamesInOtherLetters(self._names)
        self._misread = MisreadNames(self._names)
        self._romanised = RomanisedNames(self._names)
        self._single = {name for name in self._names if len(name) == 1 and is_cjk(name)} - _PLACES
        self._of_one_letter = all_spellings(name for name in self._names if len(fold(name)) == 1 < len(name))
        self._inside = tuple(
            spelling
            for spelling, key in words.items()
            if key.weight >= _EMBEDDED and key.kinds & {"person", "patient-id"}
        )
        self._in_words = _inside_words(text for kind, text in values if kind in _NUMBERED)

    def matches(self, text: str) -> list[Span]:
        """Return the positions of identifiers in a text, for the cleaner: as strict as possible, sorted and merged."""
        if len(text) < 2:
            return list(self._characters(text))
        misread = list(self._misread.spans(text))
        spans = [
            self._without_terms(hit, text)
            for hit in self._hits(text)
            if self._is_taken(hit, text) and not _is_anatomy(text, hit) and not _overlaps(hit, misread)
        ]
        spans += misread
        spans += self._embedded(text)
        spans += self._glued_ids(text)
        spans += self._in_other_letters(text)
        spans += self._romanised.spans(text)
        spans += self._characters(text)
        spans += self._vowels(text)
        spans += self._cut_off(text)
        spans += self._dates(text)
        spans += self._parts_of_dates(text)
        return join(spans)

    def in_technical(self, text: str, *, of_maker: bool) -> list[Span]:
        """Return the positions of identifiers in configured or manufacturers' texts, where short numbers are versions.

        Parameters
        ----------
        of_maker
            Manufacturers do not know the patient, so lexicon words in their texts (`STANDARD`) do not identify anyone.
            In the name of a manufacturer or model, a station of the same name does not count, either, but a serial
            number does, and so does everything if the hospital is named there (`maker_names`).
        """
        if len(text) < 2:
            return []
        hits = [hit for hit in self._hits(text) if self._is_taken(hit, text)]
        if of_maker and text in self._makers:
            hits = [
                hit
                for hit in hits
                if self._is_serial(text, hit.start, hit.end) or not self._keys[hit.spelling].kinds <= _OF_DEVICES
            ]
        spans = [Span(hit.start, hit.end) for hit in hits if not _is_anatomy(text, hit)]
        named = [
            span
            for span in (
                *(*spans, *self._embedded(text), *self._glued_ids(text)),
                *(*self._vowels(text), *self._misread.spans(text)),
            )
            if not (of_maker and _is_of_makers(text[span.start : span.end]))
        ]
        births = () if of_maker else self._stated_birth_years(text)
        found = join([*named, *self._dates(text), *births])
        return [span for span in found if self._is_serial(text, *span) or not _is_version(text[span.start : span.end])]

    def _is_serial(self, text: str, start: int, end: int) -> bool:
        """Return whether a match is a long number, or a device's number of five digits or called a serial number."""
        found = text[start:end]
        if _SERIAL.search(found) and not _is_version(found):
            return True
        key = self._keys.get(fold(found))
        is_of_device = key is not None and "device" in key.kinds
        return is_of_device and (_SERIAL.fullmatch(found) or _CALLED_SERIAL.search(text, 0, end)) is not None

    # Searching

    def _hits(self, text: str) -> list[_Hit]:
        reading = _Reading(text)
        joined, ends, index = reading.joined, reading.ends, self._index
        return [
            _Hit(start, ends[at + len(spelling)], spelling, whole=len(spelling) == len(joined))
            for at, start in reading.starts
            for spelling in index.get(joined[at : at + 2], ())
            if joined.startswith(spelling, at)
            and at + len(spelling) in ends
            and self._may_part(spelling, at, reading.gaps)
        ]

    def _may_part(self, spelling: str, at: int, gaps: Sequence[int]) -> bool:
        key = self._keys[spelling]
        if not gaps or key.weight >= (_LONG_NUMBER if spelling.isdecimal() and key.kinds & _NUMBERED else _JOINED):
            return True
        return all(gap - at in key.cuts for gap in gaps if at < gap < at + len(spelling))

    def _without_terms(self, hit: _Hit, text: str) -> Span:
        """Return the position of a match, without an adjacent part that may as well be a term.

        R. Müller's `Parotis_R Müller` has a side, and Hans Nils Müller's `HN Müller` a site.
        """
        start, end = hit.start, hit.end
        parts = [(start + first, start + last) for first, last in pieces(text[start:end])]
        if len(parts) > 1:
            is_side = _is_side(text, *parts[0]) and _is_term_beside(_LAST_WORD.search(text, 0, start))
            if is_side or self._are_initials_of_the_lexicon(text, *parts[0]):
                return Span(parts[1][0], end)
            is_side = _is_side(text, *parts[-1]) and _is_term_beside(_NEXT_WORD.match(text, end))
            if (is_side and text[end : end + 1] != ".") or self._are_initials_of_the_lexicon(text, *parts[-1]):
                return Span(start, parts[-2][1])
        return Span(start, end)

    def _are_initials_of_the_lexicon(self, text: str, start: int, end: int) -> bool:
        """Return whether a piece of a text is a short lexicon word that equals only initials of the name."""
        word = text[start:end]
        is_short = 1 < len(word) <= _LONGEST_INITIALS and not text[start - 1 : start].isalpha()
        return is_short and anatomy.is_known(word) and fold(word) not in self._short

    def _is_taken(self, hit: _Hit, text: str) -> bool:
        """Return whether the cleaner removes this hit from a text.

        A short name is removed unless it is a term as spelled; initials and codes unless they are words of the lexicon.
        """
        key, found = self._keys[hit.spelling], _letters(text[hit.start : hit.end])
        if key.weight >= _TOKEN:
            return True
        if "person" in key.kinds and hit.spelling.isalpha():
            if hit.spelling in self._short:
                return not all(map(anatomy.is_listed, found))
            return not all(map(anatomy.is_known, found))
        is_code = key.weight > 2 and not hit.spelling.isdecimal() and not anatomy.is_term(hit.spelling)
        return hit.whole or is_code

    def _embedded(self, text: str) -> Iterator[Span]:
        for found in _WORD.finditer(text):
            word = fold(found[0])
            part = word if len(found[0]) >= _EMBEDDED else "-"
            names = [name for name in self._inside if name in word or name.startswith(part)]
            held = [name for name in self._glued if name in word]
            held = [name for name in held if name not in self._damaged or not _is_begun_by(name, held)]
            glued = _likeliest(found[0], [cut for name in held for cut in _cut_off(found[0], name)])
            if glued:
                yield from (Span(found.start() + start, found.start() + end) for start, end in glued)
            elif names and not anatomy.is_term(word):
                yield _unknown_of(found, names)
            else:  # a name of two or three letters after a target: PTVYE
                short = (cut for cut in _unknown_in(found) if cut != found.span())
                yield from (Span(*cut) for cut in short if fold(text[slice(*cut)]) in self._short)

    def _glued_ids(self, text: str) -> Iterator[Span]:
        """Yield IDs with letters joined to their own letters: a Z4711 in `PTVZ4711`."""
        if self._in_words:
            yield from (Span(*found.span()) for found in self._in_words.finditer(text))

    def _in_other_letters(self, text: str) -> Iterator[Span]:
        """Yield transliterated names, and their other gender's forms."""
        for found in _WORD.finditer(text):
            cuts = [found.span(), *_unknown_in(found)]
            names = [cut for cut in cuts if self._letters.has(text[slice(*cut)])]
            if names and not anatomy.is_known(found[0]):
                yield Span(*names[-1])

    def _characters(self, text: str) -> Iterator[Span]:
        """Yield names of one Chinese or Korean character without another one beside it."""
        if self._single and not text.isascii():
            yield from (Span(*found.span()) for found in _CHARACTER.finditer(text) if found[0] in self._single)

    def _vowels(self, text: str) -> Iterator[Span]:
        """Yield names that are folded to a single letter: Oe, Aae, Ué."""
        for start, end in pieces(text) if self._of_one_letter else ():
            if is_one_of(text[start:end], self._of_one_letter) and not anatomy.is_listed(text[start:end]):
                yield Span(start, end)

    def _cut_off(self, text: str) -> Iterator[Span]:
        """Yield the beginning of a name where a text ends within a character."""
        found = _CUT_OFF.search(text)
        if found and not anatomy.is_listed(found[1]):
            begin = fold(found[1])
            if any("person" in key.kinds and name.startswith(begin) for name, key in self._keys.items()):
                yield Span(*found.span())

    def _dates(self, text: str) -> list[Span]:
        return [span for span, days in read_dates(text) if not self._days.isdisjoint(days)]

    def _parts_of_dates(self, text: str) -> Iterator[Span]:
        """Yield partial dates of the set, which would reveal the date shift, and `50-11-03`.

        A month with its year, `Boost 12/2020`; a week with its year, `KW12 2021`; a day of the year, `22.3.`; and the
        year of birth, equivalent when combined with the age.
        """
        if not any(map(str.isdecimal, text)):
            return
        if any(year in text for year in self._years):
            yield from (span for span, months in read_months(text) if not self._months.isdisjoint(months))
            yield from (span for span, weeks in read_weeks(text) if not self._weeks.isdisjoint(weeks))
        yield from (span for span, days in read_short_dates(text) if not self._days.isdisjoint(days))
        yield from (span for span, days in read_days_of_the_year(text) if not self._days_of_the_year.isdisjoint(days))
        yield from (span for span, years in read_birth_years(text) if not self._birth_years.isdisjoint(years))
        if self._of_birth:
            yield from (Span(*found.span()) for found in self._of_birth.finditer(text))

    def _initials_with_year(self) -> re.Pattern[str] | None:
        """Return a pattern of initials with the year of birth, `AM50` or `m.a. 1950`, unless they are a term: HN 50."""
        pairs = [r"[. _-]?".join(pair) for pair in sorted(self._initials) if not anatomy.is_known(pair)]
        years = [year for born in sorted(self._birth_years) for year in (str(born), f"{born % 100:02d}")]
        if not pairs or not years:
            return None
        between = r"\.?[ _*'(-]{0,2}"
        return re.compile(
            rf"(?<![^\W_])(?:{'|'.join(pairs)}){between}(?:{'|'.join(years)})(?![^\W_]|[.,]\d| c?gy)", re.IGNORECASE
        )

    def _stated_birth_years(self, text: str) -> Iterator[Span]:
        """Yield years of birth with four digits that are stated as such: `*1954`, but not the tray B1954."""
        for span, years in read_marked_birth_years(text):
            mark = text[span.start : span.start + 3]
            is_stated = mark.startswith("*") or mark.isalpha()
            if is_stated and text[span.end - 4 : span.end].isdecimal() and not self._birth_years.isdisjoint(years):
                yield span

    # Adding

    def _take(self, kind: str, text: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"the policy table names an unknown kind of identifier: {kind}")
        if kind == "person":
            for group in name_components(text):
                self._take_name(group)
        elif kind == "date" and (days := read_da(text) or read_dt(text)):
            self._days.update(days)
        else:
            self._take_phrase(kind, text)

    def _take_name(self, components: Sequence[str]) -> None:
        """Add a name: its words, and family and given name joined in both orders, in full or as initials."""
        for number, component in enumerate(components):
            own = [word for word in _words(component) if not is_one_of(word, _NAMELESS)]
            if number >= _NAME_PARTS:  # titles
                own = [word for word in own if len(word) >= _TOKEN]
            elif len(component) > 1 and own:
                self._add("person", component)
                if other_letters.is_of_consonants(component):  # عبد الله is a single name
                    self._names.add("".join(_words(component)))
            for word in own:
                self._add_word_of_name(word)
        words = [_words(component) for component in components[:_NAME_PARTS]]
        if sum(map(len, words)) > 1:
            self._short.update(fold(word) for part in words for word in part if len(word) > 1)
        if len(components) > 1 and len(words[0]) == 1 and is_one_of(words[0][0], _FAMILIES_TOO):
            self._add("person", words[0][0])  # a family name that is also a form of address: Herr, Das
        family, given = words[0], [word for component in words[1:] for word in component]
        if given and family and family[0][0].isalpha() and given[0][0].isalpha():
            self._initials |= {family[0][0] + given[0][0], given[0][0] + family[0][0]}
        if given:
            self._add_pairs(family, given)
            if len(family) == 1 and is_one_of(family[0], _NAMELESS):  # Das, Le, Du: particles elsewhere
                for first in {given[0], "".join(given)}:
                    self._add("person", family[0], first)
                    self._add("person", first, family[0])
        elif len(family) > 1:  # not in PN form: Anna Müller, Müller Anna
            self._add_pairs(family[-1:], family[:-1])
            self._add_pairs(family[:1], family[1:])

    def _add_pairs(self, family: Sequence[str], given: Sequence[str]) -> None:
        initials = "".join(word[0] for word in given)
        for surname in {*family, "".join(family)}:
            for first in {given[0], given[0][0], initials, "".join(given)}:
                if surname and not is_one_of(surname, _NAMELESS):
                    self._add("person", surname, first)
                    self._add("person", first, surname)

    def _add_word_of_name(self, word: str) -> None:
        """Add one word; for a login such as `mueller01` also its letters."""
        for part in {word, *(letters for letters in _letters(word) if len(letters) >= _TOKEN)}:
            if not is_one_of(part, _NAMELESS):
                self._add("person", part)
                if len(part) == _TOKEN and not anatomy.is_known(f"{part}s"):  # longer ones are found inside words
                    self._add("person", f"{part}s")
                self._add("person", other_letters.without_article(part))
                if found := _MAC.match(part):  # McDonald is MacDonald, too
                    self._add("person", f"Mc{part[found.end() :]}")
                    self._add("person", f"Mac{part[found.end() :]}")
                self._names.add(part)
        if not word.isascii() and len(word) > _TOKEN:  # where a wrong code page lost a letter
            damaged = re.sub(r"[^\x00-\x7f]+", " ", word).strip()
            self._add("person", damaged)
            self._damaged.add(fold(damaged))

    def _take_phrase(self, kind: str, text: str) -> None:
        """Add an ID, a place, a device, an address: in full, and each of its distinctive words."""
        own = [word for word in _letters(text) if len(word) >= _TOKEN and not self._is_common(word)]
        numbers = re.findall(r"\d+", text)
        if own or numbers or kind in _NUMBERED or any(not self._is_common(word) for word in _letters(text)):
            self._add(kind, text)
        if kind in _NUMBERED:
            self._add(kind, re.sub(r"(?<!\d)0+(?=\d)", "", text))
            self._add(kind, re.sub(r"^[0\W_]+(?=\d)", "", text))
        if numbers and kind != "place":  # CTSIM3 for CTSIM03, and vice versa
            self._add(kind, re.sub(r"(?<=[^\W\d_])0+(?=\d)", "", text))
            self._add(kind, re.sub(r"(?<=[^\W\d_])(?=\d(?!\d))", "0", text))
        for word in own:
            self._add(kind, word)
        for word in _words(text):
            if len(word) >= _TOKEN and any(map(str.isalpha, word)) and any(map(str.isdecimal, word)):
                self._add(kind, word)
        for number in numbers:
            if kind != "place" and len(number.lstrip("0")) > _TOKEN:
                self._add(kind, number)
                self._add(kind, number.lstrip("0"))
        if kind == "contact" and len(digits := "".join(numbers)) >= _JOINED:
            abroad = text.lstrip(" (").startswith(("+", "00"))
            for country_code in range(4 if abroad else 1):  # +49 761 2701 is 0761 2701 domestically
                self._add(kind, digits.lstrip("0")[country_code:])
            for at in range(1, len(numbers)):  # in the same town 884-2210
                if len(local := "".join(numbers[at:])) >= _JOINED:
                    self._add(kind, local)

    def _is_common(self, word: str) -> bool:
        return is_one_of(word, self._generic) or _is_term_asall_spellings(word)

    def _add(self, kind: str, *parts: str) -> None:
        """Add the key of a spelling, with separators between its parts and its words."""
        text = " ".join(parts)
        reading = _Reading(text)
        weight = _weight(text)
        humps = [at for at, _ in reading.starts[1:]] if kind == "person" else reading.gaps
        for spelling, cuts in ((reading.joined, humps), (fold(reading.joined), [])):
            if len(spelling) > 1:  # ANNAEVA as one word folds differently from Anna and Eva
                key = self._keys[spelling]
                key.kinds.add(kind)
                key.cuts.update(cuts)
                key.weight = max(key.weight, weight)


def _is_term_asall_spellings(word: str) -> bool:
    """Return whether a word is a term, or composed of terms without a letter that folding removes: Laer is not lar."""
    return anatomy.is_listed(word) or (fold(word) in spellings(word) and anatomy.is_term(word))


def _inside_words(ids: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern of the IDs of letters and digits, which match anywhere except beside another digit."""
    forms = set()
    for one in ids:
        groups = re.findall(r"[^\W\d_]+|\d+", one)
        if len("".join(groups)) >= _GLUED and len({group.isdecimal() for group in groups}) > 1:
            forms.add(r"[\W_]?".join(groups))
    return re.compile(rf"(?<!\d)(?:{'|'.join(sorted(forms))})(?!\d)", re.IGNORECASE) if forms else None


def _overlaps(hit: _Hit, misread: Iterable[Span]) -> bool:
    """Return whether a hit overlaps a misread name: the L in `L £ukasik` is not a part of Łukasik."""
    return any(span.start < hit.end and hit.start < span.end for span in misread)


def join(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and merge overlapping ones."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(span.end, joined[-1].end))
        else:
            joined.append(span)
    return joined


_WORD: Final = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{MARKS}])*")


_CUT_OFF: Final = re.compile(r"([^\W\d_]{2,})\N{REPLACEMENT CHARACTER}$")
"""Word at whose end a character is incomplete (`services.dicom.character_sets.decode`)."""

_PLACES: Final = frozenset("左右上下前後后中内外")
"""Sides and directions in one character."""

_CHARACTER: Final = re.compile(
    r"(?<![\u3005-\u9fff\uac00-\ud7af])[\u3400-\u9fff\uac00-\ud7af](?![\u3005-\u9fff\uac00-\ud7af])"
)


_LAST_WORD: Final = re.compile(r"([^\W\d_]+)[\W\d_]*$")
_NEXT_WORD: Final = re.compile(r"[\W\d_]*([^\W\d_]+)")
_INITIAL: Final = re.compile(r"(?<![^\W_])[^\W\d_]\.")


def _letters(text: str) -> list[str]:
    return _WORD.findall(text)


def _weight(text: str) -> int:
    """Return the number of letters and digits; Chinese, Japanese and Korean characters count twice."""
    count = sum(map(str.isalnum, text))
    return count if text.isascii() else count + sum(is_cjk(char) for char in text if char.isalnum())


def _words(text: str) -> list[str]:
    return re.findall(rf"[^\W_](?:[^\W_]|[{MARKS}])*", text)


def _is_side(text: str, start: int, end: int) -> bool:
    """Return whether a piece of a text denotes a side, as a word or joined to the name after it: `Lung_RMüller`."""
    return (
        not text[start - 1 : start].isalpha()
        and not text[end : end + 1].islower()
        and anatomy.is_left_or_right(text[start:end])
    )


def _is_term_beside(found: re.Match[str] | None) -> bool:
    return found is not None and len(found[1]) > 1 and anatomy.is_listed(found[1])


def _is_anatomy(text: str, hit: _Hit) -> bool:
    """Return whether a match is itself a listed term among known words; one split by other characters is not.

    Nor is one with an initial and its period: `E. Hart`.
    """
    if _INITIAL.search(text, hit.start, hit.end + 1) and len(pieces(text[hit.start : hit.end])) > 1:
        return False
    found = _letters(text[hit.start : hit.end])
    listed = all(map(anatomy.is_listed, found)) and max(map(len, found), default=0) > 1
    return listed and not _has_digits(text, hit) and anatomy.only_known(text)


def _is_of_makers(found: str) -> bool:
    return not any(map(str.isdecimal, found)) and all(is_one_of(word, _GENERIC) for word in _letters(found))


def _is_version(found: str) -> bool:
    return found.isdecimal() and len(found) <= _LONGEST_VERSION


def _has_digits(text: str, hit: _Hit) -> bool:
    return any(map(str.isdecimal, text[hit.start : hit.end]))


def _is_begun_by(begin: str, names: Iterable[str]) -> bool:
    """Return whether a longer name begins with this one."""
    return any(name.startswith(begin) and name != begin for name in names)


def _unknown_in(found: re.Match[str]) -> list[tuple[int, int]]:
    """Return the positions of unknown parts of a word: after the target in `PTVHohenlohe`."""
    return [(found.start() + start, found.start() + end) for start, end in anatomy.unknown_words(found[0])]


def _unknown_of(found: re.Match[str], names: Iterable[str]) -> Span:
    """Return the position of a word that contains a name, without joined terms that are not part of the name."""
    whole = [name for name in names if name in fold(found[0])]
    for start, end in _unknown_in(found):
        part = fold(found.string[start:end])
        if any(name in part for name in whole) or (not whole and any(name.startswith(part) for name in names)):
            return Span(start, end)
    return Span(*found.span())


def _cut_off(word: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield the position of a name joined to a term in one case, `ptvlund` or `LUNDPTV`, without the term."""
    if anatomy.is_listed(name) or anatomy.is_listed(word):
        return
    for cut in range(1, len(word)):
        before, after = word[:cut], word[cut:]
        if fold(after) == name and (_is_long_term(before) or _is_side_before(before, after)):
            yield cut, len(word)
        elif fold(before) == name and _is_long_term(after):
            yield 0, cut


def _likeliest(word: str, cuts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the cut that leaves the longest single term, if any: of X. Lund's `CERVIXLUND` CERVIX, and not CERV."""
    single = [(start, end) for start, end in cuts if anatomy.is_listed(word[:start] + word[end:])]
    return [min(single, key=lambda cut: cut[1] - cut[0])] if single else cuts


def _is_side_before(part: str, name: str) -> bool:
    """Return whether a side is joined to a name with a capital: `Parotid_LLund`, `Lunge_reLund`."""
    return name[0].isupper() and (len(part) > 1 or part.isupper()) and anatomy.is_left_or_right(part)


def _is_long_term(part: str) -> bool:
    return len(part) >= _SHORTEST_TERM and anatomy.is_known(part)
