"""`anonymizer health`: the health check of a service, for Docker and Kubernetes.

If all is well, `anonymizer/quick.py` has answered before this module is imported. A missing Redis is not unhealthy: the
services wait for it, and restarting them would not help.
"""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import redis
import typer

from anonymizer.quick import CONSOLE_SILENT_S, SORT_SILENT_S, WATCHER_SILENT_S, WORKER_IDLE_S, WORKER_SILENT_S
from anonymizer.terminal import console
from services.errors import SettingsWrong
from services.runtime import heartbeat
from services.runtime.settings import Settings
from worker.connection import QUEUE, connect, key_of
from worker.transient_errors import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.runtime.heartbeat import Heartbeat


class Service(StrEnum):
    """A service to check."""

    WATCHER = heartbeat.WATCHER
    WORKER = heartbeat.WORKER
    CONSOLE = heartbeat.CONSOLE
    SORT = heartbeat.SORT


def health(
    service: Annotated[Service | None, typer.Argument(help="The service; default: all that run here.")] = None,
) -> None:
    """Check that the services running here are working."""
    settings = Settings.of_process()
    folder = settings.health
    if folder is None:
        raise SettingsWrong("ANONYMIZER_HEALTH, the folder of the services' heartbeats, is not set.")
    asked = [service] if service else [each for each in Service if heartbeat.read(folder, each)] or list(Service)

    def waiting(queue: str) -> int | None:
        try:
            return int(connect(settings).llen(key_of(queue)))
        except redis.AuthenticationError as refused:
            raise SettingsWrong(f"{describe(refused)}.") from None
        except redis.RedisError:
            return None

    ails = [ailment(each, heartbeat.read(folder, each), time.monotonic(), waiting) for each in asked]
    for each, ailing in zip(asked, ails, strict=True):
        console().print(f"{each}: {ailing or 'well'}")
    sys.exit(1 if any(ails) else 0)


def ailment(service: Service, sign: Heartbeat | None, now: float, waiting: Callable[[str], int | None]) -> str:
    """Return the problem of a service; '' if it is healthy.

    Parameters
    ----------
    sign
        Its last heartbeat.
    now
        The time on the clock of the heartbeat.
    waiting
        Returns the number of sets waiting in a queue; None if Redis does not answer.
    """
    if service is Service.WATCHER:
        if sign is None:
            return "has not scanned the share yet"
        return "has not scanned the share for too long" if now - sign.at > WATCHER_SILENT_S else ""
    if service is Service.CONSOLE:
        return "does not answer" if sign is None or now - sign.at > CONSOLE_SILENT_S else ""
    if service is Service.SORT:
        return "does not sort" if sign is None or now - sign.at > SORT_SILENT_S else ""
    if sign is None or now - sign.at > WORKER_SILENT_S:
        return "" if waiting(QUEUE) is None else "does not answer, although Redis does"
    if sign.free > 0 and now - sign.took_at > WORKER_IDLE_S and waiting(sign.queue):
        return "is idle although sets are waiting"
    return ""
