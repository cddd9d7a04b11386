"""Real workers and a real Redis: start-up time, overhead per task, and scaling with the number of workers."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from anonymizer.embedded.redis_server import redis_server
from benchmarks import one_set, sets
from benchmarks.measure import Stopwatch, cleared, file_system, into_cache, synced
from benchmarks.tables import Bar, Report, table
from services.runtime import durable_files
from services.runtime.settings import Settings
from services.store import registry
from services.store.records import folder_name
from worker.app import make_app
from worker.connection import connect
from worker.drawing import ENDING, NICE
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue
from worker.queues.sheet_queue import Sheets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from services.store.collection import Collection

QUEUE = "benchmark"
SMALL_SETS = 40
MOST_PROCESSES = 8
MEASURED_SETS = 12
LARGE_SETS = MOST_PROCESSES + MEASURED_SETS
"""Warm-up sets, one per process, which include imports."""
SCALING_ROUNDS = 5
WIDE_ROUNDS = 2
"""Rounds with more than two processes."""
LOOP = "for number in range(60_000_000): pass"
CROWD = 2000


class Working(NamedTuple):
    """What the workers that run are asked through."""

    queue: Queue
    sheets: Sheets


@contextmanager
def working(root: Path, processes: int, *, drawing: bool = False) -> Iterator[Working]:
    """Start Redis and a worker for one collection, and a low-priority one that draws sheets."""
    with redis_server() as url, ExitStack() as stack:
        settings = Settings(redis_url=url, share=root)
        client, app = connect(settings), make_app(lambda: settings)
        environment = {**os.environ, "ANONYMIZER_REDIS_URL": url, "ANONYMIZER_SHARE": str(root)}
        _started(stack, environment, [], QUEUE, processes)
        if drawing:
            nice = ["nice", "-n", str(NICE)]
            _started(stack, environment, nice, QUEUE + ENDING, 1)
        yield Working(Queue(client, app, QUEUE), Sheets.beside(client, app, QUEUE))


def _started(stack: ExitStack, environment: dict[str, str], nice: list[str], queue: str, processes: int) -> None:
    command = [*nice, sys.executable, "-m", "worker", queue, str(processes)]
    worker = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # as a run starts it: the system divides CPU time between sessions first
    )
    stack.callback(worker.wait, 60)
    stack.callback(worker.terminate)


def put(queue: Queue, collection: Collection, folders: list[str]) -> list[SetKey]:
    """Queue these sets for the worker."""
    names = []
    for folder in folders:
        names.append(SetKey(collection.id, registry.register(collection, folder)))
        queue.put(names[-1], last_chance=True)
    return names


def until(done: Callable[[], bool], patience_s: float) -> None:
    """Poll a condition fifty times a second; more would take time from the workers."""
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def concluded(collection: Collection) -> int:
    """Return the number of sets with an outcome."""
    return sum(name.endswith(".json") for name in durable_files.names(collection.outcomes))


def start(place: Path, store: Path) -> Report:
    """Time the start of a worker up to its first task, and the overhead per task."""
    root = cleared(place / "BATCH")
    sets.many(sets.TEN_FILES, SMALL_SETS, store, root)
    folders = [path.name for path in sets.folders(root)]
    starts, tasks, bare = [], [], []
    for _ in range(5):
        start_s, task_s = _once(root, folders)
        starts.append(start_s)
        tasks.append(task_s)
        bare.append(_bare(root, place))
    shutil.rmtree(root)
    where = file_system(place)
    task, steps = statistics.median(tasks) * 1e3, statistics.median(bare) * 1e3
    return Report(
        f"Start of a worker and cost of a task ({where})",
        [
            Bar.below(
                f"worker start: from process and Redis to the first task ({where})", 2, statistics.median(starts), " s"
            ),
            Bar.below(
                f"overhead of a task beyond check, anonymizing, proof and fsync, 10 files ({where})",
                30,
                task - steps,
                " ms",
            ),
        ],
        [
            table(
                ["a set of 10 files", "ms"],
                [
                    ["from task to task", f"{task:.1f}"],
                    ["of which check, anonymizing, proof and fsync", f"{steps:.1f}"],
                    ["of which queue, lease, claim, record, line, renames, progress", f"{task - steps:.1f}"],
                ],
            )
        ],
    )


def _once(root: Path, folders: list[str]) -> tuple[float, float]:
    """Return the seconds until a new worker's first task, and between tasks."""
    collection = sets.collection(root)
    began = time.perf_counter()
    with working(root, 1) as (queue, _):
        (first,) = put(queue, collection, folders[:1])
        until(lambda: queue.holding([first]).get(first) != "queued", 30)
        start_s = time.perf_counter() - began
        until(lambda: concluded(collection) == 1, 30)
        began = time.perf_counter()
        put(queue, collection, folders[1:])
        until(lambda: concluded(collection) == len(folders), 120)
        return start_s, (time.perf_counter() - began) / (len(folders) - 1)


def _bare(root: Path, place: Path) -> float:
    """Return the seconds of a small set's steps in one process, without queue, claims and records."""
    watch = Stopwatch()
    for folder in sets.folders(root)[:20]:
        one_set.one_round(folder, cleared(place / "ANON"), watch)
    shutil.rmtree(place / "ANON")
    return sum(watch[step] for step in one_set.STEPS)


