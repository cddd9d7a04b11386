"""Cost of a sheet, and processing speed of sets while sheets are drawn in the background."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import one_set, sets, workers
from benchmarks.measure import Stopwatch, cleared, file_system, into_cache, size_of_process, synced, timed
from benchmarks.tables import Bar, Report, table
from services.store.collection import Collection
from services.store.records import folder_name

if TYPE_CHECKING:
    import redis

ROUNDS: Final = 3
DRAWN: Final = 4
"""Number of sets published beforehand, whose sheets are drawn while others are processed."""

MEASURED: Final = 8
BEGUN_S: Final = 2.0
"""Time after which the other process has finished its imports and draws."""


def cost(place: Path, store: Path, client: redis.Redis) -> Report:
    """Compare the CPU time of a sheet (HTML and PDF) with that of its set's pipeline; measure the memory of drawing.

    The first of each is not counted, because it includes imports.
    """
    root = cleared(place / "BATCH")
    sets.many(sets.HEAD_AND_NECK, MEASURED, store, root)
    into_cache(root)
    client.flushall()
    collection, watch = sets.collection(root), Stopwatch()
    for folder in [path.name for path in sets.folders(root)]:
        with watch("pipeline"):
            one_set.process(collection, folder, client)
    command = [sys.executable, "-m", "benchmarks.drawing", os.fspath(root)]
    drawn = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    cleared(root)
    pipeline, sheet = statistics.median(watch.cpu["pipeline"][1:]), statistics.median(drawn["cpu"][1:])
    over = drawn["peak_mb"] - drawn["idle_mb"]
    where = file_system(place)
    return Report(
        f"Cost of a sheet relative to its set ({where})",
        [
            Bar.below(f"CPU of a sheet / CPU of the set's pipeline ({where}); stretch 0.8", 1.5, sheet / pipeline),
            Bar.below("peak memory of drawing over idle; stretch 120 MB", 200, over, " MB"),
        ],
        [
            table(
                ["", ""],
                [
                    ["CPU of a set's pipeline, s", f"{pipeline:.2f}"],
                    ["CPU of its sheet, HTML and PDF, s", f"{sheet:.2f}"],
                    ["idle, all imported, MB", f"{drawn['idle_mb']:.0f}"],
                    ["peak, MB", f"{drawn['peak_mb']:.0f}"],
                ],
            )
        ],
    )


def _drawn(root: Path) -> dict[str, Any]:
    """Draw the sheets of a root in this process; return the CPU time of each and the memory used."""
    from sheets.set_sheet import make  # noqa: PLC0415 - whoever measures sets never draws

    collection, cpu, idle_mb = Collection.open(root), [], size_of_process("VmRSS")
    for index in range(sets.IDENTITY.initial_index, sets.IDENTITY.initial_index + MEASURED):
        began = time.process_time()
        make(collection, index)
        cpu.append(time.process_time() - began)
    return {"cpu": cpu, "idle_mb": idle_mb, "peak_mb": size_of_process("VmHWM")}


def sheets(place: Path, store: Path) -> Report:
    """Draw the sheet of a head-and-neck set; process sets with one worker, with and without another one drawing."""
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
            Bar.below("sheet of the head-and-neck set, including program start", 10, max(seconds), " s"),
            Bar.below("its peak memory, including the program's own", 500, max(peaks), " MB"),
            Bar.below("time per set of one worker while another process draws / without", 1.1, slower),
        ],
        [
            table(
                ["", ""],
                [
                    ["a sheet, HTML and PDF, s", f"{statistics.median(seconds):.1f}"],
                    ["peak MB", f"{statistics.median(peaks):.0f}"],
                    ["ms per set, without drawing", f"{statistics.median(alone):.0f}"],
                    ["ms per set, with sheets drawn in parallel", f"{statistics.median(beside):.0f}"],
                ],
            )
        ],
    )


def _one(root: Path) -> tuple[float, float]:
    """Draw one sheet by the command; return the seconds and the peak megabytes."""
    command = [sys.executable, "-m", "anonymizer", "sheet", str(root), folder_name(sets.IDENTITY.initial_index)]
    return timed(command)


def _ms_a_set(root: Path, *, drawing: bool) -> float:
    """Return the milliseconds per set of one worker, with or without sheets being drawn."""
    shutil.rmtree(root / "sheets", ignore_errors=True)
    collection = sets.collection(root)
    folders = [path.name for path in sets.folders(root)]
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


if __name__ == "__main__":
    print(json.dumps(_drawn(Path(sys.argv[1]))))
