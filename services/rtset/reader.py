"""Reading of a folder into a set: its objects, and their statements about the patient.

Every file is read once, without its pixels, and kept parsed: checking, anonymizing and proving a set need the same
elements. The type of a file is determined by its SOP class (PS3.4 B.5), never by its name.
"""

from __future__ import annotations

import errno
import os
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from services.dicom import binary_values, character_sets, dates, dictionary, part10, pixel_data
from services.dicom.dataset import root_view
from services.dicom.elements import TWICE, Malformed, Truncated
from services.dicom.part10 import NotDicom, Series
from services.dicom.pixel_data import Measured
from services.errors import Fault, SetChanged, SetRefused
from services.language import gettext, printable
from services.policy.object_kinds import CT, DOSE, KINDS, NAMES, PLAN, STRUCTURE_SET
from services.policy.table import PUBLIC_SCHEMES, Action
from services.policy.text_roles import Text
from services.rtset import geometry, kept_values
from services.rtset.kept_values import DECIMAL, LARGE, NUMBER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path, PurePosixPath

    from services.dicom.dataset import View
    from services.dicom.elements import Element
    from services.dicom.part10 import DicomFile
    from services.policy.table import Policy
    from services.policy.text_roles import Role
    from services.rtset.folder_listing import Listing
    from services.rtset.geometry import Contour
    from services.rtset.kept_values import Coded, Mend

MAX_ELEMENTS: Final = 4_000_000
"""Maximum elements in a folder; a dense set has some fifty thousand. A guard against hostile files."""

MAX_BYTES: Final = 1 << 30
"""Maximum bytes in a folder, without pixels. A guard against hostile files."""

_WITHOUT_IMAGE: Final = frozenset((STRUCTURE_SET, PLAN))
_PREFIX_END: Final = 132
"""Bytes of preamble and prefix `DICM`. PS3.10 7.1."""

_ZERO_TAIL: Final = 256
"""No complete data set ends in this many zeros; an element's padding is one byte. PS3.5 7.1.1."""

_SHORT: Final = 512
"""Maximum bytes of a sequence that may recur many times in an object."""

_AT_BYTE: Final = re.compile(r"at byte (\d+)")
_LONGEST_HEAD: Final = 64
"""Bytes that include an element's header and the first bytes of its value."""
_BLOCK: Final = 1 << 20

_HEAD_BYTES: Final = 4096
_CLASS: Final = re.compile(rb"1\.2\.840\.10008\.5\.1\.4\.1\.1\.[0-9.]*[0-9]")
"""The SOP class occurs in the file meta information, and at the beginning of the data set."""

_UNKNOWN: Final = "object of the unknown class"
_IMAGE_SUFFIXES: Final = frozenset(("", ".dcm", ".dicom", ".ima"))


@dataclass(frozen=True)
class SetFile:
    """One DICOM object of a folder."""

    path: PurePosixPath
    """Relative to the set's folder. For the share's users only."""

    kind: str
    """`CT`, `RTSTRUCT`, `RTPLAN` or `RTDOSE`; for any other object the standard's name, such as `RT Image`."""

    file: DicomFile
    view: View
    sop_class_uid: str
    sop_instance_uid: str

    image_length: int = 0
    """Bytes of its uncompressed image; 0 if not determined."""

    surplus: int = 0
    """Bytes of its pixel data after the image, which `file` no longer includes."""

    unwalkable: str = ""
    """Why the contents of its compressed pixels besides the image are unknown; empty if known."""

    @property
    def called(self) -> str:
        """Name by which a person finds it: `RT Plan RP.1.2.3.dcm`."""
        return f"{NAMES.get(self.kind, self.kind)} {printable(self.path)}"

    @cached_property
    def contours(self) -> tuple[Contour, ...]:
        """All contours of a structure set."""
        return tuple(geometry.contours(self.file.data, self.file.elements))

    def uid(self, keyword: str) -> str:
        """Return a UID at the object's top level; '' if absent."""
        return _uid(self.view.raw(keyword))


