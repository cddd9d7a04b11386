"""A command's own workers and their Redis. Imports nothing that takes long."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from anonymizer.embedded.redis_server import Embedded, started_redis
from anonymizer.embedded.supervisor import Supervised
from worker.drawing import ENDING, NICE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class OwnService(NamedTuple):
    """A Redis and workers that are starting in parallel; neither may be ready yet."""

    queue: str
    """Random, so that a worker that outlived an earlier run takes nothing from it."""
    server: Embedded
    worker: Supervised


@contextmanager
def own_service(share: Path, processes: int, *, debug: bool) -> Iterator[OwnService]:
    """Start a Redis and workers, and kill them at the end; stop the workers earlier to let them finish their sets."""
    queue = f"anonymizer.{os.urandom(16).hex()}"
    with started_redis() as server:
        worker = worker_process(queue, server.url, share, processes=processes, debug=debug)
        try:
            yield OwnService(queue, server, worker)
        finally:
            worker.stop(0)


def worker_process(queue: str, url: str, share: Path, *, processes: int, debug: bool) -> Supervised:
    """Start a worker of our own for a queue of sets and, when that is empty, the queue of their sheets."""
    return _worker([], f"{queue},{queue}{ENDING}", processes, url, share, debug=debug)


def drawing_process(queue: str, url: str, share: Path, *, debug: bool) -> Supervised:
    """Start a worker for sheets only, with lower CPU priority than the others.

    Where Linux first divides CPU time between sessions (`sched_autogroup_enabled`), it gets as much as all others.
    """
    return _worker(["nice", "-n", str(NICE)], queue + ENDING, 1, url, share, debug=debug)


def _worker(before: list[str], queues: str, processes: int, url: str, share: Path, *, debug: bool) -> Supervised:
    return Supervised(
        [*before, sys.executable, "-P", "-m", "worker", queues, str(processes)],
        env=_environment(url, share.absolute()),
        stderr=None if debug else subprocess.DEVNULL,
    )


def _environment(url: str, share: Path) -> dict[str, str]:
    """Return the environment of a worker, with its Redis and its share; the URL already contains the password."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ANONYMIZER_REDIS_")}
    return {**ours, "ANONYMIZER_REDIS_URL": url, "ANONYMIZER_SHARE": str(share)}
