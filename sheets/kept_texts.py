"""What of a published set says something in words, and what of the person stays: for whoever signs its sheet.

Read from the published files by the policy's table: a text stays only where the table has it cleaned.
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
from services.policy.table import Action
from services.policy.text_roles import CALLED, OF_PERSON
from services.publication import unread_words
from services.vocabulary.defined_terms import is_term
from services.vocabulary.spelling import fold
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
"""A number of PS3.16."""
_ONE_VALUE: Final = frozenset((b"ST", b"LT", b"UT", b"UR"))
"""The backslash is a letter in these. PS3.5 6.2."""

_TEXT, _CODE, _INSIDE = "text", "code", "inside"


@dataclass
class Travelling:
    """The texts of a published set, and what it says of the person."""

    texts: Mapping[str, Sequence[str]]
    """Distinct ones, by role."""

    person: Mapping[str, str]
    """What is stated, by what it is called."""

    unread: frozenset[str] = field(default_factory=frozenset)
    """Words of theirs that nobody knows and no person has read."""

    @property
    def count(self) -> int:
        """How many texts there are."""
        return sum(map(len, self.texts.values()))

    def unread_in(self, text: str) -> list[str]:
        """Return the words of a text that nobody has read."""
        return sorted(word for word in self.unread if fold(word) in fold(text))


def files_in(folder: Path) -> Iterator[DicomFile]:
    """Read the files of a published set.

    Raises
    ------
    OSError
        A circumstance.
    """
    for path in sorted(folder.glob("*.dcm")):
        with suppress(NotDicom, Malformed):  # it is no file any more that was proven, which the sheet tells
            yield part10.read(path)


def travelling(collection: Collection, index: int, files: Iterable[DicomFile], policy: Policy) -> Travelling:
    """Return what travels with a published set of these files."""
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
    """Walks data sets; what most slices repeat is read once."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._seen: set[tuple[int, bytes]] = set()
        self._known: defaultdict[tuple[int, ...], dict[int, str]] = defaultdict(dict)
        """By the sequences around it, what an attribute tells; empty where nothing."""
        self.charsets: tuple[str, ...] = ()
        self.texts: defaultdict[str, set[str]] = defaultdict(set)
        self.person: defaultdict[int, set[str]] = defaultdict(set)

    def walk(self, data: bytes, elements: Sequence[Element], above: tuple[int, ...]) -> None:
        """Note the texts of a data set, and of those nested in what stays of it."""
        known, seen = self._known[above], self._seen
        for tag, vr, _, value, end, items in elements:
            tells = known.get(tag)
            if tells is None:
                tells = known[tag] = self._tells(tag, vr, above, is_sequence=items is not None)
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

    def _tells(self, tag: int, vr: bytes, above: tuple[int, ...], *, is_sequence: bool) -> str:
        """Return what an attribute tells: a text, a code that may be none of the standard's, or what is inside it."""
        action = self._policy.decision(tag, above).action
        if is_sequence:
            return _INSIDE if action is Action.KEEP else ""
        if (not above and tag in _OF_PERSON) or action is Action.CLEAN:
            return _TEXT
        return _CODE if vr == b"CS" and tag != _CONTEXT and action is Action.KEEP else ""

    def _note_code(self, value: bytes) -> None:
        """Note values of a coded string that stays and are no terms of the standard's."""
        parts = (part.strip(" \0") for part in value.decode("latin-1").split("\\"))
        self.texts["coded"] |= {part for part in parts if not is_term(part)}

    def _note(self, tag: int, vr: bytes, value: bytes, above: tuple[int, ...]) -> None:
        if vr == b"US":
            parts = [str(int.from_bytes(value, "little"))]
        else:
            text = character_sets.decode(value, vr, self.charsets)
            parts = [text] if vr in _ONE_VALUE else text.split("\\")
        said = {part for part in (part.strip(" \0") for part in parts) if part}
        if not above and tag in _OF_PERSON:
            self.person[tag] |= said
        else:
            self.texts[self._policy.decision(tag, above).argument] |= said


def in_short(found: Travelling) -> str:
    """Count the texts and the words that nobody has read, for the first page."""
    texts = "1 text travels" if found.count == 1 else f"{found.count} texts travel"
    words = "no word" if not found.unread else "1 word" if len(found.unread) == 1 else f"{len(found.unread)} words"
    return f"{texts}; {words} that nobody has read"


def blocks(found: Travelling) -> Iterator[Block]:
    """Lay out every text that still travels, words that nobody has read marked, and what stays of the person."""
    yield Heading("What stays of the person", new_page=True)
    yield Facts(list(found.person.items()) or [("Nothing", "neither age nor sex is stated")])
    yield Heading("Every text that still travels")
    if found.unread:
        yield Text(
            f"Nobody has read: {', '.join(sorted(found.unread))}. Texts that hold one of these words are marked.", "bad"
        )
    yield Table(
        ("What it is", "Text", "Not read"),
        [
            [Cell(CALLED[role]), Cell(text, bad=bool(words)), Cell(", ".join(words), bad=bool(words))]
            for role, texts in found.texts.items()
            for text in texts
            for words in [found.unread_in(text)]
        ],
        widths=(3, 5, 2.5),
    )
