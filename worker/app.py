"""The Celery app: configuration of message transport.

The settings were determined by experiments with Celery 5.7.0 and Redis; each one that differs from Celery's default
says what happens without it.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from billiard.util import get_logger as billiard_log
from celery import Celery, signals

from services.runtime import logs
from services.runtime.settings import Settings
from worker.connection import PREFIX, QUEUE, SOCKET_TIMEOUT_S, broker_url
from worker.heartbeat import SignOfLife

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


WORKER_OPTIONS: Final[Mapping[str, Any]] = {"without_mingle": True, "without_gossip": True, "heartbeat_interval": 30}
"""No communication between workers: without it they start in a third of the time. Heartbeats tell Flower which are
alive.
"""

VISIBILITY_S: Final = 600
"""Seconds after a worker's death until its message is redelivered. The watcher requeues it much earlier."""

LONGEST_TASK_S: Final = 2 * 3600
"""A set that takes longer is stuck: its process is killed, and the attempt counted."""

LARGEST_PROCESS_KIB: Final = 2 * 1024 * 1024
"""A process that has grown beyond this, many times what a set of 1 GB needs, is replaced after its task."""


def celery_settings(settings: Settings) -> Mapping[str, Any]:
    """Return Celery's settings for ours."""
    return {
        "broker_url": broker_url(settings),
        # Redis may start after us, and be unavailable for more than a hundred retries.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            # Without it, our workers restore the messages taken by another application's workers.
            "global_keyprefix": PREFIX,
            "visibility_timeout": VISIBILITY_S,
            # With the defaults a message is redelivered up to 100 s later.
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
            "socket_timeout": SOCKET_TIMEOUT_S,
            "socket_connect_timeout": SOCKET_TIMEOUT_S,
            "socket_keepalive": True,
            # A worker of two queues, one for sets and one for their sheets, takes sets first.
            "queue_order_strategy": "sorted",
        },
        "task_default_queue": QUEUE,
        "task_serializer": "json",
        "accept_content": ["json"],
        # A message is acknowledged when its set is done, not when it is begun.
        "task_acks_late": True,
        # Redelivery has no limit: a set that kills its process would be retried forever. Such deaths are counted
        # separately.
        "task_reject_on_worker_lost": False,
        "task_time_limit": LONGEST_TASK_S,
        # Results are on the share. With results in Redis, an unresponsive Redis would block the worker.
        "task_ignore_result": True,
        # One message per process, so that no set waits behind a long one while other processes are idle.
        "worker_prefetch_multiplier": 1,
        "worker_max_memory_per_child": LARGEST_PROCESS_KIB,
        # Text printed by a library could contain a name; only our own log is safe.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # For Flower. Events identify a set by two opaque strings.
        "worker_send_task_events": True,
        "task_send_sent_event": True,
    }


def worker_arguments(queue: str, processes: int) -> list[str]:
    """Return the arguments of `celery -A worker.app` for a worker with this many processes."""
    name = f"anonymizer-{os.getpid()}@%h"  # two workers on one host need two names
    options = [
        f"--{option.replace('_', '-')}" + f"={value}" * (value is not True) for option, value in WORKER_OPTIONS.items()
    ]
    return ["worker", "--hostname", name, "--queues", queue, "--concurrency", str(processes), *options]


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def set_up_log(**_: object) -> None:
    """Configure our log in place of Celery's, which quotes arguments and exceptions.

    Celery's messages on tasks do not identify a set; ours do.
    """
    settings = Settings.of_process()
    logs.configure(settings.log_format, settings.log_level)
    billiard_log().propagate = True
    for name in ("celery.worker.strategy", "celery.app.trace", "multiprocessing"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.log_format == "json":
        from celery.apps import worker  # noqa: PLC0415 - only a worker's process needs it

        worker.safe_say = logs.log_from_signal
        sys.stdout, sys.stderr = logs.Prints(sys.stdout), logs.Prints(sys.stderr)


def make_app(settings: Callable[[], Settings]) -> Celery:
    """Create a Celery app; the settings are read on first use."""
    made = Celery(
        "anonymizer",
        include=["worker.tasks.set_tasks", "worker.tasks.sheet_tasks", "worker.tasks.delivery_tasks"],
        amqp="worker.messages:Messages",
        set_as_current=False,
    )
    made.add_defaults(lambda: celery_settings(settings()))
    made.steps["consumer"].add(SignOfLife)
    return made


app = make_app(Settings.of_process)
