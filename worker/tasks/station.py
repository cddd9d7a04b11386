"""What the tasks of a worker's process share: the settings, the connection to Redis, the share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from services.errors import SettingsWrong
from services.runtime.settings import Settings
from services.store.share import Share
from worker.connection import connect

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True)
class Station:
    """Resources of a worker process."""

    settings: Settings
    redis: redis.Redis
    share: Share


@cache
def station() -> Station:
    """Read the settings and connect, once per process on its first set."""
    settings = Settings.of_process()
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE is not set. It is the folder that contains the collections.")
    return Station(settings, connect(settings), Share(settings.share))
