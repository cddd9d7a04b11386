"""What saturates first: a small simulation of shares, workers and Redis, fed with what one set was measured to cost.

python -m benchmarks.scale              the tables of docs/scale.md
python -m benchmarks.scale --link 1     with other costs; --help names them

Each worker takes one set after the other through the places that others use too: its host's link, the share's link, the
share's disks, Redis. Each place serves so many at a time, in the order in which they come. It is no promise; it says
where to look first.
"""

from __future__ import annotations

import argparse
import heapq
import math
from dataclasses import dataclass, fields

from benchmarks.tables import table

WORKERS = (1, 10, 100, 1000)
SETS_EACH = 50
"""Sets that each worker does on the average before the clock is read."""
SETS = (10**3, 10**4, 10**5, 10**6)


@dataclass(frozen=True)
class Costs:
    """What one head-and-neck set takes, as measured (benchmarks/RESULTS.md), and how fast the share is."""

    worker_s: float = 0.47
    """CPU of one core for one set: check, anonymizing, proof."""

    cores: float = 4
    """Of each host of workers."""

    set_mb: float = 114
    """Of one set."""

    reads: float = 3
    """So often a set crosses the link from the share: source once for the check and the copy, both sides for the proof.

    Where the client's cache holds a set, once is enough."""

    writes: float = 1
    """So often it crosses the link to the share."""

    link: float = 10
    """Gbit/s of the share's own link, each way."""

    host_link: float = 10
    """Gbit/s of one worker host's link, each way."""

    fsyncs: float = 215
    """A file each, and some thirty of claim, record, line, outcome and folders."""

    fsync_ms: float = 0.5
    """Of the share, when many wait at once: flash, or a controller with a battery. A bare disk: 5 to 10."""

    fsyncs_at_once: float = 32
    """So many the share works on at a time."""

    redis_us: float = 12
    """Redis' own time for one command."""

    redis_commands: float = 60
    """Of one set: message, lease and its renewals, claim, progress each 0.2 s, what the watcher asks."""

    rescan_us: float = 33
    """Of the watcher for each published set and rescan."""

    unfinished_us: float = 2000
    """Of the watcher for each set that is not finished, and rescan."""

    rescan_s: float = 10
    """Between two rescans; four times as long as one takes, where that is longer."""

    line_us: float = 90
    """Of the first rendering of a tracking line after a start; each later one costs its share of two listings."""


class Place:
    """Something that so many may use at a time; the others wait in line."""

    def __init__(self, name: str, at_once: float, seconds: float) -> None:
        self.name = name
        self.at_once = max(int(at_once), 1)
        self.seconds = seconds
        """For one set."""
        self.busy_s = 0.0
        self._free_at = [0.0] * self.at_once

    def use(self, now: float) -> float:
        """Come at `now`; give when it is done."""
        done = max(now, heapq.heappop(self._free_at)) + self.seconds
        heapq.heappush(self._free_at, done)
        self.busy_s += self.seconds
        return done


def simulated(costs: Costs, workers: int) -> tuple[float, str, float]:
    """Return sets an hour, the place that is busiest, and the part of their time for which cores are in use."""
    megabits = costs.set_mb * 8 * max(costs.reads, costs.writes)  # each way has the link to itself
    links = [
        Place("the hosts' links", 1, megabits / costs.host_link / 1000) for _ in range(math.ceil(workers / costs.cores))
    ]
    share = Place("the share's link", 1, megabits / costs.link / 1000)
    disks = Place("the share's fsyncs", costs.fsyncs_at_once, costs.fsyncs * costs.fsync_ms / 1000)
    server = Place("Redis", 1, costs.redis_us * costs.redis_commands / 1e6)
    ways = []
    for worker in range(workers):
        core = Place("the workers' cores", 1, costs.worker_s)
        ways.append((server, share, links[int(worker // costs.cores)], core, disks))
    # They begin one after the other, as they would when sets are dropped one after the other.
    coming = [(worker * costs.worker_s / workers, worker, 0) for worker in range(workers)]
    done, now = 0, 0.0
    while done < SETS_EACH * workers:
        now, worker, stage = heapq.heappop(coming)
        if stage == len(ways[worker]):
            done, stage = done + 1, 0
        heapq.heappush(coming, (ways[worker][stage].use(now), worker, stage + 1))
    places = [share, disks, server, links[0], ways[0][3]]
    busiest = max(places, key=lambda place: place.busy_s / place.at_once)
    cores = sum(way[3].busy_s for way in ways) / workers / now
    return done / now * 3600, busiest.name, min(cores, 1.0)


def watcher(costs: Costs, published: int, unfinished: int) -> float:
    """Return the seconds of one rescan of one collection."""
    return (published * costs.rescan_us + unfinished * costs.unfinished_us) / 1e6


def throughput(costs: Costs) -> str:
    """Lay out what limits so many workers."""
    rows = []
    for workers in WORKERS:
        rate, busiest, cores = simulated(costs, workers)
        rows.append([f"{workers:,}", f"{rate:,.0f}", busiest, f"{cores:.0%}"])
    return table(["workers", "sets an hour", "the busiest place", "cores in use"], rows)


def collections(costs: Costs) -> str:
    """Lay out what a growing collection costs its watcher."""
    rows = []
    for count in SETS:
        one = watcher(costs, count, 100)
        part = one / (one + max(costs.rescan_s, 4 * one))
        first_s, file_mb, folders_tb = count * costs.line_us / 1e6, count * 60 / 1e6, count * costs.set_mb / 1e6
        rows.append(
            [f"{count:,}", f"{one:.2f}", f"{part:.0%}", f"{first_s:.1f}", f"{file_mb:.1f}", f"{folders_tb:,.1f}"]
        )
    header = [
        "published sets",
        "rescan s",
        "of the time",
        "first tracking file s",
        "tracking file MB",
        "ANON folders TB",
    ]
    return table(header, rows)


def main() -> None:
    """Print both tables for the costs given."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Costs):
        asked.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default)
    costs = Costs(**vars(asked.parse_args()))
    print(throughput(costs), collections(costs), sep="\n\n")


if __name__ == "__main__":
    main()
