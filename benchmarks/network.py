"""Conditions of a real share: a cold cache, and a 1 Gbit/s link."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import one_set, sets
from benchmarks.measure import cleared, copied, file_system, synced
from benchmarks.tables import Bar, Report, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
GIGABIT = 117_000_000
"""Net file transfer rate of a 1 Gbit/s link, in bytes per second."""


def cold(place: Path, store: Path, client: redis.Redis) -> Report:
    """Time one set with a cold cache."""
    title = f"One set with a cold cache ({file_system(place)})"
    if not os.access(DROP_CACHES, os.W_OK):
        return Report(title, [Bar.skipped("cold cache", "", "NOT MEASURED: only root can empty the kernel's cache")])
    root = cleared(place / "BATCH")
    shutil.copytree(sets.made(sets.HEAD_AND_NECK, "1", store), root / "patient 1")
    copies, wholes = [], []
    for _ in range(3):
        _forget(place)
        began = time.perf_counter()
        copied(root / "patient 1", place / "copy")
        synced(place / "copy")
        copies.append(time.perf_counter() - began)
        cleared(place / "copy")
        collection = sets.collection(root)
        client.flushall()
        _forget(place)
        began = time.perf_counter()
        one_set.process(collection, "patient 1", client)
        wholes.append(time.perf_counter() - began)
    cleared(root)
    return Report(title, [], [_table(copies, wholes)])


def throttled(place: Path, store: Path, client: redis.Redis) -> Report:
    """Time one set on a share with 1 Gbit/s in each direction."""
    title = "A share of 1 Gbit/s (bindfs with a limit, each way)"
    if not (shutil.which("bindfs") and os.access("/dev/fuse", os.W_OK)):
        return Report(
            title, [Bar.skipped("throttled share", "", "NOT MEASURED: bindfs is not installed, or FUSE not allowed")]
        )
    behind, share = place / "behind", place / "share"
    cleared(behind).mkdir()
    share.mkdir(exist_ok=True)
    shutil.copytree(sets.made(sets.HEAD_AND_NECK, "1", store), behind / "patient 1")
    copies, wholes = [], []
    for _ in range(3):
        with _limited(behind, share):
            began = time.perf_counter()
            copied(share / "patient 1", share / "copy")
            synced(share / "copy")
            copies.append(time.perf_counter() - began)
        shutil.rmtree(behind / "copy")
        collection = sets.collection(behind)
        client.flushall()
        with _limited(behind, share):
            began = time.perf_counter()
            one_set.process(type(collection).open(share), "patient 1", client)
            wholes.append(time.perf_counter() - began)
    cleared(behind)
    return Report(
        title,
        [],
        [_table(copies, wholes)],
        ["Remounted for each copy and each set, so that the mount's cache is empty."],
    )


def _table(copies: list[float], wholes: list[float]) -> str:
    copy, whole = statistics.median(copies), statistics.median(wholes)
    return table(
        ["one set", "s", "x"],
        [["`cp -r` + `sync -f`", f"{copy:.2f}", "1"], ["whole pipeline", f"{whole:.2f}", f"{whole / copy:.2f}"]],
    )


def _forget(place: Path) -> None:
    synced(place)
    DROP_CACHES.write_text("3")


@contextmanager
def _limited(behind: Path, share: Path) -> Iterator[None]:
    options = [f"--read-rate={GIGABIT}", f"--write-rate={GIGABIT}"]
    subprocess.run(["bindfs", *options, str(behind), str(share)], check=True)
    try:
        yield
    finally:
        subprocess.run(["fusermount", "-u", str(share)], check=True)
