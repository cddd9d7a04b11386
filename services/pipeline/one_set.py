"""A set on its way: where it lies, how it looked, and what the share knows of its folder."""

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
    """One set of a folder, as it was seen; as a rule the only one."""

    collection: Collection
    folder: Path
    locator: str

    seen: Listing
    """Of the folder."""

    plan: str = ""
    """The mark of its plan where the folder holds several sets; else empty."""

    ordinal: int = 0
    """Of its plan, by which a person names it; 0 where the folder holds one set."""

    @property
    def called(self) -> str:
        """How commands name the set: the folder, and of several sets the ordinal."""
        return f"{quoted(self.collection.name_of(self.folder))}{f' {self.ordinal}' if self.ordinal else ''}"

    @property
    def hospital(self) -> str:
        """The folder of its hospital, where hospitals have folders; else empty."""
        return self.collection.hospital_of(self.folder)

    def counts_as_new(self) -> bool:
        """Return whether a person said that it is a set of its own."""
        return registry.counts_as_new(self.collection, self.locator, self.seen.fingerprint, self.plan)

    def published_here(self, set_id: str) -> SetState:
        """Return whether a set was published out of this folder, or out of another one."""
        claim, outcome = claims.of(self.collection, set_id), registry.read_outcome(self.collection, self.locator)
        noted = outcome is not None and any(
            (one.state, one.set_id) == (SetState.PUBLISHED, set_id) for one in outcome.entries
        )
        here = noted or (claim is not None and claim.locator == self.locator)
        return SetState.PUBLISHED if here else SetState.SAME_SET

    def other_folder(self, set_id: str) -> Path | None:
        """Return the folder out of which a set got its number, if that is another one, and still there."""
        claim = claims.of(self.collection, set_id)
        if claim is None or claim.locator == self.locator:
            return None
        other = registry.folder_of(self.collection, claim.locator)
        return other if other and other.is_dir() else None

    def had_a_look(self) -> bool:
        """Return whether the set was doubted before, and looked as it does now."""
        before = registry.read_outcome(self.collection, self.locator)
        if before is None or before.fingerprint != self.seen.fingerprint:
            return False
        return any(registry.SECOND_LOOK in one.codes for one in before.entries if one.plan == self.plan)

    def made_before(self) -> int | None:
        """Return the index of what was published of this folder when it held something else, if that still stands."""
        outcome = registry.read_outcome(self.collection, self.locator)
        if outcome is None:
            return None
        for one in outcome.entries:
            if one.index is not None and self.plan in {one.plan, ""} and self._stands(one.index):
                return one.index
        return None

    def _stands(self, index: int) -> bool:
        """Return whether what was published under an index came out of this folder, and was not taken back."""
        found = records.read(self.collection, index)
        if found is None or found.set_id is None or found.withdrawn:
            return False
        claim = claims.of(self.collection, found.set_id)
        return claim is not None and claim.locator == self.locator
