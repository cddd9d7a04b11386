"""Profile of the time for one more set: the whole pipeline, sampled every half millisecond."""

from __future__ import annotations

import importlib
import inspect
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from benchmarks import one_set, sets
from benchmarks.measure import cleared, copied, file_system, into_cache, synced
from benchmarks.tables import Report, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import FrameType, ModuleType

    import redis

LOOK_EVERY_S: Final = 0.0005

PLACES: Final = {
    ("services.rtset.folder_listing", "take"): "check: listing the folder before and after",
    ("services.rtset.reader", "read"): "check: reading and parsing all headers",
    ("services.maintenance.originals.set_ids", "content"): "check: identifying the set by its content",
    ("services.verdict.folder_sets", "judge"): "check: members, links, geometry, machine",
    ("services.deidentify.replacements", "rename"): "anonymize: new values of the set",
    ("services.deidentify.replacements", "choose_replacements"): "anonymize: new values of the set",
    ("services.dicom.part10", "_copy"): "anonymize: copying pixels",
    ("services.dicom.part10", "begin_writeback"): "anonymize: starting writeback",
    ("services.dicom.part10", "write"): "anonymize: rewriting and writing headers",
    ("services.deidentify.writer", "write"): "anonymize: rewriting and writing headers",
    ("services.proof.prove", "_read_source"): "proof: reading and parsing the source",
    ("services.proof.prove", "_read_output"): "proof: reading and parsing the output",
    ("services.proof.pixels", "compare"): "proof: comparing pixels, SHA-256 of the output",
    ("services.proof.prove", "_judge_set"): "proof: links, dates, texts of the whole set",
    ("services.proof.prove", "prove"): "proof: comparing elements",
    ("services.publication.index_ledger", "claim"): "claiming the index",
    ("services.publication.attempts", "begin"): "publication: attempt, fsync, rename, record, line",
    ("services.publication.publish", "publish"): "publication: attempt, fsync, rename, record, line",
}
"""Phase of the pipeline by module and function, for the innermost of these in the stack."""


def gone(places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of some places that are no function or method any more: all that they do would count as the rest."""
    return [(module, name) for module, name in places if name not in _functions(importlib.import_module(module))]


def _functions(module: ModuleType) -> set[str]:
    """Return the names of functions that a module defines, and of its classes' methods."""
    own = [one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__]
    inside = [
        getattr(method, "__func__", method) for one in own if inspect.isclass(one) for method in vars(one).values()
    ]
    return {one.__name__ for one in (*own, *inside) if inspect.isfunction(one)}


_SITE: Final = """
import os, sys, time
line = os.open(os.environ["TIME_LINE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def note(what):
    os.write(line, f"{time.monotonic():.6f} {what}\\n".encode())
def hook(event, arguments):
    if event == "import" and arguments[0] in {"anonymizer.command_line", "worker.app", "services.pipeline.folder_run"}:
        note(f"import {arguments[0]}")
    elif event == "subprocess.Popen" and "--version" not in arguments[1]:
        note(f"start {'a worker' if 'worker' in arguments[1] else 'Redis'}")
    elif event == "os.fork":
        note("fork")
    elif event == "os.rename" and "outcomes" in os.fspath(arguments[1]):
        note("outcome")
sys.addaudithook(hook)
"""
"""Start-up code of each process of a run, which records its milestones."""

_STEPS: Final = {
    "start Redis": "first scan done, Redis starts",
    "start a worker": "workers start",
    "import anonymizer.command_line": "the command begins its imports",
    "import services.pipeline.folder_run": "workers import the pipeline",
    "fork": "workers are ready",
    "outcome": "the set is published and its outcome written",
}

REST: Final = "rest: outcome, progress, search for published sets"


def start(place: Path, store: Path) -> Report:
    """Record the milestones of a run of one set of ten files."""
    root, noted, site = cleared(place / "BATCH"), place / "time line", cleared(place / "site")
    shutil.copytree(sets.made(sets.TEN_FILES, "1", store), root / "patient 1")
    sets.collection(root)
    site.mkdir()
    (site / "sitecustomize.py").write_text(_SITE, encoding="utf-8")
    noted.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": os.fspath(site), "TIME_LINE": os.fspath(noted)}
    began = time.monotonic()
    command = [sys.executable, "-m", "anonymizer", "run", os.fspath(root)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ended = time.monotonic()
    found: dict[str, float] = {}
    for line in noted.read_text(encoding="utf-8").splitlines():
        at, _, what = line.partition(" ")
        found.setdefault(what, float(at) - began)
    rows = [[says, f"{found[what]:.2f}"] for what, says in _STEPS.items() if what in found]
    for made in (root, site):
        cleared(made)
    return Report(
        f"Milestones of a run of one small set ({file_system(place)})",
        tables=[table(["", "s"], [*rows, ["end", f"{ended - began:.2f}"]])],
        remarks=["Sets are started one quiet second after the first scan if the workers are ready."],
    )


def profile(place: Path, store: Path, client: redis.Redis) -> Report:
    """Sample the pipeline while it processes several sets."""
    if unknown := gone(PLACES):
        raise LookupError(f"no such functions: {unknown}")
    root = cleared(place / "BATCH")
    for number in range(one_set.SETS):
        shutil.copytree(sets.made(sets.HEAD_AND_NECK, str(number + 1), store), root / f"patient {number}")
    into_cache(root)
    collection = sets.collection(root)
    synced(place)
    first, *others = sorted(path.name for path in root.iterdir() if path.name.startswith("patient"))
    client.flushall()
    one_set.process(collection, first, client)
    seen: Counter[str] = Counter()
    began = time.perf_counter()
    with _looking(seen):
        for folder in others:
            one_set.process(collection, folder, client)
    ms = (time.perf_counter() - began) / len(others) * 1e3
    began = time.perf_counter()
    copied(root / first, cleared(place / "copy"))
    copy_ms = (time.perf_counter() - began) * 1e3
    cleared(place / "copy")
    cleared(root)
    samples = seen.total()
    return Report(
        f"Time of one more set by phase ({file_system(place)})",
        tables=[
            table(
                ["phase", "ms", "share of time"],
                [[name, f"{ms * count / samples:.0f}", f"{count / samples:.0%}"] for name, count in seen.most_common()],
            )
        ],
        remarks=[f"{ms:.0f} ms per set, {samples:,} samples of {len(others)} sets; one `cp -r`: {copy_ms:.0f} ms."],
    )


@contextmanager
def _looking(seen: Counter[str]) -> Iterator[None]:
    """Sample the current phase periodically."""

    def look(_: int, frame: FrameType | None) -> None:
        while frame is not None:
            place = PLACES.get((frame.f_globals["__name__"], frame.f_code.co_name))
            if place is not None:
                seen[place] += 1
                return
            frame = frame.f_back
        seen[REST] += 1

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY_S, LOOK_EVERY_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
