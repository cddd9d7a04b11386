"""No name gets into the log, whoever logs."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from services.errors import Fault, NotClean, SetRefused
from services.runtime import durable_files, logs
from tests.logged import logged

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "Müller^Hans"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Log into a text like services."""
    with logged() as written:
        yield written


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the log lines without times."""
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert all(line.pop("timestamp").endswith("Z") for line in found)
    return found


LOGGING = {"debug", "info", "warning", "error", "exception", "bound_contextvars", "bind_contextvars"}
PACKAGES = ("anonymizer", "console", "receiver", "services", "sheets", "watcher", "worker")


def test_every_key_that_is_logged_is_listed() -> None:
    """Another one would be logged without its value, and nobody would miss it before it is needed."""
    project = Path(__file__).parents[2]
    sources = [path for name in PACKAGES for path in (project / name).rglob("*.py")]
    calls = [
        (path.relative_to(project).as_posix(), keyword.arg)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in LOGGING
        for keyword in node.keywords
        if keyword.arg not in {None, "exc_info"}
    ]
    assert len(calls) > 50
    assert [(path, key) for path, key in calls if key not in logs.KEYS] == []


def test_known_keys_pass_and_others_show_only_that_they_were_there(stream: io.StringIO) -> None:
    """New keys must be listed deliberately."""
    structlog.contextvars.bind_contextvars(collection="c" * 32, set="0" * 32, folder=SECRET)
    structlog.get_logger().info("set.published", index=6, seconds=1.5, patient=SECRET)
    structlog.get_logger().debug("not.logged")

    assert lines(stream) == [
        {
            "event": "set.published",
            "level": "info",
            "collection": "c" * 32,
            "set": "0" * 32,
            "index": 6,
            "seconds": 1.5,
            "folder": "…",
            "patient": "…",
        }
    ]


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (FileNotFoundError(2, "No such file", SECRET), {"error": "FileNotFoundError"}),
        (SetRefused(Fault("two-patients", SECRET, SECRET)), {"error": "SetRefused", "codes": ["two-patients"]}),
        (NotClean("links differ"), {"error": "NotClean", "reasons": ["links differ"]}),
    ],
)
def test_exceptions_are_logged_by_class_and_our_codes_only(
    stream: io.StringIO, error: Exception, left: dict[str, Any]
) -> None:
    """Its text and related values may contain a name."""
    try:
        raise error
    except Exception:  # noqa: BLE001 - any of them
        structlog.get_logger().exception("set.failed")

    assert lines(stream) == [{"event": "set.failed", "level": "error", **left}]


def test_an_exception_says_where_in_our_code_it_came_up(stream: io.StringIO, tmp_path: Path) -> None:
    """Module and line, without the file's path."""
    try:
        durable_files.names(tmp_path / SECRET)
    except FileNotFoundError:
        structlog.get_logger().exception("set.failed")

    (line,) = lines(stream)
    assert re.fullmatch(r"services\.runtime\.durable_files:\d+", line["at"])


def test_libraries_keep_their_words_and_numbers_only(stream: io.StringIO) -> None:
    """Interpolated values may be paths, exceptions or arguments."""
    library = logging.getLogger("celery.worker")
    library.warning("Task %(name)s raised %(exc)r after %(runtime).1fs", {"name": SECRET, "exc": SECRET, "runtime": 2})
    library.warning("Lost %s, retry %d", SECRET, 3)
    library.warning("plain 100%")
    library.warning(OSError(SECRET))
    try:
        raise OSError(SECRET)
    except OSError:
        library.exception("Unrecoverable")

    assert SECRET not in stream.getvalue()
    assert [line["event"] for line in lines(stream)] == [
        "Task … raised … after 2.0s",
        "Lost …, retry 3",
        "plain 100%",
        "OSError",
        "Unrecoverable",
    ]
    assert lines(stream)[-1] == {
        "event": "Unrecoverable",
        "level": "error",
        "logger": "celery.worker",
        "error": "OSError",
    }


def test_a_text_of_a_library_that_cannot_be_filled_in_is_unchanged() -> None:
    """The mistake is the library's; no value is logged."""
    record = logging.LogRecord("celery", logging.INFO, "", 0, "%d of %d", (SECRET, 3), None)
    event = {"event": "%d of %d", "_record": record, "positional_args": (SECRET, 3)}

    assert logs.empty_foreign_text(None, "info", event) == {"event": "%d of %d", "_record": record}


def test_people_get_readable_lines() -> None:
    """At a terminal, with the same rules."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("text", "info", written)
    structlog.get_logger().info("index.claimed", index=6, name=SECRET)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)

    (line,) = written.getvalue().splitlines()
    assert "index.claimed" in line
    assert "index=6" in line
    assert SECRET not in line


def test_warnings_and_threads_that_end_badly_go_the_same_way(stream: io.StringIO) -> None:
    """The watching library quotes paths in a warning."""

    def fail() -> None:
        raise OSError(SECRET)

    logs.configure("json", "info", stream)  # once more: pytest takes warnings for itself when a test begins
    warnings.warn(f"watching {SECRET} again", RuntimeWarning, stacklevel=1)
    ending = threading.Thread(target=fail)
    ending.start()
    ending.join()

    assert SECRET not in stream.getvalue()
    told = [(line["event"], line["error"]) for line in lines(stream)]
    assert told == [("library.warns", "RuntimeWarning"), ("thread.failed", "OSError")]


def test_what_a_library_prints_becomes_a_line_that_says_only_that(
    stream: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """The printed text may contain a name; the underlying file stays accessible."""
    beneath = io.StringIO()
    prints = logs.Prints(beneath)
    print(f"\n{SECRET}\n", file=prints)
    print(file=prints)
    logs.log_from_signal("worker: Warm shutdown (MainProcess)")
    assert lines(stream) == [{"event": "library.prints", "level": "warning"}]
    assert json.loads(capfd.readouterr().err)["event"] == "worker.stops"
    assert prints.closed is beneath.closed
