"""Receiving a delivery with all checks, as a multiple of `cp -r` of the same delivery in the same round."""

from __future__ import annotations

import gc
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from benchmarks import sets
from benchmarks.measure import Stopwatch, baselines, cleared, file_system, into_cache, synced
from benchmarks.one_set import process
from benchmarks.tables import Bar, Report, table
from services.exchange import deliveries, delivery_key, receiving
from services.exchange.deliveries import Wanted
from services.runtime.settings import Settings
from services.store.collection import Collection

if TYPE_CHECKING:
    from pathlib import Path

    import redis

SETS = 3
ROUNDS = 7
Way = Literal["keep", "renumber"]
WAYS: Final[tuple[Way, ...]] = ("keep", "renumber")


def received(place: Path, store: Path, client: redis.Redis) -> Report:
    """Time the import of a delivery of head-and-neck sets, unchanged and renumbered."""
    delivery = _delivered(place, store, client)
    watch, busy = Stopwatch(), os.getloadavg()[0]
    for _ in range(ROUNDS):
        baselines(delivery, place / "copy", watch)
        for way in WAYS:
            _receive(delivery, cleared(place / "CENTRE"), way, watch)
    cleared(place / "CENTRE")
    files, size = sets.size_of(delivery)
    cleared(delivery)
    where = file_system(place)
    bars = [Bar.below(f"receiving, every check / `cp -r` ({where})", 5, watch.paired("keep", "cp"))]
    if where != "tmpfs":  # where a sync costs nothing
        bars.append(
            Bar.below(
                f"receiving and renumbering / (`cp -r` + `sync -f`) ({where})", 3, watch.paired("renumber", "cp + sync")
            )
        )
    names = ("cp", "cp + sync", *WAYS)
    rows = [
        [
            name,
            f"{watch[name] * 1000 / SETS:.0f}",
            f"{watch.paired(name, 'cp'):.2f}",
            f"{watch.paired(name, 'cp + sync'):.2f}",
        ]
        for name in names
    ]
    return Report(
        f"A delivery of {SETS} sets, {files} files, {size / 1e6:.0f} MB, received ({where})",
        bars,
        [table(["per set", "median ms", "x `cp -r`", "x (`cp -r` + `sync -f`)"], rows)],
        [_how_busy(busy)],
    )


def _how_busy(before: float) -> str:
    """Return a note on the method and load, because a busy machine slows Python down more than `cp`."""
    return (
        f"Multiples are medians of {ROUNDS} rounds, each against the copies of the same round; the load of the machine "
        f"was {before:.1f} when they began and {os.getloadavg()[0]:.1f} when they ended."
    )


def _delivered(place: Path, store: Path, client: redis.Redis) -> Path:
    """Publish sets and deliver them."""
    root, delivery = cleared(place / "HOSPITAL"), cleared(place / "delivery")
    client.flushall()
    for number in range(1, SETS + 1):
        shutil.copytree(sets.made(sets.HEAD_AND_NECK, str(number), store), root / f"patient {number}")
    collection = sets.collection(root)
    for number in range(1, SETS + 1):
        process(collection, f"patient {number}", client)
    key = delivery_key.of_user(collection, Settings(delivery_key_file=place / "delivery.key"))
    deliveries.make(collection, delivery, key, Wanted(unread_words=True), lambda *_: None)
    cleared(root)
    into_cache(delivery)
    synced(place)
    return delivery


def _receive(delivery: Path, root: Path, way: Way, watch: Stopwatch) -> None:
    root.mkdir()
    options = replace(sets.OPTIONS, receive_identity=way)
    collection = Collection.create(root, sets.IDENTITY, options)
    gc.collect()
    with watch(way):
        outcome = receiving.receive(collection, delivery, Settings(), is_trusted=lambda *_: None)
    assert [one.state for one in outcome.sets] == ["taken"] * SETS
