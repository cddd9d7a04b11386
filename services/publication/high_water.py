"""Numbers that were ever published, remembered where a restore of the share does not reach.

A share that was brought back from a backup has forgotten what was published since, and would give those numbers to
other patients. Redis, and a file in the service's own folder, remember them; the collection then pauses until a person
says above which number it goes on.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

import redis

from services.errors import SettingsWrong
from services.publication import claims
from services.runtime import durable_files, metrics
from services.store import records

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection


_COUNT_ONCE: Final = """
if redis.call("zadd", KEYS[1], ARGV[1], ARGV[1]) == 1 then redis.call("hincrby", KEYS[2], ARGV[2], 1) end
"""
"""Whoever notes a number first counts its set as published: worker and watcher both do, and neither twice."""


class NumbersLost(SettingsWrong):
    """The share knows less than was published. No number is given until a person says above which one it goes on."""

    def __init__(self, highest: int) -> None:
        super().__init__(
            f"Numbers up to {highest} were published, and not all of them are known here: was the share brought back "
            f"from a backup? No number is given before a person says: anonymizer new ROOT --continue --above {highest}"
        )
        self.highest = highest


def remember(client: redis.Redis, collection_id: str, *indices: int) -> None:
    """Note that numbers were published, for ever, and count each once. A Redis that is away is told by reconciling."""
    with suppress(redis.RedisError):
        for index in indices:
            client.eval(_COUNT_ONCE, 2, _key(collection_id), metrics.KEY, index, metrics.PUBLISHED)


def check(client: redis.Redis, collection: Collection, own: Path | None = None) -> None:
    """Compare the share with what is remembered, and remember what the share knows; to be called every minute.

    Parameters
    ----------
    own
        A folder of the service's own, where it has one: it remembers the highest number, too.

    Raises
    ------
    NumbersLost
        The share knows less.
    redis.RedisError, OSError
        Circumstances.
    """
    lost = missing(client, collection, own)
    if lost:
        raise NumbersLost(max(lost))
    known = set(records.indices(collection))
    unheard = known - _all(client, collection.id)
    ours = unheard & claims.indices(collection) if unheard else unheard
    remember(client, collection.id, *ours)
    if unheard - ours:  # numbers of the older program: nobody counts them as published here
        scores: dict[Any, Any] = {str(index): index for index in unheard - ours}
        client.zadd(_key(collection.id), scores)
    if own is not None and known and max(known) > max(_of_file(own, collection.id), default=0):
        path = _file(own, collection.id)
        durable_files.write_atomically(path, durable_files.encode({"highest": max(known)}))


def missing(client: redis.Redis | None, collection: Collection, own: Path | None = None) -> set[int]:
    """Return the numbers that were published and that the share does not know.

    Raises
    ------
    redis.RedisError, OSError
        Circumstances.
    """
    remembered = _of_file(own, collection.id) | (_all(client, collection.id) if client is not None else set())
    return remembered - set(records.indices(collection)) - claims.indices(collection)


def check_highest(client: redis.Redis, collection: Collection) -> None:
    """Make sure, at the cost of one look, that the share knows the highest number before another one is given.

    Raises
    ------
    NumbersLost
        It does not.
    """
    found = cast("list[bytes]", client.zrevrangebyscore(_key(collection.id), "+inf", "-inf", start=0, num=1))
    if found and not _is_known(collection, int(found[0])):
        raise NumbersLost(int(found[0]))


def check_free(client: redis.Redis, collection: Collection, index: int) -> None:
    """Make sure that a number was never published.

    Raises
    ------
    NumbersLost
        It was.
    """
    if client.zscore(_key(collection.id), str(index)) is not None and not _is_known(collection, index):
        raise NumbersLost(index)


def _is_known(collection: Collection, index: int) -> bool:
    return records.path_of(collection, index).exists() or index in claims.indices(collection)


def _all(client: redis.Redis, collection_id: str) -> set[int]:
    return {int(index) for index in cast("list[bytes]", client.zrange(_key(collection_id), 0, -1))}


def _of_file(own: Path | None, collection_id: str) -> set[int]:
    highest = (durable_files.read(_file(own, collection_id)) or {}).get("highest") if own is not None else None
    return {highest} if isinstance(highest, int) else set()


def _file(own: Path, collection_id: str) -> Path:
    return own / f"anonymizer-published-{collection_id}.json"


def _key(collection_id: str) -> str:
    return f"anonymizer:published:{collection_id}"
