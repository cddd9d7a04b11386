"""A simple judge of a published set: pydicom and plain loops, without the product's reading or proving.

It asks what a sceptical physicist would ask of `ANON_006` beside the folder it was made from: are the objects the
same, do they refer to each other in the same way, are pixels and numbers untouched, is anything of the patient left?
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRBigEndian

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from pydicom.dataelem import DataElement

KINDS = {"CT": "CT", "RTSTRUCT": "RS", "RTPLAN": "RP", "RTDOSE": "RD"}

#: Dates that do not move with the patient's: one is made up, the others are editions of code tables.
NO_DAYS = frozenset({"PatientBirthDate", "ContextGroupVersion", "ContextGroupLocalVersion"})

#: Text that the scan for dates reads; numbers and UIDs hold eight digits by chance.
TEXT_VRS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"})
NUMBER_VRS = frozenset({"DS", "IS", "FD", "FL", "US", "SS", "UL", "SL", "AT"})

#: Where a planning system reads numbers: images and geometry, structure sets, plans, doses. PS3.6.
NUMBER_GROUPS = frozenset({0x0018, 0x0020, 0x0028, 0x3002, 0x3004, 0x3006, 0x300A, 0x300C})

#: UIDs of machines, not of objects: kept with the machine (PS3.15 E.3.8).
DEVICE_UIDS = ("DeviceUID", "ManufacturerDeviceClassUID")

#: Kinds of planted texts that stay at a collection's defaults: a characteristic that option 113108 keeps.
STAYING = frozenset({"ethnic group"})


class Planted(Protocol):
    """One identifier that was planted in the source."""

    @property
    def kind(self) -> str:
        """The kind: `patient's family name`."""

    @property
    def spelt(self) -> tuple[bytes, ...]:
        """Return the byte strings that may represent it."""


class Manifest(Protocol):
    """What must not remain."""

    @property
    def planted(self) -> Sequence[Planted]:
        """Texts, in every location."""

    @property
    def uids(self) -> frozenset[str]:
        """Every UID of the set."""

    @property
    def dates(self) -> frozenset[str]:
        """Every date of the set, as `YYYYMMDD`."""


def judge(source: Path, anon: Path, manifest: Manifest, *, retained: Collection[str] = STAYING) -> None:
    """Assert all promises about an anonymized set.

    Parameters
    ----------
    source, anon
        The dropped folder, and the `ANON_006` made of it.
    manifest
        What was planted in the source.
    retained
        Kinds of planted texts that stay; `dates`, if dates do.
    """
    old, new = objects(source, _remembered), objects(anon, _remembered)
    names_are_ours(anon)
    assert old.keys() == new.keys(), "not the same objects"
    one_patient(new)
    for place in old:
        assert_same_numbers(old[place], new[place])
        assert image(old[place]) == pixels(new[place]), f"{place}: other pixels"
        nothing_private(new[place])
    assert_same_links(old, new)
    assert_same_intervals(old, new)
    nothing_left(anon, new, manifest, retained)


def objects(folder: Path, read: Callable[[Path], Dataset] | None = None) -> dict[str, Dataset]:
    """Read the CT images and the three RT objects of a folder: `CT -12.5`, `RTSTRUCT`, `RTPLAN`, `RTDOSE`."""
    found: dict[str, Dataset] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            data = (read or _read)(path)
        except InvalidDicomError:
            continue
        kind = data.get("Modality", "")
        if kind not in KINDS:
            continue
        place = f"CT {float(data.ImagePositionPatient[2]):g}" if kind == "CT" else kind
        assert place not in found, f"two objects are {place}"
        found[place] = data
    return found


def _read(path: Path) -> Dataset:
    return dcmread(path, force=path.suffix == ".dcm")


def _remembered(path: Path) -> Dataset:
    """Read a file, or return the result for an equal one, which the judge never changes."""
    return _parsed(path.read_bytes(), force=path.suffix == ".dcm")


@lru_cache(maxsize=256)
def _parsed(content: bytes, *, force: bool) -> Dataset:
    data = dcmread(BytesIO(content), force=force)
    stated = data.original_character_set
    encoding = (stated,) if isinstance(stated, str) else tuple(stated)
    walked = []
    for tag in sorted(data.keys()):
        raw = data.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.VR == "SQ":
            below = _sequence(raw._replace(value_tell=0), encoding)
            data[tag] = below[0][1]
        else:
            below = _with_path(data[tag])
        walked += below
    data.walked = walked
    return data


@lru_cache(maxsize=1024)
def _sequence(raw: RawDataElement, encoding: tuple[str, ...]) -> list[tuple[str, DataElement]]:
    """Read a sequence, cached, since parsing takes most of the judge's time."""
    return _with_path(convert_raw_data_element(raw, encoding=list(encoding)))


