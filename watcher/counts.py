"""How the sets of a collection stand, in numbers: for those who watch over the service, to whom no folder is named."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.store.set_state import SetState


@dataclass(frozen=True, slots=True)
class StatusCounts:
    """One look at a collection, counted. Another thread may read it while the next look is taken."""

    at: float = 0.0
    """When, on the clock that is never set."""

    since: Mapping[str, tuple[SetState, float]] = field(default_factory=dict)
    """How each folder stands, and since when it was seen to."""

    codes: Mapping[str, int] = field(default_factory=dict)
    """Against how many sets each code stands: of faults, or of the reasons for which sets are parked."""

    not_taken: int = 0
    """How many things lie in the collection that may hold DICOM and are not taken."""

    held_up: Mapping[str, float] = field(default_factory=dict)
    """Folders that a worker tried and could not take to an end, and since when that is so: it waits for Redis, say."""

    sheets: Mapping[str, int] = field(default_factory=dict)
    """How many sheets are `missing` and how many `failed`; nothing where nobody asks for them."""

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
        """Count the next look."""
        since = {}
        for folder, state in states.items():
            before = self.since.get(folder)
            since[folder] = before if before and before[0] == state else (state, at)
        return StatusCounts(at, since, codes, not_taken, held_up or {}, sheets or {})

    @property
    def published_at(self) -> float:
        """When a set was seen published for the first time, of the latest one; 0 where none is."""
        return max((since for state, since in self.since.values() if state.is_published), default=0.0)

    def sets(self) -> Counter[SetState]:
        """Count the sets that stand in each way."""
        return Counter(state for state, _ in self.since.values())

    def oldest(self) -> dict[SetState, float]:
        """Return since when the one that stands so the longest does, of each way in which a set is not concluded."""
        found: dict[SetState, float] = {}
        for state, since in self.since.values():
            if not state.is_concluded or state.is_looked_at_again:
                found[state] = min(since, found.get(state, since))
        return found
