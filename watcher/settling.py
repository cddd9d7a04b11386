"""Detection that copying into a folder has finished.

Old modification times prove nothing (copies keep them), nor do sizes (some programs allocate the whole file first), and
the clocks of file servers differ. Reliable is only that nothing visible has changed for a while on our own clock.
Whether a settled folder is complete is determined by the check: all files parse completely, all references are found.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class Rest(NamedTuple):
    """Fingerprint of a folder, and since when it has had it."""

    fingerprint: str
    since: float


class Settling:
    """Remembers the fingerprint of each folder, and reports when it has not changed for `quiet_s`.

    Parameters
    ----------
    quiet_s
        Quiet period in seconds of `clock`.
    clock
        Monotonic clock, by default that of the host; replaceable so that tests need not wait.
    """

    def __init__(self, quiet_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.quiet_s = quiet_s
        self._clock = clock
        self._seen: dict[str, Rest] = {}

    def look(self, folder: str, fingerprint: str) -> bool:
        """Record the folder's fingerprint; return True if unchanged for `quiet_s`. A single call never suffices."""
        now = self._clock()
        before = self._seen.get(folder)
        if before is None or before.fingerprint != fingerprint:
            self._seen[folder] = Rest(fingerprint, now)
            return False
        return now - before.since >= self.quiet_s

    def remember(self, folder: str, seen: Rest) -> None:
        """Record an earlier fingerprint of a folder, by the same clock."""
        self._seen.setdefault(folder, seen)

    def quiet_for_s(self, folder: str) -> float:
        """Return the seconds since the folder was last seen to change."""
        rest = self._seen.get(folder)
        return self._clock() - rest.since if rest else 0.0

    def next_at(self) -> float:
        """Return when the next folder will have rested for long enough, if nothing changes; infinite if none is to."""
        now = self._clock()
        ends = (rest.since + self.quiet_s for rest in self._seen.values())
        return min((end for end in ends if end > now), default=float("inf"))

    def forget_all_but(self, folders: Collection[str]) -> None:
        """Forget folders that are gone."""
        for gone in self._seen.keys() - set(folders):
            del self._seen[gone]
