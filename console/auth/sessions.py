"""Who is logged in, and how often somebody tried in vain. Kept in this process alone: a restart logs everybody out."""

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
    kept: str = field(default="", repr=False)
    """The hash of the password that let them in; empty where a link or a proxy did."""
    roles: frozenset[str] = ALL
    """What they may do, as of the last request."""

    def may(self, role: str) -> bool:
        """Return whether they have a role."""
        return role in self.roles


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

    def begin(self, user: str, kept: str = "") -> Session:
        """Log somebody in; `kept`: the hash of their password, if one let them in."""
        now = self._clock()
        session = Session(user, began=now, seen=now, kept=kept)
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
    """How often somebody tried, when last, and until when they may not try again; seconds of the throttle's clock."""

    tries: int
    last: float
    not_before: float


class Throttle:
    """Lets nobody guess passwords: after a few wrong ones they have to wait, longer each time.

    An attempt counts before its password is looked at, so that many at once are no more than many one after another,
    and it counts for whatever name was typed, so that the answers do not tell which names exist.

    Who is waited for is a name, never an address: behind one proxy everybody has the same. An address from which many
    wrong passwords came leaves each name one attempt instead of a few, and whoever knows their password still gets in.
    """

    FREE: Final = 5
    FREE_OF_PLACE: Final = 20
    FIRST_S: Final = 30.0
    LONGEST_S: Final = 900.0
    FORGOTTEN_S: Final = 3600.0
    """So long after the last attempt the count begins anew."""
    KEPT: Final = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes(16)
        self._users: dict[bytes, Attempts] = {}
        self._places: dict[bytes, Attempts] = {}

    def admit(self, user: str, place: str) -> float:
        """Count an attempt as a wrong one until it turns out right, and return 0; or the seconds until the next."""
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
        """Return for how long to turn away whoever was wrong just now: only where too many came from their address."""
        now = self._clock()
        with self._lock:
            if self._recent(self._places, place, now).tries <= self.FREE_OF_PLACE:
                return 0.0
            return max(0.0, self._recent(self._users, user, now).not_before - now)

    def succeeded(self, user: str, place: str) -> None:
        """Forget what was tried for a name, and take back this one attempt of the address."""
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
        if len(kept) > self.KEPT:  # the oldest that nobody waits for: a flood of names frees none that is shut
            idle = (key for key, each in kept.items() if each.not_before <= attempts.last)
            del kept[next(idle, next(iter(kept)))]

    def _key(self, name: str) -> bytes:
        """Return a digest: what was typed may be a password, and as long as a form."""
        return blake2b(name.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).digest()