def names_are_ours(anon: Path) -> None:
    """Assert that each file is named for its contents, and there are no others."""
    for path in anon.iterdir():
        data = _remembered(path)
        assert path.name == f"{KINDS[data.Modality]}.{data.SOPInstanceUID}.dcm"
        assert data.preamble == bytes(128), f"a preamble is filled in a {data.Modality}"
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert data.file_meta.MediaStorageSOPClassUID == data.SOPClassUID


def one_patient(new: dict[str, Dataset]) -> None:
    """Assert that every object states the same new patient."""
    keywords = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "PatientAge")
    said = {tuple(str(data.get(keyword)) for keyword in keywords) for data in new.values()}
    assert len(said) == 1, "the objects of the set differ in what they say of the patient"


def elements(data: Dataset, path: str = "") -> Iterator[tuple[str, DataElement]]:
    """Yield every element at every depth, with its path and numbered items."""
    if walked := getattr(data, "walked", None):
        yield from walked
        return
    for element in data:
        yield from _with_path(element, path)


def _with_path(element: DataElement, path: str = "") -> list[tuple[str, DataElement]]:
    """Yield an element and all below it."""
    name = f"{path}{element.keyword or element.tag}"
    below = [(name, element)]
    if element.VR == "SQ":
        for index, item in enumerate(element.value):
            below += elements(item, f"{name}[{index}].")
    return below


def values(element: DataElement) -> list[str]:
    """Return the values of an element as text."""
    if element.value is None or element.VR == "SQ":
        return []
    return [str(value) for value in (element.value if element.VM > 1 else [element.value])]


def assert_same_numbers(old: Dataset, new: Dataset) -> None:
    """Assert that geometry, contours, control points, metersets, dose scaling and DVHs are unchanged."""
    assert numbers(old) == numbers(new), f"numbers of a {old.Modality} differ"


def numbers(data: Dataset) -> dict[str, list[str]]:
    """Return every number of the groups that planning systems read, by path, without private ones."""
    return {
        path: values(element)
        for path, element in elements(data)
        if element.VR in NUMBER_VRS and element.tag.group in NUMBER_GROUPS and element.tag.element and "(" not in path
    }


def pixels(data: Dataset) -> bytes:
    """Return the pixel data as little endian bytes."""
    if "PixelData" not in data:
        return b""
    raw: bytes = data.PixelData
    if data.file_meta.get("TransferSyntaxUID") != ExplicitVRBigEndian or data.BitsAllocated == 8:
        return raw
    size = data.BitsAllocated // 8
    swapped = bytearray(len(raw))
    for offset in range(size):
        swapped[offset::size] = raw[size - 1 - offset :: size]
    return bytes(swapped)


def image(data: Dataset) -> bytes:
    """Return the pixel data that make up the object's image; none for a plan."""
    if data.Modality in {"RTPLAN", "RTSTRUCT"}:
        return b""
    raw = pixels(data)
    if "PixelData" not in data or data["PixelData"].is_undefined_length:
        return raw
    voxels = data.Rows * data.Columns * data.get("SamplesPerPixel", 1) * int(data.get("NumberOfFrames") or 1)
    length = voxels * data.BitsAllocated // 8
    return raw[:length] + bytes(length & 1)


def nothing_private(new: Dataset) -> None:
    """Assert that no private element is left at any depth."""
    for path, element in elements(new):
        assert not element.tag.is_private, f"a private element is left in {path}"


def uids(data: Dataset) -> dict[str, list[str]]:
    """Return every UID at every depth, by path."""
    return {path: values(element) for path, element in elements(data) if element.VR == "UI" and element.value}


