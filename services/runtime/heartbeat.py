"""Heartbeat files, by which `anonymizer health` checks a process on the same host or in the same container.

The file is local to the host, usually in memory: times are of the host's monotonic clock, and an unmounted share must
not make a process look dead.
"""

from __future__ import annotations

import json
import os
import time
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

WATCHER: Final = "watcher"
WORKER: Final = "worker"
CONSOLE: Final = "console"
SORT: Final = "sort"


class Heartbeat(NamedTuple):
    """Latest heartbeat of a process."""

    at: float
    """Time on this host's monotonic clock."""

    free: int = 0
    """Number of further sets a worker could take."""

    took_at: float = 0.0
    """When a worker last took a set."""

    queue: str = ""
    """The queue from which a worker takes sets."""

    waiting: int | None = None
    """Number of sets waiting in the queue, if the worker has taken none for a while; None if not asked or unknown."""


def write(
    folder: Path, who: str, *, free: int = 0, took_at: float = 0.0, queue: str = "", waiting: int | None = None
) -> None:
    """Write a heartbeat, replacing the previous one; its folder is created if missing.

    The process continues if that fails, since sets depend on it and not on its heartbeat; `anonymizer health` then
    finds that it is missing. The parameters are the fields of `Heartbeat`.
    """
    path = _file(folder, who)
    new = path.with_suffix(".new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(Heartbeat(time.monotonic(), free, took_at, queue, waiting)), encoding="ascii")
        new.replace(path)
    except OSError as error:
        _tell(os.strerror(error.errno or 0))


@cache
def _tell(why: str) -> None:
    """Log once why heartbeats cannot be written."""
    import structlog  # noqa: PLC0415 - `anonymizer health` only reads, and starts often

    structlog.get_logger().warning("heartbeat.failed", reason=why)


def read(folder: Path, who: str) -> Heartbeat | None:
    """Return the latest heartbeat; None if there has never been one."""
    try:
        return Heartbeat(*json.loads(_file(folder, who).read_bytes()))
    except FileNotFoundError:
        return None


def _file(folder: Path, who: str) -> Path:
    return folder / f"anonymizer-{who}.json"
