"""Words in kept texts that are neither in the lexicon nor identifiers of the set, for a person to review.

Some occur elsewhere: in the folder's name, in a removed comment, or as initials of a name. That is weak evidence. It
never affects a lexicon word or a number of the plan, and removes a word only if it occurs in the folder's name, the
hospital's or a comment on the person, or if two sources agree; otherwise it is the reason given beside the word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.dicom.character_sets import name_components
from services.forms.word_list import Decisions
from services.policy.text_roles import TECHNICAL_ROLES
from services.vocabulary import anatomy, defined_terms, word_lists
from services.vocabulary.spelling import all_spellings, fold, is_one_of
from services.vocabulary.text_dates import read_birth_years, read_dates, read_months

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from services.deidentify.identifiers import Span
    from services.policy.text_roles import Role, Text
    from services.rtset.reader import RtSet, SetFile

_COMMENTS: Final = ("PatientComments", "AdditionalPatientHistory", "Occupation", "MedicalAlerts", "OtherPatientNames")
_DESCRIPTIONS: Final = ("StudyDescription", "SeriesDescription", "ProtocolName")
_NAMES: Final = (
    "RTPlanName",
    "RTPlanDescription",
    "StructureSetName",
    "StructureSetDescription",
    "DoseComment",
    "ImageComments",
)
_LABELS: Final = ("RTPlanLabel", "StructureSetLabel")
_HOSPITAL: Final = "the hospital's name"
_DECIDING: Final = frozenset(("the folder's name", "a comment on the person", _HOSPITAL))
"""Sources that are sufficient alone."""

_SHORTEST: Final = 3
"""Minimum length of a word or number for weak evidence."""
_LONG_NAME: Final = 5
"""Minimum length of a name that is recognized with one letter changed."""
_LONG_NUMBER: Final = 5
"""Minimum digits of a number that is not a dose."""
_LONG_OF_A_CODE: Final = 4
"""The same for a number in a manufacturer's or clinic's code, in which shorter ones occur by chance."""
_MOST_INITIALS: Final = 4
_MOST_TEXTS: Final = 3
"""Maximum number of texts quoted beside a word, per kind."""

_NAMELESS: Final = all_spellings(word_lists.NAMELESS)
_GENERIC: Final = frozenset(map(fold, word_lists.GENERIC))
_NUMBER: Final = re.compile(r"\d+")
_TOKEN: Final = re.compile(r"[^\W\d_]+|\d+")
_CODED: Final = re.compile(r"(?<![^\W_])(?!99[^\W\d_]{4,}(?![^\W_]))[^\W_]*\d[^\W_]*")
"""A word with digits, except the designator of a local coding scheme, which the clinic named: 99CLINIC. PS3.3 8.2."""
_PERHAPS_A_DATE: Final = re.compile(
    r"\d{1,2}([./])\d{1,2}\1\d\d|(?:0?[1-9]|1[0-2])[-./](?:19|20)\d\d|(?:19|20)\d\d[-./](?:0[1-9]|1[0-2])"
)
"""5.5.21, which may also be a number of another kind, or a month with its year: 3/2019."""
_UID: Final = re.compile(r"\d+(?:\.\d+){3,}")


@dataclass(frozen=True)
class WeakEvidence:
    """Weak evidence of the person of a set."""

    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Folded words and numbers, with their sources."""

    names: frozenset[str] = frozenset()
    """Folded words of names, recognized also with one letter changed."""

    ids: tuple[str, ...] = ()
    """Digits of IDs, whose last ones are recognized, too."""

    spared: frozenset[str] = frozenset()
    """Numbers of the plan: doses, fractions."""

    def reasons(self, word: str) -> frozenset[str]:
        """Return why a word or number may refer to the person."""
        if word.isdecimal():
            return self._reasons_of_number(word)
        found: set[str] = set()
        for folded in map(fold, anatomy.readings(word)):
            found.update(self.sources.get(folded, ()))
            if len(folded) >= _LONG_NAME and any(_is_one_off(folded, name) for name in self.names):
                found.add("one letter off a name")
        return frozenset(found)

    def _reasons_of_number(self, number: str) -> frozenset[str]:
        if number in self.spared or len(number) < _SHORTEST:
            return frozenset()
        found = set(self.sources.get(number, ()))
        if any(one != number and one.endswith(number) for one in self.ids):
            found.add("the end of an ID")
        if len(number) >= _LONG_NUMBER and any(one != number and one.startswith(number) for one in self.ids):
            found.add("the beginning of an ID")
        return frozenset(found)


class UnreadWord(NamedTuple):
    """A word for a person to review."""

    word: str
    texts: Mapping[str, tuple[str, ...]]
    """Texts that contain it, by kind: a role, or the kind of coded strings in `coded_words`."""
    why: str
    """Why it may identify; empty if it is merely unknown."""

    def as_json(self) -> dict[str, Any]:
        """Return the word as stored on the share."""
        return {"word": self.word, "texts": {role: list(texts) for role, texts in self.texts.items()}, "why": self.why}


