"""Reasons for waiting are in words, not error names."""

from __future__ import annotations

import errno
import os

import pytest
import redis
from kombu.exceptions import OperationalError
from redis.exceptions import ClusterCrossSlotError, MovedError, NoPermissionError

from services.errors import Busy, FormatTooNew
from services.publication.index_ledger import LedgerUnsettled
from services.store.collection import ShareAway
from worker.transient_errors import describe


@pytest.mark.parametrize(
    ("circumstance", "said"),
    [
        (ShareAway(), "the share is unavailable"),
        (TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)), "the share is unavailable"),
        (OSError(errno.EBUSY, os.strerror(errno.EBUSY)), "somebody has a file open"),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), "somebody has a file open"),
        (Busy(), "another process is receiving into this collection"),
        (FormatTooNew(), "a newer version of this program wrote here"),
        (LedgerUnsettled(), "the numbers in Redis and on the share do not agree: anonymizer doctor says more"),
        (redis.AuthenticationError("WRONGPASS invalid"), "Redis rejects our name or password"),
        (
            NoPermissionError("User anonymizer has no permissions to run the 'expire' command"),
            "Redis denies commands that this program needs: its user lacks permissions (ACL)",
        ),
        (redis.ConnectionError("to a host with a name"), "Redis is unavailable"),
        (redis.OutOfMemoryError("command not allowed"), "Redis is full"),
        (
            redis.ResponseError("MISCONF Redis is configured to save RDB snapshots, but cannot."),
            "Redis cannot write to its disk (MISCONF): free space there, or correct its permissions",
        ),
        (
            redis.ResponseError("NOREPLICAS Not enough good replicas to write."),
            "Redis has too few replicas to write (NOREPLICAS): restore them, or require fewer",
        ),
        (
            MovedError("3999 127.0.0.1:6381"),
            "Redis runs in cluster mode (MOVED), which cannot be used: name another",
        ),
        (
            ClusterCrossSlotError("Keys in request don't hash to the same slot"),
            "Redis runs in cluster mode (CROSSSLOT), which cannot be used: name another",
        ),
        (
            OperationalError("MISCONF Errors writing to the AOF file: No space left on device"),
            "Redis cannot write to its disk (MISCONF): free space there, or correct its permissions",
        ),
        (redis.ResponseError("ERR unknown command"), "Redis is unavailable"),
        (redis.ReadOnlyError("You can't write"), "Redis is read-only: it is a replica"),
    ],
)
def test_each_reason_for_waiting_is_in_words(circumstance: BaseException, said: str) -> None:
    """For errors that somebody can resolve."""
    assert describe(circumstance) == said