class Unreadable(NamedTuple):
    """File that is or should be DICOM, but cannot be parsed completely."""

    path: PurePosixPath
    reason: str
    """Position of the error, without values."""

    truncated: bool
    """Whether it ends too early, as during copying."""

    kind: str = ""
    """Kind of a set's object according to its beginning; empty if unknown."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything in a folder."""

    objects: Mapping[str, tuple[SetFile, ...]]
    """Objects of which a set consists, by kind; a missing kind has an empty tuple."""

    extra: Mapping[str, tuple[PurePosixPath, ...]]
    """Other DICOM objects, by type."""

    private: Mapping[str, tuple[SetFile, ...]]
    """Other objects with the modality of a set's kind but an unknown class, by that kind."""

    not_dicom: int
    unreadable: tuple[Unreadable, ...]

    beside: frozenset[str] = frozenset()
    """Patient names and IDs in the other objects."""

    @property
    def empty(self) -> bool:
        """Return whether there is no DICOM at all, so that the folder is not a set."""
        return not (any(self.objects.values()) or self.extra or self.unreadable)


@dataclass(frozen=True, slots=True)
class RtSet:
    """One patient's CT series, RT Structure Set, RT Plan and RT Dose, and their statements about the person."""

    folder: Path
    listing: Listing

    slices: tuple[SetFile, ...]
    """Slices of the planning CT, by position."""

    structure_set: SetFile
    plan: SetFile
    dose: SetFile

    found: frozenset[tuple[str, str]]
    """Identifiers removed by the policy, as (kind, value), at any depth of any file."""

    dates: frozenset[date]
    """All dates of the set, at any depth of any file, including private elements."""

    texts: frozenset[Text]
    """Texts that the policy sends to the cleaner, each value of a multi-valued attribute separately, never empty."""

    technical: frozenset[str]
    """Manufacturers and models, whose words do not identify anyone."""

    foreign: Mapping[tuple[str, ...], frozenset[bytes]]
    """Kept or cleaned texts beyond ASCII, undecoded, by their declared character sets."""

    mends: Mapping[int, Mapping[bytes, Mend]] = field(default_factory=dict)
    """Treatment of kept values that cannot stay unchanged, by tag and value."""

    unusual: tuple[Coded, ...] = ()
    """Kept coded strings that are not defined terms."""

    relinked: bool = False
    """Whether the references of its objects were rebuilt in memory and differ from those of the files."""

    left_out: tuple[SetFile, ...] = ()
    """Objects of its kinds in the folder that belong to no set."""

    beside: frozenset[str] = frozenset()
    """Patient names and IDs in objects of other kinds in its folder."""

    travelling: frozenset[Text] = frozenset()
    """Those of `texts` outside removed sequences."""

    @property
    def set_files(self) -> tuple[SetFile, ...]:
        """All objects of the set, the CT first."""
        return (*self.slices, self.structure_set, self.plan, self.dose)

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """UIDs that identify the set: the same set has the same ones when dropped again."""
        return tuple(file.sop_instance_uid for file in self.set_files)


