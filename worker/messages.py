"""Validation of queue messages: foreign or malformed ones are set aside before Celery sees them.

With Celery and kombu, a malformed message (a body that is not JSON or is nested too deeply, a header of another type)
ends the worker before any task begins, and is still in the queue at its restart. The form of our messages is known
exactly. Setting others aside loses nothing, since messages are only hints.
"""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

import redis
import structlog
from celery.app.amqp import AMQP
from kombu.connection import Connection
from kombu.transport import redis as transport

from services.errors import SettingsWrong
from services.runtime.settings import Settings
from worker.connection import connect

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger()

ASIDE: Final = "anonymizer:set-aside"
"""Where the latest of them are kept, for finding out who sent them."""
COUNT: Final = "anonymizer:set-aside:count"
KEPT: Final = 100
KEPT_BYTES: Final = 16_384
"""Maximum bytes kept of each."""

LARGEST_BYTES: Final = 65_536
"""Our messages have about a thousand bytes."""

_TASKS: Final = {"anonymize_set": [str, str], "make_sheet": [str, int], "receive_delivery": [str, str]}
"""Argument types of each task."""

_NEVER: Final = ("shadow", "eta", "expires", "group", "group_index", "stamped_headers", "stamps", "compression")
"""Headers that have no value in our messages, each of which would make Celery act."""
_AFTERWARDS: Final = ("callbacks", "errbacks", "chain", "chord")
_LONGEST_TEXT: Final = 1000


def fault_of(data: bytes) -> str:
    """Return briefly, without quoting it, why a message is not ours; empty if it is."""
    if len(data) > LARGEST_BYTES:
        return "too large"
    try:
        return _fault_of(json.loads(data))
    except (ValueError, RecursionError):
        return "no JSON, or nested too deep"
    except (AttributeError, KeyError, TypeError):
        return "not built like a message"


def _fault_of(message: Mapping[str, Any]) -> str:
    headers, properties = message["headers"], message["properties"]
    if message["content-type"] != "application/json" or message["content-encoding"] != "utf-8":
        return "another content type"
    if headers.get("task") not in _TASKS:
        return "no task of ours"
    if not _is_addressed(properties) or not _has_our_headers(headers):
        return "a header that no message of ours has"
    if properties.get("body_encoding") != "base64":
        return "another encoding of the body"
    body = json.loads(b64decode(message["body"], validate=True))
    arguments, named, afterwards = body
    if named or any(afterwards.get(name) for name in _AFTERWARDS):
        return "arguments that no task of ours has"
    is_ours = [type(argument) for argument in arguments] == _TASKS[headers["task"]]
    return "" if is_ours else "arguments that no task of ours has"


def _is_addressed(properties: Mapping[str, Any]) -> bool:
    info = properties["delivery_info"]
    texts = (properties["delivery_tag"], info["exchange"], info["routing_key"])
    return all(map(_is_text, texts)) and isinstance(properties.get("priority", 0), int | None)


def _has_our_headers(headers: Mapping[str, Any]) -> bool:
    return (
        _is_text(headers["id"])
        and all(_is_text(headers.get(name, "")) for name in ("lang", "origin", "argsrepr", "kwargsrepr"))
        and all(headers.get(name) is None or _is_text(headers[name]) for name in ("root_id", "parent_id"))
        and all(not headers.get(name) for name in _NEVER)
        and headers.get("timelimit") in (None, [None, None])
        and all(type(headers.get(name) or 0) is int for name in ("retries", "replaced_task_nesting"))
        and isinstance(headers.get("ignore_result"), bool | None)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def set_aside(client: redis.Redis, data: bytes, why: str) -> None:
    """Store the beginning of a message with the latest ones set aside, count it, and log it."""
    log.warning("message.set-aside", reason=why, bytes=len(data))
    with suppress(redis.RedisError):
        number = int(client.incr(COUNT))
        client.hset(ASIDE, str(number % KEPT), data[:KEPT_BYTES])


def count(client: redis.Redis) -> int:
    """Return how many messages were set aside since Redis was last emptied.

    Raises
    ------
    redis.RedisError
        Redis is unavailable.
    """
    return int(client.get(COUNT) or 0)


class Channel(transport.Channel):
    """Channel that accepts only our messages; worker control replies pass unchanged."""

    def _brpop_read(self, **options: Any) -> bool:
        """Take one message, like the overridden method."""
        try:
            found = self._answer(options)
            if not found:
                raise Empty
            queue = found[0].decode().rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            if why := "" if queue.endswith(".pidbox") else fault_of(found[1]):
                self._set_aside(found[1], why)
            else:
                self.connection._deliver(json.loads(found[1]), queue)  # noqa: SLF001 - as kombu's own does
        finally:
            self._in_poll = None  # type: ignore[assignment]  # kombu has a connection or nothing there
            self._flush_brpop_reauth()  # type: ignore[no-untyped-call]  # kombu has few types
        return True

    def _receive_one(self, receiver: Any) -> Any:
        """Receive a broadcast, skipping unreadable ones; these are not stored and cannot recur."""
        try:
            return super()._receive_one(receiver)  # type: ignore[no-untyped-call]  # as above
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            log.warning("message.set-aside", reason="said to all, and not built like a message")
            raise Empty from None

    def _answer(self, options: Mapping[str, Any]) -> tuple[bytes, bytes] | None:
        try:
            answer: tuple[bytes, bytes] | None = self.client.parse_response(self.client.connection, "BRPOP", **options)
        except self.connection_errors:
            self.client.connection.disconnect()  # the next round reconnects
            raise
        return answer

    def _set_aside(self, data: bytes, why: str) -> None:
        with suppress(SettingsWrong):
            client = connect(Settings.of_process())
            set_aside(client, data, why)
            client.close()


class Transport(transport.Transport):
    """Redis transport with such channels."""

    Channel = Channel


class _Connection(Connection):
    def get_transport_cls(self) -> type[Transport]:
        return Transport


class Messages(AMQP):  # type: ignore[misc]  # Celery has no types
    """How the app sends and receives messages."""

    Connection = _Connection
