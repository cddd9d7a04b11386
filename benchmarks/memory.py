"""Memory of a worker beyond its idle size, for sets of 114 MB and of 1 GB."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import redis

from benchmarks import one_set, sets
from benchmarks.measure import cleared, size_of_process
from benchmarks.tables import Bar, Report, table

ALLOWED_MB = 80


def peaks(place: Path, store: Path, socket: str) -> Report:
    """Process one set of each size in a separate process, and read its peak size from the kernel."""
    bars, rows = [], []
    for kind in (sets.HEAD_AND_NECK, sets.GIGABYTE):
        root = cleared(place / "BATCH")
        source = sets.made(kind, "1", store)
        shutil.copytree(source, root / "patient 1")
        sets.collection(root)
        command = [sys.executable, "-m", "benchmarks.memory", str(root), socket]
        idle, peak = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        cleared(root)
        structure_set = next(source.glob("RS.*")).stat().st_size / 1e6
        files, size = sets.size_of(source)
        limit = ALLOWED_MB + 3 * structure_set
        bars.append(Bar.below(f"peak memory over idle, set of {size / 1e6:.0f} MB", round(limit), peak - idle, " MB"))
        rows.append(
            [kind.name, str(files), *(f"{one:.0f}" for one in (size / 1e6, structure_set, idle, peak, peak - idle))]
        )
    header = ["set", "files", "MB", "structure set MB", "idle MB", "peak MB", "over idle MB"]
    return Report("Memory of one worker process", bars, [table(header, rows)])


def _measured(root: Path, socket: str) -> None:
    """Print idle and peak size of this process while it works like a worker."""
    import worker.tasks.set_tasks  # noqa: F401, PLC0415 - as large as a worker before its first set
    from services.store.collection import Collection  # noqa: PLC0415

    client = redis.Redis(unix_socket_path=socket)
    client.flushall()
    collection = Collection.open(root)
    idle = size_of_process("VmRSS")
    one_set.process(collection, "patient 1", client)
    print(idle, size_of_process("VmHWM"))


if __name__ == "__main__":
    _measured(Path(sys.argv[1]), sys.argv[2])
