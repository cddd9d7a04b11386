"""Due sets are queued once, lost ones again, and finished ones not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.rtset import folder_listing
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from services.store.registry import Outcome
from services.store.set_state import SetState
from watcher.dispatcher import Dispatcher
from watcher.settling import Rest
from worker.queues.set_key import SetKey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FORM = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)


class FakeQueue:
    """An in-memory queue that records requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.states: dict[SetKey, str] = {}

    def put(self, name: SetKey, *, last_chance: bool = False) -> None:
        """Queue a set."""
        self.asked.append((name.locator, last_chance))
        self.states[name] = "queued"

    def holding(self, names: Iterable[SetKey]) -> dict[SetKey, str]:
        """Return its contents."""
        return {name: self.states[name] for name in names if name in self.states}


class Watched:
    """A collection of one set, its dispatcher, and their clock."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.now = 0.0
        self.queue = FakeQueue()
        self.collection = Collection.create(root, FORM, Options(machine=()))
        self.file = root / "a" / "slice.dcm"
        self.file.parent.mkdir()
        self.file.write_bytes(b"1")
        self.name = SetKey(self.collection.id, self.collection.locator("a"))
        settings = Settings(quiet_s=10, patience_s=900)
        self.dispatcher = Dispatcher(self.collection, self.queue, settings, lambda: self.now)

    def look(self, at: float) -> str:
        """Check at a time."""
        self.now = at
        return self.dispatcher.look()["a"]

    def conclude(self, state: registry.State) -> None:
        """Store an outcome like a worker."""
        seen = folder_listing.take(self.file.parent)
        registry.write_outcome(
            self.collection,
            self.name.locator,
            Outcome(state, seen.fingerprint, "2026-11-22T12:00:00Z", folders={".": seen.folders[0].mtime_ns}),
        )
        self.queue.states.clear()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Watch a collection with one set."""
    return Watched(tmp_path / "BATCH")


def test_a_settled_set_is_queued_once(watched: Watched) -> None:
    """And registered for the worker."""
    seen = [watched.look(at) for at in (0, 5, 10, 15, 3600)]
    assert seen == ["settling", "settling", "queued", "queued", "queued"]
    assert watched.queue.asked == [(watched.name.locator, False)]
    assert registry.folder_of(watched.collection, watched.name.locator) == watched.file.parent


def seen_before(watched: Watched, at: float) -> Dispatcher:
    """Start watching with an earlier observation."""
    seen = {"a": Rest(folder_listing.fingerprint(watched.file.parent), at), "gone": Rest("", at)}
    settings = Settings(quiet_s=10, patience_s=900)
    return Dispatcher(watched.collection, watched.queue, settings, lambda: watched.now, seen=seen)  # type: ignore[arg-type]


def test_an_earlier_observation_counts_as_the_first_one(watched: Watched) -> None:
    """The second one must follow it after the quiet time as usual."""
    watched.dispatcher = seen_before(watched, at=-4)
    assert [watched.look(at) for at in (0, 5, 6, 15)] == ["settling", "settling", "queued", "queued"]
    assert watched.queue.asked == [(watched.name.locator, False)]


def test_an_earlier_observation_of_other_contents_is_ignored(watched: Watched) -> None:
    """However long ago it was."""
    watched.dispatcher = seen_before(watched, at=-100)
    watched.file.write_bytes(b"12")
    assert [watched.look(at) for at in (0, 9, 10)] == ["settling", "settling", "queued"]


def test_a_set_in_work_is_left_to_its_worker(watched: Watched) -> None:
    """Whatever its duration."""
    watched.look(0)
    watched.queue.states[watched.name] = "in work"
    assert [watched.look(at) for at in (10, 5000)] == ["in work", "in work"]
    assert watched.queue.asked == []


