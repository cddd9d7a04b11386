"""Renumbering of a delivered set: patient ID, name and UIDs are replaced, and every other byte is kept.

This is a policy of its own with its own proof: the written files are read back and compared with the delivered ones
element by element and voxel by voxel.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final

from services.deidentify.uid_map import UidMap, is_well_known
from services.deidentify.writer import file_name
from services.dicom import dictionary, part10
from services.dicom.elements import Rules, keep, rewrite
from services.errors import NotClean
from services.policy.table import Action, Choice, policy_for
from services.proof import written_file
from services.proof.pixels import PixelComparison
from services.proof.values import NEW_UID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.dicom.elements import Edit, Element
    from services.dicom.part10 import DicomFile
    from services.forms.identity import NewIdentity
    from services.rtset.reader import RtSet, SetFile

_AT_ONCE: Final = 2
"""Parts of a set written concurrently; deliveries are received one at a time, so a second core is free."""
_PATIENT_ID: Final = dictionary.tag("PatientID")
_PATIENT_NAME: Final = dictionary.tag("PatientName")
_NOT_ALL: Final = "elements: some were lost or inserted"


def write(rtset: RtSet, identity: NewIdentity, key: bytes, folder: Path) -> dict[str, str]:
    """Write a set with new identity and UIDs into an empty folder, prove it, and return each file's SHA-256 by name.

    Parameters
    ----------
    key
        Key of the delivered person: the same in every delivery, so that UIDs are mapped consistently.

    Raises
    ------
    NotClean
        The written files are not as expected.
    """
    uids = UidMap(key)
    edits: dict[int, Edit] = dict.fromkeys(dictionary.DICTIONARY, keep)
    edits.update(dict.fromkeys(_uid_attributes(), uids))
    edits[_PATIENT_ID] = _constant(identity.patient_id)
    edits[_PATIENT_NAME] = _constant(identity.patient_name)
    parts = [_Part(uids, Rules(edits), Proof(identity), folder) for _ in range(_AT_ONCE)]
    shares = [rtset.set_files[number::_AT_ONCE] for number in range(_AT_ONCE)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # reading, hashing, comparing and writing release the GIL
        list(pool.map(_Part.write, parts, shares))
    proof = Proof(identity)
    for part in parts:
        proof.add(part.proof)
    proof.judge_uids()
    if proof.wrong:
        raise NotClean(*sorted(proof.wrong))
    return {name: digest for part in parts for name, digest in part.digests.items()}


class _Part:
    """Writes and proves a part of a set, with its own buffers."""

    def __init__(self, uids: UidMap, rules: Rules, proof: Proof, folder: Path) -> None:
        self.digests: dict[str, str] = {}
        """SHA-256 of each written file, by name."""
        self.proof = proof
        self._uids, self._rules, self._folder = uids, rules, folder
        self._buffer, self._pixels = bytearray(part10.COPIED_AT_ONCE), PixelComparison()
        self._series = part10.Series()

    def write(self, sources: Sequence[SetFile]) -> None:
        """Write each file, read it back, and compare it with the delivered one."""
        for source in sources:
            new = part10.read(self._write(source), self._series)
            self.proof.compare(source.kind, source.file, new)
            digest, wrong = self._pixels.compare(source.kind, source.file, new)
            self.digests[new.path.name] = digest
            self.proof.wrong.update(f"pixels: {what} in a {source.kind}" for what in wrong)

    def _write(self, source: SetFile) -> Path:
        file, uid, rules = source.file, self._uids(source.sop_instance_uid), self._rules
        path = self._folder / file_name(source.kind, uid)
        before, end = file.before_pixels()
        part10.write(
            path,
            file,
            rewrite(file.data, before, rules, implicit=file.implicit, end=end),
            rewrite(file.data, file.behind_pixels(), rules, implicit=file.implicit, end=len(file.data)),
            sop_class_uid=source.sop_class_uid.encode(),
            sop_instance_uid=uid.encode(),
            buffer=self._buffer,
        )
        return path


@cache
def _uid_attributes() -> frozenset[int]:
    """Return the attributes with a set's own UIDs, according to the policy."""
    decided = policy_for(Choice()).compiled
    return frozenset(tag for tag, found in decided.items() if found.action is Action.UID)


def _constant(value: str) -> Edit:
    encoded = value.encode("ascii")
    return lambda _: encoded


class Proof:
    """Comparison of delivered and renumbered objects."""

    def __init__(self, identity: NewIdentity) -> None:
        self.wrong: set[str] = set()
        self._expected = {_PATIENT_ID: identity.patient_id.encode(), _PATIENT_NAME: identity.patient_name.encode()}
        self._pairs: set[tuple[bytes, bytes]] = set()
        self._uids = _uid_attributes()
        self._seen: set[tuple[bytes, bytes]] = set()
        """UI values already compared."""

    def compare(self, kind: str, old: DicomFile, new: DicomFile) -> None:
        """Compare two objects except for their pixels."""
        self.wrong.update(f"{check}: {what}" for check, what in written_file.faults(kind, old, new))
        if old.implicit != new.implicit or old.transfer_syntax != new.transfer_syntax:
            self.wrong.add("encoding: it differs")
        self._elements(old.data, old.elements, new.data, new.elements)

    def add(self, other: Proof) -> None:
        """Merge the findings of another part of the set."""
        self.wrong |= other.wrong
        self._pairs |= other._pairs

    def judge_uids(self) -> None:
        """Check that the mapping of UIDs is one-to-one."""
        olds, news = {old for old, _ in self._pairs}, {new for _, new in self._pairs}
        if len(olds) != len(self._pairs) or len(news) != len(self._pairs) or olds & news:
            self.wrong.add("uids: they were not replaced one to one")

    def _elements(self, old: bytes, olds: Sequence[Element], new: bytes, news: Sequence[Element]) -> None:
        if len(olds) != len(news):
            self.wrong.add(_NOT_ALL)
            return
        for (tag, vr, _, start, end, items), (other_tag, other_vr, _, begin, stop, others) in zip(
            olds, news, strict=True
        ):
            if tag != other_tag or vr != other_vr:
                self.wrong.add(_NOT_ALL)
                return
            if items is None or others is None:
                one, other = old[start:end], new[begin:stop]
                if tag in self._uids:
                    if (one, other) not in self._seen:  # nearly all occur many times in an object
                        self._seen.add((one, other))
                        self._value(tag, one, other)
                elif one != other or tag in self._expected:
                    self._value(tag, one, other)
            elif len(items) != len(others):
                self.wrong.add(f"elements: {dictionary.keyword(tag)} has other items")
            else:
                for item, its in zip(items, others, strict=True):
                    self._elements(old, item[3], new, its[3])

    def _value(self, tag: int, before: bytes, after: bytes) -> None:
        if tag in self._expected:
            equal = after.rstrip(b" ") == self._expected[tag]
        elif tag in self._uids:
            olds, news = (value.rstrip(b"\0 ").split(b"\\") for value in (before, after))
            equal = len(olds) == len(news)
            for one, other in zip(olds, news, strict=False):
                if not one or is_well_known(one.decode("latin-1")):
                    equal = equal and one == other
                elif NEW_UID.fullmatch(other.decode("latin-1")) is None:
                    equal = False
                else:
                    self._pairs.add((one, other))
        else:
            equal = before == after
        if not equal:
            self.wrong.add(f"elements: {dictionary.keyword(tag)} is not as expected")
