"""The Prometheus metrics of the watcher: set states by collection, and the totals of all workers.

The watcher exports them for the whole service, because only it sees the whole share; the workers' totals arrive through
Redis. Labels are opaque IDs and fixed words. Nothing here names a folder, a patient or a host.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING, Final, cast

import redis
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from services.errors import SettingsWrong
from services.policy.table import POLICY_EDITION
from services.runtime import metrics
from watcher.collection_watcher import STANDS_BY
from worker.connection import QUEUE, key_of
from worker.messages import count as set_aside_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from services.runtime.settings import Address
    from services.store.share import Share
    from watcher.service import Watch

UNACKED: Final = key_of("unacked")
"""Where Celery keeps messages that workers have received but not acknowledged."""

_SHARE_UP: Final = "1 while the share can be listed and has a collection."


class Numbers(Collector):
    """Collector of all metrics, gathered at each scrape."""

    def __init__(self, watch: Watch, share: Share, client: redis.Redis) -> None:
        self._watch = watch
        self._share = share
        self._redis = client

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the share, the collections, Redis and the workers."""
        yield _one("build", "Version of the program.", 1, version=version("rt-set-anonymizer"), policy=POLICY_EDITION)
        yield from self._of_share()
        yield from self._of_collections()
        yield from self._of_redis()

    def _of_share(self) -> Iterator[Metric]:
        try:
            disk = os.statvfs(self._share.root)
        except OSError:
            yield _one("share_up", _SHARE_UP, 0)
            return
        yield _one("share_up", _SHARE_UP, 0 if self._watch.share_is_away else 1)
        yield _one("share_free_bytes", "Free space on the share's disk.", disk.f_bavail * disk.f_frsize)
        yield _one("share_size_bytes", "Size of the share's disk.", disk.f_blocks * disk.f_frsize)

    def _of_collections(self) -> Iterator[Metric]:
        of_states = "Number of set folders by state; of several sets in one, the least finished."
        sets = _gauge("sets", of_states, "collection", "state")
        oldest = _gauge("oldest_set_seconds", "Longest time that a set has been in this state.", "collection", "state")
        faults = _gauge("faults", "Number of sets with this finding.", "collection", "code")
        not_taken = _gauge("not_taken", "Items that may hold DICOM and are not taken.", "collection")
        looked = _gauge("last_rescan_timestamp_seconds", "Time when the collection was last scanned.", "collection")
        held_up = _gauge("held_up_sets", "Sets that were tried and could not be completed.", "collection")
        longest = _gauge("held_up_seconds", "Longest time that such a set has waited.", "collection")
        sheets = _gauge("sheets", "Sheets that are missing or could not be made.", "collection", "state")
        paused = _gauge("collection_paused", "1 while the collection cannot be processed.", "collection")
        now = time.monotonic()
        everything = list(self._watch.attended.values())
        for attended in everything:
            counts, collection = attended.counts, attended.collection_id
            if collection:
                paused.add_metric([collection], attended.paused not in {"", STANDS_BY})
            if not counts.at or attended.is_copied or attended.paused == STANDS_BY:
                continue  # the list has changed; the next scrape counts it
            looked.add_metric([collection], time.time() - (now - counts.at))
            not_taken.add_metric([collection], counts.not_taken)
            for state, count in counts.sets().items():
                sets.add_metric([collection, state], count)
            for state, since in counts.oldest().items():
                oldest.add_metric([collection, state], now - since)
            for code, count in counts.codes.items():
                faults.add_metric([collection, code], count)
            held_up.add_metric([collection], len(counts.held_up))
            longest.add_metric([collection], now - min(counts.held_up.values(), default=now))
            for which, count in counts.sheets.items():
                sheets.add_metric([collection, which], count)
        yield from (sets, oldest, faults, not_taken, looked, held_up, longest, sheets, paused)
        yield _one("collections", "Collections under the share.", len(everything))
        waiting = sum(attended.paused not in {"", STANDS_BY} for attended in everything)
        yield _one("folders_not_readable", "Folders under the share that cannot be read.", len(self._share.closed))
        yield _one("collections_paused", "Collections that cannot be processed now.", waiting)

    def _of_redis(self) -> Iterator[Metric]:
        try:
            waiting, running = int(self._redis.llen(key_of(QUEUE))), _taken(self._redis)
            sums, set_aside = metrics.read(self._redis), set_aside_messages(self._redis)
            silent = metrics.silent_s(self._redis)
        except redis.RedisError:
            yield _one("redis_up", "1 while Redis answers.", 0)
            return
        yield _one("redis_up", "1 while Redis answers.", 1)
        messages = _gauge("messages", "Messages waiting for a worker, or taken by one.", "state")
        messages.add_metric(["waiting"], waiting)
        messages.add_metric(["taken"], running)
        yield messages
        # For scaling: busy workers are needed as much as workers for waiting sets.
        yield _one("backlog", "Messages waiting or being processed.", waiting + running)
        what = "Foreign or unreadable messages."
        yield CounterMetricFamily("anonymizer_messages_set_aside", what, value=set_aside)
        yield from _of_workers(sums)
        services = _gauge(
            "service_silent_seconds", "Time since the last heartbeat of a service that did not exit.", "service"
        )
        for service, seconds in silent.items():
            services.add_metric([service], seconds)
        yield services
        yield from _of_memory(self._redis)


def _of_memory(client: redis.Redis) -> Iterator[Metric]:
    """Yield Redis' memory use and limit; nothing if it does not permit the query."""
    with suppress(redis.RedisError):
        memory = cast("dict[str, int]", client.info("memory"))
        yield _one("redis_memory_bytes", "Memory used by Redis.", memory["used_memory"])
        yield _one("redis_memory_max_bytes", "Memory limit of Redis; 0 without a limit.", memory["maxmemory"])


def _taken(client: redis.Redis) -> int:
    """Return the number of sets taken by workers, without the sheets in the same list."""
    return sum(json.loads(message)[-1] == QUEUE for message in client.hgetall(UNACKED).values())


def _of_workers(sums: metrics.Measures) -> Iterator[Metric]:
    ends = CounterMetricFamily(
        "anonymizer_outcomes", "Number of results of the workers by outcome.", labels=["outcome"]
    )
    for outcome, count in sums.outcomes.items():
        ends.add_metric([outcome], count)
    yield ends
    yield CounterMetricFamily("anonymizer_published_bytes", "Total size of published files.", value=sums.bytes)
    steps = HistogramMetricFamily("anonymizer_step_seconds", "Duration of each step of a set.", labels=["step"])
    bounds = [*map(str, metrics.BOUNDS_S), "+Inf"]
    for step, within in sums.within.items():
        steps.add_metric([step], list(zip(bounds, accumulate(within), strict=True)), sums.seconds.get(step, 0.0))
    yield steps


def _gauge(name: str, means: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"anonymizer_{name}", means, labels=labels)


def _one(name: str, means: str, value: float, **labels: str) -> GaugeMetricFamily:
    gauge = _gauge(name, means, *labels)
    gauge.add_metric(list(labels.values()), value)
    return gauge


@contextmanager
def answering_prometheus(address: Address, watch: Watch, share: Share, client: redis.Redis) -> Iterator[None]:
    """Serve the metrics while the block runs.

    Raises
    ------
    SettingsWrong
        The address is not available.
    """
    registry = CollectorRegistry()
    registry.register(Numbers(watch, share, client))
    try:
        server, thread = start_http_server(address.port, address.host, registry)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SettingsWrong(
            f"The numbers for Prometheus cannot be served at {address.host}:{address.port} ({why}). "
            "Set ANONYMIZER_METRICS to another address."
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
