"""What the tasks of a worker's process share: the settings, the connection to Redis, the share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import structlog

from services.errors import SettingsWrong
from services.runtime.settings import Settings
from services.store.collection import Collection
from services.store.share import Share
from worker.connection import connect
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

log = structlog.get_logger()


@dataclass(frozen=True)
class Station:
    """Resources of a worker process."""

    settings: Settings
    redis: redis.Redis
    share: Share

    def open(self, collection_id: str) -> Collection:
        """Open a collection of the share by its ID."""
        return Collection.open(self.share.find(collection_id))


@cache
def station() -> Station:
    """Read the settings and connect, once per process on its first set."""
    settings = Settings.of_process()
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE is not set. It is the folder that contains the collections.")
    return Station(settings, connect(settings), Share(settings.share))


@contextmanager
def tolerating(event: str) -> Iterator[None]:
    """Log a temporary error instead of raising it.

    Parameters
    ----------
    event
        The event logged with what is waited for: `set.waits`.
    """
    try:
        yield
    except CIRCUMSTANCES as circumstance:
        log.warning(event, waits=describe(circumstance))
