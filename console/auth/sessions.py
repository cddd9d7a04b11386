"""Sessions and failed logins, in memory only: a restart logs everyone out."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from console.auth.roles import ALL

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_S: Final = 12 * 3600.0
"""Maximum duration of a session."""

IDLE_S: Final = 2 * 3600.0
"""Maximum idle time of a session; automatic updates do not count as activity."""

MOST: Final = 1000
"""Maximum number of sessions; the longest idle one is dropped first."""


@dataclass(slots=True)
class Session:
    """A logged-in user."""

    user: str
    began: float
    seen: float
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """CSRF token included in each form."""
    kept: str = field(default="", repr=False)
    """Hash of the password used; empty after login by link or proxy."""
    roles: frozenset[str] = ALL
    """Roles as of the last request."""

    def may(self, role: str) -> bool:
        """Return whether the user has a role."""
        return role in self.roles


class Sessions:
    """The current sessions.

    Parameters
    ----------
    clock
        Monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._by_token: dict[str, Session] = {}

    def begin(self, user: str, kept: str = "") -> Session:
        """Start a session; `kept`: the hash of the password, if one was used."""
        now = self._clock()
        session = Session(user, began=now, seen=now, kept=kept)
        with self._lock:
            if len(self._by_token) >= MOST:
                del self._by_token[min(self._by_token.values(), key=lambda one: one.seen).token]
            self._by_token[session.token] = session
        return session

    def of(self, token: str | None, *, touch: bool = True) -> Session | None:
        """Return the session of a token if it is still valid."""
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
        """End a session."""
        with self._lock:
            self._by_token.pop(session.token, None)


class Attempts(NamedTuple):
    """Number of attempts, time of the last, and time before which another is refused, on the throttle's clock."""

    tries: int
    last: float
    not_before: float


class Throttle:
    """Throttle against password guessing: after a few failed attempts there is a delay, longer each time.

    An attempt counts before its password is checked, so that parallel attempts gain nothing, and it counts for any
    name, existing or not, so that responses do not reveal which names exist.

    Delays apply to names, never to addresses, which all users behind a proxy share. An address with many failed
    attempts leaves each name one attempt instead of a few, so that users with the right password can still log in.
    """

    FREE: Final = 5
    FREE_OF_PLACE: Final = 20
    FIRST_S: Final = 30.0
    LONGEST_S: Final = 900.0
    FORGOTTEN_S: Final = 3600.0
    """Time after the last attempt at which the count is reset."""
    KEPT: Final = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes(16)
        self._users: dict[bytes, Attempts] = {}
        self._places: dict[bytes, Attempts] = {}

    def admit(self, user: str, place: str) -> float:
        """Count an attempt as failed until it succeeds and return 0, or return the seconds until one is allowed."""
        now = self._clock()
        with self._lock:
            before = self._recent(self._users, user, now)
            if before.not_before > now:
                return before.not_before - now
            count = before.tries + 1
            at_place = self._recent(self._places, place, now).tries + 1
            free = self.FREE if at_place <= self.FREE_OF_PLACE else 1
            pause = min(self.FIRST_S * 2.0 ** min(count - free, 10), self.LONGEST_S) if count >= free else 0.0
            self._keep(self._users, user, Attempts(count, now, now + pause))
            self._keep(self._places, place, Attempts(at_place, now, now))
            return 0.0

    def pause_s(self, user: str, place: str) -> float:
        """Return the delay in seconds after a failed attempt, if there were too many from its address."""
        now = self._clock()
        with self._lock:
            if self._recent(self._places, place, now).tries <= self.FREE_OF_PLACE:
                return 0.0
            return max(0.0, self._recent(self._users, user, now).not_before - now)

    def succeeded(self, user: str, place: str) -> None:
        """Reset the count of a name, and remove this attempt from that of the address."""
        now = self._clock()
        with self._lock:
            self._users.pop(self._key(user), None)
            at_place = self._recent(self._places, place, now)
            self._keep(self._places, place, at_place._replace(tries=max(0, at_place.tries - 1)))

    def _recent(self, kept: dict[bytes, Attempts], name: str, now: float) -> Attempts:
        found = kept.get(self._key(name))
        return found if found and now - found.last < self.FORGOTTEN_S else Attempts(0, now, now)

    def _keep(self, kept: dict[bytes, Attempts], name: str, attempts: Attempts) -> None:
        kept.pop(self._key(name), None)
        kept[self._key(name)] = attempts
        if len(kept) > self.KEPT:  # the oldest without a delay: a flood of names must not release a blocked one
            idle = (key for key, each in kept.items() if each.not_before <= attempts.last)
            del kept[next(idle, next(iter(kept)))]

    def _key(self, name: str) -> bytes:
        """Return a digest, because the input may be a password, or long."""
        return blake2b(name.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).digest()
