"""The connection to Redis, and the names of what is there. Without Celery, which most of its users do not need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.errors import SettingsWrong

if TYPE_CHECKING:
    from services.runtime.settings import Settings

QUEUE: Final = "anonymizer"
"""Queue of the service's messages. Each `run` has its own queue, so that workers of other shares do not take from it.
"""

PREFIX: Final = "anonymizer:"
"""Prefix of all Celery keys and channels, to separate them from other applications in the same database."""

SOCKET_TIMEOUT_S: Final = 5
"""Without it, sending to an unresponsive Redis blocks forever."""


def broker_url(settings: Settings) -> str:
    """Return the URL of Redis in Celery's form; with TLS, the certificate is always verified."""
    if settings.redis_url is None:
        raise SettingsWrong("ANONYMIZER_REDIS_URL is not set. It is the URL of Redis, such as redis://host:6379/0.")
    url = settings.redis_url
    if url.startswith("unix://"):
        url = "redis+socket://" + url.removeprefix("unix://")
    if url.startswith("rediss://") and "ssl_cert_reqs" not in url:
        url += ("&" if "?" in url else "?") + "ssl_cert_reqs=required"
    return url


def key_of(queue: str) -> str:
    """Return the Redis key of a queue's messages."""
    return f"{PREFIX}{queue}"


def connect(settings: Settings) -> redis.Redis:
    """Connect to the same Redis directly. Failed commands are not retried here; callers know better when."""
    url = broker_url(settings)
    return redis.Redis.from_url(
        url.replace("redis+socket://", "unix://", 1),
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def check_writable(client: redis.Redis) -> None:
    """Raise Redis' own reason if it answers but cannot write: it is full, a replica, or its disk is."""
    client.set(key_of("check"), b"", px=1)
