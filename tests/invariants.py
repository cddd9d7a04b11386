"""Invariants of a collection after any treatment of the service, checked without the product's code.

Plain JSON, plain files, pydicom and Redis. To be called when the service is idle, or was killed for good.
"""

from __future__ import annotations

import base64
import csv
import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import pydicom

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import redis

HEADER = "OrigPatientID, NewPatientID, OrigPlanID, Hospital"
CONCLUSIONS = {"published", "same-set", "changed", "refused", "waiting", "parked", "withdrawn"}
NOT_CONCLUDED = "not concluded"


class Original(NamedTuple):
    """A set as dropped."""

    files: Mapping[str, tuple[str, int]]
    """SHA-256 and modification time, by relative path."""
    patient_id: str
    patient_name: str


def remember(*folders: Path) -> dict[str, Original]:
    """Return the dropped sets by folder name."""
    return {folder.name: _original(folder) for folder in folders}


def _original(folder: Path) -> Original:
    data = next(pydicom.dcmread(path, stop_before_pixels=True, force=True) for path in sorted(folder.rglob("*.dcm")))
    return Original(_files(folder), str(data.PatientID), str(data.PatientName))


def _files(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(folder)): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def hold(
    root: Path,
    originals: Mapping[str, Original],
    *,
    client: redis.Redis | None = None,
    said: Iterable[bytes] = (),
    at_rest: bool = True,
    not_taken: Iterable[str] = (),
) -> dict[str, str]:
    """Assert all invariants of a collection; return each set's outcome.

    Parameters
    ----------
    originals
        What was dropped and should still be there untouched. Other contents are not checked.
    said
        What left the share: log lines, events.
    at_rest
        Nothing is to be done any more: no set is without a conclusion, no number held, nothing half done left.
    not_taken
        Names that a person is told of as not taken: whoever calls a folder ANON_012 has published nothing.
    """
    state = _State(root)
    states = state.conclusions(originals)
    if at_rest:
        assert NOT_CONCLUDED not in states.values(), states
    state.numbers_are_unique_and_without_gaps(client, at_rest=at_rest)
    state.folders_are_what_the_records_say(not_taken)
    state.lines_are_those_of_the_published_sets(originals)
    originals_are_untouched(root, originals)
    nothing_is_told(root, originals, client, said)
    return states


