"""Proof of a set: the written files are read back and compared with their source before anyone else sees them.

Every element that differs from the source is explained by its policy row; every other is equal. Every byte of the
output is accounted for: pixels and numbers are the source's, UIDs are replaced one to one, and each distinct text is
searched for identifiers of the set. The proof interprets both sides independently and uses no key, map or shift by
default: what it cannot check by properties it does not trust. It can be repeated years later.

Its result contains no original values: only hashes, counts and attribute paths.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from services.dicom import part10
from services.dicom.dictionary import tag
from services.dicom.elements import Malformed
from services.dicom.part10 import NotDicom, Series
from services.errors import NotClean, SetChanged
from services.layout import published_in
from services.policy.object_kinds import KINDS
from services.policy.table import Action
from services.proof import kept_values, references, values, written_file
from services.proof.compare_elements import Walk, by_attribute
from services.proof.evidence import Locator, Place, Reasons
from services.proof.pixels import PixelComparison
from services.proof.references import value_of
from services.proof.search import Search
from services.proof.traces import Traces
from services.proof.values import StudyDates, study_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from services.dicom.part10 import DicomFile
    from services.forms.identity import NewIdentity
    from services.policy.table import Policy
    from services.proof.compare_elements import MachineIdentity, Naming

_SOP_CLASS: Final = tag("SOPClassUID")
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
    series = Series()
    old = [(kind, _read_source(path, series)) for kind, path in source]
    new = _read_output(output, reasons)
    pairs = _pair(old, new, reasons)
    if sentences := reasons.sentences():
        raise NotClean(*sentences)

    walk = Walk(expected.policy, expected, reasons)
    checks: Counter[str] = Counter(files=len(pairs))
    outputs: dict[str, Output] = {}
    pixels = PixelComparison()
    for kind, before, after in pairs:
        for check, what in written_file.faults(kind, before, after):
            reasons.add(check, what)
        walk.compare(kind, before, after)
        digest, wrong = pixels.compare(kind, before, after)
        for what in wrong:
            reasons.add("pixels", what, _pixels(kind, before, after))
        outputs[after.path.name] = Output(digest, after.size)
        checks["pixels"] += after.pixels is not None
    checks.update(_judge_set(walk, expected, pairs, reasons, {path.parent.name for _, path in source[:1]}))
    if sentences := reasons.sentences():
        raise NotClean(*sentences)
    return _proof(walk, checks, outputs)


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
    search = Search(identifying, values.makers(found), expected.taken)
    locator = Locator([(kind, after) for kind, _, after in pairs])
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


def _read_source(path: Path, series: Series) -> DicomFile:
    try:
        return part10.read(path, series)
    except (NotDicom, Malformed):
        raise SetChanged from None


def _read_output(folder: Path, reasons: Reasons) -> list[DicomFile]:
    """Read all files in the output folder."""
    found, series = [], Series()
    for name in published_in(folder):
        path = folder / name
        if path.is_symlink() or not path.is_file():
            reasons.add("files", "the folder contains something other than a file")
            continue
        try:
            found.append(part10.read(path, series))
        except (NotDicom, Malformed):
            reasons.add("files", "a file is not valid DICOM")
    return found


def _pair(
    old: Sequence[tuple[str, DicomFile]], new: Sequence[DicomFile], reasons: Reasons
) -> list[tuple[str, DicomFile, DicomFile]]:
    """Return the output of each source object, matched by kind and position in the patient; images first."""
    kinds = [KINDS.get(value_of(file, _SOP_CLASS).decode("latin-1"), "") for file in new]
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
