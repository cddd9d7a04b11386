"""`anonymizer worker`: processes sets, in any number of processes and on any number of hosts."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from celery.bin.celery import celery
from celery.platforms import SecurityWarning

from anonymizer.arguments import Processes
from anonymizer.staying import settings_of_service
from services.errors import SettingsWrong
from worker import redis_server
from worker.app import app, worker_arguments
from worker.connection import QUEUE
from worker.drawing import ENDING, NICE

if TYPE_CHECKING:
    from collections.abc import Sequence

MakesSheets = Annotated[
    bool, typer.Option("--sheets", help="Make the sheets of published sets instead, one at a time, at low priority.")
]


def worker(processes: Processes = None, sheets: MakesSheets = False) -> None:
    """Run a worker. When stopped, it finishes the sets in work."""
    settings = settings_of_service()
    if settings.share is None:
        raise SettingsWrong("ANONYMIZER_SHARE, the folder that contains the collections, is not set.")
    # Celery mistakes an unnamed gid for root's; containers run under such gids.
    warnings.simplefilter("ignore", SecurityWarning)
    redis_server.connected(settings)
    if sheets:
        os.nice(NICE)
        _work(worker_arguments(QUEUE + ENDING, processes or 1))
    _work(worker_arguments(QUEUE, processes or os.cpu_count() or 1))


def _work(arguments: Sequence[str]) -> NoReturn:
    """Run a worker until it is stopped and exit with its code, which `app.worker_main` does not return."""
    celery.params[0].default = app
    raise typer.Exit(celery.main(args=["--quiet", *arguments], standalone_mode=False) or 0)
