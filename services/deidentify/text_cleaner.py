"""Cleaning of free texts that planning systems need: identifiers of the set are removed from them.

RapidPlan matches structures by name, and people type names, IDs and dates into these. A text that contains an
identifier of the set, or looks like a date, a long number, an e-mail address or a telephone number, is reduced to its
lexicon words (`Parotid_L Mueller` → `Parotid_L`, `HN Mueller neu` → `HN neu`): it remains usable for a model, and words
from a list cannot contain what the cleaner failed to recognize. If nothing meaningful remains, it is replaced:
`ROI_07`, `Plan01`. Every other text stays exactly as it is.

All texts of a set are planned together before any is written, so the result depends neither on the order of files nor
on the worker: equal texts become equal everywhere, different ones different, and no replacement equals an existing name
of another object of its kind. PS3.15 Annex E, option 113105 Clean Descriptors.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import chain, count
from typing import TYPE_CHECKING, Final, get_args

from services.deidentify.identifiers import Identifiers, Span, join, read_dates
from services.deidentify.text_titles import read_names
from services.deidentify.unread_words import Rule, UnreadWord, find, spans_taken
from services.policy.text_roles import TECHNICAL_ROLES, Role, Text
from services.vocabulary import anatomy
from services.vocabulary.spelling import MARKS, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_ROLES: Final[tuple[Role, ...]] = get_args(Role)

_STAND_INS: Final[Mapping[Role, str]] = {
    "roi_name": "ROI_",
    "roi_label": "ROI_",
    "structure_set_label": "SS",
    "plan_label": "Plan",
    "beam_name": "Beam",
    "tolerance_label": "Tol",
    "dose_reference": "DoseRef",
    "code_meaning": "Meaning",
    "text": "Text",
    "technical": "Item",
    "product": "Product",
}

_LONGEST: Final[Mapping[Role, int]] = defaultdict(lambda: 16, {"plan_label": 13, "code_meaning": 64, "text": 64})
"""Maximum length of a replacement: the limits of planning systems for plans and structures, LO for the rest."""

_LARGEST_NUMBER: Final = 9999
"""Replacements use the object's own number up to this; a longer one would look like an ID."""


