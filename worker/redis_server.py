"""Check of Redis' suitability at the start of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from redis.exceptions import NoPermissionError, RedisError

from services.errors import SettingsWrong
from worker.connection import check_writable, connect, key_of
from worker.transient_errors import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import redis

    from services.runtime.settings import Settings

LEAST_MEMORY_BYTES: Final = 32 << 20
"""Twice what ten thousand sets with their messages and states need."""
ALMOST_FULL: Final = 0.9

_RECREATE_ACL: Final = (
    "recreate the ACL from deploy/redis/users.acl.in (docs/operations.md, Upgrade), and restart Redis."
)

log = structlog.get_logger()


def connected(settings: Settings) -> redis.Redis:
    """Return the connection of a service, after `check`."""
    client = connect(settings)
    check(client)
    return client


def check(client: redis.Redis) -> None:
    """Log once, at the start, problems with Redis; an unavailable Redis is waited for later.

    Raises
    ------
    SettingsWrong
        Redis is unsuitable: it runs in cluster mode, or its ACL is that of an older version.
    """
    try:
        client.ping()
        info = _info(client)
        for sentence in unfit(info):
            log.error("redis.unfit", waits=sentence)
        if _is_cluster(info):
            raise SettingsWrong(IN_CLUSTER_MODE)
        _check_channels(client)
        check_writable(client)
    except RedisError as circumstance:
        log.warning("redis.away", waits=describe(circumstance))


IN_CLUSTER_MODE: Final = (
    "Redis runs in cluster mode, in which messages cannot be taken from several keys at once: name a Redis without "
    "cluster mode (cluster-enabled no) in ANONYMIZER_REDIS_URL."
)


def unfit(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield problems found in Redis' INFO, with remedies, one sentence each."""
    if _is_cluster(info):
        yield IN_CLUSTER_MODE
    if info.get("role") in {"slave", "replica"}:
        yield "Redis is a replica, and read-only: name its primary in ANONYMIZER_REDIS_URL."
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield (
            f"Redis evicts keys when it is full (maxmemory-policy {policy}), messages among them: set "
            "maxmemory-policy noeviction."
        )
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if 0 < most < LEAST_MEMORY_BYTES:
        yield f"Redis may use {most >> 20} MB of memory, which is too little: set maxmemory 256mb."
    elif most and used > most * ALMOST_FULL:
        yield f"Redis has used {used >> 20} of its {most >> 20} MB of memory: raise maxmemory."


def _is_cluster(info: Mapping[str, Any]) -> bool:
    return info.get("redis_mode") == "cluster" or info.get("cluster_enabled") in {1, "1"}


def _info(client: redis.Redis) -> Mapping[str, Any]:
    try:
        return cast("Mapping[str, Any]", client.info())
    except NoPermissionError:
        log.warning("redis.unfit", waits=f"Redis does not say how it is set up (INFO): {_RECREATE_ACL}")
        return {}


def _check_channels(client: redis.Redis) -> None:
    """Publish an empty message on the channels of worker events, to check permission.

    Names of older versions differ.
    """
    database = client.connection_pool.connection_kwargs.get("db", 0)
    try:
        client.publish(key_of(f"/{database}.celeryev/worker.check"), b"")
    except NoPermissionError:
        raise SettingsWrong(
            f"Redis does not let our user use the names that this version gives its channels: {_RECREATE_ACL}"
        ) from None