def read(folder: Path, listing: Listing) -> Contents:
    """Read every file of a listing.

    Raises
    ------
    SetChanged
        A file disappeared since it was listed.
    SetRefused
        `too-large`: more than any set holds.
    OSError
        A file cannot be read.
    """
    objects: dict[str, list[SetFile]] = {CT: [], STRUCTURE_SET: [], PLAN: [], DOSE: []}
    extra: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
    private: defaultdict[str, list[SetFile]] = defaultdict(list)
    unreadable: list[Unreadable] = []
    beside: set[str] = set()
    series = Series()
    not_dicom = elements = size = 0
    for entry in listing.entries:
        try:
            file = _read_one(folder / entry.path, series)
        except NotDicom:
            not_dicom += 1
            continue
        except Malformed as fault:
            kind = _kind_by_head(folder / entry.path)
            unreadable.append(Unreadable(entry.path, str(fault), isinstance(fault, Truncated), kind))
            continue
        found = _set_file(entry.path, file)
        if found.kind not in objects:
            extra[found.kind].append(entry.path)
            beside.update(found.view.text(keyword) for keyword in ("PatientName", "PatientID"))
            if found.kind.startswith(_UNKNOWN) and (modality := found.view.text("Modality").upper()) in objects:
                private[modality].append(found)
            continue
        objects[found.kind].append(found)
        elements += file.count
        size += len(file.data)
        if elements > MAX_ELEMENTS or size > MAX_BYTES:
            raise SetRefused(_too_large())
    return Contents(
        {kind: tuple(files) for kind, files in objects.items()},
        {kind: tuple(paths) for kind, paths in sorted(extra.items())},
        {kind: tuple(files) for kind, files in private.items()},
        not_dicom,
        tuple(unreadable),
        frozenset(beside),
    )


def _read_one(place: Path, series: Series) -> DicomFile:
    try:
        try:
            return part10.read(place, series)
        except NotDicom:
            if _not_arrived(place):
                raise Truncated("nothing but zeros where the file should begin: the copy has not arrived") from None
            raise
        except Truncated:
            raise
        except Malformed as fault:
            if _fails_in_its_zeros(place, fault):
                raise Truncated(f"{fault}; its end is zeros: the copy has not arrived") from None
            raise
    except FileNotFoundError:
        raise SetChanged from None
    except OSError as error:
        if error.errno == errno.ELOOP:  # since it was listed, a link took its place
            raise SetChanged from None
        raise


def _not_arrived(place: Path) -> bool:
    """Return whether a file named like an object begins with zeros: its space is allocated, its data not yet copied."""
    if place.suffix.lower() not in _IMAGE_SUFFIXES and not place.suffix[1:].isdigit():
        return False
    fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        head = os.read(fd, _PREFIX_END)
    finally:
        os.close(fd)
    return not any(head) and (bool(head) or place.suffix.lower() == ".dcm")


def _fails_in_its_zeros(place: Path, fault: Malformed) -> bool:
    """Return whether a file is invalid because it ends in zeros: its space is allocated, its end not yet copied.

    An image may end in zeros, too; errors before them are permanent.
    """
    failed = _AT_BYTE.search(str(fault))
    if failed is None and TWICE in str(fault):
        return False
    fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        last = max(os.fstat(fd).st_size - _ZERO_TAIL, 0)
        begin = min(int(failed[1]) + _LONGEST_HEAD, last) if failed else last
        return not any(any(os.pread(fd, _BLOCK, at)) for at in range(begin, last + _ZERO_TAIL, _BLOCK))
    finally:
        os.close(fd)


def _kind_by_head(place: Path) -> str:
    """Return the kind of an unparsable object, from the SOP class at its beginning."""
    fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = _CLASS.search(os.read(fd, _HEAD_BYTES))
    finally:
        os.close(fd)
    return KINDS.get(found[0].decode("ascii"), "") if found else ""


def _set_file(path: PurePosixPath, file: DicomFile) -> SetFile:
    view = root_view(file)
    sop_class = _uid(view.raw("SOPClassUID")) or _uid(file.meta.get(0x00020002))
    kind = KINDS.get(sop_class) or dictionary.uid_name(sop_class).removesuffix(" Storage")
    file, described, surplus, unwalkable = _with_its_image(kind, file, view)
    instance = _uid(view.raw("SOPInstanceUID"))
    kind = kind or _unknown(sop_class, view)
    return SetFile(path, kind, file, view, sop_class, instance, described, surplus, unwalkable)


def _unknown(sop_class: str, view: View) -> str:
    """Return the name of an object with unknown class and modality."""
    modality = view.text("Modality")
    return f"{_UNKNOWN} {sop_class or '(none stated)'}" + (f", modality {modality}" if modality else "")


