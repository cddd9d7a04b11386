"""Power fails at any moment: a prefix of the protocol's file operations is on disk, the last ones in part.

The operations of a real publication, and of a real giving back, are recorded. From any prefix of them a disk is made
as a crash may leave it: names that were changed and whose folder was not flushed since may be lost, the last of a
folder first; what was written to a file that was not flushed may be lost. From there the same must follow as before.
"""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.publication import claims, persons, publish, visits
from services.publication.attempts import Attempt
from services.publication.index_ledger import Ledger
from services.publication.persons import Person
from services.runtime import durable_files
from services.store import records
from services.store.tracking_lines import TrackingLine
from tests.integration.test_killed_at_any_step import LOCATOR, NOTHING, ONE, PUBLISHED, TWO, connect, do, state, tidy_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import redis

    from services.store.collection import Collection

THREE = "3" * 32
ANNA, BERTA = "a" * 32, "b" * 32
EXAMPLES = int(os.environ.get("CRASHES", "150"))
ANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Operation(NamedTuple):
    """A file operation, with paths relative to the collection."""

    kind: str
    path: Path
    other: Path = Path()
    data: bytes = b""

    @property
    def folders(self) -> set[Path]:
        """The folders whose entries it changes."""
        return {self.path.parent, self.other.parent} if self.kind in {"rename", "link"} else {self.path.parent}


class Disk:
    """The contents of a disk."""

    def __init__(self, names: dict[Path, object]) -> None:
        self.names = dict(names)  # of folders: None; of files: a list that holds their content, shared by links

    @classmethod
    def of(cls, root: Path) -> Disk:
        """Read a folder."""
        found = sorted(root.rglob("*"))
        return cls({path.relative_to(root): None if path.is_dir() else [path.read_bytes()] for path in found})

    def apply(self, done: Operation, *, whole: bool) -> None:
        """Apply an operation, unless its prerequisites were lost."""
        kind, path, other = done.kind, done.path, done.other
        if kind not in {"mkdir", "write"} and path not in self.names:
            return
        if (other if kind in {"rename", "link"} else path).parent not in {*self.names, Path()}:
            return
        if kind == "mkdir":
            self.names.setdefault(path, None)
        elif kind == "write":
            self.names[path] = [done.data if whole else b""]
        elif kind == "link":
            self.names[other] = self.names[path]
        elif kind == "unlink":
            del self.names[path]
        elif kind == "rename":
            inner = [one for one in self.names if one.is_relative_to(path)]
            moved = {other / one.relative_to(path): self.names.pop(one) for one in inner}
            self.names |= moved
        elif kind == "rmtree":
            for one in [one for one in self.names if one.is_relative_to(path)]:
                del self.names[one]

    def put(self, root: Path, untouched: str = "") -> None:
        """Bring a folder to this state; unchanged entries keep their times."""
        for path in root.iterdir():
            if path.name != untouched:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path, content in sorted(self.names.items()):
            if path.parts[0] == untouched:
                continue
            if content is None:
                (root / path).mkdir()
            else:
                (root / path).write_bytes(content[0])  # type: ignore[index]


def crashed(before: Disk, history: Sequence[Operation], at: int, cut: Callable[[Path, int], int]) -> Disk:
    """Return the contents of the disk if the power fails before the operation `at`.

    Parameters
    ----------
    cut
        Of so many last changes of a folder that were not flushed, how many are lost.
    """
    flushed: dict[Path, int] = {}
    synced: set[Path] = set()
    for number, one in enumerate(history[:at]):
        if one.kind == "fsync folder":
            flushed[one.path] = number
        elif one.kind == "fsync":
            synced.add(one.path)
    changes = [(number, one) for number, one in enumerate(history[:at]) if not one.kind.startswith("fsync")]
    at_risk = {
        number: one for number, one in changes if all(flushed.get(folder, -1) < number for folder in one.folders)
    }
    lost: set[int] = set()
    for folder in {folder for one in at_risk.values() for folder in one.folders}:
        of_folder = [number for number, one in at_risk.items() if folder in one.folders]
        lost |= set(of_folder[len(of_folder) - cut(folder, len(of_folder)) :])
    disk = Disk(before.names)
    for number, one in changes:
        if number not in lost:
            disk.apply(one, whole=one.kind != "write" or one.path in synced)
    return disk


