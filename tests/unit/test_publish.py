"""Publication: one rename, and its obstacles."""

from __future__ import annotations

import os
import shutil
from datetime import date
from typing import TYPE_CHECKING

import pytest

from services.errors import SetChanged, TargetTaken
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.maintenance import export
from services.publication import attempts, claims, publish, republish
from services.publication.attempts import (
    ABANDONED_AFTER_S,
    LINE,
    RECORD,
    UNCLAIMED_AFTER_S,
    AbandonedWork,
    Attempt,
    move_away,
)
from services.runtime import durable_files, processes
from services.store import records
from services.store.collection import Collection
from services.store.tracking_lines import TrackingLine
from tests.forking import fork

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = "1" * 32, "2" * 32
LOCATOR = "0" * 32
PLAN = "RP.2.25.1.dcm"
LINE_OF_ONE = TrackingLine("orig", "zzz_AnusGE006", "Plan", "Demo Hospital", date(2026, 11, 22))


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection with index 6 claimed by the first set."""
    form = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
    made = Collection.create(tmp_path, form, Options(machine=()))
    assert claims.take(made, 6, ONE, LOCATOR) is not None
    return made


def attempt_in(collection: Collection) -> Attempt:
    """Make an attempt of the first set with two files."""
    attempt = Attempt.begin(collection, ONE, 6)
    (attempt.folder / PLAN).write_bytes(b"plan")
    (attempt.folder / "CT.2.25.2.dcm").write_bytes(b"slice")
    return attempt


def cut_off(collection: Collection, monkeypatch) -> Attempt:
    """Interrupt a publication right after the rename."""
    attempt = attempt_in(collection)
    with monkeypatch.context() as patch:
        patch.setattr(publish, "_finish", die)
        with pytest.raises(KeyboardInterrupt):
            publish.publish(attempt, {}, LINE_OF_ONE, PLAN)
    return attempt


def die(*_: object) -> None:
    """End immediately, like a killed process."""
    raise KeyboardInterrupt


def test_a_published_set_has_its_folder_its_record_and_its_line(collection: Collection) -> None:
    """Nothing is left in the staging folder."""
    publish.publish(attempt_in(collection), {"files": {PLAN: "hash"}}, LINE_OF_ONE, PLAN)

    assert sorted(durable_files.names(collection.root / "ANON_006")) == ["CT.2.25.2.dcm", PLAN]
    found = publish.find(collection, ONE)
    assert found == records.Record(6, ONE, PLAN, found.at if found else "", {"files": {PLAN: "hash"}})
    assert durable_files.read(collection.tracking / "000006.json") == {
        "schema": 1,
        "index": 6,
        "day": "20261122",
        "line": "orig, zzz_AnusGE006, Plan, Demo Hospital",
    }
    assert durable_files.names(collection.staging) == []


def test_copies_that_a_sync_program_made_of_a_record_are_passed_over(collection: Collection, tmp_path_factory) -> None:
    """Their names are derived from it, and are no index."""
    publish.publish(attempt_in(collection), {"proof": {"files": {}}}, LINE_OF_ONE, PLAN)
    stored = records.path_of(collection, 6)
    stored.with_name("ANON_006 (conflict).json").write_bytes(stored.read_bytes())

    assert records.indices(collection) == [6]
    assert [one.folder for one in export.copy_sets(collection, tmp_path_factory.mktemp("out"))] == ["ANON_006"]


def test_a_set_without_a_record_is_not_published(collection: Collection) -> None:
    """Neither a folder alone nor another set's record proves publication."""
    (collection.root / "ANON_006").mkdir()
    assert publish.find(collection, ONE) is None
    records.path_of(collection, 6).write_bytes(records.Record(6, TWO, PLAN, "", {}).encoded())
    assert (publish.find(collection, ONE), publish.find(collection, "3" * 32)) == (None, None)


