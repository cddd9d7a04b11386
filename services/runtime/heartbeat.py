"""A process says that it lives, in a small file that `anonymizer health` reads beside it, in the same container say.

The file lies where this host alone can see it, in memory as a rule: times are of the host's own clock, which is never
set, and a share that is away must not make a process look dead.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

WATCHER: Final = "watcher"
WORKER: Final = "worker"
CONSOLE: Final = "console"
SORT: Final = "sort"


class Heartbeat(NamedTuple):
    """What a process said of itself last."""

    at: float
    """When, on this host's clock."""

    free: int = 0
    """How many more sets a worker could take."""

    took_at: float = 0.0
    """When a worker last took one."""

    queue: str = ""
    """Where a worker takes them from."""

    waiting: int | None = None
    """How many sets waited there, where a worker has taken none for a while; None where nobody asked, or knows."""


def write(
    folder: Path, who: str, *, free: int = 0, took_at: float = 0.0, queue: str = "", waiting: int | None = None
) -> None:
    """Write a sign of life in the place of the one before; all but the time is as `Heartbeat` says."""
    path = _file(folder, who)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(Heartbeat(time.monotonic(), free, took_at, queue, waiting)), encoding="ascii")
    new.replace(path)


def read(folder: Path, who: str) -> Heartbeat | None:
    """Return the last sign of life; None when there never was one."""
    try:
        return Heartbeat(*json.loads(_file(folder, who).read_bytes()))
    except FileNotFoundError:
        return None


def _file(folder: Path, who: str) -> Path:
    return folder / f"anonymizer-{who}.json"