def test_the_recorded_operations_reproduce_the_disk(
    collection: Collection, redis_server: str, client: redis.Redis, monkeypatch
) -> None:
    """With nothing lost, the recorded operations reproduce the folder."""
    before, history = taken_down(collection, monkeypatch, lambda: do(collection, redis_server, ONE))
    modelled = crashed(before, history, len(history), lambda *_: 0)
    there = Disk.of(collection.root)
    assert sorted(modelled.names) == sorted(there.names)
    assert {one.kind for one in history} >= {"mkdir", "write", "link", "unlink", "rename", "fsync", "fsync folder"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("source_is_gone", [False, True])
def test_power_goes_while_a_set_is_published(
    collection: Collection, redis_server: str, client: redis.Redis, monkeypatch, source_is_gone: bool
) -> None:
    """Repeated, it is published once, under the first number; otherwise completely or not at all."""
    before, history = taken_down(collection, monkeypatch, lambda: do(collection, redis_server, ONE))
    knew = client.dump(key_of(collection))

    def recovers(disk: Disk, *, emptied: bool) -> None:
        disk.put(collection.root)
        redis_then(client, None if emptied else knew, key_of(collection))
        ledger = Ledger(collection, connect(redis_server))
        if source_is_gone:
            ledger.release(ONE)
        else:
            do(collection, redis_server, ONE)
        tidy_up(collection, redis_server)
        found = state(collection)
        assert found in ((PUBLISHED, NOTHING) if source_is_gone else (PUBLISHED,))
        assert ledger.claim(TWO, LOCATOR) == (7 if found == PUBLISHED else 6)

    every_crash(before, history, recovers)


@pytest.mark.timeout(600)
def test_power_goes_while_a_person_takes_their_number(
    collection: Collection, redis_server: str, client: redis.Redis, monkeypatch
) -> None:
    """With linked sets, a person stays one and their number is nobody else's, whatever was on disk."""
    before, history = taken_down(collection, monkeypatch, lambda: do_linked(collection, redis_server, ONE, ANNA))
    knew = client.dump(key_of(collection))

    def recovers(disk: Disk, *, emptied: bool) -> None:
        disk.put(collection.root)
        redis_then(client, None if emptied else knew, key_of(collection))
        others = [do_linked(collection, redis_server, THREE, BERTA)]
        mine = [do_linked(collection, redis_server, set_id, ANNA) for set_id in (ONE, TWO)]
        tidy_up(collection, redis_server)
        tidy_up(collection, redis_server)
        persons_of = {one.hash: one.index for one in persons.all_of(collection)}
        assert {claims.person_at(collection, index): index for index in claims.of_persons(collection)} == persons_of
        assert persons_of.keys() == {ANNA, BERTA}
        assert len(set(persons_of.values())) == 2
        for name, indices in ((ANNA, mine), (BERTA, others)):
            found = [records.read(collection, index) for index in indices]
            assert {one.content["number"] for one in found if one} == {persons_of[name]}
        published = sorted([*mine, *others])
        assert published == records.indices(collection)
        free = min(set(range(6, 10)) - set(published))  # one that was half taken is given next
        assert Ledger(collection, connect(redis_server)).claim("4" * 32, LOCATOR) == free
        assert [*visits.enter(collection, ANNA, ONE, [ONE]).values()] == ["1"]
        assert [*visits.enter(collection, ANNA, TWO, [TWO]).values()] == ["2"]

    every_crash(before, history, recovers)


def do_linked(collection: Collection, socket: str, set_id: str, person: str) -> int:
    """Process a set of a person whose sets are linked, without the DICOM."""
    found = publish.find(collection, set_id)
    if found is not None:
        return found.index
    ledger = Ledger(collection, connect(socket))
    known = ledger.reserve(lambda index: Person(person, index, persons.key_of(person), first=set_id))
    visits.enter(collection, person, set_id, [set_id])
    index = ledger.claim_linked(set_id, LOCATOR, known)
    attempt = Attempt.begin(collection, set_id, index)
    (attempt.folder / f"RP.{set_id}.dcm").write_bytes(set_id.encode())
    new_id = collection.identity.numbered(known.index).patient_id
    line = TrackingLine(person, new_id, "Plan", "Demo Hospital", date(2026, 11, 22))
    publish.publish(attempt, {"number": known.index}, line, f"RP.{set_id}.dcm")
    return index


@pytest.mark.timeout(600)
def test_power_goes_while_a_number_is_given_back(
    collection: Collection, redis_server: str, client: redis.Redis, monkeypatch
) -> None:
    """Afterwards it is free, and given next."""
    ledger = Ledger(collection, client)
    Attempt.begin(collection, ONE, ledger.claim(ONE, LOCATOR))
    knew = client.dump(key_of(collection))  # it was told last of all
    before, history = taken_down(collection, monkeypatch, lambda: ledger.release(ONE))

    def recovers(disk: Disk, *, emptied: bool) -> None:
        disk.put(collection.root)
        redis_then(client, None if emptied else knew, key_of(collection))
        after = Ledger(collection, connect(redis_server))
        after.release(ONE)
        tidy_up(collection, redis_server)
        assert state(collection) == NOTHING
        assert after.claim(TWO, LOCATOR) == 6

    every_crash(before, history, recovers)


def every_crash(
    before: Disk, history: Sequence[Operation], recovers: Callable[..., None], *, alternate: bool = False
) -> None:
    """Try each prefix with nothing lost and with everything that can be, and many with some of it.

    Parameters
    ----------
    alternate
        For what takes its time: the one at every other prefix and the other at the rest, and a fifth of the examples.
    """
    cuts: list[Callable[[Path, int], int]] = [lambda _, __: 0, lambda _, most: most]
    for at in range(len(history) + 1):
        for cut in [cuts[at % 2]] if alternate else cuts:
            recovers(crashed(before, history, at, cut), emptied=True)

    @settings(ANY, max_examples=max(EXAMPLES // 5, 1) if alternate else EXAMPLES)
    @given(
        at=st.integers(0, len(history)), lose=st.lists(st.integers(0, 9), min_size=1, max_size=8), kept=st.booleans()
    )
    def some(at: int, lose: list[int], kept: bool) -> None:
        folders: dict[Path, int] = {}

        def cut(folder: Path, most: int) -> int:
            return min(lose[folders.setdefault(folder, len(folders)) % len(lose)], most)

        recovers(crashed(before, history, at, cut), emptied=not kept)

    some()


def key_of(collection: Collection) -> str:
    """Return the Redis key of the copy of a collection's numbers."""
    return f"anonymizer:ledger:{collection.id}"


def redis_then(client: redis.Redis, knew: bytes | None, key: str) -> None:
    """Restore Redis to its state at the power failure, which may be ahead of the disk, or empty it."""
    client.flushall()
    if knew is not None:
        client.restore(key, 0, knew)


def taken_down(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]
) -> tuple[Disk, list[Operation]]:
    """Run something and record every operation on the collection's files; return the prior state, too."""
    before, history = Disk.of(collection.root), []
    with monkeypatch.context() as patched:
        for name, replacement in _taking_down(collection.root, history):
            target, _, attribute = name.rpartition(".")
            patched.setattr(
                {"os": os, "durable": durable_files, "Path": Path, "shutil": shutil}[target], attribute, replacement
            )
        what()
    return before, history


def _taking_down(root: Path, history: list[Operation]) -> Iterator[tuple[str, Any]]:
    def note(kind: str, path: Any, other: Any = None, data: bytes = b"") -> None:
        place = Path(other).relative_to(root) if other is not None else Path()
        history.append(Operation(kind, Path(path).relative_to(root), place, data))

    def two(kind: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def done(source: Any, target: Any, **named: Any) -> Any:
            answer = do(source, target, **named)
            note(kind, source, target)
            return answer

        return done

    def one(kind: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def done(path: Any, *arguments: Any, **named: Any) -> Any:
            answer = do(path, *arguments, **named)
            if "dir_fd" not in named:
                note(kind, path)
            return answer

        return done

    create, write_bytes, fsync_file = durable_files._create, Path.write_bytes, durable_files.fsync_file
    written_so_far: set[Path] = set()

    def created(path: Path, data: bytes, *, lasting: bool = True) -> bool:
        made = create(path, data, lasting=lasting)
        if made:
            written_so_far.add(path)
            note("write", path, data=data)
            if lasting:
                note("fsync", path)
        return made

    def written(path: Path, data: bytes) -> int:
        count = write_bytes(path, data)
        written_so_far.add(path)
        note("write", path, data=data)
        return count

    def flushed(path: Path) -> None:
        fsync_file(path)
        if path not in written_so_far:  # by the writer of DICOM files, element by element
            written_so_far.add(path)
            note("write", path, data=path.read_bytes())
        note("fsync", path)

    yield "os.rename", two("rename", os.rename)
    yield "os.replace", two("rename", os.replace)
    yield "os.link", two("link", os.link)
    yield "durable._rename_noreplace", two("rename", durable_files._rename_noreplace)
    yield "os.mkdir", one("mkdir", os.mkdir)
    yield "os.unlink", one("unlink", os.unlink)
    yield "durable.fsync_folder", one("fsync folder", durable_files.fsync_folder)
    yield "durable.fsync_file", flushed
    yield "shutil.rmtree", one("rmtree", _quiet_rmtree(history, shutil.rmtree))
    yield "durable._create", created
    yield "Path.write_bytes", written


def _quiet_rmtree(history: list[Operation], rmtree: Callable[..., Any]) -> Callable[..., Any]:
    """Remove a tree as one operation; partial removal is tested by killing real processes."""

    def done(path: Any, *arguments: Any, **named: Any) -> None:
        at = len(history)
        rmtree(path, *arguments, **named)
        del history[at:]

    return done
