"""A folder read into a set: which objects lie in it, and what they tell of the patient.

Every file is read once, without its pixels, and stays parsed: judging, anonymizing and proving a set need the same
elements. What a file is, its SOP class says (PS3.4 B.5), never its name.
"""

from __future__ import annotations

import errno
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pydicom.uid import UID

from services import dates, dictionary, part10, text
from services import view as views
from services.elements import Malformed, Truncated
from services.errors import Fault, SetChanged, SetRefused
from services.part10 import NotDicom
from services.policy import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path, PurePosixPath

    from services.elements import Element
    from services.listing import Listing
    from services.part10 import DicomFile
    from services.policy import Policy
    from services.view import View

CT: Final = "CT"
STRUCTURE_SET: Final = "RTSTRUCT"
PLAN: Final = "RTPLAN"
DOSE: Final = "RTDOSE"

KINDS: Final[Mapping[str, str]] = {
    "1.2.840.10008.5.1.4.1.1.2": CT,
    "1.2.840.10008.5.1.4.1.1.2.1": CT,  # enhanced
    "1.2.840.10008.5.1.4.1.1.2.2": CT,  # legacy converted enhanced
    "1.2.840.10008.5.1.4.1.1.481.2": DOSE,
    "1.2.840.10008.5.1.4.1.1.481.3": STRUCTURE_SET,
    "1.2.840.10008.5.1.4.1.1.481.5": PLAN,
    "1.2.840.10008.5.1.4.1.1.481.8": PLAN,  # ion
}
"""What the objects of a set are called, by SOP class."""

MAX_ELEMENTS: Final = 4_000_000
"""In a folder; a dense set has some fifty thousand. A guard against hostile files."""

MAX_BYTES: Final = 1 << 30
"""In a folder, beside pixels. A guard against hostile files."""

_IMAGE_SUFFIXES: Final = frozenset(("", ".dcm", ".dicom", ".ima"))


@dataclass(frozen=True, slots=True)
class SetFile:
    """One DICOM object of a folder."""

    path: PurePosixPath
    """Below the set's folder. For the share's users only."""

    kind: str
    """`CT`, `RTSTRUCT`, `RTPLAN` or `RTDOSE`; of any other object the standard's name: `RT Image`."""

    file: DicomFile
    view: View
    sop_class_uid: str
    sop_instance_uid: str

    def uid(self, keyword: str) -> str:
        """Give a UID of the object's top level; '' where it has none."""
        return _uid(self.view.raw(keyword))


class Unreadable(NamedTuple):
    """A file that is DICOM, or should be, and does not parse to its end."""

    path: PurePosixPath
    reason: str
    """Where it fails, without values."""

    truncated: bool
    """It ends too early: the copy may still be going on."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that lies in a folder."""

    objects: Mapping[str, tuple[SetFile, ...]]
    """Those that a set consists of, by kind; a kind of which there is none has an empty tuple."""

    extra: Mapping[str, tuple[PurePosixPath, ...]]
    """Other DICOM objects, by what they are."""

    not_dicom: int
    unreadable: tuple[Unreadable, ...]

    @property
    def empty(self) -> bool:
        """Whether there is no DICOM at all: such a folder is no set."""
        return not (any(self.objects.values()) or self.extra or self.unreadable)


class Text(NamedTuple):
    """A free text that the policy sends to the cleaner."""

    role: str
    """What kind of text, in the policy's words: `roi_name`, `plan_label` …"""

    value: str

    roi_number: int | None = None
    """Of `roi_name` and `roi_label`: the ROI it belongs to."""


@dataclass(frozen=True, slots=True)
class RtSet:
    """One patient's CT series, RT Structure Set, RT Plan and RT Dose, and what they say of the person."""

    folder: Path
    listing: Listing

    slices: tuple[SetFile, ...]
    """Of the planning CT, by position."""

    structure_set: SetFile
    plan: SetFile
    dose: SetFile

    found: frozenset[tuple[str, str]]
    """The identifiers that the policy removes, (kind, value), from every depth of every file."""

    dates: frozenset[date]
    """Every date of the set, from every depth of every file, private elements included."""

    texts: tuple[Text, ...]
    """What goes to the cleaner: names and labels of all ROIs in their order, then every other text once."""

    relinked: bool = False
    """Whether the references of its objects, as held here, were rebuilt and are not those of the files."""

    @property
    def set_files(self) -> tuple[SetFile, ...]:
        """All objects of the set, the CT first."""
        return (*self.slices, self.structure_set, self.plan, self.dose)

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """What the set is told by: the same set again has the same ones."""
        return tuple(file.sop_instance_uid for file in self.set_files)


