"""Each element of a file, changed alone, at every depth and in every way; elements of like items are tried once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from pydicom import DataElement, Dataset, dcmread
from pydicom.config import disable_value_validation

from tests.many import examples
from tests.sets import file_of_built

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PREFIXES: Final = ("CT", "RS", "RP", "RD")


class Step(NamedTuple):
    """An attribute of a data set, and the item of its value in which the next step is."""

    tag: int
    item: int = 0


def _paths(data: Dataset, above: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    for element in data:
        yield (*above, Step(element.tag))
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _paths(item, (*above, Step(element.tag, number)))


def _holder(data: Dataset, path: tuple[Step, ...]) -> Dataset:
    for step in path[:-1]:
        data = data[step.tag].value[step.item]
    return data


def _name(data: Dataset, path: tuple[Step, ...]) -> str:
    return ".".join(_holder(data, path[: depth + 1])[step.tag].keyword for depth, step in enumerate(path))


def _another(element: DataElement) -> object:
    """Return another value of a VR."""
    first = element.value[0] if element.VM > 1 else element.value
    match element.VR:
        case "DS" | "IS":
            return str((first or 0) + 1)
        case "US" | "UL" | "SS" | "SL" | "FD" | "FL":
            return (first or 0) + 1
        case "OB" | "OW" | "UN":
            return bytes([first[0] ^ 1]) + first[1:]
        case "AT":
            return 0x00100010
        case "UI":
            return "1.2.826.0.1.3680043.8.498.777"
        case "DA":
            return "20200202"
        case "TM":
            return "010203" if first != "010203" else "020304"
        case "DT":
            return "20200202010203"
        case "AS":
            return "033Y"
        case _:
            return "QUARK"


def _copy(element: DataElement) -> DataElement:
    """Return an element with the same value, or the same items."""
    return DataElement(element.tag, element.VR, list(element.value) if element.VR == "SQ" else element.value)


def _remove(holder: Dataset, element: DataElement) -> None:
    del holder[element.tag]


def _empty(_: Dataset, element: DataElement) -> None:
    element.value = [] if element.VR == "SQ" else None


def _change(_: Dataset, element: DataElement) -> None:
    """Change the first of its values, or leave out the last of its items."""
    if element.VR == "SQ":
        element.value = element.value[:-1]
    else:
        element.value = [_another(element), *element.value[1:]] if element.VM > 1 else _another(element)


def _lengthen(_: Dataset, element: DataElement) -> None:
    """Add a value, or an item like the first."""
    if element.VR == "SQ":
        element.value = [*element.value, element.value[0]]
    elif element.VR in {"OB", "OW", "UN"}:
        element.value = element.value + bytes(2)
    elif element.VR in {"LT", "ST", "UT"}:
        element.value = f"{element.value} QUARK"
    else:
        values = list(element.value) if element.VM > 1 else [element.value]
        element.value = [*values, values[0]]


WAYS: Final[dict[str, Callable[[Dataset, DataElement], None]]] = {
    "removed": _remove,
    "emptied": _empty,
    "changed": _change,
    "lengthened": _lengthen,
}


def _is_tried(way: str, name: str, element: DataElement) -> bool:
    if examples(1) == 1 and crc32(name.encode()) % len(WAYS) != list(WAYS).index(way):
        return False
    return way == "removed" or bool(element.value) or (way == "changed" and element.VR != "SQ")


def changed(path: Path, way: str) -> Iterator[str]:
    """Yield the name of each element while the file has that one changed; in `make test`, only some elements."""
    with disable_value_validation():
        whole = dcmread(path)
        named = {_name(whole, one): one for one in _paths(whole)}
        for name, one in named.items():
            holder, tag = _holder(whole, one), one[-1].tag
            if _is_tried(way, name, holder[tag]):
                kept, holder[tag] = holder[tag], _copy(holder[tag])
                WAYS[way](holder, holder[tag])
                path.write_bytes(file_of_built(whole))
                holder[tag] = kept
                yield name
        path.write_bytes(file_of_built(whole))


def exchanged(path: Path) -> Iterator[str]:
    """Yield the name of each attribute while the first two items of a sequence have exchanged it."""
    with disable_value_validation():
        whole = dcmread(path)
        for one in [one for one in _paths(whole) if len(_items(whole, one)) > 1]:
            first, second, *_ = _items(whole, one)
            for tag in [each.tag for each in first if each.tag in second and each != second[each.tag]]:
                first[tag], second[tag] = second[tag], first[tag]
                path.write_bytes(file_of_built(whole))
                first[tag], second[tag] = second[tag], first[tag]
                yield f"{_name(whole, one)}.{first[tag].keyword}"
        path.write_bytes(file_of_built(whole))


def _items(data: Dataset, path: tuple[Step, ...]) -> list[Dataset]:
    element = _holder(data, path)[path[-1].tag]
    return list(element.value) if element.VR == "SQ" else []
