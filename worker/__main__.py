"""Start a worker: `python -m worker QUEUES PROCESSES`, queues separated by commas.

Celery's own command line does the same, but first imports everything for its other commands, including those of
plug-ins (Flower), which takes longer than everything a worker needs and delays each run.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

from services.runtime.garbage import without_garbage_collection


def main(queues: str, processes: str) -> int:
    """Run a worker until it is stopped, and return its exit code."""
    with without_garbage_collection():
        worker = _made(queues.split(","), int(processes))
        gc.freeze()  # nor scanned later in each forked process
    worker.start()
    return int(worker.exitcode or 0)


def _made(queues: list[str], processes: int) -> Any:
    """Import everything a worker needs, including its tasks, and create it."""
    from celery.utils.nodenames import host_format  # noqa: PLC0415 - imported while garbage collection is off

    from worker.app import WORKER_OPTIONS, app  # noqa: PLC0415 - as above

    hostname = host_format(f"anonymizer-{os.getpid()}@%h")  # two on one host need two names
    return app.Worker(hostname=hostname, queues=queues, concurrency=processes, quiet=True, **WORKER_OPTIONS)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