def assert_same_links(old: dict[str, Dataset], new: dict[str, Dataset]) -> None:
    """Assert that the graphs of references are equal up to renaming.

    Every UID is numbered by where it first stands; sets with the same numbers at the same places have the same graph.
    What was kept because it names a device (PS3.15 E.3.8) refers to no object, whatever else has the same value.
    """
    before = {(place, path): list_ for place in old for path, list_ in uids(old[place]).items()}
    after = {(place, path): list_ for place in new for path, list_ in uids(new[place]).items()}
    made = {key for key in after if key not in before}
    assert all("DeidentificationMethodCodeSequence" in path for _, path in made), f"references appeared: {made}"
    kept = {key for key in after.keys() & before.keys() if key[1].endswith(DEVICE_UIDS) and after[key] == before[key]}
    places = sorted(after.keys() - made - kept)
    assert numbered(before[key] for key in places) == numbered(after[key] for key in places), "links differ"
    assert shown_links(old) == shown_links(new), "the four links differ"


def numbered(lists: Iterator[list[str]]) -> list[list[int | str]]:
    """Replace each UID by the number of its first appearance; the standard's own stay as they are."""
    known: dict[str, int] = {}
    return [
        [uid if uid.startswith("1.2.840.10008.") else known.setdefault(uid, len(known)) for uid in one] for one in lists
    ]


def shown_links(found: dict[str, Dataset]) -> dict[str, object]:
    """Return the four references that make up a set, as stated by its objects."""
    images = {data.SOPInstanceUID: place for place, data in found.items() if place.startswith("CT")}
    structures, plan, dose = found["RTSTRUCT"], found["RTPLAN"], found["RTDOSE"]
    contours = [
        [images.get(image.ReferencedSOPInstanceUID) for image in contour.get("ContourImageSequence", [])]
        for roi in structures.get("ROIContourSequence", [])
        for contour in roi.get("ContourSequence", [])
    ]
    return {
        "dose → plan": [
            r.ReferencedSOPInstanceUID == plan.SOPInstanceUID for r in dose.get("ReferencedRTPlanSequence", [])
        ],
        "plan → structure set": [
            r.ReferencedSOPInstanceUID == structures.SOPInstanceUID
            for r in plan.get("ReferencedStructureSetSequence", [])
        ],
        "contours → CT": contours,
        "frame of reference": sorted(
            place for place, data in found.items() if data.get("FrameOfReferenceUID") == dose.get("FrameOfReferenceUID")
        ),
        "studies": len({data.StudyInstanceUID for data in found.values()}),
    }


def assert_same_intervals(old: dict[str, Dataset], new: dict[str, Dataset]) -> None:
    """Assert that all dates moved by the same number of weeks, 0 if the collection keeps them."""
    moved = set()
    for place, data in new.items():
        before = {path: str(element.value) for path, element in elements(old[place]) if element.VR in {"DA", "DT"}}
        for path, element in elements(data):
            if element.VR in {"DA", "DT"} and element.value and element.keyword not in NO_DAYS and path in before:
                moved.add((day(before[path]) - day(str(element.value))).days)
    assert len(moved) <= 1, "dates moved by different numbers of days"
    assert all(days % 7 == 0 for days in moved)


def day(value: str) -> date:
    """Read the day of a DA or DT."""
    digits = value.replace(".", "")[:8] if value[4:5] == "." else value[:8]
    return date(int(digits[:4]), int(digits[4:6] or 1), int(digits[6:8] or 1))


def nothing_left(anon: Path, new: dict[str, Dataset], manifest: Manifest, retained: Collection[str]) -> None:
    """Assert that no planted text, original UID or date is left in any file or name."""
    spellings = {
        spelt.lower() for planted in manifest.planted if planted.kind not in retained for spelt in planted.spelt
    } | {uid.encode() for uid in manifest.uids}
    for path in anon.iterdir():
        content = path.name.encode().lower() + b"\n" + path.read_bytes().lower()
        left = sum(spelt in content for spelt in spellings)
        assert not left, f"{left} of {len(spellings)} planted identifiers are left in a {path.name[:2]}"
    if "dates" in retained:
        return
    day = re.compile("|".join(sorted(manifest.dates)) or "(?!)")
    for place, data in new.items():
        for where, element in elements(data):
            if element.VR in TEXT_VRS:
                assert not day.search("\\".join(values(element))), f"{place} {where}"
