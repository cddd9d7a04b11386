"""Who is logged in, and how often somebody tried in vain. Kept in this process alone: a restart logs everybody out."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_S: Final = 12 * 3600.0
"""So long after the login one has to log in again."""

IDLE_S: Final = 2 * 3600.0
"""So long after the last page, too. Progress that comes by itself does not count."""

MOST: Final = 1000
"""Sessions at a time; the one that was quiet for the longest makes room."""


@dataclass(slots=True)
class Session:
    """Somebody who is logged in."""

    user: str
    began: float
    seen: float
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """What each form of theirs carries, so that no other site can send one in their name."""


class Sessions:
    """All who are logged in.

    Parameters
    ----------
    clock
        A clock that is never set, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_token: dict[str, Session] = {}

    def begin(self, user: str) -> Session:
        """Log somebody in."""
        now = self._clock()
        session = Session(user, began=now, seen=now)
        with self._lock:
            if len(self._by_token) >= MOST:
                del self._by_token[min(self._by_token.values(), key=lambda one: one.seen).token]
            self._by_token[session.token] = session
        return session

    def of(self, token: str | None, *, touch: bool = True) -> Session | None:
        """Return whoever shows this token, if they are still logged in."""
        now = self._clock()
        with self._lock:
            session = self._by_token.get(token or "")
            if session is None:
                return None
            if now - session.began >= LONGEST_S or now - session.seen >= IDLE_S:
                del self._by_token[session.token]
                return None
            if touch:
                session.seen = now
            return session

    def end(self, session: Session) -> None:
        """Log somebody out."""
        with self._lock:
            self._by_token.pop(session.token, None)


class Attempts(NamedTuple):
    """How often somebody tried in vain, and until when they may not try again."""

    failures: int
    not_before: float


class Throttle:
    """Lets nobody guess passwords: after a few wrong ones they have to wait, longer each time.

    Both who is asked for and where the question comes from count, the latter more patiently: a hospital may have one
    address.
    """

    FREE: Final = 5
    FREE_OF_PLACE: Final = 20
    FIRST_S: Final = 30.0
    LONGEST_S: Final = 900.0
    KEPT: Final = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tried: dict[tuple[str, str], Attempts] = {}

    def wait_s(self, user: str, place: str) -> float:
        """Give the seconds until they may try again."""
        now = self._clock()
        with self._lock:
            waits = [self._tried[key].not_before - now for key in _keys(user, place) if key in self._tried]
        return max([0.0, *waits])

    def failed(self, user: str, place: str) -> None:
        """Note a wrong password."""
        now = self._clock()
        with self._lock:
            for key, free in zip(_keys(user, place), (self.FREE, self.FREE_OF_PLACE), strict=True):
                failures = self._tried.pop(key, Attempts(0, 0.0)).failures + 1
                pause = min(self.FIRST_S * 2.0 ** min(failures - free, 10), self.LONGEST_S) if failures >= free else 0.0
                self._tried[key] = Attempts(failures, now + pause)
            while len(self._tried) > self.KEPT:
                del self._tried[next(iter(self._tried))]

    def succeeded(self, user: str, place: str) -> None:
        """Forget what was tried in vain."""
        with self._lock:
            for key in _keys(user, place):
                self._tried.pop(key, None)


def _keys(user: str, place: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("user", user), ("place", place)