def _with_its_image(kind: str, file: DicomFile, view: View) -> Measured:
    """Reduce pixel data to the image, or to nothing in an object without image. PS3.3 A.19, A.20."""
    if file.pixels and kind in _WITHOUT_IMAGE:
        return Measured(replace(file, pixels=None), surplus=file.pixels.length)
    if kind not in NAMES:  # it is not part of the set
        return Measured(file)
    return pixel_data.without_surplus(file, view)


def _uid(value: bytes | None) -> str:
    return value.rstrip(b"\0 ").decode("latin-1") if value else ""  # each byte tells UIDs apart, as in `UidMap`


def _too_large() -> Fault:
    return Fault(
        "too-large",
        gettext("The DICOM objects of this folder hold far more than a planning CT, structure set, plan and dose do."),
        gettext("Put one patient's CT, RT Structure Set, RT Plan and RT Dose in a folder of their own."),
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
    relinked: bool = False,
    left_out: Sequence[SetFile] = (),
    beside: Iterable[str] = (),
) -> RtSet:
    """Build a set from the chosen objects, collecting their statements about the person."""
    collector = _Collector(policy)
    for file in (structure_set, plan, dose, *slices):
        collector.walk(file.file.data, file.file.elements)
    mends = kept_values.mends(collector.kept, collector.identifiers())
    return RtSet(
        folder,
        listing,
        tuple(slices),
        structure_set,
        plan,
        dose,
        collector.identifiers(),
        collector.days(),
        frozenset([text for text, _ in collector.read_texts]),
        collector.technical(),
        collector.foreign(),
        mends,
        tuple(kept_values.unusual(collector.kept, mends)),
        relinked,
        tuple(left_out),
        frozenset(beside),
        frozenset([text for text, stays in collector.read_texts if stays]),
    )


def days_of(objects: Iterable[SetFile], policy: Policy) -> frozenset[date]:
    """Return all dates in the objects, as collected by `assemble`."""
    collector = _Collector(policy)
    for file in objects:
        collector.walk(file.file.data, file.file.elements)
    return collector.days()


_DAYS: Final = {b"DA": dates.read_da, b"DT": dates.read_dt}
_PERSONAL_VRS: Final = frozenset((b"PN", *_DAYS))
_ONE_VALUE_VRS: Final = frozenset((b"ST", b"LT", b"UT", b"UR"))
"""VRs in which the backslash is an ordinary character. PS3.5 6.2."""

_CHARSET: Final = dictionary.tag("SpecificCharacterSet")
_SCHEME: Final = dictionary.tag("CodingSchemeDesignator")
_TECHNICAL: Final = frozenset(map(dictionary.tag, ("Manufacturer", "ManufacturerModelName")))
_NUMBERS: Final = {
    dictionary.tag(label): dictionary.tag(number)
    for label, number in (
        ("ROIName", "ROINumber"),
        ("ROIObservationLabel", "ReferencedROINumber"),
        ("BeamName", "BeamNumber"),
        ("ToleranceTableLabel", "ToleranceTableNumber"),
        ("DoseReferenceDescription", "DoseReferenceNumber"),
    )
}
"""Labels, and the numbers beside them."""

_AS_BESIDE: Final = frozenset((*_NUMBERS, dictionary.tag("CodeMeaning")))
"""Texts whose type depends on elements beside them."""

_LONGEST_IS: Final = 12
"""Maximum characters of an IS value. PS3.5 6.2."""


class _Raw(NamedTuple):
    """An undecoded value, with everything needed to decode it."""

    value: bytes
    vr: bytes
    charsets: tuple[str, ...]

    def read(self) -> list[str]:
        decoded = character_sets.decode(self.value, self.vr, self.charsets).replace("\0", "\\")
        parts = [decoded] if self.vr in _ONE_VALUE_VRS else decoded.split("\\")
        return [part for part in (part.strip(" \0") for part in parts) if part]


