"""Causes of a task process's end, without any name, for Flower and the log."""

from __future__ import annotations

import re
from typing import Any, Final

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.worker.request import Request

DEATHS: Final = (WorkerLostError, TimeLimitExceeded)
"""Exceptions by which Celery reports a process that died, or was killed for being stuck."""

_SIGNAL: Final = re.compile(r"signal \d+ \((SIG\w+)\)")
_CLASS: Final = re.compile(r"(?:^|\n)(?:\w+\.)*(\w+)(?::|\()[^\n]*\s*$")


def signal_of(text: str) -> str:
    """Return the signal that ended a process, such as `SIGKILL`, from billiard's message; empty if none did."""
    found = _SIGNAL.search(text)
    return found[1] if found else ""


def ended(text: str) -> str:
    """Return class and signal of a traceback's exception: `WorkerLostError: SIGKILL`. Its text may contain a name."""
    kind, signal = _CLASS.search(text.rstrip()), signal_of(text)
    return ": ".join(filter(None, (kind[1] if kind else "", signal)))


class TaskRequest(Request):  # type: ignore[misc]  # Celery has no types
    """Task request in a worker's main process that reports the end with the signal and without a traceback.

    Celery reports a dead process as `ExceptionWithTraceback()`.
    """

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery calls it so
        """Send an event to Flower."""
        if type == "task-failed":
            fields |= {"exception": ended(str(fields.get("traceback"))) or fields.get("exception"), "traceback": None}
        super().send_event(type, **fields)
