"""`anonymizer watch` and `anonymizer worker`: the service, in as many processes and on as many hosts as one likes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from services import logs
from services import settings as environment
from services.errors import SettingsWrong
from services.share import Share
from watcher.watch import Watch
from worker.app import QUEUE, app, broker_url, connect, worker_arguments
from worker.queue import Queue

ShareArgument = Annotated[
    Path | None, typer.Argument(help="The folder under which the collections lie; ANONYMIZER_SHARE by default.")
]
Processes = Annotated[int | None, typer.Option(min=1, help="Sets at a time; as many as there are cores by default.")]


def watch(share: ShareArgument = None) -> None:
    """Stay, and take every set that is dropped into a collection under the share. The workers do the work."""
    settings = environment.from_environment(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    place = share or settings.share
    if place is None:
        raise SettingsWrong("Which share? Name it: anonymizer watch SHARE, or set ANONYMIZER_SHARE.")
    client = connect(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Watch(Share(place.absolute()), Queue(client, app), client, settings).run(stop)


def worker(processes: Processes = None) -> None:
    """Start a worker. Asked to stop, it finishes what it is doing."""
    settings = environment.from_environment(os.environ)
    broker_url(settings)
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE is not set. It names the folder under which the collections lie.")
    app.worker_main(["--quiet", *worker_arguments(QUEUE, processes or os.cpu_count() or 1)])


COMMANDS = (watch, worker)
