"""The status of one collection, as it is reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.store.set_state import SetState

if TYPE_CHECKING:
    from services.layout import NotTaken
    from watcher.status.rows import Row


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """Status of one collection."""

    root: str
    paused: str
    """Why it cannot be processed; empty if it can."""
    sets: list[Row] = field(default_factory=list)
    loose_dicom: int = 0
    warning: str = ""
    """Something that a person should handle, but that stops nothing."""
    not_taken: list[NotTaken] = field(default_factory=list)
    """Entries that may hold DICOM but are ignored."""

    @property
    def not_readable(self) -> int:
        """Number of its unreadable sets."""
        return sum(row.state is SetState.NOT_READABLE for row in self.sets)
