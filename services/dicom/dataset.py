"""Data sets accessed by keyword, with values decoded on demand.

Reading a set's headers needs about thirty attributes out of a thousand; a view decodes only those. It never raises on
an invalid value: an unreadable number is None, and callers that need it report it.
"""

from __future__ import annotations

import math
from operator import itemgetter
from typing import TYPE_CHECKING

from services.dicom import character_sets, dictionary, part10
from services.dicom.elements import Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.dicom.elements import Element
    from services.dicom.part10 import DicomFile

_SPECIFIC_CHARACTER_SET = 0x00080005
_TAG_OF = itemgetter(0)


def root_view(file: DicomFile) -> View:
    """Return a view of the top level of a file."""
    return View(file.data, file.elements, ())


def read_view(path: Path) -> View | None:
    """Return a view of the top level of a file on disk; None if it is not DICOM, or malformed.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    try:
        return root_view(part10.read(path))
    except (part10.NotDicom, Malformed):
        return None


class View:
    """One data set: the top level of a file, or an item of a sequence."""

    __slots__ = ("_by_tag", "_outer_charsets", "data", "elements")

    def __init__(self, data: bytes, elements: Sequence[Element], charsets: Sequence[str]) -> None:
        self.data = data
        self.elements = elements
        self._outer_charsets = charsets
        self._by_tag = dict(zip(map(_TAG_OF, elements), elements, strict=True))

    @property
    def charsets(self) -> Sequence[str]:
        """The character sets in force: an item's own, or inherited (PS3.3 C.12.1.1.2)."""
        element = self._by_tag.get(_SPECIFIC_CHARACTER_SET)
        if element is None:
            return self._outer_charsets
        return tuple(self.data[element[3] : element[4]].decode("ascii", "replace").strip("\0 ").split("\\"))

    def __contains__(self, keyword: str) -> bool:
        """Return whether the attribute is present, with or without a value."""
        return dictionary.tag(keyword) in self._by_tag

    def has(self, keyword: str) -> bool:
        """Return whether the attribute is present with a value."""
        element = self._by_tag.get(dictionary.tag(keyword))
        return element is not None and element[4] > element[3]

    def raw(self, keyword: str) -> bytes | None:
        """Return the unmodified value field, or None."""
        return self.raw_at(dictionary.tag(keyword))

    def raw_at(self, tag: int) -> bytes | None:
        """Return the value field of a tag, for example a private one."""
        element = self._by_tag.get(tag)
        return None if element is None else self.data[element[3] : element[4]]

    def vr_at(self, tag: int) -> bytes:
        """Return the stated VR of a tag; b'' if the tag is absent."""
        element = self._by_tag.get(tag)
        return b"" if element is None else element[1]

    def text(self, keyword: str) -> str:
        """Return the decoded value without padding; '' if there is none."""
        element = self._by_tag.get(dictionary.tag(keyword))
        if element is None or element[4] == element[3]:
            return ""
        value = self.data[element[3] : element[4]].rstrip(b"\0 ")
        if character_sets.CONTROLS.search(value):
            value = character_sets.plain(value, element[1])
        return character_sets.decode(value, element[1], self.charsets).strip(" \0")

    def texts(self, keyword: str) -> list[str]:
        """Return the values of a multi-valued attribute."""
        value = self.text(keyword)
        return [part.strip(" \0") for part in value.split("\\")] if value else []

    def number(self, keyword: str) -> float | None:
        """Return the first value of an IS or DS attribute; None if there is none or it is not a number."""
        numbers = self.numbers(keyword)
        return numbers[0] if numbers else None

    def numbers(self, keyword: str) -> list[float]:
        """Return the values of an IS, DS or US attribute; [] if any is not a finite number."""
        value = self.raw(keyword)
        if not value:
            return []
        element = self._by_tag[dictionary.tag(keyword)]
        if element[1] == b"US":
            return [float(int.from_bytes(value[at : at + 2], "little")) for at in range(0, len(value) - 1, 2)]
        try:
            numbers = list(map(float, value.strip(b"\0 ").split(b"\\")))
        except ValueError:
            return []
        return numbers if all(map(math.isfinite, numbers)) else []

    def items(self, keyword: str) -> list[View]:
        """Return the items of a sequence; [] if it is absent or empty."""
        return self.items_at(dictionary.tag(keyword))

    def items_at(self, tag: int) -> list[View]:
        """Return the items of the sequence with this tag."""
        element = self._by_tag.get(tag)
        if element is None or not element[5]:
            return []
        charsets = self.charsets
        return [View(self.data, item[3], charsets) for item in element[5]]

    def item(self, keyword: str) -> View:
        """Return the first item of a sequence, or an empty data set."""
        items = self.items(keyword)
        return items[0] if items else View(b"", (), ())
