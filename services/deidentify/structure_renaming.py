"""Application of confirmed names to the structures of a set, unless this would cause an error.

It follows the cleaner and changes only names of structures: (3006,0026) *ROI Name*, and (3006,0085) *ROI Observation
Label* if that repeats the name. Two structures never get the same name, a name already shared by two is not changed,
and no new name contains an identifier of the set. The structure's type and code are kept. PS3.3 C.8.8.5, C.8.8.8.

Structures are those of the structure set. A dose may list its own isodoses and points in the same attributes, also
numbered from 1 (PS3.3 A.18.3): they are cleaned, and their names count as taken, but they are not renamed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from services.deidentify.coded_words import CodedWords
from services.vocabulary.spelling import fold
from services.vocabulary.structure_names import LONGEST_NAME, is_name, means_another

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from services.deidentify.text_cleaner import Cleaner
    from services.deidentify.unread_words import UnreadWord
    from services.dicom.dataset import View
    from services.forms.structure_list import Naming
    from services.policy.text_roles import Role, Text

KeptBack = Literal["borne-twice", "identifier", "name-taken"]
"""Why a confirmed name is not applied: two structures have the old one; the new one contains an identifier of the set;
another structure of the set has the new one, or will get it.
"""

_STAND_IN: Final = re.compile(r"ROI_\d+")
_OF_STRUCTURES: Final = frozenset(("roi_name", "roi_label"))


@dataclass(frozen=True, slots=True)
class Structure:
    """One structure of a set, with its names."""

    number: int
    """(3006,0022) *ROI Number*; 0 if invalid."""

    cleaned: str
    """Its name without the list, cleaned of patient identifiers."""

    name: str
    """Its name in the published set."""

    state: Literal["named", "ignored", "open"]
    """`named`: the name is confirmed, or from the nomenclature. `open`: not decided."""

    is_stand_in: bool = False
    """Whether its own name identified the patient and was replaced by a number."""

    kept_back: KeptBack | None = None

    contradicting_code: str = ""
    """Meaning of its code, if it denotes a different structure than the new name."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Number of structures of a set with the collection's common names."""

    structures: int = 0
    named: int = 0
    ignored: int = 0
    open: int = 0

    renamed: int = 0
    """Number of these that had another name."""

    kept_back: Mapping[str, int] = field(default_factory=dict)
    """Number of confirmed names not applied, by reason."""

    contradicting_codes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the counts as stored in a record."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Coverage | None:
        """Read the counts from the content of a record; None for sets published before these were recorded."""
        stored = record.get("structures")
        return cls(**{name: stored[name] for name in cls.__slots__ if name in stored}) if stored else None


