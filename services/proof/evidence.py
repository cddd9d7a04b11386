"""Data collected by comparing source and output: distinct pairs of values, texts to be searched, counts, reasons.

A set has hundreds of thousands of elements and a few hundred distinct relevant values. They are stored undecoded with
everything needed to decode them, and are decoded once when checked (`services.proof.values`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import character_sets
from services.dicom.dictionary import name, tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.dicom.elements import Element
    from services.dicom.part10 import DicomFile

Path = tuple[int, ...]
"""Tags of the sequences around a data set, outermost first; empty at the root."""


_SHOW_NOTHING: Final = bytes(range(0x21)) + b"\x7f"
"""Blank and control characters."""


def unpadded(text: str) -> str:
    """Return a text without the blanks around it and NULs after it; a text that begins with a NUL is empty."""
    return text.rstrip(" \0").lstrip(" ")


class Change(NamedTuple):
    """Two undecoded values that may differ by policy, with everything needed to decode them."""

    old: bytes | None
    """None if the source has no such element."""

    new: bytes
    vr: bytes
    old_charsets: tuple[str, ...]
    new_charsets: tuple[str, ...]

    def read(self) -> tuple[str, str]:
        """Return both as text without padding; '' if absent."""
        old = character_sets.decode(self.old or b"", self.vr, self.old_charsets)
        new = character_sets.decode(self.new, self.vr, self.new_charsets)
        return unpadded(old), unpadded(new)

    @property
    def was_blank(self) -> bool:
        """Return whether the source shows nothing: only blanks and control characters before the first NUL."""
        return not (self.old or b"").partition(b"\0")[0].strip(_SHOW_NOTHING)


class Place(NamedTuple):
    """Location of a finding."""

    kind: str
    """Kind of object; empty if all objects of a set are concerned."""

    path: Path
    tag: int

    items: tuple[int, ...] = ()
    """Item of each sequence of the path, counted from 0; empty if not given."""

    def __str__(self) -> str:
        """Return the attribute path: `RTPLAN BeamSequence>BeamName`.

        An attribute without a keyword is shown by its tag.
        """
        return f"{self.kind} {'>'.join(map(name, (*self.path, self.tag)))}".strip()

    def with_items(self) -> str:
        """Return the attribute path with items: `RTPLAN BeamSequence[0].BeamName`."""
        items = zip_longest(self.path, self.items[: len(self.path)])
        path = [name(each) if item is None else f"{name(each)}[{item}]" for each, item in items]
        return f"{self.kind} {'.'.join([*path, name(self.tag)])}".strip()


class Reasons:
    """Reasons against a set: fixed texts, attribute paths and counts, never a value."""

    MOST: Final = 40
    """Maximum number of reasons reported; an error in every slice is one reason."""

    def __init__(self) -> None:
        self._found: Counter[tuple[str, str, str]] = Counter()
        self._places: dict[tuple[str, str, str], Place | None] = {}
        self.count = 0
        """Number of errors found."""

    def add(self, check: str, what: str, place: Place | None = None) -> None:
        """Add a failed check, described by `what`; of one attribute in many items, only the first is reported."""
        found = check, what, str(place or "")
        self._places.setdefault(found, place)
        self._found[found] += 1
        self.count += 1

    def sentences(self) -> list[str]:
        """Return one sentence per reason, with its count."""
        told = [
            f"{found[0]}: {found[1]}{f' at {place.with_items()}' if (place := self._places[found]) else ''}"
            f"{f' ({times} times)' if times > 1 else ''}"
            for found, times in self._found.items()
        ]
        return told[: self.MOST] + ([f"and {len(told) - self.MOST} more"] if len(told) > self.MOST else [])


@dataclass
class Found:
    """Findings of the comparison of a set."""

    equal: int = 0
    """Number of elements that are identical, or equal as text if the character set was changed."""

    uids: dict[bytes, bytes] = field(default_factory=dict)
    """Old and new raw values of all UI elements mapped by the policy."""

    uid_places: dict[bytes, Place] = field(default_factory=dict)
    """First location of each old value."""

    source_uids: set[bytes] = field(default_factory=set)
    """All other UI values of the source, including dropped and private ones."""

    relinked_uids: set[bytes] = field(default_factory=set)
    """New values in rebuilt references."""

    dates: dict[Change, Place] = field(default_factory=dict)
    cleaned: defaultdict[str, dict[Change, Place]] = field(default_factory=lambda: defaultdict(dict))
    """Free texts, by role."""

    identity: defaultdict[str, dict[Change, Place]] = field(default_factory=lambda: defaultdict(dict))
    """Statements about the patient, by type."""

    statements: set[tuple[bytes | None, ...]] = field(default_factory=set)
    """Each object's statements about the patient, in the order of `PATIENT`."""

    methods: set[tuple[tuple[int, bytes], ...]] = field(default_factory=set)
    """The objects' statements about the de-identification: tag and value."""

    method_codes: set[tuple[tuple[tuple[int, bytes], ...], ...]] = field(default_factory=set)
    """The same in codes: tags and values of each item."""

    identifying: set[tuple[str, bytes, bytes, tuple[str, ...]]] = field(default_factory=set)
    """Identifying values of the source that had to be removed: kind, value, VR, character sets."""

    retained: set[tuple[str, bytes, bytes, tuple[str, ...]]] = field(default_factory=set)
    """The same for those kept by an option."""

    contested: bool = False
    """Whether the source has a date of a device that Retain Device Identity would have kept."""

    texts: defaultdict[tuple[str, ...], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """Distinct kept texts that must not contain identifiers, by character sets."""

    typed: defaultdict[tuple[str, ...], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """The same for texts typed by people, after cleaning."""

    terms: set[bytes] = field(default_factory=set)
    """Distinct values that should be defined terms (VR CS)."""

    technical: set[bytes] = field(default_factory=set)
    """Distinct technical values as configured by a clinic."""

    product: set[bytes] = field(default_factory=set)
    """The same as written by manufacturers and code tables."""

    makers: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    """Those of them that name manufacturer and model, with their character sets."""

    mended: dict[Change, Place] = field(default_factory=dict)
    """Changed kept values, each of which was invalid or identifying."""

    kept: dict[tuple[bytes, bytes], Place] = field(default_factory=dict)
    """Distinct kept values that are written as text, by VR and value, with their location."""

    binary: set[bytes] = field(default_factory=set)
    """Distinct kept binary values."""

    numbers: set[bytes] = field(default_factory=set)
    """Distinct kept numbers, or their beginnings."""


PATIENT: Final = tuple(
    map(tag, ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "StudyID", "AccessionNumber"))
)
"""Statements about patient and study that are equal in all objects of a set."""

METHOD: Final = tuple(
    map(tag, ("PatientIdentityRemoved", "DeidentificationMethod", "LongitudinalTemporalInformationModified"))
)
"""Statements about the de-identification in every object, besides the codes."""


class Locator:
    """Finds a value in the new objects of a set, given by kind; needed after an error: locations are not recorded."""

    def __init__(self, objects: Sequence[tuple[str, DicomFile]]) -> None:
        self._objects = objects

    def find(self, value: bytes, *, begins: bool = False) -> Place | None:
        """Return the first location of a raw value, or of one that begins with it."""
        for kind, file in self._objects:
            for path, items, element in _elements(file.elements):
                found = file.data[element[3] : element[4]]
                if found == value or (begins and found.startswith(value)):
                    return Place(kind, path, element[0], items)
        return None


def _elements(elements: Sequence[Element], path: Path = (), items: Path = ()) -> Iterator[tuple[Path, Path, Element]]:
    """Yield all elements that are not sequences, with their enclosing sequences and items."""
    for element in elements:
        if element[5] is None:
            yield path, items, element
        for number, item in enumerate(element[5] or ()):
            yield from _elements(item[3], (*path, element[0]), (*items, number))
