"""Free texts and patient characteristics kept in a published set, for whoever signs its sheet.

Read from the published files by the policy table: a text is kept only where the table has it cleaned.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from services.dicom import character_sets, dictionary, part10
from services.dicom.dataset import root_view
from services.dicom.elements import Malformed
from services.dicom.part10 import NotDicom
from services.language import counted
from services.policy.table import Action
from services.policy.text_roles import CALLED, OF_PERSON
from services.publication import unread_words
from services.rtset.kept_values import OF_EQUIPMENT
from services.vocabulary.anatomy import occurring
from services.vocabulary.defined_terms import is_term
from sheets.render.page import Cell, Facts, Heading, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from services.dicom.elements import Element
    from services.dicom.part10 import DicomFile
    from services.policy.table import Policy
    from services.store.collection import Collection
    from sheets.render.page import Block

_OF_PERSON: Final = {dictionary.tag(keyword): says for keyword, says in OF_PERSON.items()}
_CONTEXT: Final = dictionary.tag("ContextIdentifier")
"""A context group or template number of PS3.16."""
_ONE_VALUE: Final = frozenset((b"ST", b"LT", b"UT", b"UR"))
"""VRs in which the backslash is an ordinary character. PS3.5 6.2."""

_TEXT, _CODE, _INSIDE = "text", "code", "inside"


@dataclass
class Travelling:
    """The texts of a published set, and the patient characteristics it states."""

    texts: Mapping[str, Sequence[str]]
    """Distinct texts by role."""

    person: Mapping[str, str]
    """Characteristics by attribute name."""

    unread: frozenset[str] = field(default_factory=frozenset)
    """Words in these texts that are neither known nor reviewed."""

    @property
    def count(self) -> int:
        """Return the number of texts."""
        return sum(map(len, self.texts.values()))

    def unread_in(self, text: str) -> list[str]:
        """Return the words of a text that have not been reviewed."""
        return occurring(text, sorted(self.unread))


def files_in(folder: Path) -> Iterator[DicomFile]:
    """Yield the files of a published set.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    for path in sorted(folder.glob("*.dcm")):
        with suppress(NotDicom, Malformed):  # changed since the proof, which the sheet reports
            yield part10.read(path)


def travelling(collection: Collection, index: int, files: Iterable[DicomFile], policy: Policy) -> Travelling:
    """Return the texts and characteristics kept in these files of a published set."""
    reading = _Reading(policy)
    for file in files:
        reading.charsets = tuple(root_view(file).charsets)
        reading.walk(file.data, file.elements, ())
    found = unread_words.read(collection, index)
    return Travelling(
        {role: sorted(reading.texts[role]) for role in CALLED if role in reading.texts},
        {says: ", ".join(sorted(reading.person[tag])) for tag, says in _OF_PERSON.items() if reading.person[tag]},
        frozenset(unread_words.unread(collection, found)) if found else frozenset(),
    )


class _Reading:
    """Walks data sets; elements that most slices repeat are read once."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._seen: set[tuple[int, bytes]] = set()
        self._known: defaultdict[tuple[int, ...], dict[int, str]] = defaultdict(dict)
        """What an attribute tells, by its enclosing sequences; empty if nothing."""
        self.charsets: tuple[str, ...] = ()
        self.texts: defaultdict[str, set[str]] = defaultdict(set)
        self.person: defaultdict[int, set[str]] = defaultdict(set)

    def walk(self, data: bytes, elements: Sequence[Element], above: tuple[int, ...]) -> None:
        """Collect the texts of a data set and of its kept sequences."""
        known, seen = self._known[above], self._seen
        for tag, vr, _, value, end, items in elements:
            tells = known.get(tag)
            if tells is None:
                tells = known[tag] = self._kind_of(tag, vr, above, is_sequence=items is not None)
            if not tells:
                continue
            if items is not None:
                inside = (*above, tag)
                for item in items:
                    self.walk(data, item[3], inside)
            elif (tag, found := data[value:end]) not in seen:
                seen.add((tag, found))
                if tells == _CODE:
                    self._note_code(found)
                else:
                    self._note(tag, vr, found, above)

    def _kind_of(self, tag: int, vr: bytes, above: tuple[int, ...], *, is_sequence: bool) -> str:
        """Return the kind: a text, a code or name of equipment that may be no defined term, or a sequence of them."""
        action = self._policy.decision(tag, above).action
        if is_sequence:
            return _INSIDE if action is Action.KEEP else ""
        if (not above and tag in _OF_PERSON) or action is Action.CLEAN:
            return _TEXT
        is_code = (vr == b"CS" and tag != _CONTEXT) or tag in OF_EQUIPMENT
        return _CODE if is_code and action is Action.KEEP else ""

    def _note_code(self, value: bytes) -> None:
        """Collect values of a kept code string or name of equipment that are not terms of the standard."""
        parts = (part.strip(" \0") for part in value.decode("latin-1").split("\\"))
        self.texts["coded"] |= {part for part in parts if not is_term(part)}

    def _note(self, tag: int, vr: bytes, value: bytes, above: tuple[int, ...]) -> None:
        if vr == b"US":
            parts = [str(int.from_bytes(value, "little"))]
        else:
            text = character_sets.decode(value, vr, self.charsets)
            parts = [text] if vr in _ONE_VALUE else text.split("\\")
        values = {part for part in (part.strip(" \0") for part in parts) if part}
        if not above and tag in _OF_PERSON:
            self.person[tag] |= values
        else:
            self.texts[self._policy.decision(tag, above).argument] |= values


def in_short(found: Travelling) -> str:
    """Return the numbers of texts and of unreviewed words, for the first page."""
    words = counted(len(found.unread), "word") if found.unread else "no word"
    return f"{counted(found.count, 'text')} kept; {words} not yet reviewed"


def blocks(found: Travelling) -> Iterator[Block]:
    """Lay out every kept text, unreviewed words marked, and the patient characteristics that are kept."""
    yield Heading("Patient characteristics kept", new_page=True)
    yield Facts(list(found.person.items()) or [("Nothing", "neither age nor sex is stated")])
    yield Heading("Texts kept")
    if found.unread:
        yield Text(
            f"Not yet reviewed: {', '.join(sorted(found.unread))}. Texts containing one of these words are marked.",
            "bad",
        )
    yield Table(
        ("Kind", "Text", "Not read"),
        [
            [Cell(CALLED[role]), Cell(text, bad=bool(words)), Cell(", ".join(words), bad=bool(words))]
            for role, texts in found.texts.items()
            for text in texts
            for words in [found.unread_in(text)]
        ],
        widths=(3, 5, 2.5),
    )
