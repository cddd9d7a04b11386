"""Logging: only events, opaque names and numbers are logged, by this program and by libraries.

A folder's name is often a patient's. The log therefore does not trust its callers: keys that are not on the list are
masked, exceptions are reduced to their class and our codes, and values interpolated into library messages are removed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, TextIO

import structlog

from services.errors import NotClean, SetRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from structlog.typing import EventDict, WrappedLogger

KEYS: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "collection",
        "set",
        "delivery",
        "task",
        "index",
        "worker",
        "pid",
        "signal",
        "port",
    }
    | {"step", "state", "count", "counts", "total", "seconds", "bytes", "attempt", "deaths", "errors", "observer"}
    | {
        "user",
        "page",
        "method",
        "status",
        "sender",
    }  # the console's: pages are logged by function name, never by address
    | {"code", "codes", "reason", "reasons", "waits", "error", "at", "recovered", "withdrawn", "unreadable", "version"}
)
LEFT_OUT: Final = "…"
_OURS: Final = ("services.", "sheets.", "worker.", "watcher.", "console.", "receiver.", "anonymizer.")


def configure(log_format: str = "text", level: str = "info", stream: TextIO | None = None) -> None:
    """Configure logging of this process: `text` for people, `json` for log collectors; includes library logs."""
    stream = stream or sys.stderr
    ours = (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        reduce_exception,
        drop_unknown_keys,
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *ours, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if log_format != "json":
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[empty_foreign_text, structlog.stdlib.add_logger_name, *ours],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    handler.set_name(log_format)
    root.setLevel(level.upper())
    # Library warnings quote paths; Python quotes the exception that ended a thread.
    warnings.showwarning = _log_warning
    threading.excepthook = _log_end_of_thread


def writes_json() -> bool:
    """Return whether this process logs JSON for a log collector."""
    return any(handler.name == "json" for handler in logging.getLogger().handlers)


class Prints:
    """Replacement for a stream on which libraries print: each printed line becomes a log event.

    The text itself is not logged, since it may contain a name.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Log that something was printed."""
        if text.strip():
            structlog.get_logger().warning("library.prints")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def log_from_signal(text: str, _stream: object = None) -> None:
    """Write a line that a library prints in a signal handler, where the log may be in use."""
    event = "worker.stops" if "shutdown" in text.lower() else "library.prints"
    line = {"event": event, "level": "info", "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    with suppress(OSError):
        os.write(2, json.dumps(line).encode() + b"\n")


def _log_warning(
    message: Warning | str,  # noqa: ARG001 - it quotes paths
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - the log is where it goes
    line: str | None = None,  # noqa: ARG001 - as above
) -> None:
    structlog.get_logger().warning("library.warns", error=category.__name__, at=f"{PurePath(filename).name}:{lineno}")


def _log_end_of_thread(end: threading.ExceptHookArgs) -> None:
    structlog.get_logger().error("thread.failed", exc_info=end.exc_value)


def drop_unknown_keys(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask every value whose key is not on the list; the mask shows that a value was there."""
    return {key: value if key in KEYS or key.startswith("_") else LEFT_OUT for key, value in event.items()}


def reduce_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Reduce an exception to its class, our codes and the location in our code, since exception texts name files."""
    info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        place = _place(error.__traceback__)
        if place:
            event["at"] = place
        if isinstance(error, SetRefused):
            event["codes"] = [fault.code for fault in error.faults]
        if isinstance(error, NotClean):
            event["reasons"] = list(error.reasons)
    return event


def empty_foreign_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep the fixed text and numbers of a library's message, not interpolated values, which may be paths or names."""
    arguments, text = event.pop("positional_args", ()), event["_record"].msg
    if not isinstance(text, str):
        event["event"] = type(text).__name__
    elif arguments:
        try:
            event["event"] = text % _emptied(arguments)
        except (TypeError, ValueError, KeyError):
            event["event"] = text
    return event


class _LeftOut:
    def __str__(self) -> str:
        return LEFT_OUT

    __repr__ = __str__


def _emptied(arguments: Mapping[str, Any] | Iterable[Any]) -> Any:
    if isinstance(arguments, dict):
        return {key: _number_or_nothing(value) for key, value in arguments.items()}
    return tuple(map(_number_or_nothing, arguments))


def _number_or_nothing(value: object) -> object:
    return value if isinstance(value, int | float) else _LeftOut()


def _place(traceback: TracebackType | None) -> str | None:
    """Return the innermost line of our code that an exception passed: `services.publication.publish:88`."""
    place = None
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if module.startswith(_OURS):
            place = f"{module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
