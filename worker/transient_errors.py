"""Temporary errors that are no set's fault: the set waits, the attempt does not count, and the reason is shown."""

from __future__ import annotations

import errno
import ssl
from typing import Final

import redis
from kombu.exceptions import OperationalError
from redis.exceptions import NoPermissionError

from services.errors import FormatTooNew, SetChanged, SettingsWrong
from services.publication.high_water import NumbersLost
from services.publication.index_ledger import LedgerUnsettled, NumberHeld

CIRCUMSTANCES: Final = (OSError, redis.RedisError, OperationalError, SetChanged, SettingsWrong, FormatTooNew)

_REASONS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the share is read-only",
    errno.EACCES: "a file or folder may not be read or written",
    errno.EPERM: "a file or folder may not be read or written",
    errno.ESTALE: "the share is away",
    errno.ENOTCONN: "the share is away",
    errno.EHOSTDOWN: "the share is away",
    errno.EIO: "the share answers with an error",
    errno.ETIMEDOUT: "the share is away",
    errno.EHOSTUNREACH: "the share is away",
    errno.EBUSY: "somebody has a file open",
    errno.ETXTBSY: "somebody has a file open",
    errno.EAGAIN: "somebody has a file open",
    errno.ENOENT: "a file or folder went away",
}


_OURS: Final[dict[type[BaseException], str]] = {
    SetChanged: "the set changes",
    NumbersLost: "the share knows less than was published: anonymizer status says what to do",
    SettingsWrong: "the settings cannot be used",
    LedgerUnsettled: "the numbers in Redis and on the share do not agree: anonymizer doctor says more",
    NumberHeld: "another set that is in work has the number that identities.csv gives it",
    FormatTooNew: "a newer version of this program wrote here",
}


def describe(circumstance: BaseException) -> str:
    """Return briefly what is waited for, without path or name, since it is shown and logged."""
    if isinstance(circumstance, redis.AuthenticationError):
        return "Redis refuses our name or password"
    if isinstance(circumstance, NoPermissionError):
        return "Redis does not let our user do all that is needed: its rights (ACL) are too narrow"
    if isinstance(circumstance, redis.RedisError) and _is_of_tls(circumstance):
        return "Redis is not who it should be, or does not speak TLS"
    if isinstance(circumstance, redis.OutOfMemoryError):
        return "Redis is full"
    if isinstance(circumstance, redis.ReadOnlyError):
        return "Redis is read-only: it is a replica"
    if isinstance(circumstance, (redis.RedisError, OperationalError)):
        return _answered(circumstance) or "Redis is away"
    for kind, says in _OURS.items():
        if isinstance(circumstance, kind):
            return says
    if isinstance(circumstance, OSError) and circumstance.errno is not None:
        return _REASONS.get(circumstance.errno, errno.errorcode.get(circumstance.errno, "an error of the system"))
    return type(circumstance).__name__


_ANSWERS: Final = {
    "MISCONF": "Redis cannot write to its disk (MISCONF): free space there, or correct its permissions",
    "NOREPLICAS": "Redis has too few replicas to take anything (NOREPLICAS): restore them, or require fewer",
    "MOVED": "Redis runs in cluster mode (MOVED), which cannot be used: name one that does not",
    "CROSSSLOT": "Redis runs in cluster mode (CROSSSLOT), which cannot be used: name one that does not",
    "CLUSTERDOWN": "Redis runs in cluster mode (CLUSTERDOWN), which cannot be used: name one that does not",
    "READONLY": "Redis is read-only: it is a replica",
    "OOM command": "Redis is full",
}


def _answered(error: BaseException) -> str:
    """Return Redis' error response, if that is the cause; kombu wraps Redis' errors in its own."""
    text, inner = "", error.__cause__ or error.__context__
    if isinstance(error, redis.ResponseError | OperationalError):
        text = f"{getattr(error, 'status_code', None) or ''} {error} {type(error).__name__.upper()}"
    found = next((says for answer, says in _ANSWERS.items() if answer in text), "")
    return found or (_answered(inner) if inner is not None else "")


def _is_of_tls(error: BaseException | None) -> bool:
    return error is not None and (isinstance(error, ssl.SSLError) or _is_of_tls(error.__cause__ or error.__context__))