class Cleaner:
    """Cleaned forms of all texts of one set.

    Parameters
    ----------
    rule
        Which words are removed although they are not identifiers; none by default.
    """

    def __init__(self, identifiers: Identifiers, texts: Iterable[Text], rule: Rule | None = None) -> None:
        self._identifiers = identifiers
        self._roles: defaultdict[str, set[Role]] = defaultdict(set)
        self._taken: defaultdict[str, set[str]] = defaultdict(set)
        self._cleaned: dict[str, str] = {}
        planned = sorted({Text(role, number, _trim(value)) for role, number, value in texts}, key=_in_order)
        for role, _, value in planned:
            self._roles[value].add(role)
        technical = ((value, roles <= TECHNICAL_ROLES) for value, roles in self._roles.items())
        self._rule = (rule or Rule()).agreeing(technical)
        self._plan(planned)

    def clean(self, value: str, role: Role) -> str:
        """Return the replacement of a text, which is the text itself, with padding, if nothing in it identifies.

        Raises
        ------
        LookupError
            The text was not planned: the set was not read completely.
        """
        trimmed = _trim(value)
        if role not in self._roles.get(trimmed, ()):
            raise LookupError(f"a text in the role {role} was not planned")
        return self._cleaned.get(trimmed, value)

    def identifies(self, text: str) -> bool:
        """Return whether any text contains an identifier of the set, or something that may be anyone's."""
        return bool(self._spans(text))

    @property
    def written(self) -> frozenset[str]:
        """All replacement texts."""
        return frozenset(self._cleaned.values())

    @property
    def taken(self) -> frozenset[str]:
        """All removed words that are not identifiers, folded."""
        rule, every = self._rule, self._cleaned
        return frozenset(
            fold(text[span.start : span.end])
            for text in every
            for span in spans_taken(text, rule, Span, technical=self._roles[text] <= TECHNICAL_ROLES)
        )

    def unread(
        self, texts: Iterable[Text], clean: Callable[[str, Role], str], but: Iterable[str] = ()
    ) -> tuple[UnreadWord, ...]:
        """Return the words of a set's texts, as written, for a person to review.

        Parameters
        ----------
        but
            Texts confirmed by a person.
        """
        return find(texts, clean, self._rule.weak, frozenset(but))

    def undecided(self, words: Iterable[UnreadWord]) -> tuple[UnreadWord, ...]:
        """Return those words that no person has approved."""
        return tuple(word for word in words if not self._rule.decisions.is_fine(word.word))

    @property
    def replaced(self) -> dict[Role, int]:
        """Number of distinct texts replaced, by role; for the record, without the texts."""
        counts = Counter(role for text in self._cleaned for role in self._roles[text])
        return {role: counts[role] for role in _ROLES if counts[role]}

    def _plan(self, texts: list[Text]) -> None:
        self._numbers = {(_STAND_INS[role], number) for role, number, _ in texts}
        self._echoes = {value: spans for value in self._roles if (spans := self._spans_of(value))}
        echoing = self._echoes.keys()
        followers = {label: name for label, name in self._followers(texts).items() if name in echoing}
        for value in self._roles.keys() - echoing - followers.keys():
            self._take(value, value)
        self._replace(text for text in texts if text.value in echoing and text.value not in followers)
        for label, name in followers.items():
            if len(self._cleaned[name]) <= _LONGEST["roi_label"]:
                self._cleaned[label] = self._cleaned[name]
            elif label not in echoing:
                self._take(label, label)
        self._replace(text for text in texts if text.value in followers and text.value in echoing)

    def _replace(self, texts: Iterable[Text]) -> None:
        for role, number, value in texts:
            if value not in self._cleaned:
                self._cleaned[value] = new = self._remainder(value) or self._stand_in(value, role, number)
                self._take(value, new)

    def _followers(self, texts: Iterable[Text]) -> dict[str, str]:
        """Return for each observation label the ROI name, preferably of its own ROI, of which it is the beginning.

        (3006,0085) *ROI Observation Label* is SH; planning systems fill it with the first 16 characters of (3006,0026)
        *ROI Name*. A label that is the full name needs no mapping: equal texts become equal.
        """
        names = [text for text in texts if text.role == "roi_name"]
        followers: dict[str, str] = {}
        for label in texts:
            if self._roles[label.value] == {"roi_label"} and label.value not in followers:
                cut = [name for name in names if _trim(name.value[:16]) == label.value]
                if cut:
                    followers[label.value] = min(cut, key=lambda name: name.number != label.number).value
        return followers

    def _remainder(self, value: str) -> str | None:
        """Return the known words without the identifiers, if meaningful; numbered if another object has that name.

        It is shortened to planning systems' limits if that loses no meaningful word; otherwise the text was too long
        before.
        """
        left = _known_part("".join(_without(value, self._echoes[value])))
        shortened = _shorten(left, self._longest(value))
        kept = shortened if len(shortened) <= self._longest(value) else left
        if not _has_content(kept) or self._spans(kept):
            return None
        if self._is_unused(value, kept, len(value)):
            return kept
        longest = min(len(value), self._longest(value))
        numbered = (f"{kept}_{number}" for number in range(2, _NAMESAKES))
        return next((name for name in numbered if self._is_free(value, name, longest)), None)

    def _stand_in(self, value: str, role: Role, number: int) -> str:
        """Return a name with the object's own number, or else the first free number of its kind."""
        own = [number] if 0 < number <= _LARGEST_NUMBER else []
        begin = self._begin_of(role)
        others = (number for number in count(1) if (begin, number) not in self._numbers)
        names = (f"{begin}{number:02d}" for number in chain(own, others))
        return next(name for name in names if self._is_free(value, name, self._longest(value)))

    def _begin_of(self, role: Role) -> str:
        """Return the prefix of replacements of a role; another role's if the person has that name: Ms Beam."""
        begins = (_STAND_INS[role], _STAND_INS["technical"], *_STAND_INS.values())
        return next((one for one in begins if not self._is_called(one)), _STAND_INS[role])

    def _is_called(self, begin: str) -> bool:
        """Return whether a prefix makes replacements identifying; a single replacement may equal an ID: ROI_01."""
        return all(any(span.start < len(begin) for span in self._spans(f"{begin}{number}")) for number in ("01", "02"))

    def _is_free(self, value: str, new: str, longest: int) -> bool:
        return self._is_unused(value, new, longest) and not self._spans(new)

    def _is_unused(self, value: str, new: str, longest: int) -> bool:
        roles = self._roles[value]
        return len(new) <= longest and not any(_alike(new) in self._taken[_STAND_INS[role]] for role in roles)

    def _longest(self, value: str) -> int:
        return min(_LONGEST[role] for role in self._roles[value])

    def _take(self, value: str, new: str) -> None:
        """Mark a name as taken, also when truncated by planning systems."""
        for role in self._roles[value]:
            self._taken[_STAND_INS[role]] |= {_alike(new), _alike(new[:16])}

    def _spans_of(self, value: str) -> list[Span]:
        """Return identifying parts of a text; one not typed by people may contain any number and product name."""
        roles = self._roles[value]
        if roles <= TECHNICAL_ROLES:
            found = self._identifiers.in_technical(value, of_maker=roles == {"product"})
            return join([*found, *spans_taken(value, self._rule, Span, technical=True)])
        return self._spans(value)

    def _spans(self, text: str) -> list[Span]:
        taken = spans_taken(text, self._rule, Span, technical=False)
        return join([*self._identifiers.matches(text), *_general(text), *taken])


_NAMESAKES: Final = 10
"""Maximum number appended to the rest of a name if another object has that name: `Lung_L_2`."""

