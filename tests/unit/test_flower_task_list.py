"""Flower's list of tasks: set and outcome, without false successes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from flower.options import options
from flower.views.tasks import visible_task_columns
from tornado.options import parse_config_file

from tests.logged import logged
from worker.app import worker_arguments
from worker.queues.set_queue import shortened
from worker.tasks.ends import TaskRequest, ended, signal_of
from worker.tasks.set_tasks import anonymize_set
from worker.tasks.sheet_tasks import make_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path(__file__).parents[2] / "deploy/flowerconfig.py"
LOST = (
    'Traceback (most recent call last):\n  File "/a/pool.py", line 1, in f\n'
    "billiard.exceptions.WorkerLostError: Worker exited prematurely: signal 9 (SIGKILL) Job: 3.\n"
)


@pytest.fixture
def flower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Load our settings like Flower at its start."""
    (tmp_path / "login").write_text("anna:secret\n")
    monkeypatch.setenv("FLOWER_BASIC_AUTH_FILE", str(tmp_path / "login"))
    names = ("basic_auth", "tasks_columns", "purge_offline_workers", "format_task")
    before = {name: getattr(options, name) for name in names}
    with logged():
        parse_config_file(str(CONFIG))
    yield options
    for name, value in before.items():
        setattr(options, name, value)


@pytest.mark.parametrize(
    ("result", "state", "shown"),
    [
        ("'published'", "SUCCESS", ("published", "SUCCESS")),
        ("'same-set'", "SUCCESS", ("same-set", "SUCCESS")),
        ("'refused'", "SUCCESS", ("refused", "REFUSED")),
        ("'waits'", "SUCCESS", ("waits", "WAITS")),
        ("'parked'", "SUCCESS", ("parked", "PARKED")),
        ("None", "SUCCESS", ("", "SUCCESS")),  # a sheet
        (None, "STARTED", ("", "STARTED")),
    ],
)
def test_only_what_was_published_is_a_success(flower: Any, result: str, state: str, shown: tuple[str, str]) -> None:
    """The list shows the set's outcome."""
    task = flower.format_task(SimpleNamespace(result=result, state=state, args=None))
    assert (task.result, task.state) == shown


def test_ids_of_older_messages_and_of_sheets_are_shortened_by_the_list(flower: Any) -> None:
    """Short ones are unchanged."""
    shown = {f"['{'c' * 32}', 6]": "cccccccc…, 6", "55555555…, cccccccc…": "55555555…, cccccccc…"}
    for args, short in shown.items():
        assert flower.format_task(SimpleNamespace(result=None, state="STARTED", args=args)).args == short


def test_the_list_names_task_set_and_result(flower: Any) -> None:
    """Missing workers are removed from the list."""
    columns = [name for name, _ in visible_task_columns(flower.tasks_columns)]
    assert columns[:4] == ["name", "args", "result", "state"]
    assert flower.purge_offline_workers == 300
    assert "--without-heartbeat" not in worker_arguments("anonymizer", 1)  # else it cannot tell who lives


def test_arguments_are_shown_shortened_the_set_first() -> None:
    """Two ids of 32 digits would fill a line."""
    assert shortened("c" * 32, "5" * 32) == "55555555…, cccccccc…"
    assert shortened("c" * 32, 6) == "6, cccccccc…"


def test_a_process_that_died_is_reported_with_its_signal_and_nothing_else() -> None:
    """A traceback may contain a name in its last line."""
    assert ended(LOST) == "WorkerLostError: SIGKILL"
    assert ended("Traceback …\nbilliard.exceptions.TimeLimitExceeded: TimeLimitExceeded(7200,)") == "TimeLimitExceeded"
    assert ended("Traceback …\nKeyError: 'Müller^Hans'") == "KeyError"
    assert (signal_of("Worker exited prematurely: signal 11 (SIGSEGV) Job: 1."), signal_of("exitcode 1")) == (
        "SIGSEGV",
        "",
    )


def test_the_event_of_a_failed_task_holds_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """For both kinds of tasks."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(TaskRequest.__base__, "send_event", lambda _, kind, **fields: told.update(fields, kind=kind))
    TaskRequest.send_event(
        TaskRequest.__new__(TaskRequest), "task-failed", exception="ExceptionWithTraceback()", traceback=LOST
    )
    assert told == {"kind": "task-failed", "exception": "WorkerLostError: SIGKILL", "traceback": None}
    assert anonymize_set.Request is make_sheet.Request is TaskRequest
