"""Writing of a set's new files: the same elements, changed as decided by the policy.

Replacement values are computed once per set (`services.deidentify.replacements`); files are then independent of each
other, and the same set gives the same bytes on every attempt. The treatment of each element is determined only by
`services.policy.table`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from services.deidentify import unify_charset
from services.dicom import character_sets, dates, dictionary, part10
from services.dicom.dataset import View, root_view
from services.dicom.elements import ITEM, Rules, drop, encode, keep, rewrite
from services.machines import fluence
from services.policy import table
from services.policy.table import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from services.deidentify.replacements import Replacements
    from services.dicom.elements import Edit, Element, New
    from services.dicom.part10 import DicomFile
    from services.policy.table import Code, Decision, Policy
    from services.policy.text_roles import Role
    from services.rtset.kept_values import Mend
    from services.rtset.reader import RtSet, SetFile

    Mends: TypeAlias = Mapping[int, Mapping[bytes, Mend]]

PREFIXES: Final[Mapping[str, str]] = {"CT": "CT", "RTSTRUCT": "RS", "RTPLAN": "RP", "RTDOSE": "RD"}
"""File name prefixes of new files, by kind of object."""

_ONE_VALUE_VRS: Final = frozenset(b"LT ST UT".split())
"""VRs in which the backslash is an ordinary character. PS3.5 6.2."""

_CHARSET: Final = dictionary.tag("SpecificCharacterSet")
_STUDY_ID: Final = dictionary.tag("StudyID")
_BEAMS: Final = tuple(map(dictionary.tag, ("BeamSequence", "IonBeamSequence")))
_FLUENCE: Final = dictionary.tag("PrimaryFluenceModeSequence")


class Written(NamedTuple):
    """One new file."""

    source: SetFile
    name: str
    size_bytes: int

    settled: bool
    """Whether unused bits of its pixel cells were cleared."""


def write(rtset: RtSet, replacements: Replacements, folder: Path) -> Iterator[Written]:
    """Write the new files of a set into an empty folder, one per iteration.

    Raises
    ------
    OSError
        For example, the disk is full or the share unavailable.
    elements.Truncated
        A file was truncated while being copied.
    """
    tables = _Tables(replacements, rtset.foreign, replacements.mends)
    buffer = bytearray(part10.COPIED_AT_ONCE)
    for source in rtset.set_files:
        file = _in_one_character_set(source.file)
        view = source.view if file is source.file else root_view(file)
        charsets = tuple(view.charsets)
        declared = tables.declaration(charsets) if file is source.file else None
        output = (declared.decode("ascii"),) if declared else charsets
        rules = tables.rules(charsets, output, implicit=file.implicit)
        study = (
            replacements.study_ids.get(replacements.uids(source.uid("StudyInstanceUID")), "")
            if replacements.study_ids
            else ""
        )
        additions = tables.additions(source.kind, declared, study, implicit=file.implicit)
        uid = replacements.uids(source.sop_instance_uid)
        name = file_name(source.kind, uid)
        before, end = file.before_pixels()
        written = part10.write(
            folder / name,
            file,
            rewrite(file.data, before, rules, implicit=file.implicit, end=end, additions=additions),
            rewrite(file.data, file.behind_pixels(), rules, implicit=file.implicit, end=len(file.data)),
            sop_class_uid=source.sop_class_uid.encode(),
            sop_instance_uid=uid.encode(),
            buffer=buffer,
        )
        yield Written(source, name, written.size, written.settled)


def file_name(kind: str, uid: str) -> str:
    """Return the name of a published file, from its new SOP Instance UID: `CT.2.25.….dcm`."""
    return f"{PREFIXES[kind]}.{uid}.dcm"


def _in_one_character_set(file: DicomFile) -> DicomFile:
    """Convert a file whose items declare their own character sets to a single one; nearly all need no conversion."""
    behind_its_own = next((element[4] for element in file.elements if element[0] == _CHARSET), 0)
    return file if file.data.find(b"\x08\x00\x05\x00", behind_its_own) < 0 else unify_charset.in_utf8(file)


class _Decided:
    """The decisions of a policy, by what the writer must do."""

    def __init__(self, decided: Policy) -> None:
        kept = {tag: found for tag, found in decided.compiled.items() if found.action is Action.KEEP}
        self.kept: Final[Mapping[int, Edit]] = dict.fromkeys(kept, keep)
        self.kept_texts: Final = {
            tag: found for tag, found in kept.items() if dictionary.vr(tag) in character_sets.CHARSET_VRS
        }
        self.treated: Final = {
            tag: found for tag, found in decided.compiled.items() if found.action not in (Action.KEEP, Action.DROP)
        }


_decided = cache(_Decided)
"""The same for all sets of a policy."""


class _Tables:
    """Rewriting rules for one set, created once per combination of character sets and encoding."""

    def __init__(
        self, replacements: Replacements, foreign: Mapping[tuple[str, ...], frozenset[bytes]], mends: Mends
    ) -> None:
        self._replacements = replacements
        self._mends = mends
        self._foreign = foreign
        self._declared: dict[tuple[str, ...], bytes | None] = {}
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...], bool], Rules] = {}
        self._additions: dict[tuple[str, bytes | None, str, bool], Mapping[int, New | None]] = {}
        self._decided = _decided(replacements.policy)

    def declaration(self, charsets: tuple[str, ...]) -> bytes | None:
        """Return the new value of (0008,0005) if it is missing or wrong; else None."""
        if charsets not in self._declared:
            self._declared[charsets] = character_sets.effective_charset(
                "\\".join(charsets).encode("ascii", "replace"),
                self._foreign.get(charsets if any(charsets) else (), ()),
                self._replacements.cleaner.written,
            )
        return self._declared[charsets]

    def rules(self, charsets: tuple[str, ...], output: tuple[str, ...], *, implicit: bool) -> Rules:
        """Return the rules for files read with `charsets` and written in `output`."""
        key = (charsets, output, implicit)
        if key not in self._known:
            self._known[key] = self._make(charsets, output, implicit=implicit)
        return self._known[key]

    def _make(self, charsets: tuple[str, ...], output: tuple[str, ...], *, implicit: bool) -> Rules:
        edit = _Edits(self._replacements, charsets, output, self._mends)
        decided = self._decided
        edits: dict[int, Edit] = {**decided.kept}
        treated = decided.treated if charsets == output else decided.treated | decided.kept_texts
        edits.update({tag: edit(tag, found) for tag, found in treated.items()})
        edits.update({tag: edit.mended(tag, edits[tag]) for tag in self._mends if tag in edits})
        inside = _Inside(self._replacements.policy, edits, edit)
        top = Rules(edits, inside)
        for beams in _BEAMS:
            within = inside.get(beams) or top
            inside[beams] = Rules(within.edits, within.inside, complete=self._beam(implicit=implicit), below=within)
        return top

    def additions(
        self, kind: str, declared: bytes | None, study_id: str = "", *, implicit: bool
    ) -> Mapping[int, New | None]:
        """Return the elements added to the root of every output object."""
        key = (kind, declared, study_id, implicit)
        if key not in self._additions:
            self._additions[key] = self._added(*key)
        return self._additions[key]

    def _added(self, kind: str, declared: bytes | None, study_id: str, implicit: bool) -> Mapping[int, New | None]:
        replacements = self._replacements
        methods: dict[str, bytes] = {
            "PatientIdentityRemoved": b"YES",
            "DeidentificationMethod": "\\".join(replacements.method).encode("ascii"),
            "DeidentificationMethodCodeSequence": b"".join(
                _code_item(code, implicit=implicit) for code in replacements.codes
            ),
            "LongitudinalTemporalInformationModified": table.temporal_information(replacements.policy.options).encode(),
        }
        made: dict[int, New | None] = {}
        for tag in table.ADDITIONS:
            decision = replacements.policy.compiled[tag]
            if decision.action is Action.METHOD:
                value = methods[dictionary.keyword(tag)]
            elif decision.action is Action.IDENTITY:
                value = _stated(replacements, decision.argument)
            else:
                value = decision.argument.encode("ascii")
            made[tag] = (dictionary.vr(tag), value)
        if study_id:
            made[_STUDY_ID] = (b"SH", study_id.encode("ascii"))
        if declared is not None:
            made[_CHARSET] = (b"CS", declared)
        if replacements.person.age is None:
            made[dictionary.tag("PatientAge")] = None
        if kind == "CT" and replacements.scanner:
            made[dictionary.tag("StationName")] = (b"SH", replacements.scanner.encode("ascii"))
        return made

    def _beam(self, *, implicit: bool) -> Callable[[bytes, Sequence[Element]], Mapping[int, New | None]]:
        """Return the function that adds the machine to a beam, and its fluence from the private equivalent."""
        machine = self._replacements.machine

        def complete(data: bytes, elements: Sequence[Element]) -> Mapping[int, New | None]:
            made: dict[int, New | None] = {}
            if machine is not None:
                made[dictionary.tag("TreatmentMachineName")] = (b"SH", machine.name.encode("ascii"))
                made[dictionary.tag("Manufacturer")] = (b"LO", machine.manufacturer.encode("ascii"))
                made[dictionary.tag("ManufacturerModelName")] = (b"LO", machine.model.encode("ascii"))
            beam = View(data, elements, ())
            twin = None if beam.has("PrimaryFluenceModeSequence") else fluence.private_fluence(beam)
            if twin is not None:
                made[_FLUENCE] = (b"SQ", _fluence_item(twin, implicit=implicit))
            return made

        return complete


class _Inside(dict[int, Rules]):
    """Rules for sequences with other policy decisions, created on first use."""

    def __init__(self, decided: Policy, edits: Mapping[int, Edit], edit: _Edits) -> None:
        super().__init__()
        self._policy = decided
        self._edits = edits
        self._edit = edit

    def get(self, tag: int, default: Rules | None = None) -> Rules | None:  # type: ignore[override]
        """Return the rules inside a sequence: those around it, overridden by the sequence's own decisions."""
        if tag not in self._policy.within:
            return default
        found = super().get(tag)
        if found is None:
            own = {tag: self._edit(tag, decision) for tag, decision in self._policy.within[tag].items()}
            edits = {**self._edits, **own}
            found = self[tag] = Rules(edits, _Inside(self._policy, edits, self._edit))
        return found


