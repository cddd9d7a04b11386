"""Words of kept texts that are neither in the lexicon nor an identifier of the set: a person is to look at them.

Some of them are known from somewhere else: the folder is called so, a comment that was removed says it, they are the
initials of a name. That is weak evidence. It never touches a word of the lexicon or a number of the plan, and replaces
a word where the folder's name or a comment on the person has it, or where two sources agree; else it is the reason that
stands beside the word.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.deidentify.text_dates import read_birth_years
from services.dicom.character_sets import name_components
from services.forms.word_list import Decisions
from services.policy.text_roles import TECHNICAL_ROLES
from services.vocabulary import anatomy, word_lists
from services.vocabulary.spelling import fold

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
_DECIDING: Final = frozenset(("the folder's name", "a comment on the person"))
"""Sources that need no second one."""

_SHORTEST: Final = 3
"""Letters of a word, and figures of a number, that a weak source says something with."""
_LONG_NAME: Final = 5
"""Letters of a name that is still known with one of them changed."""
_LONG_NUMBER: Final = 5
"""Figures of a number that is no dose."""
_LONG_OF_A_CODE: Final = 4
"""The like of one that a maker or a clinic has put into a code: shorter ones are there by chance."""
_MOST_INITIALS: Final = 4
_MOST_TEXTS: Final = 3
"""Texts that are quoted beside a word, of each kind."""

_NAMELESS: Final = frozenset(map(fold, word_lists.NAMELESS))
_NUMBER: Final = re.compile(r"\d+")
_TOKEN: Final = re.compile(r"[^\W\d_]+|\d+")
_CODED: Final = re.compile(r"[^\W_]*\d[^\W_]*")
_UID: Final = re.compile(r"\d+(?:\.\d+){3,}")


@dataclass(frozen=True)
class WeakEvidence:
    """What reminds of the person of a set without saying who it is."""

    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Folded words and numbers, and where each is from."""

    names: frozenset[str] = frozenset()
    """Folded words of names: one letter off says something, too."""

    ids: tuple[str, ...] = ()
    """The figures of IDs: their last ones say something, too."""

    spared: frozenset[str] = frozenset()
    """Numbers of the plan: doses, fractions."""

    def reasons(self, word: str) -> frozenset[str]:
        """Return why a word or a number may be the person's."""
        folded = fold(word)
        if word.isdecimal():
            return self._reasons_of_number(word)
        found = set(self.sources.get(folded, ()))
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
    """A word for a person to look at."""

    word: str
    texts: Mapping[str, tuple[str, ...]]
    """Texts in which it stands, by kind: a role, or what `coded_words` calls coded strings."""
    why: str
    """What it reminds of; empty where it is only not known."""

    def as_json(self) -> dict[str, Any]:
        """Return it as the share stores it."""
        return {"word": self.word, "texts": {role: list(texts) for role, texts in self.texts.items()}, "why": self.why}


@dataclass(frozen=True)
class Rule:
    """Which words go though they are no identifiers."""

    weak: WeakEvidence = field(default_factory=WeakEvidence)
    decisions: Decisions = field(default_factory=Decisions)

    replace: bool = False
    """Whether every word that nobody knows goes at once."""

    elsewhere: Callable[[str], bool] | None = None
    """Whether a word stands in the texts of another person's set: then weak evidence says nothing."""

    agreed: frozenset[str] = frozenset()
    """Words, folded, that stand in one text with another one, which weak evidence of another kind has: initials beside
    the end of an ID."""

    def agreeing(self, texts: Iterable[tuple[str, bool]]) -> Rule:
        """Return the rule for a set with these texts; beside each, whether it is a technical one."""
        agreed: set[str] = set()
        for text, technical in texts:
            words = [text[start:end] for start, end in words_of(text, self.weak, technical=technical)]
            reasons = {word: why for word in words if (why := self.weak.reasons(word))}
            if len(reasons) > 1 and len(frozenset().union(*reasons.values())) > 1:
                agreed.update(map(fold, reasons))
        return replace(self, agreed=frozenset(agreed)) if agreed else self

    def takes(self, word: str) -> bool:
        """Return whether a word that is not in the lexicon goes."""
        return self.takes_from_codes(word) or (self.replace and not self.decisions.is_fine(word))

    def takes_from_codes(self, word: str) -> bool:
        """Return whether it goes from a coded string, where nothing goes only because nobody knows it."""
        if self.decisions.is_removed(word):
            return True
        why = self.weak.reasons(word)
        weak = bool(why & _DECIDING) or len(why) > 1 or fold(word) in self.agreed
        return weak and not (self.elsewhere and self.elsewhere(word))


