"""Checks of a delivered set without its original: that it is a valid set, and that its claims about itself hold.

Violations cause refusal: a second patient, a missing link, data that the policy claims to have removed. What merely
cannot be shown, or was accepted by the sender and named in the manifest, is reported, as are words that are not in the
lexicon.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from services import plain_files
from services.deidentify.uid_map import is_well_known
from services.dicom import dictionary
from services.errors import SetChanged, SetRefused
from services.forms.collection_form import ACCEPTABLE
from services.language import gettext, gettext_noop, spoken
from services.policy import attribute_types
from services.policy.table import Action, Choice, policy_for
from services.verdict import check
from services.vocabulary import anatomy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from services.dicom.dataset import View
    from services.dicom.elements import Element
    from services.forms.collection_form import Options
    from services.machines.descriptor import Machine
    from services.policy.table import Decision, Policy
    from services.rtset.reader import RtSet, SetFile

_METHOD_BEGINS: Final = "rt-set-anonymizer "
_CHUNK: Final = 1 << 20
_PARTS: Final = 16
_PART_BYTES: Final = 4096
"""Bytes hashed per section of a slice to recognize a CT; smaller slices are hashed whole."""
_STATED: Final = ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence")
_NEEDED_2: Final = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID")
"""Type 2 in every object of a set. PS3.3 C.7.1.1, C.7.2.1."""
_PREAMBLE_BYTES: Final = 128
_META: Final = frozenset(0x00020000 | element for element in (0x00, 0x01, 0x02, 0x03, 0x10, 0x12, 0x13))
"""File meta information written by `part10`; the standard also allows senders' names and private information there."""
_DATE: Final = re.compile(r"(?<!\d)(?:(?:19|20)\d\d[-./]?[01]\d[-./]?[0-3]\d|[0-3]?\d\.[01]?\d\.(?:19|20)\d\d)(?!\d)")
_LONG_NUMBER: Final = re.compile(r"(?<!\d)\d{6,}(?!\d)")

_Violation = tuple[str, str]
"""What an object violates, in English, and the attribute concerned: many objects share one."""


@dataclass(frozen=True)
class Judged:
    """Result of checking a delivered set."""

    rtset: RtSet | None
    """None if it is refused."""

    wrong: tuple[str, ...]
    """Reasons for refusal: attribute paths and counts."""

    remarks: tuple[str, ...]
    """Remarks for a person."""

    patient_id: str = ""
    patient_name: str = ""
    plan_label: str = ""


def judge(folder: Path, entry: Mapping[str, Any], options: Options, machines: Sequence[Machine]) -> Judged:
    """Check the set in a folder of a delivery.

    Parameters
    ----------
    entry
        Its entry in the manifest.
    options, machines
        Those of the receiving collection: the set is checked against the same machines as all sets there.
    """
    accepted = frozenset(map(str, entry.get("accepted", ()))) & ACCEPTABLE
    choice = _choice(entry)
    taken = replace(options, accept=options.accept | accepted, on_broken_links="refuse", extra_objects="refuse")
    try:
        verdict = check.judge(folder, taken, machines, policy_for(choice), delivered=True)
    except (SetRefused, SetChanged) as error:
        faults = error.faults if isinstance(error, SetRefused) else ()
        return Judged(None, tuple(fault.found for fault in faults) or (gettext("It cannot be read."),), ())
    remarks = [gettext("Accepted by its sender: {code}.", code=code) for code in sorted(verdict.accepted)]
    remarks += [
        gettext("Not shown: {link}.", link=link)
        for link, state in verdict.links.items()
        if state not in {"shown", "relinked"}
    ]
    remarks += verdict.record_notes if spoken() == "en" else [note.partition("\n")[0] for note in verdict.notes]
    wrong = [fault.found for fault in (*verdict.faults, *verdict.missing)]
    rtset = verdict.rtset
    if rtset is None or wrong:
        return Judged(None, tuple(wrong) or (gettext("It is not a complete set."),), tuple(remarks))
    wrong += _not_as_claimed(rtset, entry, policy_for(choice))
    wrong += _one_of_each(rtset, entry)
    remarks += _unusual(rtset)
    plan = rtset.plan.view
    return Judged(
        None if wrong else rtset,
        tuple(wrong),
        tuple(dict.fromkeys(remarks)),
        plan.text("PatientID"),
        plan.text("PatientName"),
        plan.text("RTPlanLabel"),
    )


def marks(rtset: RtSet) -> dict[str, str]:
    """Return digests that identify a set under any names: of the CT's voxels, the dose, the contours."""
    slices = sorted(_pixels(one, _PARTS) for one in rtset.slices)
    dose = rtset.dose
    data = rtset.structure_set.file.data
    coordinates = sorted(data[one.start : one.end].strip(b" \0") for one in rtset.structure_set.contours)
    scaling = (dose.view.raw("DoseGridScaling") or b"").strip(b" \0")
    return {
        "ct": sha256("".join(slices).encode()).hexdigest(),
        "dose": sha256(scaling + _pixels(dose).encode()).hexdigest(),
        "contours": sha256(b"\n".join((*coordinates, b""))).hexdigest(),
    }


