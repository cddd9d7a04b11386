"""Published numbers, remembered outside the share so that restoring a backup does not reuse them.

A restored share does not know what was published since the backup, and would give those numbers to other patients.
Redis, and a file in the service's own folder, remember them; the collection then pauses until a person states the
number above which to continue.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

import redis

from services.errors import SettingsWrong
from services.language import gettext
from services.publication import claims
from services.runtime import durable_files, metrics
from services.store import records

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection


_COUNT_ONCE: Final = """
if redis.call("zadd", KEYS[1], ARGV[1], ARGV[1]) == 1 then redis.call("hincrby", KEYS[2], ARGV[2], 1) end
"""
"""Noting a number for the first time counts its set as published; worker and watcher both note, and neither counts
twice.
"""


class NumbersLost(SettingsWrong):
    """The share lacks published numbers. No number is given until a person states the one above which to continue."""

    def __init__(self, highest: int) -> None:
        super().__init__(
            gettext(
                "Numbers up to {highest} were published, and not all of them are known here: was the share restored "
                "from a backup? No number is assigned until a person confirms: anonymizer new ROOT --continue --above "
                "{highest}",
                highest=highest,
            )
        )
        self.highest = highest


def remember(client: redis.Redis, collection_id: str, *indices: int) -> None:
    """Note numbers as published forever, and count each once. If Redis is unavailable, `check` does so later."""
    with suppress(redis.RedisError):
        for index in indices:
            client.eval(_COUNT_ONCE, 2, _key(collection_id), metrics.KEY, index, metrics.PUBLISHED)


def check(client: redis.Redis, collection: Collection, own: Path | None = None) -> None:
    """Compare the share with the remembered numbers, and remember those on the share; to be called every minute.

    Parameters
    ----------
    own
        The service's own folder, if it has one, which also remembers the highest number.

    Raises
    ------
    NumbersLost
        The share lacks published numbers.
    redis.RedisError, OSError
        Temporary.
    """
    lost = missing(client, collection, own)
    if lost:
        raise NumbersLost(max(lost))
    known = set(records.indices(collection))
    unheard = known - _all(client, collection.id)
    ours = unheard & claims.indices(collection) if unheard else unheard
    remember(client, collection.id, *ours)
    if unheard - ours:  # numbers of the older program are not counted as published here
        scores: dict[Any, Any] = {str(index): index for index in unheard - ours}
        client.zadd(_key(collection.id), scores)
    if own is not None and known and max(known) > max(_of_file(own, collection.id), default=0):
        path = _file(own, collection.id)
        durable_files.write_atomically(path, durable_files.encode({"highest": max(known)}))


def missing(client: redis.Redis | None, collection: Collection, own: Path | None = None) -> set[int]:
    """Return the published numbers missing from the share.

    Raises
    ------
    redis.RedisError, OSError
        Temporary.
    """
    remembered = _of_file(own, collection.id) | (_all(client, collection.id) if client is not None else set())
    return remembered - set(records.indices(collection)) - claims.indices(collection)


def check_highest(client: redis.Redis, collection: Collection) -> None:
    """Check, with a single lookup, that the share knows the highest number before another one is given.

    Raises
    ------
    NumbersLost
        It does not.
    """
    found = cast("list[bytes]", client.zrevrangebyscore(_key(collection.id), "+inf", "-inf", start=0, num=1))
    if found and not _is_known(collection, int(found[0])):
        raise NumbersLost(int(found[0]))


def check_free(client: redis.Redis, collection: Collection, index: int) -> None:
    """Check that a number was never published.

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
