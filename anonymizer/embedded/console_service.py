"""The embedded service of a console on one machine: Redis, workers and watcher while the console runs."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from anonymizer.embedded.batch import LOOK_S, QUIET_S, RECONCILE_S
from anonymizer.embedded.redis_server import embedded_redis
from anonymizer.embedded.run_steps import GRACE_S
from anonymizer.embedded.worker_process import worker_process
from services.store.share import Share
from watcher.service import Watch
from worker.app import make_app
from worker.connection import connect
from worker.queues.set_queue import Queue
from worker.queues.sheet_queue import Sheets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from anonymizer.embedded.supervisor import Supervised
    from services.runtime.settings import Settings

TEND_S = 0.5


@contextmanager
def embedded_service(share: Path, settings: Settings, *, processes: int, debug: bool) -> Iterator[Settings]:
    """Serve every collection under a folder, processing only sets that a person has started.

    Yields the settings by which the console finds this service. Sets in work are finished at the end.
    """
    with ExitStack() as stack:
        url, server = stack.enter_context(embedded_redis())
        settings = replace(
            settings, redis_url=url, share=share, quiet_s=QUIET_S, rescan_s=LOOK_S, reconcile_s=RECONCILE_S
        )
        client = stack.enter_context(connect(settings))
        name = f"anonymizer.{uuid4().hex}"
        app = make_app(lambda: settings)
        sheets = Sheets.beside(client, app, name)
        watch = Watch(Share(share), Queue(client, app, name), client, settings, by_hand=True, sheets=sheets)
        worker = worker_process(name, url, share, processes=processes, debug=debug)
        stack.callback(worker.stop, GRACE_S)
        stop = threading.Event()
        threads = [
            threading.Thread(target=watch.run, args=(stop,)),
            threading.Thread(target=_tend, args=([server, worker], stop)),
        ]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        yield settings


def _tend(processes: Sequence[Supervised], stop: threading.Event) -> None:
    while not stop.wait(TEND_S):
        for process in processes:
            process.tend()