class _Edits:
    """Converts policy decisions into edits of value fields."""

    def __init__(
        self, replacements: Replacements, charsets: tuple[str, ...], output: tuple[str, ...], mends: Mends
    ) -> None:
        self._replacements = replacements
        self._mends = mends
        self._charsets = charsets
        self._output = output

    def __call__(self, tag: int, decision: Decision) -> Edit:
        """Return the edit for a decision, with one branch per `Action`."""
        replacements, vr = self._replacements, dictionary.vr(tag)
        match decision.action:
            case Action.KEEP:
                return self.mended(tag, self._recoded(vr) if vr in character_sets.CHARSET_VRS else keep)
            case Action.DROP | Action.SCANNER | Action.METHOD:  # the last two are inserted at the root
                return drop
            case Action.EMPTY:
                return _constant(b"")
            case Action.DUMMY:
                return _constant(decision.argument.encode("ascii"))
            case Action.UID:
                return replacements.uids
            case Action.DATE:
                return self._dated(vr)
            case Action.CLEAN:
                return self._cleaned(vr, decision.argument)
            case Action.IDENTITY:
                return _constant(_stated(replacements, decision.argument))
            case Action.MACHINE:
                return _constant(self._of_machine(decision.argument))
            case Action.APPROVAL:
                return _constant(b"UNAPPROVED")

    def mended(self, tag: int, edit: Edit) -> Edit:
        """Return an edit that first replaces a kept value that cannot stay."""
        known, vr = self._mends.get(tag), dictionary.vr(tag)
        if known is None:
            return edit
        if vr in character_sets.CHARSET_VRS:
            return lambda value: edit(known[value].new if value in known else character_sets.plain(value, vr))
        return lambda value: edit(known[value].new if value in known else value)

    def _recoded(self, vr: bytes) -> Edit:
        """Return the edit that converts a kept text to the output's character set, if different."""
        if self._charsets == self._output:
            return keep
        return lambda value: character_sets.recode(value, vr, self._charsets, self._output)

    def _dated(self, vr: bytes) -> Edit:
        move = dates.shift_da if vr == b"DA" else dates.shift_dt
        shift = self._replacements.shift
        known: dict[bytes, bytes] = {}

        def edit(value: bytes) -> bytes:
            if value not in known:
                known[value] = move(value, shift).encode("ascii")
            return known[value]

        return edit

    def _cleaned(self, vr: bytes, role: Role | str) -> Edit:
        known: dict[bytes, bytes] = {}

        def edit(value: bytes) -> bytes:
            if value not in known:
                known[value] = self._clean(value, vr, role)
            return known[value]

        return edit

    def _clean(self, value: bytes, vr: bytes, role: Role | str) -> bytes:
        value = character_sets.plain(value, vr)
        as_read = character_sets.decode(value, vr, self._charsets)
        parts = [as_read] if vr in _ONE_VALUE_VRS else as_read.split("\\")
        cleaned = "\\".join(self._clean_one(part, role) for part in parts)
        if cleaned == as_read and self._charsets == self._output:
            return value
        return character_sets.encode(cleaned, self._output)

    def _clean_one(self, part: str, role: Role | str) -> str:
        if not part.strip(" \0"):
            return part
        try:
            return self._replacements.cleaner.clean(part, role)  # type: ignore[arg-type]  # the policy's word for it
        except LookupError:
            if role != "code_meaning":
                raise
            return self._replacements.cleaner.clean(part, "product")  # of a public scheme

    def _of_machine(self, part: str) -> bytes:
        machine = self._replacements.machine
        assert machine is not None  # if the machine is kept, the policy's decision is KEEP
        return {"name": machine.name, "manufacturer": machine.manufacturer, "model": machine.model}[part].encode(
            "ascii"
        )


