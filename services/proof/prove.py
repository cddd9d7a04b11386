"""Proof of a set: the written files are read back and compared with their source before anyone else sees them.

Every element that differs from the source is explained by its policy row; every other is equal. Every byte of the
output is accounted for: pixels and numbers are the source's, UIDs are replaced one to one, and each distinct text is
searched for identifiers of the set. The proof interprets both sides independently and uses no key, map or shift by
default: what it cannot check by properties it does not trust. It can be repeated years later.

Its result contains no original values: only hashes, counts and attribute paths.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from services.dicom import part10
from services.dicom.dictionary import tag
from services.dicom.elements import Malformed
from services.dicom.part10 import NotDicom
from services.errors import NotClean, SetChanged
from services.layout import published_in
from services.policy.table import Action
from services.proof import kept_values, references, values
from services.proof.compare_elements import Walk, by_attribute
from services.proof.evidence import Place, Reasons
from services.proof.locate import Locator
from services.proof.pixels import PixelComparison
from services.proof.references import value_of
from services.proof.search import Search
from services.proof.traces import Traces
from services.proof.values import StudyDates, study_date
from services.rtset import reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from services.dicom.part10 import DicomFile
    from services.forms.identity import NewIdentity
    from services.policy.table import Policy
    from services.proof.compare_elements import MachineIdentity, Naming

PREFIXES: Final[Mapping[str, str]] = {"CT": "CT", "RTSTRUCT": "RS", "RTPLAN": "RP", "RTDOSE": "RD"}
"""File name prefixes by kind of object."""

_PLAIN: Final = frozenset((part10.IMPLICIT, part10.EXPLICIT))
_GROUP_LENGTH: Final = 0x00020000
_VERSION: Final = 0x00020001
_IMPLEMENTATION_NAME: Final = 0x00020013
_META_VERSION: Final = b"\x00\x01"
_IMPLEMENTATION_VERSION: Final = re.compile(rb"RTSETANON_[0-9]+")
_SOP_CLASS: Final = tag("SOPClassUID")
_SOP_INSTANCE: Final = tag("SOPInstanceUID")
_STUDY_DATE: Final = tag("StudyDate")
_POSITION: Final = tag("ImagePositionPatient")
_NUMBER: Final = tag("InstanceNumber")
_PIXELS: Final = tag("PixelData")


@dataclass(frozen=True, slots=True)
class Expected:
    """Promises about a set."""

    identity: NewIdentity

    policy: Policy

    machine: MachineIdentity | None
    """Machine to which the beams were moved; None if linac and scanner are kept."""

    scanner: str = ""

    relinked: bool = False
    """Whether references were rebuilt."""

    naming: Naming | None = None
    """Confirmed structure names."""

    unread_words: bool | None = None
    """Whether its texts contain unknown words that no person has reviewed; None if not stated."""

    birth_date: str | None = None
    """Made-up birth date of the person to whom the set is linked; None if the set has its own."""

    study_ids: Mapping[str, str] = field(default_factory=dict)
    """Study ID by new Study Instance UID, if sets of a person are linked."""

    taken: Callable[[str], bool] | None = None
    """Whether a word was removed that is not an identifier, by a person's decision or weak evidence."""

    new_uid: Callable[[str], str] | None = None
    """Maps an original UID by the collection's key; None if the key is not used."""

    shift: timedelta | None = None
    """Shift of the set's dates by the key; None if it is not used."""

    @property
    def patient_id(self) -> str:
        """The new Patient ID."""
        return self.identity.patient_id

    @property
    def patient_name(self) -> str:
        """The new Patient's Name."""
        return self.identity.patient_name


@dataclass(frozen=True, slots=True)
class Output:
    """One file of the published set."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Proof:
    """Facts found correct; there is no proof of a set with any error."""

    checks: Mapping[str, int]
    """Number of facts examined by each check."""

    elements: Mapping[str, int]
    """Number of elements that are equal, dropped, added, and changed by each other action of the policy."""

    changes: Mapping[str, Mapping[str, int]]
    """Attribute path, action, count. No values."""

    files: Mapping[str, Output]
    """Output files by name."""

    account: Mapping[str, Any]
    """Contents of the output, including numbers equal to the source's (`services.proof.account`)."""

    def as_json(self) -> dict[str, Any]:
        """Return the proof as stored in a record; the account is stored separately."""
        return {
            "checks": dict(self.checks),
            "elements": dict(self.elements),
            "changes": {path: dict(actions) for path, actions in self.changes.items()},
            "files": {name: {"sha256": one.sha256, "size_bytes": one.size_bytes} for name, one in self.files.items()},
        }


