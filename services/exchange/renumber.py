"""A delivered set gets a number of this collection: patient ID, name and UIDs are new, and every other byte stays.

That is a policy of its own. It has a proof of its own: what was written is read back and compared with what was
delivered, element by element and voxel by voxel.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from services.deidentify.uid_map import UidMap, is_well_known
from services.deidentify.writer import file_name
from services.dicom import dictionary, part10
from services.dicom.elements import Rules, keep, rewrite
from services.errors import NotClean
from services.policy.table import Action, Choice, policy_for
from services.proof.pixels import PixelComparison

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from services.dicom.elements import Edit, Element
    from services.dicom.part10 import DicomFile
    from services.forms.identity import NewIdentity
    from services.rtset.reader import RtSet

_PATIENT_ID: Final = dictionary.tag("PatientID")
_PATIENT_NAME: Final = dictionary.tag("PatientName")


def write(rtset: RtSet, identity: NewIdentity, key: bytes, folder: Path) -> dict[str, str]:
    """Write a set with new identity and UIDs into an empty folder, prove it, and return each file's SHA-256 by name.

    Parameters
    ----------
    key
        Of the delivered person: the same in every delivery, so that what was one UID stays one.

    Raises
    ------
    NotClean
        What was written is not what it should be.
    """
    uids = UidMap(key)
    edits: dict[int, Edit] = dict.fromkeys(dictionary.DICTIONARY, keep)
    edits.update(dict.fromkeys(_uid_attributes(), uids))
    edits[_PATIENT_ID] = _constant(identity.patient_id)
    edits[_PATIENT_NAME] = _constant(identity.patient_name)
    rules, buffer = Rules(edits), bytearray(part10.COPIED_AT_ONCE)
    names: dict[str, str] = {}
    for source in rtset.set_files:
        file, uid = source.file, uids(source.sop_instance_uid)
        name = file_name(source.kind, uid)
        names[source.path.name] = name
        before, end = file.before_pixels()
        part10.write(
            folder / name,
            file,
            rewrite(file.data, before, rules, implicit=file.implicit, end=end),
            rewrite(file.data, file.behind_pixels(), rules, implicit=file.implicit, end=len(file.data)),
            sop_class_uid=source.sop_class_uid.encode(),
            sop_instance_uid=uid.encode(),
            buffer=buffer,
        )
    return _prove(rtset, identity, names, folder)


@cache
def _uid_attributes() -> frozenset[int]:
    """Return the attributes whose UIDs are a set's own, as the policy has them."""
    decided = policy_for(Choice()).compiled
    return frozenset(tag for tag, found in decided.items() if found.action is Action.UID)


def _constant(value: str) -> Edit:
    encoded = value.encode("ascii")
    return lambda _: encoded


def _prove(rtset: RtSet, identity: NewIdentity, names: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Read back what was written and hold it against what was delivered."""
    proof, pixels, digests = _Proof(identity), PixelComparison(), {}
    for source in rtset.set_files:
        new = part10.read(folder / names[source.path.name])
        proof.compare(source.file, new)
        digest, wrong = pixels.compare(source.kind, source.file, new)
        digests[new.path.name] = digest
        proof.wrong.update(f"pixels: {what} in a {source.kind}" for what in wrong)
    proof.judge_uids()
    if proof.wrong:
        raise NotClean(*sorted(proof.wrong))
    return digests


class _Proof:
    """Compares delivered and renumbered objects."""

    def __init__(self, identity: NewIdentity) -> None:
        self.wrong: set[str] = set()
        self._expected = {_PATIENT_ID: identity.patient_id.encode(), _PATIENT_NAME: identity.patient_name.encode()}
        self._pairs: set[tuple[bytes, bytes]] = set()
        self._uids = _uid_attributes()

    def compare(self, old: DicomFile, new: DicomFile) -> None:
        """Compare two objects; their pixels are not looked at here."""
        if old.implicit != new.implicit or old.transfer_syntax != new.transfer_syntax:
            self.wrong.add("encoding: it is another one")
        self._elements(old.data, old.elements, new.data, new.elements)

    def judge_uids(self) -> None:
        """Hold that one UID became one other."""
        olds, news = {old for old, _ in self._pairs}, {new for _, new in self._pairs}
        if len(olds) != len(self._pairs) or len(news) != len(self._pairs) or olds & news:
            self.wrong.add("uids: they are not new one to one")

    def _elements(self, old: bytes, olds: Sequence[Element], new: bytes, news: Sequence[Element]) -> None:
        if [each[0] for each in olds] != [each[0] for each in news]:
            self.wrong.add("elements: some were lost or put in")
            return
        for before, after in zip(olds, news, strict=True):
            tag, items, others = before[0], before[5], after[5]
            if items is not None and others is not None:
                if len(items) != len(others):
                    self.wrong.add(f"elements: {dictionary.keyword(tag)} has other items")
                    continue
                for one, other in zip(items, others, strict=True):
                    self._elements(old, one[3], new, other[3])
            else:
                self._value(tag, old[before[3] : before[4]], new[after[3] : after[4]])

    def _value(self, tag: int, before: bytes, after: bytes) -> None:
        if tag in self._expected:
            equal = after.rstrip(b" ") == self._expected[tag]
        elif tag in self._uids:
            olds, news = (value.rstrip(b"\0 ").split(b"\\") for value in (before, after))
            equal = len(olds) == len(news)
            for one, other in zip(olds, news, strict=False):
                if not one or is_well_known(one.decode("latin-1")):
                    equal = equal and one == other
                else:
                    self._pairs.add((one, other))
        else:
            equal = before == after
        if not equal:
            self.wrong.add(f"elements: {dictionary.keyword(tag)} is not as it should be")