@pytest.mark.parametrize("state", ["published", "same-set", "changed", "refused", "parked", "no-set"])
def test_a_concluded_set_is_left_alone_until_it_changes(watched: Watched, state: registry.State) -> None:
    """Then it is queued again."""
    watched.look(0)
    watched.look(10)
    watched.conclude(state)
    assert watched.look(20) == state
    (watched.file.parent / "late.dcm").write_bytes(b"2")
    assert [watched.look(at) for at in (30, 40)] == ["settling", "queued"]
    assert len(watched.queue.asked) == 2


def test_a_lost_message_is_sent_again_later_each_time(watched: Watched) -> None:
    """After 2, 4, 8 … seconds, at most a minute."""
    for at in range(400):
        watched.look(at)
        if watched.queue.states.pop(watched.name, None):
            watched.queue.asked[-1] = at
    assert watched.queue.asked == [10, 12, 16, 24, 40, 72, 132, 192, 252, 312, 372]


def test_a_set_that_is_tried_again_and_again_is_held_up_since_it_was_tried_first(watched: Watched) -> None:
    """Attempts do not reset the time; an incomplete set is not held up, whatever its attempts."""
    told = []
    for at in (0, 10, 12, 300, 900):
        watched.look(at)
        told.append(dict(watched.dispatcher.held_up))
        watched.queue.states.clear()
    assert told == [{}, {}, {"a": 10}, {"a": 10}, {"a": 10}]
    watched.conclude("waiting")
    watched.look(901)
    assert watched.dispatcher.held_up == {}


def test_a_set_that_waits_in_a_long_queue_or_is_long_in_work_is_not_held_up(watched: Watched) -> None:
    """Although its first message was lost."""
    told = []
    for at in (0, 10, 12, 20, 620, 630):
        watched.look(at)
        told.append(dict(watched.dispatcher.held_up))
        if at == 10:
            watched.queue.states.clear()
    assert told == [{}, {}, {"a": 10}, {"a": 10}, {}, {}]


def test_a_message_that_was_just_taken_is_not_taken_for_lost(watched: Watched) -> None:
    """Briefly, between queue and lease, it is in neither."""
    for at in range(100):
        watched.look(at)
    watched.queue.states.clear()
    seen = watched.look(100)
    watched.queue.states[watched.name] = "in work"
    assert (seen, watched.look(101), len(watched.queue.asked)) == ("waiting", "in work", 1)


def test_an_incomplete_set_is_checked_once_more_when_patience_is_over(watched: Watched) -> None:
    """Counted from its last change by our own clock."""
    watched.look(0)
    watched.look(10)
    watched.conclude("waiting")
    assert [watched.look(at) for at in (20, 899, 900)] == ["waiting", "waiting", "queued"]
    assert watched.queue.asked == [(watched.name.locator, False), (watched.name.locator, True)]


def test_an_incomplete_set_that_grows_is_looked_at_again(watched: Watched) -> None:
    """With full patience."""
    watched.look(0)
    watched.look(10)
    watched.conclude("waiting")
    watched.look(800)
    watched.file.write_bytes(b"12")
    assert [watched.look(at) for at in (890, 900)] == ["settling", "queued"]
    assert watched.queue.asked[-1] == (watched.name.locator, False)


def test_a_folder_that_disappears_is_ignored(watched: Watched) -> None:
    """Its claim, if any, is released by the reconciler."""
    watched.look(0)
    watched.file.unlink()
    watched.file.parent.rmdir()
    assert watched.dispatcher.look() == {}


def test_a_set_that_may_be_half_copied_is_asked_for_again_after_a_quiet_time(watched: Watched) -> None:
    """Once, not at each check, and independently of the patience."""
    seen = folder_listing.take(watched.file.parent)
    watched.look(0)
    watched.look(10)
    registry.write_outcome(
        watched.collection,
        watched.name.locator,
        Outcome(SetState.WAITING, seen.fingerprint, "2026-11-22T12:00:00Z", codes=(registry.SECOND_LOOK,)),
    )
    watched.queue.states.clear()

    stood = [watched.look(at) for at in (13, 20, 22.9, 23, 24)]

    assert stood == ["waiting", "waiting", "waiting", "queued", "queued"]
    assert watched.queue.asked == [(watched.name.locator, False)] * 2
