"""Which resource saturates first: a small simulation of shares, workers and Redis, with measured costs of one set.

python -m benchmarks.scale              the tables of docs/scale.md
python -m benchmarks.scale --link 1     with other costs, see --help

Each worker processes sets in sequence, using shared resources: its host's link, the share's link, the share's disks,
Redis. Each resource serves a limited number of users at a time, in order of arrival. The result is an estimate of the
bottleneck, not a guarantee.
"""

from __future__ import annotations

import argparse
import heapq
import math
from dataclasses import dataclass, fields

from benchmarks.tables import table

WORKERS = (1, 10, 100, 1000)
SETS_EACH = 50
"""Average number of sets per worker in a simulation."""
SETS = (10**3, 10**4, 10**5, 10**6)


@dataclass(frozen=True)
class Costs:
    """Measured cost of one head-and-neck set (benchmarks/RESULTS.md), and the speed of the share."""

    worker_s: float = 0.47
    """CPU time of one set: check, anonymization, proof."""

    cores: float = 4
    """Cores per worker host."""

    set_mb: float = 114
    """Size of one set."""

    reads: float = 3
    """Number of times a set is read from the share: the source for the check and the copy, both sides for the proof.

    1 if the client's cache holds a set."""

    writes: float = 1
    """Number of times a set is written to the share."""

    link: float = 10
    """Gbit/s of the share's own link, in each direction."""

    host_link: float = 10
    """Gbit/s of one worker host's link, in each direction."""

    fsyncs: float = 215
    """One per file, and about thirty for claim, record, line, outcome and folders."""

    fsync_ms: float = 0.5
    """Latency under load in ms: flash, or a controller with a battery. A bare disk: 5 to 10."""

    fsyncs_at_once: float = 32
    """Number of fsyncs that the share processes in parallel."""

    redis_us: float = 12
    """Time of Redis for one command."""

    redis_commands: float = 60
    """Commands per set: message, lease and renewals, claim, progress every 0.2 s, queries by the watcher."""

    rescan_us: float = 33
    """Time of the watcher per published set and rescan."""

    unfinished_us: float = 2000
    """Time of the watcher per unfinished set and rescan."""

    rescan_s: float = 10
    """Interval between rescans, at least four times the duration of one."""

    line_us: float = 90
    """Time for the first rendering of a tracking line after a start; later ones cost their share of two listings."""


class Place:
    """A resource with a limited number of simultaneous users and a queue."""

    def __init__(self, name: str, at_once: float, seconds: float) -> None:
        self.name = name
        self.at_once = max(int(at_once), 1)
        self.seconds = seconds
        """Service time for one set."""
        self.busy_s = 0.0
        self._free_at = [0.0] * self.at_once

    def use(self, now: float) -> float:
        """Return the completion time of a request made at `now`."""
        done = max(now, heapq.heappop(self._free_at)) + self.seconds
        heapq.heappush(self._free_at, done)
        self.busy_s += self.seconds
        return done


def simulated(costs: Costs, workers: int) -> tuple[float, str, float]:
    """Return the sets per hour, the bottleneck, and the utilization of the cores."""
    megabits = costs.set_mb * 8 * max(costs.reads, costs.writes)  # the link is full duplex
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
    # Staggered starts, as for sets dropped one after the other.
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
    """Return the table of throughput and bottleneck by number of workers."""
    rows = []
    for workers in WORKERS:
        rate, busiest, cores = simulated(costs, workers)
        rows.append([f"{workers:,}", f"{rate:,.0f}", busiest, f"{cores:.0%}"])
    return table(["workers", "sets per hour", "bottleneck", "cores in use"], rows)


def collections(costs: Costs) -> str:
    """Return the table of the watcher's cost by number of published sets."""
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
        "share of time",
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
