"""A run's own workers as copies of a test's process: starting Python and importing what they need takes half a second.

Tests in which a run is a program of its own start them as every user does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import traceback
from functools import partial
from importlib import import_module
from pathlib import Path
from signal import SIG_DFL, SIGTERM, signal
from typing import TYPE_CHECKING, Final, NoReturn

import celery.apps.worker
import celery.worker.components
import celery.worker.consumer  # noqa: F401 - copies need not import what a worker needs
from celery import signals

from anonymizer.embedded import child_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMMAND: Final = [sys.executable, "-P", "-m", "worker"]
_OPEN: Final = Path("/dev/fd")


def start_tied(
    command: list[str], *, env: dict[str, str], stderr: int | None = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a command as the program does, but a worker as a copy, unless threads would be lost by copying."""
    if command[:-2] != _COMMAND or threading.active_count() > 1:
        return child_process.start_tied(command, env=env, stderr=stderr)
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        cwd="/",
        start_new_session=True,
        preexec_fn=partial(_instead, partial(_hold, command, env)),  # noqa: PLW1509 - there is one thread
    )


def _instead(what: Callable[[], int]) -> NoReturn:
    """Do something in a new process instead of executing its command."""
    code = 1
    try:
        _leave_files()
        code = what()
    except BaseException:  # noqa: BLE001 - a forked process must never return into the tests
        traceback.print_exc()
    finally:
        os._exit(code)


def _leave_files() -> None:
    """Close inherited files, as executing does, which also ends the wait of `Popen`.

    Their numbers stay taken: the objects that had them would otherwise close files which get the same numbers later.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(entry.name) for entry in _OPEN.iterdir()]:
        if number not in {0, 1, 2, nothing}:
            os.dup2(nothing, number, inheritable=False)


def _hold(command: list[str], env: Mapping[str, str]) -> int:
    """Hold the worker as the program's own intermediate process does."""
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None
    start = partial(subprocess.Popen, preexec_fn=partial(_instead, partial(_work, *command[-2:])))
    child_process.subprocess.Popen = start
    return child_process.hold(command)


def _work(queues: str, processes: str) -> int:
    """Be a worker: with tasks and settings of its own, and with everything else as it was imported before."""
    signal(SIGTERM, SIG_DFL)
    for one in (signals.celeryd_after_setup, signals.setup_logging, signals.task_failure):
        one.receivers.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "worker"]:
        del sys.modules[name]
    main: Callable[[str, str], int] = import_module("worker.__main__").main
    return main(queues, processes)
