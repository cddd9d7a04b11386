"""Cost of an idle watcher over ten thousand published sets, with a large unrelated folder beside them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from anonymizer.embedded.redis_server import redis_server
from benchmarks import many, sets
from benchmarks.measure import cleared, file_system
from benchmarks.tables import Bar, Report, table

FILES_OF_EACH = 10
BRANCHES = 30
"""Subfolders per level of the unrelated folder, on three levels: 27,930 in total."""
SETTLING_S = 60
WATCHED_S = 120
MOST_PERCENT = 10


def watching(place: Path) -> Report:
    """Start a watcher with the service's settings, let it settle, and measure its CPU time over two minutes."""
    share = cleared(place / "SHARE")
    root = share / "COLLECTION"
    root.mkdir(parents=True)
    many.fill(sets.collection(root), FILES_OF_EACH)
    folders = _foreign(share / "archive")
    with redis_server() as url:
        environment = os.environ | {"ANONYMIZER_REDIS_URL": url, "ANONYMIZER_SHARE": str(share)}
        watcher = subprocess.Popen(
            [sys.executable, "-m", "anonymizer", "watch"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(SETTLING_S)
            start_s = _cpu_s(watcher.pid)
            time.sleep(WATCHED_S)
            idle_s = _cpu_s(watcher.pid) - start_s
        finally:
            watcher.terminate()
            watcher.wait()
    where = file_system(place)
    cleared(share)
    beside = f"{many.PUBLISHED:,} published sets and {folders:,} foreign folders"
    percent = 100 * idle_s / WATCHED_S
    return Report(
        f"A watcher over {beside} ({where})",
        [Bar.below(f"CPU of an idle watcher over {beside} ({where}), of a core", MOST_PERCENT, percent, " %")],
        [
            table(
                ["", ""],
                [
                    [f"CPU in {WATCHED_S} s at rest, s", f"{idle_s:.2f}"],
                    [f"CPU of the first {SETTLING_S} s, s", f"{start_s:.2f}"],
                ],
            )
        ],
    )


def _foreign(top: Path) -> int:
    """Create a tree without DICOM files; return the number of folders."""
    names = [f"{number:02d}" for number in range(BRANCHES)]
    for first in names:
        for second in names:
            for third in names:
                (top / first / second / third).mkdir(parents=True)
    return BRANCHES + BRANCHES**2 + BRANCHES**3


def _cpu_s(process: int) -> float:
    """Return the CPU time of a process and its ended children in seconds (`man 5 proc_pid_stat`)."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
