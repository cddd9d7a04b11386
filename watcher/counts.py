"""Numbers of set folders by state, for monitoring, without their names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.store.set_state import SetState


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """Counts at one check of a collection. Another thread may read them while the next check is running."""

    at: float = 0.0
    """Time on the monotonic clock."""

    since: Mapping[str, tuple[SetState, float]] = field(default_factory=dict)
    """State of each folder, and since when it was seen to have it."""

    codes: Mapping[str, int] = field(default_factory=dict)
    """Number of folders by code: of faults, or of reasons for parking."""

    not_taken: int = 0
    """Number of entries in the collection that may hold DICOM but are ignored."""

    held_up: Mapping[str, float] = field(default_factory=dict)
    """Folders that a worker tried but could not complete, for example because Redis is unavailable, and since when."""

    sheets: Mapping[str, int] = field(default_factory=dict)
    """Number of `missing` and `failed` sheets; empty if nobody requests sheets."""

    def next(
        self,
        states: Mapping[str, SetState],
        codes: Mapping[str, int],
        at: float,
        not_taken: int = 0,
        *,
        held_up: Mapping[str, float] | None = None,
        sheets: Mapping[str, int] | None = None,
    ) -> StatusCounts:
        """Return the counts of the next check."""
        since = {}
        for folder, state in states.items():
            before = self.since.get(folder)
            since[folder] = before if before and before[0] == state else (state, at)
        return StatusCounts(at, since, codes, not_taken, held_up or {}, sheets or {})

    @property
    def published_at(self) -> float:
        """When the latest published set was first seen as published; 0 if there is none."""
        return max((since for state, since in self.since.values() if state.is_published), default=0.0)

    def sets(self) -> Counter[SetState]:
        """Return the number of folders by state."""
        return Counter(state for state, _ in self.since.values())

    def oldest(self) -> dict[SetState, float]:
        """Return for each unconcluded state the time since when its longest-standing set has had it."""
        found: dict[SetState, float] = {}
        for state, since in self.since.values():
            if not state.is_concluded or state.is_rechecked:
                found[state] = min(since, found.get(state, since))
        return found
