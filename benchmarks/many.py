"""Cost of one more set, and of a rescan, in a root with ten thousand published sets."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from benchmarks import one_set, sets
from benchmarks.measure import cleared, file_system
from benchmarks.tables import Bar, Report, table
from services.publication.claims import Claim
from services.runtime import durable_files
from services.store import records, registry
from services.store.records import Record, folder_name
from services.store.registry import Outcome
from services.store.set_state import SetState
from services.store.tracking_lines import TrackingFiles, TrackingLine
from watcher.set_states import SetStatuses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from services.store.collection import Collection

PUBLISHED = 10_000
FILES_OF_EACH = 200
UNFINISHED = 5
NEW = 40


def published(place: Path, store: Path, client: redis.Redis, *, files_of_each: int = FILES_OF_EACH) -> Report:
    """Compare the cost of a small set, and time the rescan."""
    empty = _costs(cleared(place / "EMPTY"), store, client)
    shutil.rmtree(place / "EMPTY")
    root = cleared(place / "FULL")
    root.mkdir()
    began = time.perf_counter()
    collection = sets.collection(root)
    fill(collection, files_of_each)
    filled_s = time.perf_counter() - began
    sets.many(sets.SIX_FILES, UNFINISHED, store, root)
    statuses = SetStatuses(collection)
    began = time.perf_counter()
    statuses.take()
    first_s = time.perf_counter() - began
    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        looked = statuses.take()
        seconds.append(time.perf_counter() - began)
    assert sum(not one.concluded for one in looked) == UNFINISHED
    with _calls() as calls:
        statuses.take()
    tracking = TrackingFiles(collection)
    began = time.perf_counter()
    tracking.render()
    render_s = time.perf_counter() - began
    for path in sets.folders(root):
        shutil.rmtree(path)
    full = _costs(root, store, client, collection)
    shutil.rmtree(root)
    where = file_system(place)
    stats = sum(count for name, count in calls.items() if "stat" in name)
    most = PUBLISHED * 3 + UNFINISHED * 20
    return Report(
        f"A root of {PUBLISHED:,} published sets ({where})",
        [
            Bar.below(f"cost of a set of 10 files in that root / in an empty one ({where})", 1.1, full / empty),
            Bar.below(
                f"one rescan, {UNFINISHED} sets unfinished, {FILES_OF_EACH} files each ({where})",
                0.5,
                statistics.median(seconds),
                " s",
            ),
            Bar.below(
                "stat calls of that rescan: three per published set, and the unfinished sets' files", most, stats
            ),
        ],
        [
            table(
                ["", ""],
                [
                    ["a set of 10 files in an empty root, ms", f"{empty * 1e3:.1f}"],
                    [f"the same set among {PUBLISHED:,}, ms", f"{full * 1e3:.1f}"],
                    ["first scan after a start, s", f"{first_s:.2f}"],
                    ["each further scan, s", f"{statistics.median(seconds):.2f}"],
                    [
                        "system calls of a rescan",
                        ", ".join(f"{count:,} {name}" for name, count in calls.most_common(6)),
                    ],
                    [f"first rendering of the tracking file of {PUBLISHED:,} lines, s", f"{render_s:.2f}"],
                    ["creation of this root, s", f"{filled_s:.0f}"],
                ],
            )
        ],
    )


def _costs(root: Path, store: Path, client: redis.Redis, collection: Collection | None = None) -> float:
    """Return the seconds for a set of ten files in a root, without the first few."""
    sets.many(sets.TEN_FILES, NEW, store, root)
    collection = collection or sets.collection(root)
    client.flushall()
    seconds = []
    for folder in [path.name for path in sets.folders(root)]:
        began = time.perf_counter()
        one_set.process(collection, folder, client)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[5:])


def fill(collection: Collection, files_of_each: int) -> None:
    """Create the state of many published sets as written by the program; their files are empty."""
    file = collection.root.parent / "a-slice.dcm"
    for number in range(PUBLISHED):
        index = collection.identity.initial_index + number
        folder = collection.root / f"patient {number:05d}"
        folder.mkdir()
        for name in range(files_of_each):
            if (number * files_of_each + name) % 60_000 == 0:  # limit of hard links per file in ext4
                file.unlink(missing_ok=True)
                file.write_bytes(b"")
            os.link(file, folder / f"{name}.dcm")
        _state_of(collection, index, folder)
    file.unlink()


def _state_of(collection: Collection, index: int, folder: Path) -> None:
    locator = collection.locator(folder.name)
    set_id = collection.set_id([folder.name])
    plan = f"RP.2.25.{index}.dcm"
    target = collection.root / folder_name(index)
    target.mkdir()
    (target / plan).write_bytes(b"")
    claim = Claim(index, set_id, locator, f"{index:032x}").encoded()
    identity = collection.identity.numbered(index)
    line = TrackingLine(folder.name, identity.patient_id, "Plan", collection.identity.hospital, date(2026, 1, 1))
    outcome = Outcome(
        SetState.PUBLISHED, "0" * 32, "2026-01-01T00:00:00+00:00", set_id=set_id, index=index,
        folders={".": folder.stat().st_mtime_ns},
    )  # fmt: skip
    for path, data in (
        (collection.state / "claims" / f"{index:06d}.json", claim),
        (collection.state / "sets" / f"{set_id}.json", claim),
        (collection.state / "folders" / f"{locator}.json", durable_files.encode({"schema": 1, "folder": folder.name})),
        (records.path_of(collection, index), Record(index, set_id, plan, outcome.at, {}).encoded()),
        (collection.tracking / f"{index:06d}.json", durable_files.encode(line.entry(index))),
    ):
        path.write_bytes(data)
    registry.write_outcome(collection, locator, outcome)


@contextmanager
def _calls() -> Iterator[Counter[str]]:
    """Count the calls of C functions that make system calls."""
    found: Counter[str] = Counter()
    asking = {"stat", "lstat", "scandir", "listdir", "open", "access", "lexists", "is_dir", "is_file", "is_symlink"}

    def note(_: object, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in asking:
            found[called.__name__] += 1

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)
