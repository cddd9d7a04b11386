"""What a walk through source and output collects: distinct pairs of values, texts to be searched, counts, reasons.

A set has hundreds of thousands of elements and a few hundred distinct values that matter. They are kept as they stand,
bytes with all that is needed to read them, and are read once, when they are judged (`services.proof.values`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple

from services.dicom import character_sets
from services.dicom.dictionary import keyword, tag

Path = tuple[int, ...]
"""The tags of the sequences around a data set, the outermost first; empty at the root."""


class Change(NamedTuple):
    """Two values that the policy lets differ, as they stand, with all that is needed to read them."""

    old: bytes | None
    """None where the source has no such element."""

    new: bytes
    vr: bytes
    old_charsets: tuple[str, ...]
    new_charsets: tuple[str, ...]

    def read(self) -> tuple[str, str]:
        """Return both as text without padding; an absent one as ''."""
        old = character_sets.decode(self.old or b"", self.vr, self.old_charsets)
        return old.strip(" \0"), character_sets.decode(self.new, self.vr, self.new_charsets).strip(" \0")


class Place(NamedTuple):
    """Where something was found."""

    kind: str
    """Of the object; empty where all objects of a set are meant."""

    path: Path
    tag: int

    items: tuple[int, ...] = ()
    """Which item of each sequence of the path, counted from 0; none where that is not told."""

    def __str__(self) -> str:
        """Write the attribute path: `RTPLAN BeamSequence>BeamName`. An attribute without a name is shown by its tag."""
        return f"{self.kind} {'>'.join(map(_called, (*self.path, self.tag)))}".strip()

    def with_items(self) -> str:
        """Write the attribute path with its items: `RTPLAN BeamSequence[0].BeamName`."""
        items = zip_longest(self.path, self.items[: len(self.path)])
        path = [_called(each) if item is None else f"{_called(each)}[{item}]" for each, item in items]
        return f"{self.kind} {'.'.join([*path, _called(self.tag)])}".strip()


def _called(tag: int) -> str:
    return keyword(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


class Reasons:
    """What stands against a set: words of ours, attribute paths and counts, never a value."""

    MOST: Final = 40
    """Reasons that are told; what is wrong in every slice is one reason."""

    def __init__(self) -> None:
        self._found: Counter[tuple[str, str, str]] = Counter()
        self._places: dict[tuple[str, str, str], Place | None] = {}
        self.count = 0
        """How often something was found wrong."""

    def add(self, check: str, what: str, place: Place | None = None) -> None:
        """Note that a check failed, in the words `what`; of one attribute in many items, the first is told."""
        found = check, what, str(place or "")
        self._places.setdefault(found, place)
        self._found[found] += 1
        self.count += 1

    def told(self) -> list[str]:
        """Return one sentence a reason, with how often it was met."""
        told = [
            f"{found[0]}: {found[1]}{f' at {place.with_items()}' if (place := self._places[found]) else ''}"
            f"{f' ({times} times)' if times > 1 else ''}"
            for found, times in self._found.items()
        ]
        return told[: self.MOST] + ([f"and {len(told) - self.MOST} more"] if len(told) > self.MOST else [])


@dataclass
class Found:
    """What the walk saw in a set."""

    equal: int = 0
    """Elements that are the same, byte for byte or, where the character set was changed, as text."""

    uids: dict[bytes, bytes] = field(default_factory=dict)
    """Old and new values as they stand, of every UI element that the policy has mapped."""

    uid_places: dict[bytes, Place] = field(default_factory=dict)
    """Where each old value was met first."""

    source_uids: set[bytes] = field(default_factory=set)
    """Every other UI value of the source, dropped and private ones included."""

    relinked_uids: set[bytes] = field(default_factory=set)
    """New values in references that were rebuilt."""

    dates: dict[Change, Place] = field(default_factory=dict)
    cleaned: defaultdict[str, dict[Change, Place]] = field(default_factory=lambda: defaultdict(dict))
    """Free texts, by role."""

    identity: defaultdict[str, dict[Change, Place]] = field(default_factory=lambda: defaultdict(dict))
    """Statements about the patient, by what they state."""

    statements: set[tuple[bytes | None, ...]] = field(default_factory=set)
    """What each object says of the patient, in the order of `PATIENT`."""

    methods: set[tuple[tuple[int, bytes], ...]] = field(default_factory=set)
    """What the objects say was done to them: tag and value."""

    method_codes: set[tuple[tuple[tuple[int, bytes], ...], ...]] = field(default_factory=set)
    """And in codes: tags and values of each item."""

    identifying: set[tuple[str, bytes, bytes, tuple[str, ...]]] = field(default_factory=set)
    """Values of the source that identify and were to go: kind, value, VR, character sets."""

    retained: set[tuple[str, bytes, bytes, tuple[str, ...]]] = field(default_factory=set)
    """The like that an option keeps."""

    contested: bool = False
    """Whether the source holds a date of a device that Retain Device Identity would have kept."""

    texts: defaultdict[tuple[str, ...], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """Distinct text values that stay and are to hold no identifier, by character sets."""

    typed: defaultdict[tuple[str, ...], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """The like that people type, as they were cleaned."""

    terms: set[bytes] = field(default_factory=set)
    """Distinct values that should be terms of the standard (VR CS)."""

    technical: set[bytes] = field(default_factory=set)
    """Distinct values that say what was used, as a clinic has configured it."""

    product: set[bytes] = field(default_factory=set)
    """The like, as makers and code tables have it."""

    mended: dict[Change, Place] = field(default_factory=dict)
    """Kept values that are not the source's: each was none, or said who the patient is."""

    kept: dict[tuple[bytes, bytes], Place] = field(default_factory=dict)
    """Distinct values that stay and are written as text, by VR and value; and where."""

    numbers: set[bytes] = field(default_factory=set)
    """Distinct numbers that stay, or how they begin."""

    makers: set[bytes] = field(default_factory=set)
    """Those of them that name maker and model."""


PATIENT: Final = tuple(
    map(tag, ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "StudyID", "AccessionNumber"))
)
"""What every object of a set says of patient and study in the same words."""

METHOD: Final = tuple(
    map(tag, ("PatientIdentityRemoved", "DeidentificationMethod", "LongitudinalTemporalInformationModified"))
)
"""What every object says of our work, beside the codes."""
