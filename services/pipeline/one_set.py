"""A set being processed: its folder, its listing, and the share's data on the folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.layout import quoted
from services.publication import claims
from services.store import records, registry
from services.store.set_state import SetState

if TYPE_CHECKING:
    from pathlib import Path

    from services.rtset.folder_listing import Listing
    from services.store.collection import Collection


@dataclass(frozen=True, slots=True)
class OneSet:
    """One set of a folder as it was listed, usually the only one."""

    collection: Collection
    folder: Path
    locator: str

    seen: Listing
    """Listing of the folder."""

    plan: str = ""
    """Mark of its plan in a multi-set folder; otherwise empty."""

    ordinal: int = 0
    """Ordinal of its plan, for people; 0 if the folder holds one set."""

    @property
    def called(self) -> str:
        """Name of the set in commands: the folder, plus the ordinal in a multi-set folder."""
        return f"{quoted(self.collection.name_of(self.folder))}{f' {self.ordinal}' if self.ordinal else ''}"

    @property
    def hospital(self) -> str:
        """Folder of its hospital, if hospitals have folders; otherwise empty."""
        return self.collection.hospital_of(self.folder)

    def counts_as_new(self) -> bool:
        """Return whether a person declared it a set of its own."""
        return registry.counts_as_new(self.collection, self.locator, self.seen.fingerprint, self.plan)

    def published_here(self, set_id: str) -> SetState:
        """Return whether a set was published from this folder, or from another one."""
        outcome = registry.read_outcome(self.collection, self.locator)
        noted = outcome is not None and any(
            (one.state, one.set_id) == (SetState.PUBLISHED, set_id) for one in outcome.entries
        )
        here = noted or claims.origin(self.collection, set_id) == self.locator
        return SetState.PUBLISHED if here else SetState.SAME_SET

    def other_folder(self, set_id: str) -> Path | None:
        """Return the folder from which a set was published, if that is another one that still exists."""
        origin = claims.origin(self.collection, set_id)
        if origin in {"", self.locator}:
            return None
        other = registry.folder_of(self.collection, origin)
        return other if other and other.is_dir() else None

    def was_doubted(self) -> bool:
        """Return whether the set was doubted before, with the same listing."""
        before = registry.read_outcome(self.collection, self.locator)
        if before is None or before.fingerprint != self.seen.fingerprint:
            return False
        return any(registry.SECOND_LOOK in one.codes for one in before.entries if one.plan == self.plan)

    def made_before(self) -> int | None:
        """Return the index published from earlier contents of this folder, if not withdrawn."""
        outcome = registry.read_outcome(self.collection, self.locator)
        if outcome is None:
            return None
        for one in outcome.entries:
            if one.index is not None and self.plan in {one.plan, ""} and self._is_published(one.index):
                return one.index
        return None

    def _is_published(self, index: int) -> bool:
        """Return whether what was published under an index came from this folder, and was not withdrawn."""
        found = records.read(self.collection, index)
        if found is None or found.set_id is None or found.withdrawn:
            return False
        return claims.origin(self.collection, found.set_id) == self.locator
