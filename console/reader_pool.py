"""Processes in which sets are read: what is read there cannot hurt the page, and stays there."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

MOST: Final = 4


def reading_apart() -> ProcessPoolExecutor:
    """Return processes that begin with what is needed to read a set already in memory."""
    context = get_context("forkserver")  # the page has threads, and such a process must not be forked
    context.set_forkserver_preload(["services.verdict.summary", "services.maintenance.structure_survey"])
    return ProcessPoolExecutor(min(MOST, os.cpu_count() or 1), context)