@pytest.mark.parametrize("content", [None, "RP.2.25.999.dcm"])
def test_a_foreign_folder_in_the_way_stops_the_publication(collection: Collection, content: str | None) -> None:
    """Even an empty one; it is untouched, and nothing is published."""
    target = collection.root / "ANON_006"
    target.mkdir()
    if content:
        (target / content).touch()

    with pytest.raises(TargetTaken):
        publish.publish(attempt_in(collection), {}, LINE_OF_ONE, PLAN)
    assert durable_files.names(target) == ([content] if content else [])
    assert publish.find(collection, ONE) is None


@pytest.mark.parametrize("whose", [TWO, None])
def test_another_ones_record_stops_the_publication(collection: Collection, whose: str | None) -> None:
    """Even if its folder was removed: the number is used."""
    records.path_of(collection, 6).write_bytes(records.Record(6, whose, PLAN, "", {}).encoded())

    with pytest.raises(TargetTaken):
        publish.publish(attempt_in(collection), {}, LINE_OF_ONE, PLAN)
    assert not (collection.root / "ANON_006").exists()


def test_two_copies_of_a_task_publish_once(collection: Collection) -> None:
    """The second finds it done; the first one's record and line stay."""
    first, second = attempt_in(collection), attempt_in(collection)
    later = TrackingLine("orig", "zzz_AnusGE006", "Plan", "Demo Hospital", date(2026, 11, 23))

    publish.publish(first, {"by": "first"}, LINE_OF_ONE, PLAN)
    publish.publish(second, {"by": "second"}, later, PLAN)
    found = publish.find(collection, ONE)
    assert found is not None
    assert found.content == {"by": "first"}
    assert (durable_files.read(collection.tracking / "000006.json") or {})["day"] == "20261122"
    assert durable_files.names(collection.staging) == []


def test_an_attempt_whose_claim_was_given_back_is_thrown_away(collection: Collection) -> None:
    """At its start, and again right before the rename."""
    attempt = attempt_in(collection)
    claim = claims.held(collection, ONE)
    assert claim is not None
    claims.end(collection, claim)

    with pytest.raises(claims.ClaimLost):
        publish.publish(attempt, {}, LINE_OF_ONE, PLAN)
    with pytest.raises(claims.ClaimLost):
        Attempt.begin(collection, ONE, 6)
    assert durable_files.names(collection.staging) == []
    assert not (collection.root / "ANON_006").exists()


def test_a_claim_is_held_only_where_index_and_set_agree(collection: Collection) -> None:
    """A kill may leave half of it, and the other half may belong to another set by now."""
    mine = claims.held(collection, ONE)
    assert mine is not None
    (collection.claims / "000006.json").write_bytes(claims.Claim(6, TWO, LOCATOR, "f" * 32).encoded())

    assert claims.held(collection, ONE) is None
    (collection.claims / "000006.json").write_bytes(mine.encoded())
    assert claims.held(collection, ONE) == mine


@pytest.mark.parametrize("left", ["records/ANON_007.json", "tracking/000007.json", "../ANON_007"])
def test_a_number_in_use_anywhere_is_never_taken(collection: Collection, left: str) -> None:
    """Even without its claim, a record, line or folder of that number suffices."""
    (collection.state / left).write_bytes(b"{}")

    assert claims.take(collection, 7, TWO, LOCATOR) is None
    assert claims.take(collection, 8, TWO, LOCATOR) is not None


def test_who_wakes_up_while_giving_back_takes_nothing_from_a_later_taking(collection: Collection) -> None:
    """It is the same set's later claim: removal is by token."""
    earlier = claims.held(collection, ONE)
    assert earlier is not None
    claims.end(collection, earlier)
    claims.remove(collection, earlier)
    later = claims.take(collection, 6, ONE, LOCATOR)

    claims.end(collection, earlier)
    claims.remove(collection, earlier)
    assert later is not None
    assert claims.held(collection, ONE) == later