def read(folder: Path, listing: Listing) -> Contents:
    """Read every file of a listing.

    Raises
    ------
    SetChanged
        A file went away since it was listed.
    SetRefused
        `too-large`: more than any set holds.
    OSError
        A file cannot be read.
    """
    objects: dict[str, list[SetFile]] = {CT: [], STRUCTURE_SET: [], PLAN: [], DOSE: []}
    extra: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
    unreadable: list[Unreadable] = []
    not_dicom = elements = size = 0
    for entry in listing.entries:
        try:
            file = _read_one(folder, entry.path)
        except NotDicom:
            not_dicom += 1
            continue
        except Malformed as fault:
            unreadable.append(Unreadable(entry.path, str(fault), isinstance(fault, Truncated)))
            continue
        found = _set_file(entry.path, file)
        if found.kind not in objects:
            extra[found.kind].append(entry.path)
            continue
        objects[found.kind].append(found)
        elements += _count(file.elements)
        size += len(file.data)
        if elements > MAX_ELEMENTS or size > MAX_BYTES:
            raise SetRefused(_too_large())
    return Contents(
        {kind: tuple(files) for kind, files in objects.items()},
        {kind: tuple(paths) for kind, paths in sorted(extra.items())},
        not_dicom,
        tuple(unreadable),
    )


def _read_one(folder: Path, path: PurePosixPath) -> DicomFile:
    place = folder / path
    try:
        return part10.read(place)
    except NotDicom:
        if _not_arrived(place):
            raise Truncated("nothing but zeros where the file should begin: the copy has not arrived") from None
        raise
    except FileNotFoundError:
        raise SetChanged from None
    except OSError as error:
        if error.errno == errno.ELOOP:  # since it was listed, a link took its place
            raise SetChanged from None
        raise


def _not_arrived(path: Path) -> bool:
    """Whether a file is named like an object and begins with zeros: its place is reserved, its bytes are on the way."""
    if path.suffix.lower() not in _IMAGE_SUFFIXES and not path.suffix[1:].isdigit():
        return False
    with path.open("rb") as file:
        head = file.read(132)
    return not any(head) and (bool(head) or path.suffix.lower() == ".dcm")


def _set_file(path: PurePosixPath, file: DicomFile) -> SetFile:
    view = views.root(file)
    sop_class = _uid(view.raw("SOPClassUID")) or _uid(file.meta.get(0x00020002))
    kind = KINDS.get(sop_class) or UID(sop_class).name.removesuffix(" Storage") or "object without SOP class"
    return SetFile(path, kind, file, view, sop_class, _uid(view.raw("SOPInstanceUID")))


def _uid(value: bytes | None) -> str:
    return value.strip(b"\0 ").decode("ascii", "replace") if value else ""


def _count(elements: Sequence[Element]) -> int:
    count = len(elements)
    for element in elements:
        if element[5]:
            for item in element[5]:
                count += _count(item[3])
    return count


def _too_large() -> Fault:
    return Fault(
        "too-large",
        "The DICOM objects of this folder hold far more than a planning CT, structure set, plan and dose do.",
        "Put one patient's CT, RT Structure Set, RT Plan and RT Dose in a folder of their own.",
    )


def assemble(
    folder: Path,
    listing: Listing,
    policy: Policy,
    *,
    slices: Sequence[SetFile],
    structure_set: SetFile,
    plan: SetFile,
    dose: SetFile,
) -> RtSet:
    """Make a set of the objects chosen, and collect what they say of the person."""
    collector = _Collector(policy)
    for file in (structure_set, plan, dose, *slices):
        collector.walk(file.file.data, file.file.elements)
    return RtSet(
        folder,
        listing,
        tuple(slices),
        structure_set,
        plan,
        dose,
        collector.identifiers(),
        collector.days(),
        (*_roi_texts(structure_set.view), *collector.texts()),
    )


def with_objects(rtset: RtSet, *, structure_set: SetFile, plan: SetFile, dose: SetFile) -> RtSet:
    """Give the set with other objects in the place of its own: with references rebuilt."""
    return replace(rtset, structure_set=structure_set, plan=plan, dose=dose, relinked=True)


