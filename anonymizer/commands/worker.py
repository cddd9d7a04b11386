"""`anonymizer worker`: works on sets, in as many processes and on as many hosts as one likes."""

from __future__ import annotations

import os
import warnings
from typing import Annotated

import typer
from celery.platforms import SecurityWarning

from anonymizer.arguments import Processes
from services.errors import SettingsWrong
from services.runtime import logs
from services.runtime.settings import Settings
from worker.app import QUEUE, app, connect, warn_if_redis_is_away, worker_arguments
from worker.sheet_tasks import ENDING, NICE

MakesSheets = Annotated[
    bool, typer.Option("--sheets", help="Make the sheets of published sets instead, one at a time, when others rest.")
]


def worker(processes: Processes = None, sheets: MakesSheets = False) -> None:
    """Start a worker. Asked to stop, it finishes what it is doing."""
    settings = Settings.of_process()
    logs.configure(settings.log_format, settings.log_level)
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE is not set. It names the folder under which the collections lie.")
    # Celery takes a gid that has no name for root's; containers run under such gids.
    warnings.simplefilter("ignore", SecurityWarning)
    warn_if_redis_is_away(connect(settings))
    if sheets:
        os.nice(NICE)
        app.worker_main(["--quiet", *worker_arguments(QUEUE + ENDING, processes or 1)])
    app.worker_main(["--quiet", *worker_arguments(QUEUE, processes or os.cpu_count() or 1)])
