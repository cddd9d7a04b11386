"""Timers, medians, and the baselines of all ratios."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stopwatch:
    """Wall and CPU seconds by name, one of each per round."""

    def __init__(self) -> None:
        self.wall: defaultdict[str, list[float]] = defaultdict(list)
        self.cpu: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, name: str, *, of: int = 1) -> Iterator[None]:
        """Time the block, divided by `of` equal parts."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.wall[name].append((time.perf_counter() - wall) / of)
        self.cpu[name].append((time.process_time() - cpu) / of)

    def __getitem__(self, name: str) -> float:
        """Return the median wall time in seconds."""
        return statistics.median(self.wall[name])

    def ratio(self, name: str, baseline: str) -> float:
        """Return the ratio to a baseline, of medians, so that a single disturbed round has no effect."""
        return self[name] / self[baseline]

    def paired(self, name: str, baseline: str) -> float:
        """Return the median over the rounds of the ratio to the baseline of the same round."""
        return statistics.median(one / other for one, other in zip(self.wall[name], self.wall[baseline], strict=True))


def baselines(source: Path, target: Path, watch: Stopwatch) -> None:
    """Time `cp -r` of a folder, and the same with `sync -f`; the copies are removed."""
    cleared(target)
    with watch("cp"):
        copied(source, target)
    cleared(target)
    with watch("cp + sync"):
        copied(source, target)
        synced(target)
    cleared(target)


def copied(source: Path, target: Path) -> None:
    """Copy with `cp -r`, the lower bound of any anonymization."""
    subprocess.run(["cp", "-r", os.fspath(source), os.fspath(target)], check=True)


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MB.

    The memory is sampled while it runs, because the kernel's figure for an ended child includes our size at the fork.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak_mb = 0.0
    while process.poll() is None:
        peak_mb = max(peak_mb, size_of_process("VmHWM", process.pid))
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command[0])
    return seconds, peak_mb


def synced(folder: Path) -> None:
    """Wait with `sync -f` until the file system is written to disk."""
    subprocess.run(["sync", "-f", os.fspath(folder)], check=True)


def into_cache(folder: Path) -> None:
    """Read all files once."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.read_bytes()


def cleared(folder: Path) -> Path:
    """Return an empty folder, with no pending writes."""
    shutil.rmtree(folder, ignore_errors=True)
    synced(folder.parent)
    return folder


def size_of_process(what: str, process: int | str = "self") -> float:
    """Return the current (`VmRSS`) or peak (`VmHWM`) size of a process in MB; 0 if it has ended."""
    lines = _lines(f"/proc/{process}/status")
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{what}:")), 0) * 1024 / 1e6


def machine() -> str:
    """Return a description of the machine."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {model or platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, {memory / 2**20:.0f} GB; {platform.system()} {platform.release().split('-')[0]}; "
        f"Python {platform.python_version()}; "
        f"load at the start {os.getloadavg()[0]:.1f}"
    )


def file_system(folder: Path) -> str:
    """Return the type of a folder's file system."""
    found = subprocess.run(["stat", "-f", "-c", "%T", os.fspath(folder)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or sys.platform


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