def prove(source: Iterable[tuple[str, Path]], output: Path, expected: Expected) -> Proof:
    """Prove that the files in `output` are exactly what was promised of the source.

    Parameters
    ----------
    source
        Kind (`CT`, `RTSTRUCT`, `RTPLAN`, `RTDOSE`) and path of every object of the set.
    output
        The folder of the new files.

    Raises
    ------
    NotClean
        Anything is wrong; the reasons name attributes, never values.
    SetChanged
        A source file has changed and cannot be read.
    OSError
        Temporary.
    """
    reasons = Reasons()
    source = list(source)
    old = [(kind, _read_source(path)) for kind, path in source]
    new = _read_output(output, reasons)
    pairs = _pair(old, new, reasons)
    if told := reasons.told():
        raise NotClean(*told)

    walk = Walk(expected.policy, expected, reasons)
    checks: Counter[str] = Counter(files=len(pairs))
    files: dict[str, Output] = {}
    pixels = PixelComparison()
    for kind, before, after in pairs:
        _judge_file(kind, before, after, reasons)
        walk.compare(kind, before, after)
        digest, wrong = pixels.compare(kind, before, after)
        for what in wrong:
            reasons.add("pixels", what, _pixels(kind, before, after))
        files[after.path.name] = Output(digest, after.size)
        checks["pixels"] += after.pixels is not None
    checks.update(_judge_set(walk, expected, pairs, reasons, {path.parent.name for _, path in source[:1]}))
    if told := reasons.told():
        raise NotClean(*told)
    return _proof(walk, checks, files)


def _proof(walk: Walk, checks: Mapping[str, int], files: Mapping[str, Output]) -> Proof:
    changes = walk.changes()
    elements = Counter(equal=walk.found.equal)
    for _, action, count in changes:
        elements[action] += count
    return Proof(
        dict(checks) | {"elements": elements.total()},
        dict(elements),
        by_attribute(changes),
        dict(sorted(files.items())),
        walk.account.as_json(),
    )


def _judge_set(
    walk: Walk,
    expected: Expected,
    pairs: Sequence[tuple[str, DicomFile, DicomFile]],
    reasons: Reasons,
    folders: Iterable[str],
) -> dict[str, int]:
    """Check properties of the whole set; return the number of facts.

    Parameters
    ----------
    folders
        Names of the source's folders, whose words a cleaner may have removed.
    """
    found = walk.found
    shift = values.judge_dates(found, reasons)
    if shift and expected.shift and shift != expected.shift:
        reasons.add(
            "dates", "moved by another interval than the collection's key determines", next(iter(found.dates.values()))
        )
    identifying = values.identifying_values(found)
    makers = [value.decode("latin-1") for value in found.makers]
    search, locator = Search(identifying, makers, expected.taken), Locator([(kind, after) for kind, _, after in pairs])
    old = [(kind, before) for kind, before, _ in pairs]
    new = [(kind, after) for kind, _, after in pairs]
    links = references.read_links(new)
    if expected.relinked:
        linked = references.judge_rebuilt_links(links, old, new, reasons)
    else:
        linked = references.judge_links(references.read_links(old), links, reasons)
    options = expected.policy.options
    return {
        "uids": values.judge_uids(found, locator, reasons, expected.new_uid),
        "dates": len(found.dates),
        "identity": values.judge_identity(found, expected, _studied(pairs), shift, reasons),
        "free text": values.judge_cleaned(
            found, search, Traces(identifying, expected.taken, folders), reasons, expected.naming
        ),
        "machine": sum(count for _, action, count in walk.changes() if action == Action.MACHINE.value),
        "method": values.judge_method(
            found, options, relinked=expected.relinked, unread_words=expected.unread_words, reasons=reasons
        ),
        "links": linked,
        "kept values": kept_values.judge(found, search, identifying, locator, reasons),
        "identifiers": values.judge_texts(found, search, locator, reasons),
    }


def _pixels(kind: str, old: DicomFile, new: DicomFile) -> Place:
    """Return the location of an object's pixel data. PS3.3 C.7.6.3, C.7.6.24, C.7.6.25."""
    pixels = new.pixels or old.pixels
    head = pixels.head if pixels else b""
    number = int.from_bytes(head[2:4], "little")
    return Place(kind, (), 0x7FE00000 | number if number else _PIXELS)


def _studied(pairs: Sequence[tuple[str, DicomFile, DicomFile]]) -> StudyDates:
    """Return the date for the age: the first study date stated, the CT's before the others'."""
    for _, before, after in pairs:
        if old := study_date(value_of(before, _STUDY_DATE)):
            return StudyDates(old, study_date(value_of(after, _STUDY_DATE)))
    return StudyDates(None, None)


# Files ----------------------------------------------------------------------------------------------------------------


def _read_source(path: Path) -> DicomFile:
    try:
        return part10.read(path)
    except (NotDicom, Malformed):
        raise SetChanged from None