def test_all_of_an_attempt_is_on_the_disk_before_its_folder_has_its_name(collection: Collection, monkeypatch) -> None:
    """Not every file system preserves the order of renames: record and line come first."""
    attempt, flushed, flush, rename = attempt_in(collection), [], durable_files.fsync_folder, durable_files.rename_new
    monkeypatch.setattr(durable_files, "fsync_folder", lambda folder: (flush(folder), flushed.append(folder)))

    def renamed(source: Path, target: Path) -> None:
        if source == attempt.folder:
            assert {attempt.folder, attempt.path} <= set(flushed)
        rename(source, target)

    monkeypatch.setattr(durable_files, "rename_new", renamed)
    publish.publish(attempt, {}, LINE_OF_ONE, PLAN)
    assert records.read(collection, 6) is not None


def test_an_attempt_is_moved_away_before_it_is_judged(collection: Collection, monkeypatch) -> None:
    """The worker's earlier writes are seen; later ones are impossible."""
    attempt, judge, judged = attempt_in(collection), attempts.is_half_published, []

    def judges(path: Path) -> bool:
        judged.append(attempt.path.exists())
        return judge(path)

    monkeypatch.setattr(attempts, "is_half_published", judges)

    assert publish.give_way(collection, ONE)
    assert judged == [False]


def test_a_partially_deleted_attempt_is_no_evidence_of_publication(collection: Collection, monkeypatch) -> None:
    """A record without its folder would, so the record is removed first."""
    attempt = attempt_in(collection)
    (attempt.path / RECORD).write_bytes(b"{}")
    monkeypatch.setattr(shutil, "rmtree", lambda path, **_: (path / "ANON_006").rename(collection.state / "gone"))

    attempt.discard()
    [left] = attempts.all_of(collection)
    assert not attempts.is_half_published(left)


def test_a_set_that_was_done_again_meanwhile_is_not_replaced(collection: Collection) -> None:
    """Of two copies of the requested task, the first was done."""
    publish.publish(attempt_in(collection), {}, LINE_OF_ONE, PLAN)
    earlier = records.read(collection, 6)
    assert earlier is not None
    now = records.Record(6, ONE, PLAN, earlier.at, {"done": "again"})
    records.path_of(collection, 6).write_bytes(now.encoded())

    with pytest.raises(SetChanged):
        publish.publish(attempt_in(collection), {}, LINE_OF_ONE, PLAN, instead_of=earlier)
    assert records.read(collection, 6) == now
    assert not collection.replaced.exists()


@pytest.mark.parametrize("of_this_one", [True, False])
def test_a_record_makes_way_only_for_the_one_that_was_made_to_replace_it(
    collection: Collection, of_this_one: bool
) -> None:
    """An interrupted replacement of an earlier record must not undo later publications."""
    publish.publish(attempt_in(collection), {}, LINE_OF_ONE, PLAN)
    stands = records.read(collection, 6)
    replaced = republish.digest(collection, 6) if of_this_one else "0" * 64
    again = records.Record(6, ONE, PLAN, "2026-11-23T00:00:00+00:00", {republish.REPLACES: replaced})
    attempt = attempt_in(collection)
    (attempt.path / RECORD).write_bytes(again.encoded())
    shutil.rmtree(attempt.folder)  # as if it had its place already

    publish.recover(collection)
    assert records.read(collection, 6) == (again if of_this_one else stands)


def test_a_publication_that_was_cut_off_is_finished_by_whoever_comes(collection: Collection, monkeypatch) -> None:
    """By the reconciler, without the source, or by a copy of the task that only queries."""
    cut_off(collection, monkeypatch)
    assert records.read(collection, 6) is None

    assert publish.recover(collection) == [6]
    assert publish.recover(collection) == []
    assert publish.find(collection, ONE) is not None
    assert durable_files.names(collection.staging) == []


def test_the_set_itself_finishes_what_was_cut_off(collection: Collection, monkeypatch) -> None:
    """Before it restarts."""
    cut_off(collection, monkeypatch)

    assert publish.find(collection, ONE) is not None
    assert (collection.tracking / "000006.json").exists()


