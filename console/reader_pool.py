"""Processes for reading sets, isolated from the web server."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

MOST: Final = 4


def reading_apart() -> ProcessPoolExecutor:
    """Return a process pool with the modules for reading sets already imported."""
    context = get_context("forkserver")  # the server has threads and must not be forked
    context.set_forkserver_preload(["services.verdict.summary", "services.maintenance.structures.reading"])
    return ProcessPoolExecutor(min(MOST, os.cpu_count() or 1), context)