class _State:
    """The state on the share, read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        place = root / ".anonymizer"
        form = (root / "collection.toml").read_text("utf-8")
        self.initial = int(re.search(r"^initial_index = (\d+)", form, re.MULTILINE)[1])
        self.patient_id = re.search(r'^patient_id = "(.*)"', form, re.MULTILINE)[1]
        self.id = json.loads((place / "collection.json").read_text())["id"]
        self.folders = {path.stem: _json(path)["folder"] for path in (place / "folders").glob("*.json")}
        self.outcomes = {path.stem: _json(path) for path in (place / "outcomes").glob("*.json")}
        self.claims = {int(path.stem): _json(path) for path in (place / "claims").glob("*.json")}
        self.sets = {path.stem: _json(path) for path in (place / "sets").glob("*.json")}
        self.records = {int(path.stem[5:]): _json(path) for path in (place / "records").glob("ANON_*.json")}
        self.lines = {int(path.stem): _json(path) for path in (place / "tracking").glob("*.json")}
        self.released = list((place / "claims").glob("*.released"))
        self.staging = list((place / "staging").iterdir())

    def conclusions(self, originals: Mapping[str, Original]) -> dict[str, str]:
        """Return the outcome of each set; each was published at most once."""
        found = {}
        for locator, outcome in self.outcomes.items():
            folder = self.folders.get(locator)
            assert folder is not None
            assert outcome["state"] in CONCLUSIONS | {"no-set", "not readable"}
            if folder in originals:
                found[folder] = outcome["state"]
            for one in _published_of(outcome):
                assert self.records[one["index"]]["set"] == one["set_id"]
        by_set: dict[str, int] = {}
        for index, record in self.records.items():
            assert record.get("set") not in by_set, "published twice"
            if record.get("set"):
                by_set[record["set"]] = index
        return {folder: found.get(folder, NOT_CONCLUDED) for folder in originals}

    def numbers_are_unique_and_without_gaps(self, client: redis.Redis | None, *, at_rest: bool) -> None:
        """Every number from the initial one on is published, held by one set, or the next free one."""
        for index, claim in self.claims.items():
            assert claim["index"] == index
            if index in self.records:
                assert claim["set_id"] == self.records[index]["set"]
        taken = self.claims.keys() | self.records.keys()
        assert all(index >= self.initial for index in taken if not self.records.get(index, {}).get("adopted"))
        if at_rest:
            assert self.claims.keys() <= self.records.keys(), "a number is held and nothing published under it"
            assert {claim["set_id"]: index for index, claim in self.claims.items()} == {
                set_id: claim["index"] for set_id, claim in self.sets.items()
            }
            assert not self.released
            assert not [path.name for path in self.staging if not _is_being_written(path)]
        if client is not None:
            known = {int(name[2:]) for name in client.hkeys(f"anonymizer:ledger:{self.id}") if name[:2] == b"i:"}
            gaps = set(range(self.initial, max(taken, default=self.initial))) - taken
            if at_rest:
                assert not gaps & known, "a number is lost"

    def folders_are_what_the_records_say(self, not_taken: Iterable[str]) -> None:
        """ANON folders are complete and as proven, and correspond to records one to one."""
        ours = [path for path in self.root.glob("ANON_*") if path.name[5:].isdecimal() and path.name not in not_taken]
        there = {int(path.name[5:]): path for path in ours}
        assert there.keys() == {index for index, one in self.records.items() if not one.get("withdrawn")}
        for index, folder in there.items():
            record = self.records[index]
            if record.get("adopted"):
                continue
            hashes = {name: file["sha256"] for name, file in record["proof"]["files"].items()}
            assert {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == hashes
            for path in folder.iterdir():
                data = pydicom.dcmread(path, stop_before_pixels=True)
                assert data.PatientID == f"{self.patient_id}{index:03d}"
                assert path.name[3:-4] == data.SOPInstanceUID

    def lines_are_those_of_the_published_sets(self, originals: Mapping[str, Original]) -> None:
        """One line per published set, in the order of the numbers, with the patient's own ID in front."""
        ours = {index for index, one in self.records.items() if not one.get("adopted") and not one.get("withdrawn")}
        assert self.lines.keys() == ours
        found: list[list[str]] = []
        for path in sorted(self.root.glob("VicRapidPlan_trackingFile_*.txt")):
            header, *lines = path.read_text("utf-8").splitlines()
            assert header == HEADER
            rows = list(csv.reader(lines, skipinitialspace=True))
            assert [int(row[1].removeprefix(self.patient_id)) for row in rows] == sorted(
                index for index, one in self.lines.items() if one["day"] in path.name
            )
            found += rows
        assert sorted(row[1] for row in found) == sorted(f"{self.patient_id}{index:03d}" for index in ours)
        became = {row[1]: row[0] for row in found}
        for locator, outcome in self.outcomes.items():
            folder = self.folders[locator]
            for one in _published_of(outcome) if folder in originals else ():
                assert became[f"{self.patient_id}{one['index']:03d}"] == originals[folder].patient_id