def words_of(text: str, weak: WeakEvidence, *, technical: bool = False) -> Iterator[tuple[int, int]]:
    """Find the words and numbers of a text that nobody knows: where each begins and ends.

    Parameters
    ----------
    technical
        Whether it is a code that a maker or a clinic gave: letters beside figures are part of one, and numbers are.
    """
    coded = [found.span() for found in _CODED.finditer(text)] if technical else []
    for start, end in anatomy.unknown_words(text):
        is_code = any(begin <= start < finish for begin, finish in coded) or anatomy.is_two_known(text[start:end])
        if not (technical and is_code):
            yield start, end
    if not any(map(str.isdecimal, text)):
        return
    if technical:
        numbers = (found for found in _NUMBER.finditer(text) if len(found[0]) >= _LONG_OF_A_CODE)
        yield from (found.span() for found in numbers if weak.reasons(found[0]))
        return
    years = {span.start for span, _ in read_birth_years(text)}
    for found in _NUMBER.finditer(text):
        number = found[0]
        if number in weak.spared or _is_part_of_decimal(text, found.start(), found.end()):
            continue
        is_year = found.start() in years and len(number) == 4
        if len(number) >= _LONG_NUMBER or is_year or weak.reasons(number):
            yield found.span()


def spans_taken(text: str, rule: Rule, make: Callable[[int, int], Span], *, technical: bool) -> Iterator[Span]:
    """Find the words that go by a rule."""
    for start, end in words_of(text, rule.weak, technical=technical):
        if rule.takes(text[start:end]):
            yield make(start, end)


def find(
    texts: Iterable[Text], clean: Callable[[str, Role], str], weak: WeakEvidence, but: frozenset[str] = frozenset()
) -> tuple[UnreadWord, ...]:
    """List the words of a set that a person is to look at, as they stand in its texts when they are cleaned.

    Parameters
    ----------
    but
        Texts that a person has confirmed.
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


def evidence_of(rtset: RtSet) -> WeakEvidence:
    """Collect the weak evidence of a set: from its folder, its files, the texts that go, and what is left out.

    What one of its typed attributes says is strong evidence, and so none of this.
    """
    sources: defaultdict[str, set[str]] = defaultdict(set)
    files = (rtset.structure_set, rtset.plan, rtset.dose, *rtset.slices[:1])
    _add(sources, "the folder's name", rtset.folder.name)
    for keywords, source in (
        (_COMMENTS, "a comment on the person"),
        (_DESCRIPTIONS, "a description that was removed"),
        (_NAMES, "a name or comment that was removed"),
    ):
        for file in files:
            for keyword in keywords:
                _add(sources, source, file.view.text(keyword).replace("^", " "))
    labels = {fold(word) for file in files for each in _LABELS for word in _TOKEN.findall(file.view.text(each))}
    for file in files:
        _add(sources, "a file's name", _UID.sub(" ", file.path.stem), but=labels)
    for file in rtset.left_out:
        _add(sources, "an object that was left out", " ".join(_said_by(file)).replace("^", " "))
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


def _add(sources: defaultdict[str, set[str]], source: str, text: str, but: Iterable[str] = ()) -> None:
    for token in _TOKEN.findall(text):
        folded = fold(token)
        if len(token) >= _SHORTEST and folded not in but and folded not in _NAMELESS and not anatomy.is_known(token):
            sources[folded].add(source)


def _said_by(file: SetFile) -> Iterator[str]:
    yield from (file.view.text(keyword) for keyword in ("PatientName", "PatientID"))


def _initials(name: str) -> Iterator[str]:
    """Return what a person may sign with: the first letters of names, in both orders."""
    for components in name_components(name):
        words = [word for component in components[:3] for word in _letters(component) if fold(word) not in _NAMELESS]
        letters = [fold(word[0]) for word in words[:_MOST_INITIALS]]
        if len(letters) > 1:
            for some in permutations(letters, len(letters)):
                yield "".join(some)


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _figures(value: str) -> str:
    return "".join(filter(str.isdecimal, value))


def _plan_numbers(rtset: RtSet) -> Iterator[str]:
    """Return the numbers that a plan's names may hold: its doses in Gy and cGy, whole and of a fraction, fractions."""
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
    """Return whether a word becomes a name by changing, adding or leaving out one letter."""
    if word == name or abs(len(word) - len(name)) > 1:
        return False
    same = 0
    while same < min(len(word), len(name)) and word[same] == name[same]:
        same += 1
    one, other = word[same:], name[same:]
    return one[1:] == other[1:] or one[1:] == other or one == other[1:]