_DAYS: Final = {b"DA": dates.read_da, b"DT": dates.read_dt}
_PERSONAL_VRS: Final = frozenset((b"PN", *_DAYS))
_ONE_VALUE_VRS: Final = frozenset((b"ST", b"LT", b"UT", b"UR"))
"""The backslash is a letter in these. PS3.5 6.2."""

_CHARSET: Final = dictionary.tag("SpecificCharacterSet")
_SCHEME: Final = dictionary.tag("CodingSchemeDesignator")
_ROI_ROLES: Final = frozenset(("roi_name", "roi_label"))


class _Raw(NamedTuple):
    """A value as it stands, with all that is needed to read it."""

    meaning: str
    """The kind of identifier, or the role of a text."""

    value: bytes
    vr: bytes
    charsets: tuple[str, ...]

    def read(self) -> list[str]:
        decoded = text.decode(self.value, self.vr, self.charsets)
        parts = [decoded] if self.vr in _ONE_VALUE_VRS else decoded.split("\\")
        return [part for part in (part.strip(" \0") for part in parts) if part]


class _Collector:
    """Walks data sets and notes values as raw bytes, each once: most of them stand in every slice."""

    def __init__(self, policy: Policy) -> None:
        self._kinds = policy.identifying
        self._roles = {
            tag: decision.argument
            for tag, decision in policy.compiled.items()
            if decision.action is Action.CLEAN and decision.argument not in _ROI_ROLES
        }
        self._wanted = frozenset((*self._kinds, *self._roles, _CHARSET))
        self._identifiers: set[_Raw] = set()
        self._dates: set[tuple[bytes, bytes]] = set()
        self._texts: dict[_Raw, None] = {}

    def walk(self, data: bytes, elements: Sequence[Element], charsets: tuple[str, ...] = ()) -> None:
        """Collect from a data set and from all that is nested in it."""
        wanted, personal = self._wanted, _PERSONAL_VRS
        for tag, vr, _, start, end, items in elements:
            if items:
                for item in items:
                    self.walk(data, item[3], charsets)
            elif (tag in wanted or vr in personal) and start < end:
                value = data[start:end]
                if tag == _CHARSET:
                    charsets = tuple(value.decode("ascii", "replace").strip("\0 ").split("\\"))
                    continue
                if vr in _DAYS:
                    self._dates.add((value, vr))
                kind = self._kinds.get(tag) or ("person" if vr == b"PN" and tag & 0x00010000 else None)
                if kind:
                    self._identifiers.add(_Raw(kind, value, vr, charsets))
                role = self._roles.get(tag)
                if role and (role != "code_meaning" or _is_private_code(data, elements)):
                    self._texts.setdefault(_Raw(role, value, vr, charsets))

    def identifiers(self) -> frozenset[tuple[str, str]]:
        """Give what identifies, read."""
        return frozenset((raw.meaning, part) for raw in self._identifiers for part in raw.read())

    def days(self) -> frozenset[date]:
        """Give all dates."""
        return frozenset(day for value, vr in self._dates for day in _DAYS[vr](value))

    def texts(self) -> tuple[Text, ...]:
        """Give the texts for the cleaner but for those of ROIs."""
        return tuple(dict.fromkeys(Text(raw.meaning, part) for raw in self._texts for part in raw.read()))


def _is_private_code(data: bytes, code: Iterable[Element]) -> bool:
    """Whether a code is of a private scheme, 99…, or of none (PS3.16 8.2): its meaning is then free text."""
    scheme = next((data[element[3] : element[4]] for element in code if element[0] == _SCHEME), b"")
    return scheme.startswith(b"99") or not scheme.strip(b" \0")


def _roi_texts(structure_set: View) -> tuple[Text, ...]:
    """Give names and labels of the ROIs, in their order, each with its ROI number."""
    names = (
        Text("roi_name", roi.text("ROIName"), _integer(roi.number("ROINumber")))
        for roi in structure_set.items("StructureSetROISequence")
    )
    labels = (
        Text("roi_label", roi.text("ROIObservationLabel"), _integer(roi.number("ReferencedROINumber")))
        for roi in structure_set.items("RTROIObservationsSequence")
    )
    return tuple(found for found in (*names, *labels) if found.value)


def _integer(number: float | None) -> int | None:
    return None if number is None else int(number)