@dataclass(frozen=True)
class Rule:
    """Which words are removed although they are not identifiers."""

    weak: WeakEvidence = field(default_factory=WeakEvidence)
    decisions: Decisions = field(default_factory=Decisions)

    replace: bool = False
    """Whether all unknown words are removed."""

    elsewhere: Callable[[str], bool] | None = None
    """Whether a word occurs in the texts of another person's set, which invalidates weak evidence."""

    agreed: frozenset[str] = frozenset()
    """Folded words that share a text with another one for which there is weak evidence of another kind: initials beside
    the end of an ID.
    """

    def agreeing(self, texts: Iterable[tuple[str, bool]]) -> Rule:
        """Return the rule for a set with these texts, each with a flag for technical ones."""
        agreed: set[str] = set()
        for text, technical in texts:
            words = [text[start:end] for start, end in words_of(text, self.weak, technical=technical)]
            reasons = {word: why for word in words if (why := self.weak.reasons(word))}
            if len(reasons) > 1 and len(frozenset().union(*reasons.values())) > 1:
                agreed.update(map(fold, reasons))
        return replace(self, agreed=frozenset(agreed)) if agreed else self

    def takes(self, word: str) -> bool:
        """Return whether a word that is not in the lexicon is removed."""
        return self.takes_from_codes(word) or (self.replace and not self.decisions.is_fine(word))

    def takes_from_codes(self, word: str) -> bool:
        """Return whether a word is removed from coded strings, where being unknown is not sufficient."""
        if self.decisions.is_removed(word):
            return True
        why = self.weak.reasons(word)
        if _HOSPITAL in why:  # it occurs in the texts of every patient
            return not self.decisions.is_fine(word)
        weak = bool(why & _DECIDING) or len(why) > 1 or fold(word) in self.agreed
        return weak and not (self.elsewhere and self.elsewhere(word))


def words_of(text: str, weak: WeakEvidence, *, technical: bool = False) -> Iterator[tuple[int, int]]:
    """Yield the positions of unknown words and numbers in a text.

    Parameters
    ----------
    technical
        Whether it is a manufacturer's or clinic's code, in which numbers, letters beside digits, and words of scanners
        and planning systems are expected.
    """
    coded = [found.span() for found in _CODED.finditer(text)] if technical else []
    for start, end in anatomy.unknown_words(text):
        if technical and (
            any(begin <= start < finish for begin, finish in coded)
            or anatomy.is_two_known(text[start:end])
            or defined_terms.is_technical(text[start:end])
        ):
            continue
        yield start, end
    if not any(map(str.isdecimal, text)):
        return
    if technical:
        numbers = (found for found in _NUMBER.finditer(text) if len(found[0]) >= _LONG_OF_A_CODE)
        yield from (found.span() for found in numbers if weak.reasons(found[0]))
        return
    for span, _ in (*read_dates(text), *read_months(text)):
        if _PERHAPS_A_DATE.fullmatch(text, *span):
            yield span
    years = {span.start for span, _ in read_birth_years(text)}
    for found in _NUMBER.finditer(text):
        number = found[0]
        if number in weak.spared or _is_part_of_decimal(text, found.start(), found.end()):
            continue
        is_year = found.start() in years and len(number) == 4
        if len(number) >= _LONG_NUMBER or is_year or weak.reasons(number):
            yield found.span()


def spans_taken(text: str, rule: Rule, make: Callable[[int, int], Span], *, technical: bool) -> Iterator[Span]:
    """Yield the words removed by a rule."""
    for start, end in words_of(text, rule.weak, technical=technical):
        if rule.takes(text[start:end]):
            yield make(start, end)


def find(
    texts: Iterable[Text], clean: Callable[[str, Role], str], weak: WeakEvidence, but: frozenset[str] = frozenset()
) -> tuple[UnreadWord, ...]:
    """Return the words of a set for a person to review, as they occur in its cleaned texts.

    Parameters
    ----------
    but
        Texts confirmed by a person.
    """
    found: defaultdict[str, defaultdict[Role, set[str]]] = defaultdict(lambda: defaultdict(set))
    spelled: dict[str, str] = {}
    for text in sorted(set(texts)):
        kept = clean(text.value, text.role).strip(" \0")
        if kept in but:
            continue
        for start, end in words_of(kept, weak, technical=text.role in TECHNICAL_ROLES):
            word = kept[start:end]
            folded = fold(word)
            spelled.setdefault(folded, word)
            found[folded][text.role].add(kept)
    return tuple(
        UnreadWord(
            spelled[folded],
            {role: tuple(sorted(some)[:_MOST_TEXTS]) for role, some in sorted(found[folded].items())},
            _why(spelled[folded], weak),
        )
        for folded in sorted(found)
    )