def _read_output(folder: Path, reasons: Reasons) -> list[DicomFile]:
    """Read all files in the output folder."""
    found = []
    for name in published_in(folder):
        path = folder / name
        if path.is_symlink() or not path.is_file():
            reasons.add("files", "the folder contains something other than a file")
            continue
        try:
            found.append(part10.read(path))
        except (NotDicom, Malformed):
            reasons.add("files", "a file is not valid DICOM")
    return found


def _pair(
    old: Sequence[tuple[str, DicomFile]], new: Sequence[DicomFile], reasons: Reasons
) -> list[tuple[str, DicomFile, DicomFile]]:
    """Return the output of each source object, matched by kind and position in the patient; images first."""
    kinds = [reader.KINDS.get(value_of(file, _SOP_CLASS).decode("latin-1"), "") for file in new]
    made: dict[tuple[str, bytes, bytes], DicomFile] = {}
    for place, file in zip(_places(kinds, new), new, strict=True):
        if made.setdefault(place, file) is not file:
            reasons.add("files", "two files contain the same object")
    pairs = []
    for place, (kind, before) in zip(_places([kind for kind, _ in old], [file for _, file in old]), old, strict=True):
        after = made.pop(place, None)
        if after is None:
            reasons.add("files", f"there is no output of a {kind}")
        else:
            pairs.append((kind, before, after))
    for _ in made:
        reasons.add("files", "the folder contains an object that is not in the set")
    return sorted(pairs, key=lambda pair: pair[0] != "CT")


def _places(kinds: Sequence[str], files: Sequence[DicomFile]) -> list[tuple[str, bytes, bytes]]:
    """Return the key of each object: kind, position, and the instance number of slices that share a position."""
    positions = [value_of(file, _POSITION) if kind == "CT" else b"" for kind, file in zip(kinds, files, strict=True)]
    shared = {position for position, times in Counter(positions).items() if times > 1}
    return [
        (kind, position, value_of(file, _NUMBER) if kind == "CT" and position in shared else b"")
        for kind, position, file in zip(kinds, positions, files, strict=True)
    ]


def _meta_element(attribute: int, value: bytes) -> bytes:
    """Encode an element of the file meta information in explicit VR. PS3.10 7.1, PS3.5 7.1.2."""
    head = (attribute >> 16).to_bytes(2, "little") + (attribute & 0xFFFF).to_bytes(2, "little")
    if attribute == _VERSION:
        return head + b"OB\0\0" + len(value).to_bytes(4, "little") + value
    vr = {_GROUP_LENGTH: b"UL", _IMPLEMENTATION_NAME: b"SH"}.get(attribute, b"UI")
    return head + vr + len(value).to_bytes(2, "little") + value


def _judge_file(kind: str, old: DicomFile, new: DicomFile, reasons: Reasons) -> None:
    """Check that name, preamble and file meta information are new, without other contents. PS3.10 7.1."""
    sop_class, instance = value_of(new, _SOP_CLASS), value_of(new, _SOP_INSTANCE)
    if new.path.name != f"{PREFIXES[kind]}.{instance.decode('latin-1')}.dcm":
        reasons.add("files", f"the name of a {kind} is not derived from its new UID")
    if new.data[:132] != bytes(128) + b"DICM":
        reasons.add("file meta information", f"the preamble of a {kind} is not empty")
    meta = {attribute: value.strip(b" \0") for attribute, value in new.meta.items()}
    length, version = new.meta.get(_GROUP_LENGTH, b""), new.meta.get(_VERSION, b"")
    begin = new.elements[0][2] if new.elements else len(new.data)
    expected = {
        _GROUP_LENGTH: length.strip(b" \0"),
        _VERSION: _META_VERSION.strip(b" \0"),
        0x00020002: sop_class,
        0x00020003: instance,
        0x00020010: new.transfer_syntax.encode(),
        0x00020012: part10.IMPLEMENTATION_CLASS_UID,
        _IMPLEMENTATION_NAME: meta.get(_IMPLEMENTATION_NAME, b""),
    }
    written = b"".join(_meta_element(attribute, value) for attribute, value in new.meta.items())
    if (
        meta != expected
        or version != _META_VERSION
        or not _IMPLEMENTATION_VERSION.fullmatch(meta[_IMPLEMENTATION_NAME])
        or new.data[132:begin] != written
        or int.from_bytes(length, "little") != len(written) - 12
    ):
        reasons.add("file meta information", f"of a {kind} does not contain exactly what was to be written")
    syntaxes = _PLAIN if old.transfer_syntax in _PLAIN else {old.transfer_syntax}
    if new.memory is not None or new.transfer_syntax not in syntaxes:
        reasons.add("file meta information", f"the transfer syntax of a {kind} is not one of those allowed")
    pixels = len(new.pixels.head) + new.pixels.length if new.pixels else 0
    if new.size != len(new.data) + pixels:
        reasons.add("elements", f"of a {kind} do not extend to the end of the file")
    if new.recoded or new.oddities:
        reasons.add("elements", f"of a {kind} are not encoded as required: {', '.join(new.oddities)}")
