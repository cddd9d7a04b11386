"""Temporary errors that are no set's fault: the set waits, the attempt does not count, and the reason is shown."""

from __future__ import annotations

import errno
import ssl
from typing import Final

import redis
from kombu.exceptions import OperationalError
from redis.exceptions import NoPermissionError

from services.errors import Busy, FormatTooNew, SetChanged, SettingsWrong
from services.language import gettext, gettext_noop
from services.publication.high_water import NumbersLost
from services.publication.index_ledger import LedgerUnsettled, NumberHeld
from services.store.plans import PlanInWork

CIRCUMSTANCES: Final = (OSError, redis.RedisError, OperationalError, SetChanged, SettingsWrong)

_REASONS: Final = {
    errno.ENOSPC: gettext_noop("the disk is full"),
    errno.EDQUOT: gettext_noop("the disk quota is used up"),
    errno.EROFS: gettext_noop("the share is read-only"),
    errno.EACCES: gettext_noop("a file or folder may not be read or written"),
    errno.EPERM: gettext_noop("a file or folder may not be read or written"),
    errno.ESTALE: gettext_noop("the share is unavailable"),
    errno.ENOTCONN: gettext_noop("the share is unavailable"),
    errno.EHOSTDOWN: gettext_noop("the share is unavailable"),
    errno.EIO: gettext_noop("the share answers with an error"),
    errno.ETIMEDOUT: gettext_noop("the share is unavailable"),
    errno.EHOSTUNREACH: gettext_noop("the share is unavailable"),
    errno.EBUSY: gettext_noop("somebody has a file open"),
    errno.ETXTBSY: gettext_noop("somebody has a file open"),
    errno.EAGAIN: gettext_noop("somebody has a file open"),
    errno.ENOENT: gettext_noop("a file or folder went away"),
}

_OF_THE_SYSTEM: Final = gettext_noop("an error of the system")

_OURS: Final[dict[type[BaseException], str]] = {
    PlanInWork: gettext_noop("another set with the same plan is being published"),
    SetChanged: gettext_noop("the set changes"),
    NumbersLost: gettext_noop("published numbers are missing on the share: anonymizer status says what to do"),
    Busy: gettext_noop("another process is receiving into this collection"),
    FormatTooNew: gettext_noop("a newer version of this program wrote here"),
    SettingsWrong: gettext_noop("the settings cannot be used"),
    LedgerUnsettled: gettext_noop("the numbers in Redis and on the share do not agree: anonymizer doctor says more"),
    NumberHeld: gettext_noop("another set in work has the number that identities.csv assigns to this one"),
}


def describe(circumstance: BaseException) -> str:
    """Return briefly what is waited for, in English, without path or name, since it is shown and logged."""
    if isinstance(circumstance, redis.AuthenticationError):
        return gettext_noop("Redis rejects our name or password")
    if isinstance(circumstance, NoPermissionError):
        return gettext_noop("Redis denies commands that this program needs: its user lacks permissions (ACL)")
    if isinstance(circumstance, redis.RedisError) and _is_of_tls(circumstance):
        return gettext_noop("the TLS certificate of Redis is not accepted, or it does not use TLS")
    if isinstance(circumstance, redis.OutOfMemoryError):
        return gettext_noop("Redis is full")
    if isinstance(circumstance, redis.ReadOnlyError):
        return gettext_noop("Redis is read-only: it is a replica")
    if isinstance(circumstance, (redis.RedisError, OperationalError)):
        return _answered(circumstance) or gettext_noop("Redis is unavailable")
    for kind, says in _OURS.items():
        if isinstance(circumstance, kind):
            return says
    if isinstance(circumstance, OSError) and circumstance.errno is not None:
        return _REASONS.get(circumstance.errno, errno.errorcode.get(circumstance.errno, _OF_THE_SYSTEM))
    return type(circumstance).__name__


def in_words(description: str) -> str:
    """Return a description, or any other sentence without placeholders, in the current language."""
    return gettext(description) if description else ""


def words_of(error: BaseException) -> str:
    """Return what an error says to a person: the text of wrong settings, else its description in their language."""
    return str(error) if isinstance(error, SettingsWrong) else in_words(describe(error))


_ANSWERS: Final = {
    "MISCONF": gettext_noop("Redis cannot write to its disk (MISCONF): free space there, or correct its permissions"),
    "NOREPLICAS": gettext_noop("Redis has too few replicas to write (NOREPLICAS): restore them, or require fewer"),
    "MOVED": gettext_noop("Redis runs in cluster mode (MOVED), which cannot be used: name another"),
    "CROSSSLOT": gettext_noop("Redis runs in cluster mode (CROSSSLOT), which cannot be used: name another"),
    "CLUSTERDOWN": gettext_noop("Redis runs in cluster mode (CLUSTERDOWN), which cannot be used: name another"),
    "READONLY": gettext_noop("Redis is read-only: it is a replica"),
    "OOM command": gettext_noop("Redis is full"),
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