def test_evidence_of_a_publication_is_never_deleted(collection: Collection, monkeypatch) -> None:
    """Even if the folder is missing: only a person can know why."""
    now = [0.0]
    still = AbandonedWork(collection, lambda: now[0])
    attempt = cut_off(collection, monkeypatch)
    (collection.root / "ANON_006").rename(collection.root / "elsewhere")

    attempt.discard()
    assert publish.recover(collection) == []
    assert not publish.give_way(collection, ONE)
    for _ in range(2):
        assert still.clear(lambda _: False) == 0
        now[0] += ABANDONED_AFTER_S
    (left,) = collection.staging.iterdir()
    assert sorted(durable_files.names(left)) == [LINE, RECORD]


def test_an_attempt_that_nobody_works_on_is_cleared_after_ten_minutes(collection: Collection) -> None:
    """By our own clock; any change, or a lease, keeps it. What no set needs is cleared after two."""
    now = [0.0]
    still = AbandonedWork(collection, lambda: now[0])
    attempt = attempt_in(collection)
    left_over, half_a_note = durable_files.aside(collection.staging), durable_files.aside(collection.root)
    left_over.touch()
    half_a_note.touch()
    foreign = collection.staging / "a person's"
    foreign.touch()

    assert still.clear(lambda _: False) == 0
    now[0] = UNCLAIMED_AFTER_S - 1
    assert still.clear(lambda _: False) == 0
    now[0] = UNCLAIMED_AFTER_S
    assert still.clear(lambda _: False) == 2
    assert (left_over.exists(), half_a_note.exists()) == (False, False)
    now[0] = ABANDONED_AFTER_S - 1
    (attempt.folder / "late").touch()
    assert still.clear(lambda _: False) == 0
    now[0] = ABANDONED_AFTER_S
    assert still.clear(lambda _: False) == 0
    assert (attempt.path.exists(), foreign.exists()) == (True, True)
    now[0] = 3 * ABANDONED_AFTER_S
    assert still.clear(lambda locator: locator == LOCATOR) == 0
    assert still.clear(lambda _: False) == 1
    assert durable_files.names(collection.staging) == [foreign.name]


def test_what_a_killed_process_of_this_host_left_goes_at_once(collection: Collection, monkeypatch) -> None:
    """At the next start, even if its lease outlives it. What others made, or is published, stays."""
    ours = attempt_in(collection)
    with monkeypatch.context() as patch:
        patch.setattr(processes, "_digest_of_host", lambda: "0" * 12)
        elsewhere = attempt_in(collection)
    child = fork()
    if child == 0:
        attempt_in(collection)
        durable_files.aside(collection.staging).touch()
        durable_files.aside(collection.root).touch()
        os._exit(0)
    os.waitpid(child, 0)
    old = collection.staging / f"{ONE}.{'a1' * 16}"  # as named by earlier versions
    old.mkdir()

    assert AbandonedWork(collection, lambda: 0.0).clear(lambda locator: locator == LOCATOR) == 3
    assert sorted(collection.staging.iterdir()) == sorted((ours.path, elsewhere.path, old))
    assert not any(map(durable_files.is_left_over, durable_files.names(collection.root)))


def test_what_was_moved_away_to_be_deleted_goes_at_once(collection: Collection) -> None:
    """The deleting process was killed; its set may be in work again, and that attempt stays."""
    moved = move_away(attempt_in(collection).path)
    again = attempt_in(collection)

    assert AbandonedWork(collection, lambda: 0.0).clear(lambda locator: locator == LOCATOR) == 1
    assert (moved.exists(), again.path.exists()) == (False, True)


def test_ten_thousand_published_sets_do_not_slow_the_next(collection: Collection, monkeypatch) -> None:
    """Neither finding nor publishing a set lists the records."""
    listed: list[Path] = []
    names = durable_files.names
    monkeypatch.setattr(durable_files, "names", lambda folder: listed.append(folder) or names(folder))

    publish.find(collection, ONE)
    publish.publish(attempt_in(collection), {}, LINE_OF_ONE, PLAN)
    publish.find(collection, ONE)
    assert {folder for folder in listed if folder.parent == collection.state} == {collection.staging}