def _published_of(outcome: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the published sets in a folder's outcome, one entry each."""
    return [one for one in outcome.get("sets") or [outcome] if one["state"] == "published"]


def nothing_is_passed_over(root: Path, states: Mapping[str, str], not_taken: Iterable[str]) -> None:
    """Everything that may hold DICOM under a root is published, waits, is refused, parked, or reported.

    Parameters
    ----------
    states
        What a person is told of each folder, by its name.
    not_taken
        The names listed under *Not taken*: `.` for what is in the root itself.
    """
    named = set(not_taken)
    for path in sorted(root.iterdir()):
        name = path.name
        if name == ".anonymizer" or _is_published(root, name):
            continue
        if path.is_symlink():
            assert name in named or not _leads_to_dicom(path), f"a link is passed over: {name!r}"
        elif path.is_file():
            assert not _is_dicom(path) or named & {".", name}, f"loose DICOM is passed over: {name!r}"
            assert path.suffix != ".zip" or name in named, f"an archive is passed over: {name!r}"
        elif path.is_dir() and name not in named:
            _folder_is_answered(path, states.get(name), named)


def _folder_is_answered(folder: Path, state: str | None, named: set[str]) -> None:
    """Each DICOM file or archive of a folder belongs to its set, or it or its folder is reported."""
    parts = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    answered = CONCLUSIONS | {"unread-words", "not readable"}
    if any(_is_dicom(path) for path in parts if not path.is_symlink()):
        assert state is not None, f"a folder is passed over: {folder.name!r}"
    for path in parts:
        hidden = any(part.startswith(".") for part in path.relative_to(folder.parent).parts)
        inside = [path.relative_to(folder.parent).as_posix()]
        inside += [
            place.relative_to(folder.parent).as_posix() for place in path.parents if place.is_relative_to(folder)
        ]
        if path.is_symlink():
            assert not _leads_to_dicom(path) or named & set(inside), f"a link is passed over: {inside[0]!r}"
        elif path.suffix == ".zip" and not _is_dicom(path):
            assert hidden or named & set(inside), f"an archive is passed over: {inside[0]!r}"
        elif _is_dicom(path):
            is_told = bool(named & set(inside)) or (not hidden and state in answered)
            assert is_told, f"{inside[0]!r} is passed over, in a folder that is {state!r}"


def _is_published(root: Path, name: str) -> bool:
    return (root / ".anonymizer/records" / f"{name}.json").is_file()


def _is_dicom(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[128:132] == b"DICM"


def _leads_to_dicom(link: Path) -> bool:
    return link.is_dir() or (link.is_file() and _is_dicom(link))


def originals_are_untouched(root: Path, originals: Mapping[str, Original]) -> None:
    """Assert that originals are unchanged, times included."""
    for name, original in originals.items():
        assert _files(root / name) == original.files, name


def nothing_is_told(
    root: Path, originals: Mapping[str, Original], client: redis.Redis | None, said: Iterable[bytes]
) -> None:
    """Assert that no path, name or ID is in Redis, in the log, or in an event."""
    secrets = {root.name.encode(), str(root).encode()}
    for name, original in originals.items():
        secrets |= {name.encode(), original.patient_id.encode(), original.patient_name.encode()}
    for secret in secrets:
        assert len(secret) >= 8 or re.search(rb"[^0-9a-f.:-]", secret), (
            "a time or a digest could contain this by chance"
        )
    texts = [*said, *(_everything_in(client) if client is not None else ())]
    for text in texts:
        for told in (text, *_unpacked(text)):
            for secret in secrets:
                assert secret not in told, (secret, told)


def _everything_in(client: redis.Redis) -> Iterator[bytes]:
    for key in client.scan_iter(count=1000):
        yield key
        kind = client.type(key)
        if kind == b"string":
            yield client.get(key) or b""
        elif kind == b"hash":
            yield b"\n".join(part for pair in client.hgetall(key).items() for part in pair)
        elif kind == b"list":
            yield b"\n".join(client.lrange(key, 0, -1))
        elif kind == b"set":
            yield b"\n".join(client.smembers(key))
        elif kind == b"zset":
            yield b"\n".join(client.zrange(key, 0, -1))
        else:
            assert kind == b"none", kind  # it lapsed meanwhile


def _unpacked(text: bytes) -> Iterator[bytes]:
    """Return the Base64-decoded bodies of messages."""
    for found in re.finditer(rb'"body": ?\\*"([A-Za-z0-9+/=]+)', text):
        yield base64.b64decode(found[1])


def _is_being_written(path: Path) -> bool:
    """Return whether a file is being written by a live process, and so is gone a moment later."""
    if not path.name.startswith(".anonymizer-new-"):
        return False
    wait_until(lambda: not path.exists(), lambda: path.name, within_s=60)
    return True


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes())
