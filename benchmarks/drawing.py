"""Sheets: what one costs, and that sets are not slower while sheets are drawn behind their backs."""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from typing import TYPE_CHECKING, Final

from benchmarks import sets, workers
from benchmarks.measure import cleared, file_system, into_cache, synced, timed
from benchmarks.tables import Bar, Report, table
from services.store.records import folder_name

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS: Final = 3
DRAWN: Final = 4
"""Published before, their sheets drawn while others are worked on."""

MEASURED: Final = 8
BEGUN_S: Final = 2.0
"""After so long the other process has imported what it draws with, and draws."""


def sheets(place: Path, store: Path) -> Report:
    """Draw the sheet of a head-and-neck set; then do sets with one worker, with and without another one that draws."""
    root = cleared(place / "BATCH")
    sets.many(sets.HEAD_AND_NECK, DRAWN + MEASURED, store, root)
    into_cache(root)
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(_ms_a_set(root, drawing=False))
        beside.append(_ms_a_set(root, drawing=True))
    seconds, peaks = zip(*(_one(root) for _ in range(ROUNDS)), strict=True)
    shutil.rmtree(root)
    where = file_system(place)
    slower = statistics.median(with_it / without for without, with_it in zip(alone, beside, strict=True))
    return Report(
        f"Sheets ({where})",
        [
            Bar.below("a sheet of the head-and-neck set, start of the program included", 10, max(seconds), " s"),
            Bar.below("its peak memory, the program's own included", 500, max(peaks), " MB"),
            Bar.below("sets of one worker while another process draws / while none does", 1.1, slower),
        ],
        [
            table(
                ["", ""],
                [
                    ["a sheet, HTML and PDF, s", f"{statistics.median(seconds):.1f}"],
                    ["peak MB", f"{statistics.median(peaks):.0f}"],
                    ["ms a set, nothing drawn", f"{statistics.median(alone):.0f}"],
                    ["ms a set, sheets drawn meanwhile", f"{statistics.median(beside):.0f}"],
                ],
            )
        ],
    )


def _one(root: Path) -> tuple[float, float]:
    """Draw one sheet, as a user asks for it; give the seconds, and the megabytes at most."""
    command = [sys.executable, "-m", "anonymizer", "sheet", str(root), folder_name(sets.IDENTITY.initial_index)]
    return timed(command)


def _ms_a_set(root: Path, *, drawing: bool) -> float:
    """Return what a set takes one worker, when the sheets of some others are drawn meanwhile and when not."""
    shutil.rmtree(root / "sheets", ignore_errors=True)
    collection = sets.collection(root)
    folders = sorted(path.name for path in root.glob("set-*"))
    with workers.working(root, 1, drawing=drawing) as (queue, sheets):
        workers.put(queue, collection, folders[:DRAWN])
        workers.until(lambda: workers.concluded(collection) == DRAWN, 120)
        if drawing:
            sheets.ask_for_missing(collection)
            time.sleep(BEGUN_S)
        synced(root)
        began = time.perf_counter()
        workers.put(queue, collection, folders[DRAWN:])
        workers.until(lambda: workers.concluded(collection) == len(folders), 120)
        return (time.perf_counter() - began) / MEASURED * 1e3
