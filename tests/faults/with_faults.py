"""Start a worker or watcher with the faults that a test has planned; without a plan, the product's own.

The product knows nothing of this. What a process changes on disk while it works on a set is counted, and before the
n-th change the planned thing happens to it: it is killed, frozen, slowed down, or the disk is full.

    python -m tests.faults.with_faults PLAN celery -A worker.app …     Celery's own command line
    python -m tests.faults.with_faults PLAN anonymizer watch …         the product's

A plan is a folder. `plan.json` in it gives, by locator, what is to happen to that set, in this order: a list of
`[change, what]`. `*` stands for any set. Each happens once: whoever makes the file `<locator>.<number>` does it.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery.__main__ import main as celery
from structlog.contextvars import get_contextvars

from anonymizer.__main__ import main as command_line
from services.dicom import part10
from services.publication import attempts
from services.runtime import durable_files
from tests.waiting import wait_until
from worker import app
from worker.queues import lease
from worker.queues.set_queue import Queue

CHANGES = ("link", "rename", "replace", "unlink", "mkdir", "rmdir")


class Plan:
    """The planned faults."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        stored = json.loads((folder / "plan.json").read_text())
        self.faults: dict[str, list[list[Any]]] = stored["faults"]
        self.done = 0
        app.VISIBILITY_S = stored.get("visibility_s", app.VISIBILITY_S)
        lease.LEASE_S = stored.get("lease_s", lease.LEASE_S)
        lease.TOGETHER_S = stored.get("together_s", lease.TOGETHER_S)
        attempts.ABANDONED_AFTER_S = stored.get("stands_still_s", attempts.ABANDONED_AFTER_S)
        if wall := stored.get("clock_steps_s"):
            real, began = time.time, time.monotonic()
            time.time = lambda: real() + wall[int(time.monotonic() - began) % len(wall)]

    def begin(self) -> None:
        """Restart the count: a task begins."""
        self.done = 0

    def change(self) -> None:
        """Cause the fault planned before this change."""
        its = get_contextvars().get("set")
        if its is None:
            return
        number, self.done = self.done, self.done + 1
        for locator in (its, "*"):
            for which, (at, what) in enumerate(self.faults.get(locator, [])):
                mark = self.folder / f"{locator}.{which}"
                if mark.exists():
                    continue
                if at == number and self._mine(mark):
                    happen(what, self.folder)
                break

    def _mine(self, mark: Path) -> bool:
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def happen(what: str, plan: Path) -> None:
    """Cause a fault."""
    kind, _, how = what.partition(":")
    if kind == "kill-child":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "kill-worker":  # with all its children, as a container that is killed
        os.killpg(0, signal.SIGKILL)
    elif kind == "orphan":  # the main process only: the child continues, alone
        os.kill(os.getppid(), signal.SIGKILL)
    elif kind == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif kind == "slow":
        time.sleep(float(how))
    elif kind == "until":  # the test has made this file
        wait_until((plan / how).exists)
    elif kind == "error":
        raise OSError(getattr(errno, how), os.strerror(getattr(errno, how)))
    elif kind == "exception":
        raise ZeroDivisionError("of Mustermann's plan")
    else:
        raise AssertionError(what)


def install(plan: Plan) -> None:
    """Count every change on disk."""

    def counted(change: Any) -> Any:
        def do(*arguments: Any, **named: Any) -> Any:
            plan.change()
            return change(*arguments, **named)

        return do

    for name in CHANGES:
        setattr(os, name, counted(getattr(os, name)))
    durable_files._rename_noreplace = counted(durable_files._rename_noreplace)
    durable_files._create = counted(durable_files._create)
    durable_files.fsync_file = counted(durable_files.fsync_file)
    part10.write = counted(part10.write)
    Path.write_bytes = counted(Path.write_bytes)
    begin = Queue.begin

    def begun(queue: Queue, name: Any) -> bool:
        plan.begin()
        plan.change()
        return begin(queue, name)

    Queue.begin = begun


def main() -> None:
    """Install the faults, then be the worker or the watcher."""
    folder, program, *arguments = sys.argv[1:]
    install(Plan(Path(folder)))
    sys.argv = [program, *arguments]
    with suppress(KeyboardInterrupt):
        if program == "anonymizer":
            command_line()
        else:
            celery()


if __name__ == "__main__":
    main()
