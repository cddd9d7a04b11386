"""The Celery app: how messages travel.

What is set here was found by trying Celery 5.7.0 with Redis; each line that is not Celery's default says what happens
without it.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import redis
import structlog
from billiard.util import get_logger as billiard_log
from celery import Celery, signals
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.errors import SettingsWrong
from services.runtime import logs
from services.runtime.settings import Settings
from worker.heartbeat import SignOfLife

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


log = structlog.get_logger()

QUEUE: Final = "anonymizer"
"""Where the service's messages wait. A `run` has a queue of its own, so that no other share's worker takes from it."""

PREFIX: Final = "anonymizer:"
"""Before every key and channel of Celery's: another application in the same database has its own, and keeps them."""

WORKER_OPTIONS: Final[Mapping[str, Any]] = {"without_mingle": True, "without_gossip": True, "heartbeat_interval": 30}
"""No talk between workers: without it they start in a third of the time. Heartbeats tell Flower which of them live."""

VISIBILITY_S: Final = 600
"""So long after a worker's death its message comes back by itself. The watcher asks again much earlier."""

LONGEST_TASK_S: Final = 2 * 3600
"""A set that takes longer is stuck: its process is ended, and the attempt counted."""

LARGEST_PROCESS_KIB: Final = 2 * 1024 * 1024
"""A process that has grown beyond this, of which a set of 1 GB takes a fraction, is replaced after its task."""

SOCKET_TIMEOUT_S: Final = 5
"""Without it, sending to a Redis that hangs blocks for ever."""


def celery_settings(settings: Settings) -> Mapping[str, Any]:
    """Make Celery's settings of ours."""
    return {
        "broker_url": broker_url(settings),
        # Redis may start after us, and be away for longer than a hundred tries.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            # Without it, the messages that another application's workers have taken are restored by ours.
            "global_keyprefix": PREFIX,
            "visibility_timeout": VISIBILITY_S,
            # With the defaults a message comes back up to 100 s later than that.
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
            "socket_timeout": SOCKET_TIMEOUT_S,
            "socket_connect_timeout": SOCKET_TIMEOUT_S,
            "socket_keepalive": True,
            # A worker of two queues, that of the sets and that of their sheets, takes a set first.
            "queue_order_strategy": "sorted",
        },
        "task_default_queue": QUEUE,
        "task_serializer": "json",
        "accept_content": ["json"],
        # A message is done with when its set is, not when it was begun.
        "task_acks_late": True,
        # This has no limit: a set that kills its process would go round for ever. We count such deaths ourselves.
        "task_reject_on_worker_lost": False,
        "task_time_limit": LONGEST_TASK_S,
        # The share has the result. With results in Redis, a Redis that hangs would block the worker.
        "task_ignore_result": True,
        # One message a process, so that no set waits behind a long one while others are idle.
        "worker_prefetch_multiplier": 1,
        "worker_max_memory_per_child": LARGEST_PROCESS_KIB,
        # What a library prints could be a name; only our own log is a log.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # For Flower. Events name a set by two opaque strings.
        "worker_send_task_events": True,
        "task_send_sent_event": True,
    }


def broker_url(settings: Settings) -> str:
    """Return the address of Redis as Celery wants it; where it is encrypted, the certificate is always checked."""
    if settings.redis_url is None:
        raise SettingsWrong("ANONYMIZER_REDIS_URL is not set. It names the Redis, redis://host:6379/0 say.")
    url = settings.redis_url
    if url.startswith("unix://"):
        url = "redis+socket://" + url.removeprefix("unix://")
    if url.startswith("rediss://") and "ssl_cert_reqs" not in url:
        url += ("&" if "?" in url else "?") + "ssl_cert_reqs=required"
    return url


def key_of(queue: str) -> str:
    """Return under which key the messages of a queue lie in Redis."""
    return f"{PREFIX}{queue}"


def worker_arguments(queue: str, processes: int) -> list[str]:
    """Return the arguments of `celery -A worker.app` for a worker of so many processes."""
    name = f"anonymizer-{os.getpid()}@%h"  # two on one host need two names
    options = [
        f"--{option.replace('_', '-')}" + f"={value}" * (value is not True) for option, value in WORKER_OPTIONS.items()
    ]
    return ["worker", "--hostname", name, "--queues", queue, "--concurrency", str(processes), *options]


def connect(settings: Settings) -> redis.Redis:
    """Connect to the same Redis ourselves. What fails is not tried again here: who calls knows better when."""
    url = broker_url(settings)
    return redis.Redis.from_url(
        url.replace("redis+socket://", "unix://", 1),
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def set_up_log(**_: object) -> None:
    """Configure our log instead of Celery's, which quotes arguments and exceptions; and nothing beside it.

    What Celery says of each task names no set; what we say does.
    """
    settings = Settings.of_process()
    logs.configure(settings.log_format, settings.log_level)
    billiard_log().propagate = True
    for name in ("celery.worker.strategy", "celery.app.trace", "multiprocessing"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.log_format == "json":
        from celery.apps import worker  # noqa: PLC0415 - only a worker's process needs it

        worker.safe_say = logs.say_from_signal
        sys.stdout, sys.stderr = logs.Prints(sys.stdout), logs.Prints(sys.stderr)


def make_app(settings: Callable[[], Settings]) -> Celery:
    """Make a Celery app; the settings are read when they are first needed."""
    made = Celery(
        "anonymizer",
        include=["worker.tasks", "worker.sheet_tasks", "worker.delivery_tasks"],
        amqp="worker.messages:Messages",
        set_as_current=False,
    )
    made.add_defaults(lambda: celery_settings(settings()))
    made.steps["consumer"].add(SignOfLife)
    return made


app = make_app(Settings.of_process)
