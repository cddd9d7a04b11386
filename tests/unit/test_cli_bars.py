"""What a run prints while it goes on, and while it cannot begin."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console

from anonymizer.embedded import run_steps
from anonymizer.embedded.run_steps import Look
from anonymizer.progress_view import Bars, Lines
from services.runtime.progress import InWork
from services.store.set_state import SetState

if TYPE_CHECKING:
    import pytest

WRITTEN = InWork("written", 5, 10, "")
WAITS = InWork("waits", 0, 0, "the disk is full")


def test_a_line_for_each_set_as_it_is_concluded() -> None:
    """Earlier conclusions are not repeated; waiting is reported once, and again when it recurs."""
    said: list[str] = []
    lines = Lines(said.append, {"1": "a", "2": "b"}.__getitem__)
    for look in (
        Look({"a": SetState.SETTLING, "b": SetState.QUEUED, "old": SetState.PUBLISHED}, {}, "", finished=False),
        Look(
            {"a": SetState.IN_WORK, "b": SetState.QUEUED, "old": SetState.PUBLISHED}, {"1": WAITS}, "", finished=False
        ),
        Look(
            {"a": SetState.IN_WORK, "b": SetState.QUEUED, "old": SetState.PUBLISHED}, {"1": WAITS}, "", finished=False
        ),
        Look(
            {"a": SetState.PUBLISHED, "b": SetState.REFUSED, "old": SetState.PUBLISHED},
            {"2": WRITTEN},
            "Redis is unavailable",
            finished=False,
        ),
        Look(
            {"a": SetState.PUBLISHED, "b": SetState.REFUSED, "old": SetState.PUBLISHED},
            {},
            "Redis is unavailable",
            finished=True,
        ),
    ):
        lines.show(look)
    assert said == ["a waits: the disk is full", "a: published", "b: refused", "waits: Redis is unavailable"]


def test_bars_come_and_go_with_the_sets_in_work() -> None:
    """One over all, and one for each set, which is half done when half of its files are written."""
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Bars(screen, {"1": "a", "2": "b"}.__getitem__) as bars:
        bars.show(Look({"a": SetState.IN_WORK, "b": SetState.IN_WORK}, {"1": WRITTEN, "2": WAITS}, "", finished=False))
        shown = {task.description: (task.completed, task.total, task.fields["says"]) for task in bars._bars.tasks}
        bars.show(Look({"a": SetState.PUBLISHED, "b": SetState.IN_WORK}, {}, "", finished=False))
        left = {task.description: task.fields["says"] for task in bars._bars.tasks}
    assert shown == {
        "all sets": (0, 2, "0 of 2"),
        "a": (15, 30, "written 5 of 10 files"),
        "b": (0, None, "waits: the disk is full"),
    }
    assert left == {"all sets": "1 of 2"}


def test_a_run_says_why_it_cannot_begin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Once for each reason, until it can."""
    reasons = iter(["the share is read-only", "the share is read-only", "the disk is full", ""])

    class Watched:
        has_other = False
        paused = ""

        def beat(self) -> bool:
            self.paused = next(reasons)
            return not self.paused

    monkeypatch.setattr(run_steps, "BETWEEN_TRIES_S", 0)
    run_steps.take_over(cast("Any", Watched()))
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "waits: the share is read-only\nwaits: the disk is full\n")