def evidence_of(rtset: RtSet, hospital: str = "") -> WeakEvidence:
    """Collect the weak evidence of a set: from its folder, file names, removed texts, and excluded objects.

    A removed name or description that repeats its object's label says nothing: planning systems copy labels there.

    Values of typed identifying attributes are strong evidence and not included.

    Parameters
    ----------
    hospital
        Name by which the collection knows its hospital, which its objects may not state.
    """
    sources: defaultdict[str, set[str]] = defaultdict(set)
    files = (rtset.structure_set, rtset.plan, rtset.dose, *rtset.slices[:1])
    _add(sources, "the folder's name", rtset.folder.name)
    _add(sources, _HOSPITAL, hospital, but=_GENERIC)
    labels = {fold(word) for file in files for each in _LABELS for word in _TOKEN.findall(file.view.text(each))}
    for keywords, source in (
        (_COMMENTS, "a comment on the person"),
        (_DESCRIPTIONS, "a description that was removed"),
        (_NAMES, "a name or comment that was removed"),
    ):
        for file in files:
            for keyword in keywords:
                text = file.view.text(keyword)
                if source not in _DECIDING:
                    text = _without_labels(text, file)
                _add(sources, source, text.replace("^", " "))
    for file in files:
        _add(sources, "a file's name", _UID.sub(" ", file.path.stem), but=labels)
    for file in rtset.left_out:
        _add(sources, "an object that was left out", " ".join(_texts_of(file)).replace("^", " "))
    for text in rtset.beside:
        _add(sources, "an object that was left out", text.replace("^", " "))
    names = [value for kind, value in rtset.found if kind == "person"]
    for name in names:
        for initials in _initials(name):
            sources[initials].add("initials of a name")
    figures = {number for kind, value in rtset.found if kind in _IDS and (number := _figures(value))}
    ids = tuple(sorted(figures | {number.lstrip("0") for number in figures}))
    spared = frozenset(_plan_numbers(rtset))
    strong = {fold(token) for _, value in rtset.found for token in _TOKEN.findall(value)}
    return WeakEvidence(
        {word: frozenset(where) for word, where in sources.items() if word not in spared and word not in strong},
        frozenset(folded for name in names for word in _letters(name) if len(folded := fold(word)) >= _LONG_NAME),
        ids,
        spared,
    )


_IDS: Final = frozenset(("patient-id", "other-id"))


def _without_labels(text: str, file: SetFile) -> str:
    """Return a text without the label of its object."""
    for keyword in _LABELS:
        if label := file.view.text(keyword).strip():
            text = text.replace(label, " ")
    return text


def _add(sources: defaultdict[str, set[str]], source: str, text: str, but: Iterable[str] = ()) -> None:
    for token in _TOKEN.findall(text):
        folded = fold(token)
        is_word = is_one_of(token, _NAMELESS) or anatomy.is_known_as_spelled(token)
        if len(token) >= _SHORTEST and folded not in but and not is_word:
            sources[folded].add(source)


def _texts_of(file: SetFile) -> Iterator[str]:
    yield from (file.view.text(keyword) for keyword in ("PatientName", "PatientID"))


def _initials(name: str) -> Iterator[str]:
    """Yield possible initials of a person, in both orders."""
    for components in name_components(name):
        words = [word for component in components[:3] for word in _letters(component) if not is_one_of(word, _NAMELESS)]
        letters = [fold(word[0]) for word in words[:_MOST_INITIALS]]
        if len(letters) > 1:
            for some in permutations(letters, len(letters)):
                yield "".join(some)


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _figures(value: str) -> str:
    return "".join(filter(str.isdecimal, value))


def _plan_numbers(rtset: RtSet) -> Iterator[str]:
    """Yield numbers that may occur in names of a plan: doses in Gy and cGy, total and per fraction, and fractions."""
    view = rtset.plan.view
    doses = [dose for item in view.items("DoseReferenceSequence") for dose in item.numbers("TargetPrescriptionDose")]
    fractions = [
        number for item in view.items("FractionGroupSequence") for number in item.numbers("NumberOfFractionsPlanned")
    ]
    amounts = {*doses, *(dose / number for dose in doses for number in fractions if number)}
    for amount in amounts:
        yield from (f"{round(amount)}", f"{round(amount * 100)}", f"{round(amount * 1000)}")
    yield from (f"{round(number)}" for number in fractions)


def _why(word: str, weak: WeakEvidence) -> str:
    return ", ".join(sorted(weak.reasons(word)))


def _is_part_of_decimal(text: str, start: int, end: int) -> bool:
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    return (before[-1:] in {".", ","} and before[:1].isdecimal()) or (after[:1] in {".", ","} and after[1:].isdecimal())


def _is_one_off(word: str, name: str) -> bool:
    """Return whether a word is a name with one letter changed, added or omitted."""
    if word == name or abs(len(word) - len(name)) > 1:
        return False
    same = 0
    while same < min(len(word), len(name)) and word[same] == name[same]:
        same += 1
    one, other = word[same:], name[same:]
    return one[1:] == other[1:] or one[1:] == other or one == other[1:]