def _choice(entry: Mapping[str, Any]) -> Choice:
    choice = Choice.recorded(entry.get("options", {}))
    return choice if choice.dates in {"shift", "remove", "keep"} else replace(choice, dates="shift")


def _one_of_each(rtset: RtSet, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield violations of: all objects belong to the manifest's patient and machine, in one frame of reference."""
    patients = {(file.view.text("PatientID"), file.view.text("PatientName")) for file in rtset.set_files}
    if len(patients) != 1:
        yield gettext("Its objects state {count} patients.", count=len(patients))
    elif next(iter(patients))[0] != entry["patient_id"]:
        yield gettext("Its patient is not the one in the manifest.")
    machine = entry.get("machine")
    if isinstance(machine, dict) and "name" in machine:
        beams = rtset.plan.view.items("BeamSequence")
        if {item.text("TreatmentMachineName") for item in beams} - {"", machine["name"]}:
            yield gettext("Its beams name another machine than the manifest.")
    if len({file.uid("FrameOfReferenceUID") for file in rtset.slices}) != 1:
        yield gettext("Its CT has more than one frame of reference.")
    for file in rtset.set_files:
        if f".{file.sop_instance_uid}." not in file.path.name:
            yield gettext("A file's name and its object have different UIDs.")
            return


def _not_as_claimed(rtset: RtSet, entry: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    """Yield contradictions between the objects' contents and what they state was done to them."""
    method = entry.get("method", {})
    texts, codes = [str(each) for each in method.get("text", ())], [str(each) for each in method.get("codes", ())]
    found: Counter[_Violation] = Counter()
    against, statements = _AgainstPolicy(policy), dict[tuple[Any, ...], str]()
    for file in rtset.set_files:
        view = file.view
        stated = (*map(view.raw, _STATED), view.charsets)  # the same in nearly all objects
        if stated not in statements:
            statements[stated] = _misstated(view, texts, codes)
        if statements[stated]:
            found[statements[stated], ""] += 1
        if file.file.meta.keys() - _META or _preamble(file).strip(b"\0"):
            found[gettext_noop("holds more before its first element than this program writes"), ""] += 1
        found.update(against.violations(file))
    for (what, name), count in sorted(found.items(), key=lambda one: one[0][0].format(name=one[0][1])):
        yield gettext("{count} of its objects: {what}.", count=count, what=gettext(what, name=name))


def _preamble(file: SetFile) -> bytes:
    """Return the bytes before a file's meta information, which may hold anything (PS3.10 7.1).

    They were read with the elements, unless these are in an encoding that had to be rewritten.
    """
    if file.file.memory is None and not file.file.recoded:
        return file.file.data[:_PREAMBLE_BYTES]
    with plain_files.opened(file.file.path) as stream:
        return stream.read(_PREAMBLE_BYTES)


def _misstated(view: View, texts: Sequence[str], codes: Sequence[str]) -> str:
    """Return what is wrong with an object's statement of its de-identification; '' if nothing is."""
    if view.text("PatientIdentityRemoved") != "YES" or not all(view.has(keyword) for keyword in _STATED):
        return gettext_noop("does not state that the identity was removed")
    if not any(text.startswith(_METHOD_BEGINS) for text in view.texts("DeidentificationMethod")):
        return gettext_noop("was not made by this program")
    stated = [item.text("CodeValue") for item in view.items("DeidentificationMethodCodeSequence")]
    if view.texts("DeidentificationMethod") != texts or stated != codes:
        return gettext_noop("claims another method than the manifest")
    return ""


class _AgainstPolicy:
    """Finds attributes that a policy removes, empties or makes constant; most values occur in every slice."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._seen: dict[tuple[str, tuple[int, ...], int, bytes | None], tuple[_Violation, ...]] = {}

    def violations(self, file: SetFile) -> set[_Violation]:
        """Return the violations in an object."""
        self._found: set[_Violation] = set()
        self._data, self._kind = file.file.data, file.kind
        at_root, inner = (_unjudged(file.kind, self._policy, (), at_root=root) for root in (True, False))
        self._walk(file.file.elements, (), at_root, inner)
        return self._found

    def _walk(
        self, elements: Sequence[Element], below: tuple[int, ...], unjudged: frozenset[int], inner: frozenset[int]
    ) -> None:
        for tag, _, _, start, end, items in elements:
            if tag not in unjudged:
                self._judge(below, tag, None if items is not None else self._data[start:end])
            if items:
                inside, of_items = below, inner
                if tag in self._policy.within:
                    inside = (*below, tag)
                    of_items = _unjudged(self._kind, self._policy, inside, at_root=False)
                for item in items:
                    self._walk(item[3], inside, of_items, of_items)

    def _judge(self, below: tuple[int, ...], tag: int, value: bytes | None) -> None:
        key = (self._kind, below, tag, value)
        if key not in self._seen:
            self._seen[key] = tuple(_judged(self._kind, self._policy, below, tag, value))
        self._found.update(self._seen[key])


@cache
def _unjudged(kind: str, policy: Policy, below: tuple[int, ...], *, at_root: bool) -> frozenset[int]:
    """Return attributes that may have any value, below some sequences: nearly all attributes of an object."""
    judged = {Action.DROP, Action.EMPTY, Action.DUMMY, Action.UID, Action.APPROVAL}
    return frozenset(
        tag
        for tag in dictionary.DICTIONARY
        if policy.decision(tag, below).action not in judged
        and not (at_root and attribute_types.demanded(kind, attribute_types.ROOT, tag) == 1)
    )


def _judged(kind: str, policy: Policy, below: tuple[int, ...], tag: int, value: bytes | None) -> Iterator[_Violation]:
    """Yield violations in one attribute; a sequence has no value."""
    if tag & 0x00010000:
        yield gettext_noop("holds private elements"), ""
        return
    decision = policy.decision(tag, below) if tag in dictionary.DICTIONARY else None
    name = dictionary.name(tag)
    if decision is None or decision.action is Action.DROP:
        yield gettext_noop("holds {name}, which the claimed policy removes"), name
    elif value is None:
        return
    elif decision.action is Action.EMPTY and value.strip(b" \0"):
        yield gettext_noop("has a value of {name}, which the claimed policy empties"), name
    elif (constant := _constant(decision)) is not None and value.strip(b" \0") != constant:
        yield gettext_noop("has another {name} than the claimed policy gives"), name
    elif decision.action is Action.UID and not all(map(_is_replaced, value.decode("latin-1").split("\\"))):
        yield gettext_noop("has a UID in {name} that the claimed policy replaces"), name
    elif not below and not value.strip(b" \0") and attribute_types.demanded(kind, attribute_types.ROOT, tag) == 1:
        yield gettext_noop("has no value of {name}, which is of Type 1"), name


def _constant(decision: Decision) -> bytes | None:
    """Return the only value that the policy leaves; None if there are others."""
    if decision.action is Action.APPROVAL:
        return b"UNAPPROVED"
    return decision.argument.encode("ascii") if decision.action is Action.DUMMY else None


def _is_replaced(uid: str) -> bool:
    """Return whether a UID may be one of our map: every other one is the hospital's."""
    plain = uid.rstrip("\0 ")
    return not plain or plain.startswith("2.25.") or is_well_known(plain)


def _unusual(rtset: RtSet) -> Iterator[str]:
    """Yield remarks on unknown words, texts that look like a date or an ID, and absent attributes of Type 2."""
    texts = [rtset.plan.view.text("RTPlanLabel"), rtset.structure_set.view.text("StructureSetLabel")]
    texts += [item.text("ROIName") for item in rtset.structure_set.view.items("StructureSetROISequence")]
    texts += [item.text("BeamName") for item in rtset.plan.view.items("BeamSequence")]
    strange = sorted({text for text in texts if any(anatomy.unknown_words(text))})
    if strange:
        yield gettext("Texts with words that are not in the lexicon: {texts}.", texts=", ".join(strange))
    residual = sorted({text for text in texts if _DATE.search(text) or _LONG_NUMBER.search(text)})
    if residual:
        yield gettext("Texts that may hold a date or an ID: {texts}.", texts=", ".join(residual))
    absent = {keyword for file in rtset.set_files for keyword in _NEEDED_2 if not file.view.has(keyword)}
    if absent:
        yield gettext("Attributes of Type 2 are absent: {names}.", names=", ".join(sorted(absent)))


def _pixels(file: SetFile, parts: int = 0) -> str:
    """Return a digest that identifies an object's pixels: of their length and all or some of them.

    Equal pixels have equal digests. Slices of two patients differ everywhere in their noise, so evenly spaced sections
    suffice to tell them apart; reading a whole set a second time would take longer than copying it.
    """
    pixels, digest = file.file.pixels, sha256()
    if pixels is None:
        return ""
    end = pixels.offset + pixels.length
    digest.update(b"%d" % pixels.length)
    most = _PART_BYTES if parts else _CHUNK
    places = range(pixels.offset, end, max(pixels.length // parts, most) if parts else most)
    if file.file.memory is not None:
        for place in places:
            digest.update(file.file.memory[place : min(place + most, end)])
        return digest.hexdigest()
    descriptor = os.open(file.file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        for place in places:
            digest.update(os.pread(descriptor, min(most, end - place), place))
    finally:
        os.close(descriptor)
    return digest.hexdigest()
