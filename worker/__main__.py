"""Be a worker: `python -m worker QUEUES PROCESSES`, the queues with commas between them.

Celery's own command line does the same, and first imports what all of its other commands need, those of its plug-ins
(Flower) included: that takes longer than everything a worker needs. Whoever waits for a run waits for its workers.
"""

from __future__ import annotations

import os
import sys

from celery.utils.nodenames import host_format

from worker.app import WORKER_OPTIONS, app


def main(queues: str, processes: str) -> int:
    """Work until it is stopped, and return the exit code."""
    worker = app.Worker(
        hostname=host_format(f"anonymizer-{os.getpid()}@%h"),  # two on one host need two names
        queues=queues.split(","),
        concurrency=int(processes),
        quiet=True,
        **WORKER_OPTIONS,
    )
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