class _Interest:
    """Attributes of interest under a policy."""

    def __init__(self, policy: Policy) -> None:
        self.kinds: Final = policy.identifying
        self.roles: Final = {
            tag: cast("Role", decision.argument)
            for tag, decision in policy.compiled.items()
            if decision.action is Action.CLEAN
        }
        self.staying: Final = frozenset(
            tag
            for tag, decision in policy.compiled.items()
            if decision.action is Action.KEEP and dictionary.vr(tag) in character_sets.CHARSET_VRS
        )
        within = [tag for below in policy.within.values() for tag, one in below.items() if one.action is Action.KEEP]
        kept = [tag for tag, one in policy.compiled.items() if one.action is Action.KEEP]
        texts = {tag for tag, entry in dictionary.DICTIONARY.items() if entry.vr in kept_values.TEXTS}
        self.checked: Final = frozenset(texts.intersection([*kept, *within]) - {_CHARSET})
        self.binary: Final = frozenset(tag for tag in (*kept, *within) if dictionary.vr(tag) in binary_values.VRS)
        interesting = {*self.kinds, *self.roles, *self.staying, *_TECHNICAL, _CHARSET}
        self.going: Final = frozenset(
            tag
            for tag, entry in dictionary.DICTIONARY.items()
            if entry.vr == b"SQ" and policy.compiled[tag].action is not Action.KEEP
        )
        self.silent: Final = frozenset(
            tag
            for tag, entry in dictionary.DICTIONARY.items()
            if tag not in interesting and entry.vr not in _PERSONAL_VRS
        )


_interest = cache(_Interest)
"""Construction takes as long as reading a small set, and there are few policies."""


