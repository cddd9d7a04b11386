"""Forking a test's process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import monotonic, sleep  # a test may replace those of the module
from typing import Final

_TASKS: Final = Path("/proc/self/task")
_PATIENCE_S: Final = 1.0
"""Maximum wait for threads to end; those of libraries, such as OpenBLAS, stay."""

_libraries = 0
"""Threads without Python code, as of the last fork."""


def fork() -> int:
    """Fork once no thread is ending, and return like `os.fork`.

    A thread that Python has joined still takes a lock of OpenSSL on its way out, and a process forked at that moment
    would wait for the lock forever.
    """
    global _libraries  # noqa: PLW0603 - of this process
    until = monotonic() + _PATIENCE_S
    while (beside := _beside_python()) > _libraries and monotonic() < until:
        sleep(0.001)
    _libraries = beside
    return os.fork()


def _beside_python() -> int:
    return len(list(_TASKS.iterdir())) - len(sys._current_frames()) if _TASKS.exists() else 0