class Renaming:
    """The cleaner of one set, combined with confirmed names.

    Parameters
    ----------
    texts
        The texts given to the cleaner.
    names
        Structure names by ROI Number, from `names_of`.
    meanings
        Code meanings by ROI Number.
    travelling
        Those of the texts outside removed sequences.
    coded
        Treatment of coded strings that are not defined terms.
    """

    def __init__(
        self,
        cleaner: Cleaner,
        texts: Iterable[Text],
        naming: Naming,
        names: Iterable[tuple[int, str]],
        meanings: Mapping[int, str] | None = None,
        *,
        travelling: Iterable[Text] = (),
        coded: CodedWords | None = None,
    ) -> None:
        self._cleaner = cleaner
        self.coded = coded or CodedWords()
        self._naming = naming
        self._meanings = meanings or {}
        texts = sorted(texts)
        self._travelling = frozenset(travelling)
        self._names = sorted(set(names))
        self._kept_back: dict[str, KeptBack] = {}
        self._new = self._decide(text.value.strip(" \0") for text in texts if text.role == "roi_name")
        self._labels = self._follow(text for text in texts if text.role == "roi_label")

    def clean(self, value: str, role: Role) -> str:
        """Return the replacement of a text.

        Raises
        ------
        LookupError
            As `Cleaner.clean`.
        """
        cleaned = self._cleaner.clean(value, role)
        if role in _OF_STRUCTURES:
            new = self._new if role == "roi_name" else self._labels
            return new.get(value.strip(" \0"), cleaned)
        return cleaned

    @property
    def written(self) -> frozenset[str]:
        """All replacement texts."""
        return self._cleaner.written | frozenset(self._new.values())

    @property
    def taken(self) -> frozenset[str]:
        """All removed words that are not identifiers, folded."""
        return self._cleaner.taken | self.coded.taken

    @cached_property
    def unread(self) -> tuple[UnreadWord, ...]:
        """Words of published texts and codes that are neither known nor an identifier, nor in a confirmed name."""
        return self.coded.added_to(self._cleaner.unread(self._travelling, self.clean, but=self._new.values()))

    @property
    def undecided(self) -> tuple[UnreadWord, ...]:
        """Those of them that no person has approved."""
        return self._cleaner.undecided(self.unread)

    @property
    def kept_texts(self) -> list[Text]:
        """All texts of the published set, as written there."""
        every = {text._replace(value=self.clean(text.value, text.role).strip(" \0")) for text in self._travelling}
        return sorted(every)

    @property
    def replaced(self) -> dict[Role, int]:
        """Number of distinct texts replaced by the cleaner, by role."""
        return self._cleaner.replaced

    @property
    def structures(self) -> list[Structure]:
        """The structures of the set, by number."""
        return [self._structure(number, value) for number, value in self._names]

    @property
    def coverage(self) -> Coverage:
        """To what extent the names of the set are the collection's."""
        every = self.structures
        states = Counter(one.state for one in every)
        return Coverage(
            len(every),
            states["named"],
            states["ignored"],
            states["open"],
            sum(one.name != one.cleaned for one in every),
            dict(Counter(one.kept_back for one in every if one.kept_back)),
            sum(bool(one.contradicting_code) for one in every),
        )

    def _structure(self, number: int, value: str) -> Structure:
        cleaned = self._cleaner.clean(value, "roi_name")
        name = self._new.get(value, cleaned)
        confirmed = self._target(value) == name
        ignored = self._naming.is_ignored(value) or self._naming.is_ignored(cleaned)
        meaning = self._meanings.get(number, "") if value in self._new else ""
        return Structure(
            number,
            cleaned,
            name,
            "ignored" if ignored else "named" if confirmed or is_name(name) else "open",
            cleaned != value and _STAND_IN.fullmatch(cleaned) is not None,
            self._kept_back.get(value),
            meaning if meaning and means_another(meaning, name) else "",
        )

    def _target(self, value: str) -> str | None:
        """Return the confirmed target of a name, unmodified or cleaned."""
        return self._naming.target(value) or self._naming.target(self._cleaner.clean(value, "roi_name"))

    def _decide(self, borne_by_any: Iterable[str]) -> dict[str, str]:
        """Return the names that change, with their targets."""
        cleaned = {value: self._cleaner.clean(value, "roi_name") for value in borne_by_any}
        borne = Counter(value for _, value in self._names)
        new: dict[str, str] = {}
        for value in borne:
            target = self._target(value)
            if target is None or target == cleaned[value]:
                continue
            if borne[value] > 1:
                self._kept_back[value] = "borne-twice"
            elif self._cleaner.identifies(target):
                self._kept_back[value] = "identifier"
            else:
                new[value] = target
        while taken := _taken(new, cleaned):
            self._kept_back |= dict.fromkeys(taken, "name-taken")
            new = {value: target for value, target in new.items() if value not in taken}
        return new

    def _follow(self, labels: Iterable[Text]) -> dict[str, str]:
        """Return the observation labels that change: those that repeat their structure's old name, or its beginning."""
        names = dict(self._names)
        wanted: defaultdict[str, set[str | None]] = defaultdict(set)
        for label in labels:
            value, name = label.value.strip(" \0"), names.get(label.number, "")
            new = self._new.get(name)
            says_it = value in {name, name[:LONGEST_NAME].strip()} or self._naming.target(value) == new
            wanted[value].add(new if says_it else None)
        return {value: next(iter(new)) or "" for value, new in wanted.items() if len(new) == 1 and None not in new}


def names_of(structure_set: View) -> list[tuple[int, str]]:
    """Return number and name of each structure of a structure set.

    (3006,0020) *Structure Set ROI Sequence* > (3006,0022) *ROI Number*, (3006,0026) *ROI Name*. PS3.3 C.8.8.5.
    """
    return [
        (int(item.number("ROINumber") or 0), name)
        for item in structure_set.items("StructureSetROISequence")
        for name in item.texts("ROIName")
        if name
    ]


def code_meanings(structure_set: View) -> dict[int, str]:
    """Return the code meanings of a structure set, by ROI Number.

    (3006,0080) *RT ROI Observations Sequence* > (3006,0086) *RT ROI Identification Code Sequence*. PS3.3 C.8.8.8.
    """
    return dict(_meanings(structure_set))


def _meanings(structure_set: View) -> Iterator[tuple[int, str]]:
    for observation in structure_set.items("RTROIObservationsSequence"):
        number = observation.number("ReferencedROINumber")
        for code in observation.items("RTROIIdentificationCodeSequence"):
            if number is not None and (meaning := code.text("CodeMeaning")):
                yield int(number), meaning


def _taken(new: Mapping[str, str], cleaned: Mapping[str, str]) -> set[str]:
    """Return the names whose target is taken by another structure, also when truncated by planning systems."""
    bearers: defaultdict[str, set[str]] = defaultdict(set)
    for value, new_name in cleaned.items():
        name = new.get(value, new_name)
        for spelling in {fold(name), fold(name[:LONGEST_NAME])}:
            bearers[spelling].add(value)
    return {value for value, target in new.items() if len(bearers[fold(target)]) > 1}
