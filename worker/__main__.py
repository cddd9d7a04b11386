"""Start a worker: `python -m worker QUEUES PROCESSES`, queues separated by commas.

Celery's own command line does the same, but first imports everything for its other commands, including those of
plug-ins (Flower), which takes longer than everything a worker needs and delays each run.
"""

from __future__ import annotations

import os
import sys

from celery.utils.nodenames import host_format

from worker.app import WORKER_OPTIONS, app


def main(queues: str, processes: str) -> int:
    """Run the worker until it is stopped, and return the exit code."""
    worker = app.Worker(
        hostname=host_format(f"anonymizer-{os.getpid()}@%h"),  # two workers on one host need two names
        queues=queues.split(","),
        concurrency=int(processes),
        quiet=True,
        **WORKER_OPTIONS,
    )
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
