"""Run all or the named benchmarks.

python -m benchmarks                    everything except the peers, in a few minutes on two cores
python -m benchmarks steps whole        only these
python -m benchmarks peers              other tools, each in its own environment (needs a network once)
python -m benchmarks --save             also write the tables to benchmarks/RESULTS.md
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import redis

from anonymizer.embedded.redis_server import redis_server
from benchmarks import drawing, idle, many, memory, network, one_set, peers, receiving, running, where, workers
from benchmarks.measure import machine
from benchmarks.tables import Bar, Report, bars_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "RESULTS.md"
MARK: Final = "<!-- what follows is written by `python -m benchmarks --save` -->"
TMPFS: Final = Path("/dev/shm")
TMPFS_NEEDED: Final = 9 << 30


@dataclass(frozen=True)
class Places:
    """Where to measure: on disk, and in memory if there is room."""

    store: Path
    disk: Path
    tmpfs: Path | None
    socket: str

    @property
    def client(self) -> redis.Redis:
        """Return a private Redis."""
        return redis.Redis(unix_socket_path=self.socket)

    def both(self, part: Callable[[Path], Report]) -> list[Report]:
        """Measure on disk and in memory."""
        return [part(place) for place in (self.disk, self.tmpfs) if place]


PARTS: Final[dict[str, Callable[[Places], list[Report]]]] = {
    "steps": lambda at: at.both(lambda place: one_set.steps(place, at.store)),
    "whole": lambda at: at.both(lambda place: one_set.whole(place, at.store, at.client)),
    "receiving": lambda at: at.both(lambda place: receiving.received(place, at.store, at.client)),
    "where": lambda at: at.both(lambda place: where.profile(place, at.store, at.client)),
    "memory": lambda at: [memory.peaks(at.disk, at.store, at.socket)],
    "start": lambda at: at.both(lambda place: workers.start(place, at.store)),
    "scaling": lambda at: [
        workers.scaling(place, at.store, processes)
        for place, processes in ((at.disk, (1, 2)), (at.tmpfs, (1, 2, 4, 8)))
        if place
    ],
    "many": lambda at: [many.published(at.tmpfs or at.disk, at.store, at.client)],
    "idle": lambda at: [idle.watching(at.tmpfs or at.disk)],
    "crowd": lambda at: [workers.crowd(at.tmpfs or at.disk, at.store)],
    "sheets": lambda at: [drawing.cost(at.disk, at.store, at.client), drawing.sheets(at.disk, at.store)],
    "run": lambda at: [running.start(at.disk, at.store), where.start(at.disk, at.store)],
    "ten": lambda at: [running.ten(at.disk, at.store)],
    "cold": lambda at: [network.cold(at.disk, at.store, at.client)],
    "throttled": lambda at: [network.throttled(at.disk, at.store, at.client)],
    "peers": lambda at: [peers.compared(at.disk, at.store, at.client)],
}
USUAL: Final = tuple(name for name in PARTS if name != "peers")


def main() -> int:
    """Measure and print; the exit code is 0 if every bar was met."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"of {', '.join(PARTS)}")
    asked.add_argument("--store", type=Path, default=HERE.parent / ".bench", help="folder of the sets")
    asked.add_argument("--save", action="store_true", help="write the tables to RESULTS.md")
    given = asked.parse_args()
    given.store.mkdir(parents=True, exist_ok=True)
    with redis_server() as url, tempfile.TemporaryDirectory(dir=given.store) as disk, _in_memory() as tmpfs:
        places = Places(given.store, Path(disk), tmpfs, url.removeprefix("redis+socket://"))
        text, met = _measured(given.parts or USUAL, places)
    if given.save:
        written, _, before = RESULTS.read_text(encoding="utf-8").partition(MARK)
        sections = "\n\n".join([text, *_not_in(text, before)])
        RESULTS.write_text(f"{written}{MARK}\n\n{sections}\n", encoding="utf-8")
    return 0 if met else 1


def _not_in(text: str, before: str) -> list[str]:
    """Return the sections of an earlier run that this one did not measure, usually the other tools."""
    _, *sections = before.strip().split("\n\n## ")
    return [f"## {section}" for section in sections if f"## {section.splitlines()[0]}\n" not in text]


def _measured(parts: tuple[str, ...], places: Places) -> tuple[str, bool]:
    head = machine()
    reports: list[Report] = []
    for part in parts:
        began = time.monotonic()
        found = PARTS[part](places)
        reports += found
        for report in found:
            print(report, bars_table(report.bars) if report.bars else "", sep="\n\n", flush=True)
        print(f"\n({part}: {time.monotonic() - began:.0f} s)\n", file=sys.stderr, flush=True)
    bars: list[Bar] = [bar for report in reports for bar in report.bars]
    sections = [f"Measured {head}.", "## Bars", bars_table(bars), *map(str, reports)]
    return "\n\n".join(sections), all(bar.met for bar in bars)


@contextmanager
def _in_memory() -> Iterator[Path | None]:
    """Yield a folder in memory, or report that there is none."""
    if TMPFS.is_dir() and shutil.disk_usage(TMPFS).free > TMPFS_NEEDED:
        with tempfile.TemporaryDirectory(dir=TMPFS) as place:
            yield Path(place)
    else:
        print(f"NOT MEASURED in memory: {TMPFS} has less than {TMPFS_NEEDED >> 30} GB free.", file=sys.stderr)
        yield None


if __name__ == "__main__":
    sys.exit(main())
