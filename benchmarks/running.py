"""`anonymizer run` as called by a user: elapsed time from start to end."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from anonymizer.embedded.batch import QUIET_S
from benchmarks import peers, sets
from benchmarks.measure import cleared, copied, file_system, into_cache, synced
from benchmarks.tables import Bar, Report, table
from services.forms.collection_form import settings_text
from services.layout import SETTINGS_NAME, sheets_folder
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS: Final = 5
SETS: Final = 10
LOOK_S: Final = 0.02

_IMPORTS: Final = (sys.executable, "-c", "import celery, pydicom, numpy")


def start(place: Path, store: Path) -> Report:
    """Time a run of one set of ten files without its sheet and, in alternation, the imports it needs."""
    root, runs, imports = place / "BATCH", [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(_IMPORTS, check=True)
        imports.append(time.perf_counter() - began)
        shutil.copytree(sets.made(sets.TEN_FILES, "1", store), cleared(root) / "patient 1")
        sets.collection(root)
        runs.append(_run(root))
    cleared(root)
    ratio = statistics.median((run - QUIET_S) / least for run, least in zip(runs, imports, strict=True))
    where = file_system(place)
    what = "`run` of one set of 10 files, sheets off, minus the quiet second / `import celery, pydicom, numpy`"
    return Report(
        f"A run of one small set ({where})",
        [Bar.below(f"{what} ({where}); stretch 2", 3, ratio)],
        [
            table(
                ["", "median s", "minimum s"],
                [
                    [name, f"{statistics.median(found):.2f}", f"{min(found):.2f}"]
                    for name, found in (("`run`, including the quiet second", runs), ("the imports", imports))
                ],
            )
        ],
    )


def ten(place: Path, store: Path) -> Report:
    """Run ten head-and-neck sets with all defaults, and compare with a copy, gdcmanon, and sheets drawn last."""
    root = cleared(place / "BATCH")
    sets.many(sets.HEAD_AND_NECK, SETS, store, root)
    into_cache(root)
    copy_s = _copy_s(root, place / "copy")
    peer_s = _gdcmanon_s(root, place, store)
    first, seconds = _with_sheets(root, workers=2)
    _, alone = _with_sheets(root, workers=1)
    last = _sheets_last(root)
    cleared(root)
    where = file_system(place)
    name = f"`run` of {SETS} head-and-neck sets, all defaults, two workers"
    bars = [
        Bar.below(f"{name} / (`cp -r` + `sync -f`) ({where}); stretch 5", 8, seconds / copy_s),
        Bar.below(f"{name} / gdcmanon, one after the other ({where}); stretch 1.2", 2, seconds / peer_s)
        if peer_s
        else Bar.skipped(f"{name} / gdcmanon ({where})", "2", "there is no gdcmanon on the PATH"),
        Bar.above("unpublished sets when the first sheet is ready", 1, SETS - first),
        Bar.below(f"{name} / the same with the sheets drawn last ({where})", 1.05, seconds / last),
    ]
    rows = [
        ["`cp -r` + `sync -f`", f"{copy_s:.1f}", "1"],
        ["gdcmanon, one set after the other", *([f"{peer_s:.1f}", f"{peer_s / copy_s:.1f}"] if peer_s else ["", ""])],
        ["`run`, two workers", f"{seconds:.1f}", f"{seconds / copy_s:.1f}"],
        ["`run`, one worker", f"{alone:.1f}", f"{alone / copy_s:.1f}"],
        ["`run`, two workers, sheets drawn last", f"{last:.1f}", f"{last / copy_s:.1f}"],
    ]
    remark = f"When the first sheet was ready, {first} of {SETS} sets were published."
    return Report(f"A run of {SETS} head-and-neck sets ({where})", bars, [table(["", "s", "x"], rows)], [remark])


def _run(root: Path, workers: int = 2, meanwhile: Callable[[], None] = lambda: None) -> float:
    """Return the duration of a run in seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "anonymizer", "run", os.fspath(root), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        meanwhile()
        time.sleep(LOOK_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "run")
    return time.perf_counter() - began


def _fresh(root: Path, *, drawing: bool) -> None:
    """Reset a root, and switch its sheets on or off."""
    shutil.rmtree(sheets_folder(root), ignore_errors=True)
    sets.collection(root)
    _switch(root, drawing=drawing)
    synced(root)


def _switch(root: Path, *, drawing: bool) -> None:
    text = settings_text(sets.IDENTITY, replace(sets.OPTIONS, sheets=drawing))
    (root / SETTINGS_NAME).write_text(text, encoding="utf-8")


def _with_sheets(root: Path, workers: int) -> tuple[int, float]:
    """Return the number of sets published before the first sheet, and the seconds of the run."""
    _fresh(root, drawing=True)
    seen: list[int] = []

    def look() -> None:
        if not seen and any(sheets_folder(root).glob("*.pdf")):
            folders = (root / folder_name(sets.IDENTITY.initial_index + number) for number in range(SETS))
            seen.append(sum(folder.is_dir() for folder in folders))

    seconds = _run(root, workers, look)
    return seen[0] if seen else SETS, seconds


def _sheets_last(root: Path) -> float:
    """Return the seconds of all sets without sheets plus those of all sheets, minus one start."""
    _fresh(root, drawing=False)
    seconds = _run(root)
    nothing = _run(root)
    _switch(root, drawing=True)
    return seconds + _run(root) - nothing


def _copy_s(root: Path, target: Path) -> float:
    cleared(target)
    began = time.perf_counter()
    copied(root, target)
    synced(target.parent)
    seconds = time.perf_counter() - began
    cleared(target)
    return seconds


def _gdcmanon_s(root: Path, place: Path, store: Path) -> float | None:
    """Return the seconds of gdcmanon over the sets in sequence; None if it is not installed."""
    if not shutil.which("gdcmanon"):
        return None
    certificate, target = peers.certificate(store), place / "anonymized"
    began = time.perf_counter()
    for folder in sets.folders(root):
        shutil.rmtree(target, ignore_errors=True)
        command = ["gdcmanon", "-e", "-r", "-c", str(certificate), "-i", str(folder), "-o", str(target)]
        subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - began
    cleared(target)
    return seconds