def _constant(value: bytes) -> Edit:
    return lambda _: value


def _stated(replacements: Replacements, part: str) -> bytes:
    """Return one encoded element of the new identity."""
    identity, person = replacements.identity, replacements.person
    values = {
        "patient_id": identity.patient_id,
        "patient_name": identity.patient_name,
        "birth_date": f"{person.birth_date:%Y%m%d}" if person.birth_date else "",
        "sex": person.sex,
        "age": person.age.statement if person.age else "",
    }
    return values[part].encode("ascii")


def _code_item(code: Code, *, implicit: bool) -> bytes:
    """Encode one item of a code sequence. PS3.3 8.8."""
    return _item(
        {
            "CodeValue": code.value,
            "CodingSchemeDesignator": "DCM",
            "CodeMeaning": code.meaning,
        },
        implicit=implicit,
    )


def _fluence_item(found: fluence.Fluence, *, implicit: bool) -> bytes:
    """Encode the item of (3002,0050) *Primary Fluence Mode Sequence*."""
    mode_id = {"FluenceModeID": found.mode_id} if found.mode_id else {}
    return _item({"FluenceMode": found.mode, **mode_id}, implicit=implicit)


def _item(values: Mapping[str, str], *, implicit: bool) -> bytes:
    """Encode an item of text elements; keywords in tag order."""
    body = b"".join(
        encode(
            dictionary.tag(keyword), dictionary.vr(dictionary.tag(keyword)), value.encode("ascii"), implicit=implicit
        )
        for keyword, value in values.items()
    )
    return ITEM + len(body).to_bytes(4, "little") + body
