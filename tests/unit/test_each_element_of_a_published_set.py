"""Each element of a published set is changed alone, at every depth and in every way: its proof finds every change.

What `test_mutations_of_a_published_set` picks by hand is here gone through: whatever attribute a writer may spoil.
Elements of like items are tried once, and each in one way; in every way by `make properties`.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

import pytest
from pydicom import DataElement, Dataset, dcmread, dcmwrite
from pydicom.config import disable_value_validation

from services.deidentify.uid_map import UidMap
from services.errors import NotClean
from services.proof.prove import Expected, prove
from tests import sets
from tests.anonymized import IDENTITY, KEY, anonymize_folder
from tests.many import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PREFIXES = ("CT", "RS", "RP", "RD")

#: No harm where a file holds ASCII alone, as these do.
HARMLESS: Final = {("removed", "SpecificCharacterSet")}


class Step(NamedTuple):
    """An attribute of a data set, and the item of its value in which the next step is."""

    tag: int
    item: int = 0


class PublishedSet(NamedTuple):
    """A published set, and what its proof needs."""

    source: list[tuple[str, Path]]
    anon: Path
    expected: Expected

    def is_clean(self) -> bool:
        """Return whether the proof passes."""
        try:
            prove(self.source, self.anon, self.expected)
        except NotClean:
            return False
        return True


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedSet:
    """Publish a set of a patient whose name ends with letters of sides."""
    folder = tmp_path_factory.mktemp("each")
    rois = ["Parotid_L Richter", "Parotid_R Richter", "PTV_70"]
    made = sets.make_set(folder, sets.patient("Richter^Lara", "40771923"), rois=rois, ct=2, size=16, control_points=2)
    done = anonymize_folder(made.folder, folder / "ANON_006", scanner="SCANNER_A")
    replacements = done.replacements
    return PublishedSet(
        [(data.Modality, made.path(data)) for data in made.objects],
        done.anon,
        Expected(IDENTITY, replacements.policy, replacements.machine, replacements.scanner, new_uid=UidMap(KEY)),
    )


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


@pytest.mark.hypothesis
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_element_changes_unseen(prefix: str, way: str, published: PublishedSet, tmp_path: Path) -> None:
    """An element of one file changes, and nothing else does."""
    copy = published._replace(anon=tmp_path / "ANON_006")
    shutil.copytree(published.anon, copy.anon)
    path = min(copy.anon.glob(f"{prefix}.*"))
    with disable_value_validation():
        whole = dcmread(path)
        named = {_name(whole, one): one for one in _paths(whole)}
        tried = {name: one for name, one in named.items() if _is_tried(way, name, _holder(whole, one)[one[-1].tag])}
        unseen = []
        for name, one in tried.items():
            holder, tag = _holder(whole, one), one[-1].tag
            kept, holder[tag] = holder[tag], _copy(holder[tag])
            WAYS[way](holder, holder[tag])
            dcmwrite(path, whole)
            holder[tag] = kept
            if copy.is_clean() and (way, name) not in HARMLESS:
                unseen.append(name)
    assert len(tried) > 5
    assert unseen == []


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_two_items_exchange_a_value_unseen(prefix: str, published: PublishedSet, tmp_path: Path) -> None:
    """Two beams or structures exchange what only one of them has."""
    copy = published._replace(anon=tmp_path / "ANON_006")
    shutil.copytree(published.anon, copy.anon)
    path = min(copy.anon.glob(f"{prefix}.*"))
    unseen = []
    with disable_value_validation():
        whole = dcmread(path)
        for one in [one for one in _paths(whole) if len(_items(whole, one)) > 1]:
            first, second, *_ = _items(whole, one)
            for tag in [each.tag for each in first if each.tag in second and each != second[each.tag]]:
                first[tag], second[tag] = second[tag], first[tag]
                dcmwrite(path, whole)
                first[tag], second[tag] = second[tag], first[tag]
                if copy.is_clean():
                    unseen.append(f"{_name(whole, one)}.{first[tag].keyword}")
    assert unseen == []


def _items(data: Dataset, path: tuple[Step, ...]) -> list[Dataset]:
    element = _holder(data, path)[path[-1].tag]
    return list(element.value) if element.VR == "SQ" else []


def test_no_two_structures_exchange_their_sides_unseen(published: PublishedSet, tmp_path: Path) -> None:
    """`Parotid_L Richter` became `Parotid_L`; `Parotid_R` might be made of its letters, too."""
    copy = published._replace(anon=tmp_path / "ANON_006")
    shutil.copytree(published.anon, copy.anon)
    path = min(copy.anon.glob("RS.*"))
    data = dcmread(path)
    left, right, _ = data.StructureSetROISequence
    assert (left.ROIName, right.ROIName) == ("Parotid_L", "Parotid_R")
    for one, label in zip((left, right), ("Parotid_R", "Parotid_L"), strict=True):
        one.ROIName = label
    for one in data.RTROIObservationsSequence:
        label = str(one.ROIObservationLabel)
        one.ROIObservationLabel = {"Parotid_L": "Parotid_R", "Parotid_R": "Parotid_L"}.get(label, label)
    dcmwrite(path, data)
    assert not copy.is_clean()
