"""A run ends when its workers have reported the last sets, not when the last outcome is stored."""

from __future__ import annotations

from dataclasses import replace
from errno import ENOTCONN
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import redis

from anonymizer.embedded.run_steps import Batch
from anonymizer.follow_run import make_sheets
from services.runtime.progress import Progress
from services.store import registry
from services.store.set_state import SetState

if TYPE_CHECKING:
    import pytest

    from services.store.collection import Collection

SET = "1" * 32


def concluded() -> Any:
    """Return the watcher of a collection whose only set has its outcome on the share."""
    return SimpleNamespace(
        states={"P1": SetState.PUBLISHED},
        unfinished=False,
        counts=SimpleNamespace(at=1.0),
        paused="",
        due=float("inf"),
        settles_at=float("inf"),
        reconcile_soon=lambda: None,
        look=lambda: None,
        has_other=False,
        numbers_lost=None,
    )


def end_of_run(collection: Collection, client: redis.Redis) -> Batch:
    """Return a run without processes and sheets, whose only set is concluded."""
    bare = replace(collection, options=replace(collection.options, sheets=False))
    return Batch(bare, concluded(), client, [], cast("Any", None), cast("Any", None), at_once=1)


def test_a_run_waits_for_the_report_that_follows_an_outcome(collection: Collection, client: redis.Redis) -> None:
    """The worker reports a set's duration after storing the outcome, and the summary shows it."""
    progress = Progress(client, collection.id, SET)
    progress.step("verified", 3, 3)
    batch = end_of_run(collection, client)

    assert not batch.look().finished
    progress.done()
    assert batch.look().finished
    assert list(batch.seconds()) == [SET]


def test_a_waiting_set_does_not_delay_the_end(collection: Collection, client: redis.Redis) -> None:
    """The reason for waiting is shown longer than it applies."""
    Progress(client, collection.id, SET).waits("the disk is full")
    batch = end_of_run(collection, client)

    assert batch.look().finished


def test_a_run_names_a_set_while_the_share_is_unavailable(
    collection: Collection, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the share, and does not end because it tells of a set that waits for it, too."""

    def lost(*_: object) -> None:
        raise OSError(ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(registry, "folder_of", lost)

    assert end_of_run(collection, client).folder_of(collection.locator("P1")) == "P1"


def test_a_redis_lost_while_sheets_are_made_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """All sets are published: the run ends as it would have, and the next one makes the sheets."""

    def lost() -> list[int]:
        raise redis.ConnectionError

    going: Any = SimpleNamespace(sheets_to_come=lost, sheets_failed=lost)
    make_sheets(going, as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert said == "Not all sheets could be made: Redis is unavailable. The next run makes the rest."
