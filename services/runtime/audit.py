"""Audit trail of a collection: `.anonymizer/audit/2026-11-29.jsonl`.

Each action, in the console or on the command line, appends a line; lines are never changed, and a day's file is deleted
once older than `ANONYMIZER_AUDIT_DAYS`. Sets are identified by ANON number or locator, never by folder name. Unlike
containers and their logs, the audit stays with the share.
"""

from __future__ import annotations

import getpass
import json
import os
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from services import plain_files
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "audit"
_FILE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")


def note(state: Path, act: str, *, user: str = "", by: str = "command line", **values: Any) -> None:
    """Append a line to the audit of a collection that has state.

    Parameters
    ----------
    state
        The collection's `.anonymizer` folder.
    act
        What was done: `logged in`, `started`, `released`, `withdrawn` …
    user
        Who did it; the operating system's user by default.
    by
        `page` or `command line`.
    values
        `anon`, `set` (a locator), `count` etc.; nothing that names a folder or a patient.

    Raises
    ------
    OSError
        The line could not be written.
    """
    if not state.is_dir():
        return
    now = datetime.now(UTC)
    line = {"at": now.isoformat(timespec="milliseconds"), "act": act, "user": user or system_user(), "by": by, **values}
    folder = state / FOLDER
    is_new = not folder.is_dir()
    folder.mkdir(exist_ok=True)
    path = folder / f"{now.date().isoformat()}.jsonl"
    is_new = is_new or not path.exists()
    _append(path, json.dumps(line, ensure_ascii=True).encode() + b"\n")
    if is_new:
        _remove_old(folder, now.date())


def read(state: Path) -> list[dict[str, Any]]:
    """Return all entries, oldest first; a line truncated by a power cut is skipped."""
    lines = []
    for day in sorted(_days(state / FOLDER)):
        for text in plain_files.read(state / FOLDER / f"{day}.jsonl").splitlines():
            with suppress(ValueError):
                lines.append(json.loads(text))
    return [line for line in lines if isinstance(line, dict)]


def system_user() -> str:
    """Return the user name of this process, or its numeric ID if it has none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def _append(path: Path, line: bytes) -> None:
    """Append a line with a single write, safe for concurrent writers, and flush it to disk. POSIX: `O_APPEND`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o660)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old(folder: Path, today: date) -> None:
    kept_from = (today - timedelta(days=Settings.of_process().audit_days)).isoformat()
    for day in _days(folder):
        if day < kept_from:
            (folder / f"{day}.jsonl").unlink(missing_ok=True)


def _days(folder: Path) -> list[str]:
    try:
        return [found[1] for name in os.listdir(folder) if (found := _FILE.fullmatch(name))]  # noqa: PTH208
    except FileNotFoundError:
        return []
