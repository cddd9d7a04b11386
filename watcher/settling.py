"""Has the copying of a folder stopped.

Old modification times prove nothing (copies keep them), sizes neither (some programs allocate the whole file first),
and the clocks of file servers differ. What can be trusted is that nothing we can see has changed for a while on our own
clock. Whether what came to rest is complete is for the check to say: all files parse to their end, all references are
found.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


class Rest(NamedTuple):
    """How a folder looked, and since when it has looked so."""

    fingerprint: str
    since: float


class Settling:
    """Remember how each folder looked, and say when it has looked the same for `quiet_s`.

    Parameters
    ----------
    quiet_s
        So long nothing may change, in seconds of `clock`.
    clock
        A clock that is never set, ours by default: it is handed in so that tests need not wait.
    """

    def __init__(self, quiet_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.quiet_s = quiet_s
        self._clock = clock
        self._seen: dict[str, Rest] = {}

    def look(self, folder: str, fingerprint: str) -> bool:
        """Note how the folder looks now; true when it has looked so for `quiet_s`. One look alone never suffices."""
        now = self._clock()
        before = self._seen.get(folder)
        if before is None or before.fingerprint != fingerprint:
            self._seen[folder] = Rest(fingerprint, now)
            return False
        return now - before.since >= self.quiet_s

    def remember(self, folder: str, seen: Rest) -> None:
        """Note an earlier look at a folder, by the same clock."""
        self._seen.setdefault(folder, seen)

    def quiet_for_s(self, folder: str) -> float:
        """Return the seconds since the folder last changed under our eyes."""
        rest = self._seen.get(folder)
        return self._clock() - rest.since if rest else 0.0

    def forget_all_but(self, folders: Collection[str]) -> None:
        """Drop what is known of folders that are gone."""
        for gone in self._seen.keys() - set(folders):
            del self._seen[gone]
