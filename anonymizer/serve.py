"""`anonymizer watch` and `anonymizer worker`: the service, in as many processes and on as many hosts as one likes."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import redis
import structlog
import typer
from celery.platforms import SecurityWarning

from services.errors import SettingsWrong
from services.runtime import logs
from services.runtime import settings as environment
from services.store.share import Share
from watcher.service import Watch
from worker.app import QUEUE, app, connect, worker_arguments
from worker.queue import Queue
from worker.sheet_tasks import ENDING, Sheets
from worker.transient_errors import describe

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from services.runtime.settings import Settings

ShareArgument = Annotated[
    Path | None, typer.Argument(help="The folder under which the collections lie; ANONYMIZER_SHARE by default.")
]
Processes = Annotated[int | None, typer.Option(min=1, help="Sets at a time; as many as there are cores by default.")]
MakesSheets = Annotated[
    bool, typer.Option("--sheets", help="Make the sheets of published sets instead, one at a time, when others rest.")
]

SHEETS_NICE: Final = 10
"""Sheets are made with what the sets leave over."""

log = structlog.get_logger()


def watch(share: ShareArgument = None) -> None:
    """Stay, and take every set that is dropped into a collection under the share. The workers do the work."""
    settings = environment.from_environment(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    place = share or settings.share
    if place is None:
        raise SettingsWrong("Which share? Name it: anonymizer watch SHARE, or set ANONYMIZER_SHARE.")
    client = connect(settings)
    _tell_if_redis_is_away(client)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    here = Share(place.absolute())
    watched = Watch(here, Queue(client, app), client, settings, sheets=Sheets(client, app))
    with _answering_prometheus(settings, watched, here, client):
        watched.run(stop)


def _answering_prometheus(
    settings: Settings, watched: Watch, share: Share, client: redis.Redis
) -> AbstractContextManager[None]:
    if settings.metrics is None:
        return nullcontext()
    try:
        from anonymizer.metrics import answering_prometheus  # noqa: PLC0415 - only the service's extra brings its library
    except ModuleNotFoundError:
        raise SettingsWrong(
            "ANONYMIZER_METRICS is set, but the package prometheus-client, which answers there, is not installed."
        ) from None
    return answering_prometheus(settings.metrics, watched, share, client)


def worker(processes: Processes = None, sheets: MakesSheets = False) -> None:
    """Start a worker. Asked to stop, it finishes what it is doing."""
    settings = environment.from_environment(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE is not set. It names the folder under which the collections lie.")
    # Celery takes a gid that has no name for root's; containers run under such gids.
    warnings.simplefilter("ignore", SecurityWarning)
    _tell_if_redis_is_away(connect(settings))
    if sheets:
        os.nice(SHEETS_NICE)
        app.worker_main(["--quiet", *worker_arguments(QUEUE + ENDING, processes or 1)])
    app.worker_main(["--quiet", *worker_arguments(QUEUE, processes or os.cpu_count() or 1)])


def _tell_if_redis_is_away(client: redis.Redis) -> None:
    """Say it once at the start, in words: afterwards it is waited for."""
    try:
        client.ping()
    except redis.RedisError as circumstance:
        log.warning("redis.away", waits=describe(circumstance))
