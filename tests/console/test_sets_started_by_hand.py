"""A collection whose sets wait for a person: the watcher queues them only once checked and chosen."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from console.collection_view import Board
from services.rtset import folder_listing
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from services.store.registry import Outcome
from services.store.set_state import SetState
from tests.sets import make_collection, make_set, without
from tests.waiting import wait_until
from watcher.dispatcher import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.visitor import Served
    from worker.queues.set_key import SetKey


class Asked:
    """A queue that records what it is asked for."""

    def __init__(self) -> None:
        self.names: list[SetKey] = []

    def put(self, name: SetKey, *, last_chance: bool = False) -> None:  # noqa: ARG002 - a queue is asked so
        """Record the set."""
        self.names.append(name)

    def holding(self, names: Iterable[SetKey]) -> dict[SetKey, str]:  # noqa: ARG002 - a queue is asked so
        """Do nothing."""
        return {}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a manual collection with a good set and one without a plan."""
    root = make_collection(tmp_path / "BATCH", more='[service]\nstart = "by hand"')
    make_set(root, name="good", seed=1)
    make_set(root, without("RTPLAN"), name="without plan", seed=2)
    return Collection.open(root).root


def checked(board: Board) -> dict[str, str]:
    """Check, wait for the end, and return the verdicts."""
    board.check()
    wait_until(lambda: not board.look().checking)
    return {line.row.folder: line.judgement.verdict if line.judgement else "" for line in board.look().lines}


def states(board: Board) -> dict[str, str]:
    """Return the state of each set."""
    return {row.folder: row.state for row in board._read_again().status.sets}


def asked_for(root: Path) -> list[str]:
    """Return the folders that a watcher queues once all are settled."""
    now, queue, collection = [0.0], Asked(), Collection.open(root)
    dispatcher = Dispatcher(collection, queue, Settings(), lambda: now[0], by_hand=True)  # type: ignore[arg-type]
    dispatcher.look()
    now[0] = 60
    dispatcher.look()
    return [folder.name for name in queue.names if (folder := registry.folder_of(collection, name.locator))]


def test_no_set_is_queued_before_a_person_starts_it(root: Path) -> None:
    """However long it waits; once started, only that set is queued."""
    board = Board(root, Settings())
    assert (asked_for(root), states(board)) == (
        [],
        {"good": SetState.NOT_STARTED, "without plan": SetState.NOT_STARTED},
    )
    assert checked(board) == {"good": "good", "without plan": "incomplete"}
    (good,) = board.look().can_start
    assert board.start([good.row.locator]) == 1
    assert asked_for(root) == ["good"]
    assert states(board) == {"good": "new", "without plan": SetState.NOT_STARTED}


def test_only_sets_without_faults_can_be_started(root: Path) -> None:
    """Neither unchecked sets, nor sets with faults, nor missing ones."""
    board = Board(root, Settings())
    every = [line.row.locator for line in board.look().lines]
    assert board.start(every) == 0
    checked(board)
    assert not board.look().faultless
    assert board.start([*every, "0" * 32]) == 1
    assert asked_for(root) == ["good"]


def test_a_set_that_changes_is_to_be_checked_and_started_again(root: Path) -> None:
    """Only the checked contents are started: neither check nor start apply to a changed set."""
    board = Board(root, Settings())
    checked(board)
    (line,) = board.look().can_start
    (root / "good" / "more.txt").write_text("x")
    assert board.start([line.row.locator]) == 0
    assert next(line.changed for line in board._read_again().lines if line.row.folder == "good")
    checked(board)
    assert board.start([line.row.locator]) == 1
    (root / "good" / "more.txt").unlink()
    assert asked_for(root) == []


def test_a_check_without_faults_lets_all_be_begun(root: Path) -> None:
    """A folder without DICOM is no fault."""
    shutil.rmtree(root / "without plan")
    (root / "notes").mkdir()
    board = Board(root, Settings())
    assert checked(board) == {"good": "good", "notes": "no set"}
    assert board.look().faultless


def test_a_refused_set_can_be_tried_again(root: Path) -> None:
    """Its outcome and its file are removed, and the watcher queues it."""
    collection = Collection.open(root)
    locator = registry.register(collection, "good")
    fingerprint = folder_listing.take(root / "good").fingerprint
    refused = Outcome("refused", fingerprint, "2026-11-22T12:00:00+00:00", codes=("no-rt-plan",), text="No plan.")
    registry.write_outcome(collection, locator, refused)
    board = Board(root, Settings())
    assert states(board)["good"] == "refused"
    assert board.try_again(locator)
    assert states(board)["good"] == "new"
    assert asked_for(root) == ["good"]
    assert not board.try_again(locator)


def test_a_collection_of_the_service_goes_by_itself_unless_it_says_otherwise(tmp_path: Path) -> None:
    """The form decides; in a local console sets always wait."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="good", seed=1)
    Collection.open(root)
    assert not Board(root, Settings()).look().by_hand
    assert states(Board(root, Settings())) == {"good": "new"}
    assert states(Board(root, Settings(), by_hand=True)) == {"good": SetState.NOT_STARTED}


def test_sets_are_checked_chosen_and_started_over_http(served: Served) -> None:
    """Check, choose and start over HTTP, with a log line for each that names only the user."""
    member = served.member()
    assert 'id="start-button" form="start" data-needs="set" disabled' in member.get(served.collection).text
    assert member.post(f"{served.collection}/start", {"set": []}).status == 409
    assert member.post(f"{served.collection}/check").location == served.collection
    wait_until(lambda: 'name="set"' in member.get(served.collection).text)
    page = member.get(served.collection).text
    assert "all 2 beams fit" in page
    assert "dose → plan: shown" in page
    assert " checked>" in page
    locator = page.partition('name="set" value="')[2][:32]
    assert member.post(f"{served.collection}/start", {"set": [locator]}).status == 303
    did = [json.loads(line) for line in served.log.getvalue().splitlines()]
    events = [line for line in did if line["event"] in {"console.checked", "console.started"}]
    assert [(line["event"], line["user"], line["count"]) for line in events] == [
        ("console.checked", "anna", 1),
        ("console.started", "anna", 1),
    ]
    assert "Müller" not in served.log.getvalue()
    assert all(line.get("collection") in {None, served.collection[3:]} for line in did)