_DIGITS: Final = re.compile(r"\d{6,}(?:[^\W\d_]\d{1,4}(?![^\W_]))?")
_IN_GROUPS: Final = re.compile(
    r"(?<![^\W_])(?<!\d[.-])(?:"
    r"756\.\d{4}\.\d{4}\.\d\d"  # Switzerland
    r"|\d{3}-\d\d-\d{4}"  # United States
    r"|\d{3}\.\d{3}\.\d{3}-\d\d"  # Brazil
    r"|\d{1,2}\.\d{3}\.\d{3}-[\dkK]"  # Chile and its neighbours
    r"|\d\d\.\d\d\.\d\d-\d{3}\.\d\d"  # Belgium
    r"|[12] \d\d \d\d \d[\dAB] \d{3} \d{3}(?: \d\d)?"  # France
    r"|[2-9]\d{3} \d{4} \d{3}[1-9]"  # India; a dose in cGy ends in 0
    r"|[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]"  # Italy
    r"|\d{4} \d{6}"  # Austria
    r"|\d{6}[-+/A]\d{3}[\dA-Z]?"  # Czechia and the North
    r"|[A-Z]\d{9}"  # German health insurance
    r"|[A-Z]{2} \d\d \d\d \d\d [A-D]"  # United Kingdom
    r")(?![^\W_]|[.-]\d)"
)
"""Social security and tax numbers with separators or letters; others contain a long number."""
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TELEPHONE: Final = re.compile(r"(?<!\w)(?:\+\d|0\d{2})[\d ()/-]{4,}\d|\(?(?<!\d)\d{3}\)?[ -]\d{3}[ -]\d{4}(?!\d)")
_UNMISTAKABLE: Final = re.compile(r"\d{4}|[^\W\d_]{3}|[年년]|^\d\d([./])\d\d\1\d\d$")
"""Dates that cannot be margins (`Ring 5-5-10`): with a four-digit year, a month name, or in the form dd.mm.yy."""


def _general(text: str) -> Iterator[Span]:
    """Yield what identifies somebody, whoever it is."""
    for pattern in (_DIGITS, _IN_GROUPS, _MAIL, _TELEPHONE):
        yield from (Span(*found.span()) for found in pattern.finditer(text))
    yield from read_names(text)
    yield from (span for span, _ in read_dates(text) if _UNMISTAKABLE.search(text[span.start : span.end]))


def _without(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[str]:
    last = 0
    for start, end in spans:
        yield text[last:start]
        last = end
    yield text[last:]


_UNSEEN: Final = "\N{SOFT HYPHEN}\u200b-\u200f\u202a-\u202e\u2060\ufeff"
"""Characters without width, and marks of direction."""

_BETWEEN: Final = f"[\\s_.,;:/^='`\N{RIGHT SINGLE QUOTATION MARK}\N{ACUTE ACCENT}\N{REPLACEMENT CHARACTER}{_UNSEEN}-]"


def _tidy(text: str) -> str:
    """Remove separators and brackets that are left empty."""
    text = re.sub(r"\(\W*\)|\[\W*\]", "", text)
    for pair in ("()", "[]"):
        if text.count(pair[0]) != text.count(pair[1]):
            text = text.translate(dict.fromkeys(map(ord, pair)))
    return re.sub(rf"^{_BETWEEN}+|{_BETWEEN}+$|(?<={_BETWEEN}){_BETWEEN}+", "", text)


_RUN: Final = re.compile(rf"[^\W_](?:[^\W_]|[{MARKS}])*|[{MARKS}]+")
_DIRECTION: Final = re.compile(r"(?i:[gtc])\d{1,3}")
"""A gantry, table or collimator angle used as a beam name: G180."""


def _known_part(text: str) -> str:
    """Return a text reduced to numbers and lexicon words."""
    return _tidy(_RUN.sub(lambda run: _known_of(run[0]), text))


def _known_of(run: str) -> str:
    """Return a lexicon word, or the known part of another one: the target in `PTVHohenlohe`, but no single initial."""
    if len(run) == 1 and run.isalpha() and not anatomy.is_known(run):
        return ""
    if anatomy.only_known(run):
        return run if any(map(str.isalnum, run)) else ""
    return "".join(_without(run, anatomy.unknown_words(run))) if run.isalpha() else ""


def _shorten(text: str, longest: int) -> str:
    """Shorten a text by removing meaningless words from the end; numbers are kept."""
    for run in reversed(list(_RUN.finditer(text))):
        if len(text) <= longest:
            break
        if not any(map(anatomy.is_meaningful, _letters(run[0]))) and run[0].isalpha() and not anatomy.is_side(run[0]):
            text = _tidy(text[: run.start()] + text[run.end() :])
    return text


def _has_content(text: str) -> bool:
    return _DIRECTION.search(text) is not None or any(map(anatomy.is_meaningful, _letters(text)))


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _trim(text: str) -> str:
    """Remove padding. PS3.5 §6.2."""
    return text.strip(" \0")


def _alike(text: str) -> str:
    """Return a form that is equal for names a planning system or a person would confuse."""
    return fold(text)


def _in_order(text: Text) -> tuple[int, int, str]:
    return _ROLES.index(text.role), text.number, text.value