class _Collector:
    """Traverses data sets and collects distinct raw values; most occur in every slice."""

    def __init__(self, policy: Policy) -> None:
        interest = _interest(policy)
        self._kinds = interest.kinds
        self._roles = interest.roles
        self._staying = interest.staying
        self._silent = interest.silent
        self._going = interest.going
        self._checked = interest.checked
        self._examined = {True: (interest.checked, interest.binary), False: (frozenset[int](), frozenset[int]())}
        """Kept attributes whose values are checked, as texts and in binary; none in removed sequences."""
        self.kept: Final[set[kept_values.Kept]] = set()
        """Distinct kept values outside removed sequences, except long lists that are entirely numeric, and binary ones
        too short for a word."""
        self._walked: set[tuple[int, bytes, tuple[str, ...], bool]] = set()
        """Short sequences already traversed, such as the image references of thousands of contours."""
        self._seen: set[tuple[int, bytes, tuple[str, ...], bool]] = set()
        self._identifiers: set[tuple[str, _Raw]] = set()
        self._texts: dict[tuple[Role, int, _Raw], bool] = {}
        self._technical: set[_Raw] = set()
        self._dates: set[_Raw] = set()
        self._foreign: defaultdict[tuple[str, ...], set[bytes]] = defaultdict(set)

    def walk(
        self, data: bytes, elements: Sequence[Element], charsets: tuple[str, ...] = (), *, stays: bool = True
    ) -> None:
        """Collect from a data set and everything nested in it; `stays` is whether its sequence is kept."""
        silent, seen, keep = self._silent, self._seen, self.kept.add
        checked, binary = self._examined[stays]
        for tag, vr, _, start, end, items in elements:
            if items:
                stay = stays and tag not in self._going and not tag & 0x00010000
                if end - start <= _SHORT:
                    sequence = tag, data[start:end], charsets, stay
                    if sequence in self._walked:
                        continue
                    self._walked.add(sequence)
                for item in items:
                    self.walk(data, item[3], charsets, stays=stay)
            elif tag in silent:
                if tag in checked and start < end:
                    value = data[start:end]
                    if end - start <= LARGE or vr not in DECIMAL or value.translate(None, NUMBER_BYTES):
                        keep((tag, vr, value))
                elif end - start >= binary_values.SHORTEST and tag in binary:
                    keep((tag, vr, data[start:end]))
            elif start < end:
                value = data[start:end]
                if tag == _CHARSET:
                    charsets = tuple(value.decode("ascii", "replace").strip("\0 ").split("\\"))
                elif tag in self._roles:
                    if tag in _AS_BESIDE or (tag, value, charsets, stays) not in seen:
                        seen.add((tag, value, charsets, stays))
                        self._text(tag, _Raw(value, vr, charsets), data, elements, stays=stays)
                elif (tag, value, charsets, stays) not in seen:
                    seen.add((tag, value, charsets, stays))
                    self._note(tag, _Raw(value, vr, charsets), stays=stays)

    def _text(self, tag: int, raw: _Raw, data: bytes, elements: Sequence[Element], *, stays: bool) -> None:
        """Add a text that will be cleaned."""
        self._stays(raw.value, raw.charsets)
        role = self._roles[tag]
        if role == "code_meaning" and not is_private_code(data, elements):
            role = "product"
        if tag in _TECHNICAL:
            self._technical.add(raw)
        text = (role, _number(data, elements, tag), raw._replace(value=character_sets.plain(raw.value, raw.vr)))
        self._texts[text] = stays or self._texts.get(text, False)

    def _note(self, tag: int, raw: _Raw, *, stays: bool) -> None:
        if stays and tag in self._checked:
            self.kept.add((tag, raw.vr, raw.value))
        if raw.vr in _DAYS:
            self._dates.add(raw)
        if tag in _TECHNICAL:
            self._technical.add(raw)
        if tag in self._staying:
            self._stays(raw.value, raw.charsets)
        kind = self._kinds.get(tag) or ("person" if raw.vr == b"PN" and tag & 0x00010000 else None)
        if kind:
            self._identifiers.add((kind, raw))

    def _stays(self, value: bytes, charsets: tuple[str, ...]) -> None:
        if character_sets.is_foreign(value):
            self._foreign[charsets].add(value)

    def identifiers(self) -> frozenset[tuple[str, str]]:
        """Return identifying values, decoded."""
        return frozenset((kind, part) for kind, raw in self._identifiers for part in raw.read())

    @cached_property
    def read_texts(self) -> list[tuple[Text, bool]]:
        """Texts for the cleaner, and whether each is outside removed sequences."""
        return [
            (Text(role, number, part), stays)
            for (role, number, raw), stays in self._texts.items()
            for part in raw.read()
        ]

    def technical(self) -> frozenset[str]:
        """Return manufacturers and models."""
        return frozenset(part for raw in self._technical for part in raw.read())

    def foreign(self) -> Mapping[tuple[str, ...], frozenset[bytes]]:
        """Return kept texts beyond ASCII."""
        return {charsets: frozenset(values) for charsets, values in self._foreign.items()}

    def days(self) -> frozenset[date]:
        """Return all dates."""
        return frozenset(day for raw in self._dates for day in _DAYS[raw.vr](raw.value))


def is_private_code(data: bytes, code: Iterable[Element]) -> bool:
    """Return whether a code has no public scheme: a private one, 99…, a clinic's own, or none.

    Its meaning is free text.
    """
    scheme = next((data[element[3] : element[4]] for element in code if element[0] == _SCHEME), b"")
    return scheme.strip(b" \0").decode("ascii", "replace") not in PUBLIC_SCHEMES


def _number(data: bytes, elements: Iterable[Element], label: int) -> int:
    """Return the number beside a label; 0 if there is none."""
    wanted = _NUMBERS.get(label)
    if wanted is None:
        return 0
    digits = next((data[element[3] : element[4]] for element in elements if element[0] == wanted), b"").strip(b" \0")
    return int(digits) if digits.isdigit() and len(digits) <= _LONGEST_IS else 0