def scaling(place: Path, store: Path, processes: tuple[int, ...]) -> Report:
    """Process the same head-and-neck sets with one, two and more worker processes, and copy them equally in parallel.

    The gain of two over one is computed within each round, because the speed of a shared machine drifts. The possible
    gain is measured by a CPU-bound Python loop.
    """
    root = cleared(place / "BATCH")
    sets.many(sets.HEAD_AND_NECK, LARGE_SETS, store, root)
    into_cache(root)
    folders = [path.name for path in sets.folders(root)]
    rates: defaultdict[int, list[float]] = defaultdict(list)
    copies: defaultdict[int, list[float]] = defaultdict(list)
    loops: defaultdict[int, list[float]] = defaultdict(list)
    for number in range(SCALING_ROUNDS):
        for count in processes if number < WIDE_ROUNDS else processes[:2]:
            rates[count].append(_rate(root, folders, count))
            copies[count].append(_copy_rate(root, folders[:MEASURED_SETS], count, place / "copy"))
            loops[count].append(_loop_rate(count))
    shutil.rmtree(root)
    where = file_system(place)
    gain, copy_gain = _gain(rates, 2), _gain(copies, 2)
    bar = (
        Bar.above(f"two workers / one ({where})", 1.8, gain)
        if where == "tmpfs"
        else Bar.above(
            f"two workers / one ({where}); 0.9 of the gain of two `cp` + `sync` over one", 0.9 * copy_gain, gain
        )
    )
    rows = [
        [
            *(str(count), f"{statistics.median(rates[count]):.0f}", f"{_gain(rates, count):.2f}"),
            *(f"{statistics.median(copies[count]):.0f}", f"{_gain(copies, count):.2f}"),
            f"{_gain(loops, count):.2f}",
        ]
        for count in processes
    ]
    return Report(
        f"Workers in parallel, head-and-neck sets ({where})",
        [bar],
        [
            table(
                ["processes", "sets per hour", "x one", "`cp -r` + `sync -f`, sets per hour", "x one", "a loop, x one"],
                rows,
            )
        ],
    )


def _gain(rates: Mapping[int, list[float]], count: int) -> float:
    """Return the median over the rounds of the speed-up of `count` processes over one."""
    return statistics.median(some / one for one, some in zip(rates[1], rates[count], strict=False))


def _rate(root: Path, folders: list[str], processes: int) -> float:
    """Return the sets per hour, after warm-up of the workers."""
    collection = sets.collection(root)
    measured = folders[processes : processes + MEASURED_SETS]
    with working(root, processes) as (queue, _):
        put(queue, collection, folders[:processes])
        until(lambda: concluded(collection) == processes, 120)
        synced(root)
        began = time.perf_counter()
        put(queue, collection, measured)
        until(lambda: concluded(collection) == processes + len(measured), 600)
        return 3600 * len(measured) / (time.perf_counter() - began)


def _copy_rate(root: Path, folders: list[str], at_once: int, target: Path) -> float:
    """Return the sets per hour copied by this many `cp` and `sync` in parallel."""
    cleared(target).mkdir()
    began = time.perf_counter()
    script = f'cp -r "{root}/$0" "{target}/$0" && sync -f "{target}"'
    command = ["xargs", "-P", str(at_once), "-n", "1", "sh", "-c", script]
    subprocess.run(command, input="\n".join(folders), text=True, check=True)
    seconds = time.perf_counter() - began
    cleared(target)
    return 3600 * len(folders) / seconds


def _loop_rate(at_once: int) -> float:
    """Return the loops per second of this many processes in parallel."""
    began = time.perf_counter()
    loops = [subprocess.Popen([sys.executable, "-S", "-c", LOOP]) for _ in range(at_once)]
    for loop in loops:
        loop.wait()
    return at_once / (time.perf_counter() - began)


def crowd(place: Path, store: Path) -> Report:
    """Run thousands of small sets through the command line: watcher, Redis and two workers; then count."""
    root = cleared(place / "BATCH")
    sets.many(sets.SIX_FILES, CROWD, store, root)
    sets.collection(root)
    began = time.perf_counter()
    command = [sys.executable, "-m", "anonymizer", "run", str(root), "--workers", "2", "--json"]
    subprocess.run(command, check=True, capture_output=True, timeout=1800)
    seconds = time.perf_counter() - began
    first = sets.IDENTITY.initial_index
    due = range(first, first + CROWD)
    published = [path.name for path in root.glob("ANON_*")]
    lines = [
        int(found[1])
        for path in root.glob("VicRapidPlan_trackingFile_*.txt")
        for found in re.finditer(rf", {sets.IDENTITY.patient_id}(\d+), ", path.read_text())
    ]
    lost = len({folder_name(index) for index in due} - set(published))
    doubled = CROWD - len({path.read_bytes() for path in root.glob("ANON_*/RP.*")})
    wrong = sum(line != index for line, index in zip(lines, due, strict=False)) + abs(len(lines) - CROWD)
    shutil.rmtree(root)
    where = file_system(place)
    return Report(
        f"{CROWD:,} small sets through 2 workers ({where})",
        [
            Bar.below(f"{CROWD:,} small sets, 2 workers, real Redis: lost", 0, lost),
            Bar.below(f"{CROWD:,} small sets: duplicated", 0, doubled),
            Bar.below(f"{CROWD:,} small sets: tracking lines out of sequence", 0, wrong),
        ],
        [
            table(
                ["`anonymizer run`", ""],
                [
                    ["seconds, including start and end", f"{seconds:.1f}"],
                    ["ms per set", f"{seconds / CROWD * 1e3:.1f}"],
                    ["ms per set and worker", f"{seconds / CROWD * 2e3:.1f}"],
                ],
            )
        ],
    )
