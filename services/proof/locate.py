"""Search for the location of a value in a set's new files, only needed after an error: locations are not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.proof.evidence import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from services.dicom.elements import Element
    from services.dicom.part10 import DicomFile

    Objects: TypeAlias = Sequence[tuple[str, DicomFile]]
    Items: TypeAlias = tuple[int, ...]


class Locator:
    """Finds a value in the objects of a set, given by kind."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def find(self, value: bytes, *, begins: bool = False) -> Place | None:
        """Return the first location of a raw value, or of one that begins with it."""
        for kind, file in self._objects:
            for path, items, element in _elements(file.elements):
                found = file.data[element[3] : element[4]]
                if found == value or (begins and found.startswith(value)):
                    return Place(kind, path, element[0], items)
        return None


def _elements(
    elements: Sequence[Element], path: Items = (), items: Items = ()
) -> Iterator[tuple[Items, Items, Element]]:
    """Yield all elements that are not sequences, with their enclosing sequences and items."""
    for element in elements:
        if element[5] is None:
            yield path, items, element
        for number, item in enumerate(element[5] or ()):
            yield from _elements(item[3], (*path, element[0]), (*items, number))
