"""State of each set of a collection according to the share, and whether it still applies."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from services.forms.settings_seen import SettingsSeen
from services.rtset import folder_listing
from services.store import notes, registry
from services.store.registry import Outcome
from services.store.set_state import SetState
from watcher.folders import set_folders, untouched
from watcher.hospital_folders import HospitalFolders

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Collection as Names

    from services.store.collection import Collection

_NEVER: Final = (0, 0)

YOUNG_EVERY_S: Final = 600
"""Approximate interval in seconds at which a young set's files are checked; shorter if there are few."""

YOUNG_AT_LEAST: Final = 5
"""Minimum number of young sets checked each time, if there are as many."""

LOOKS_APART_S: Final = 10
"""Usual seconds between two checks; young sets are distributed over these."""


@dataclass(frozen=True, slots=True)
class SetStatus:
    """State of one set."""

    folder: str
    locator: str
    fingerprint: str

    outcome: Outcome | None
    """Outcome of the folder's current contents; None if unknown or outdated."""

    can_be_listed: bool = True
    """Whether the folder can be listed."""

    @property
    def concluded(self) -> bool:
        """Return whether nothing remains to be done."""
        if self.outcome is None or self.outcome.state is SetState.NOT_READABLE:
            return False
        return self.outcome.is_concluded


class SetStatuses:
    """Repeatedly checks all sets of one collection, re-reading only what has changed.

    Parameters
    ----------
    young_s
        Seconds after its conclusion during which a finished set's files are checked in turns, since overwriting a file
        in place does not change its folder.
    clock
        Monotonic clock, in seconds.
    """

    def __init__(
        self, collection: Collection, *, young_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._collection = collection
        self._young_s = young_s
        self._clock = clock
        by_hospital = collection.options.by_hospital
        self._hospitals = HospitalFolders(collection.root, collection) if by_hospital else None
        self._place = os.fspath(collection.root)
        self._settings: SettingsSeen | None = None
        self._outcomes: dict[str, tuple[tuple[int, int], Outcome | None]] = {}
        self._locators: dict[str, str] = {}
        self._unlike: set[str] = set()
        """Folders that differ from their outcome, checked until their new outcome is known."""
        self._looked_at: dict[str, float] = {}
        """When the files of each young set were last checked."""

    def take(self, suspects: Names[str] = ()) -> list[SetStatus]:
        """Check every set, including the files of `suspects` and of those that are not finished.

        Raises
        ------
        OSError
            The root cannot be listed. A set that disappears meanwhile is omitted; one that cannot be listed is included
            as not readable.
        """
        self._settings = SettingsSeen.now(self._collection.root, self._settings)
        self._read_outcomes()
        folders = set_folders(self._collection.root, self._hospitals)
        turn = self._turn()
        looked = (self._look(folder, suspect=folder in suspects, turn=turn) for folder in folders)
        return [status for status in looked if status]

    def _look(self, folder: str, *, suspect: bool, turn: Names[str] = ()) -> SetStatus | None:
        locator = self._locators.get(folder)
        if locator is None:
            locator = self._locators[folder] = self._collection.locator(folder)
        outcome = self._outcome(locator)
        suspect = suspect or folder in self._unlike or locator in turn
        finished = outcome is not None and outcome.state.is_finished and not suspect
        if outcome and finished and untouched(f"{self._place}/{folder}", outcome.folders):
            return SetStatus(folder, locator, outcome.fingerprint, outcome)
        try:
            fingerprint = folder_listing.fingerprint(self._collection.root / folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return self._not_readable(folder, locator, error)
        still_true = outcome is not None and outcome.fingerprint == fingerprint
        (self._unlike.discard if still_true else self._unlike.add)(folder)
        return SetStatus(folder, locator, fingerprint, outcome if still_true else None)

    def _turn(self) -> frozenset[str]:
        """Return the young sets to check now: those not checked for longest, a few at a time."""
        if self._young_s <= 0:
            return frozenset()
        now, today = self._clock(), datetime.now(UTC)
        young = [
            locator
            for locator, (_, outcome) in self._outcomes.items()
            if outcome and outcome.state.is_finished and outcome.age_s(today) <= self._young_s
        ]
        self._looked_at = {locator: self._looked_at.get(locator, now - 2 * YOUNG_EVERY_S) for locator in young}
        many = max(YOUNG_AT_LEAST, len(young) * LOOKS_APART_S // YOUNG_EVERY_S)
        turn = nsmallest(many, young, key=lambda locator: self._looked_at[locator])
        self._looked_at |= dict.fromkeys(turn, now)
        return frozenset(turn)

    def _not_readable(self, folder: str, locator: str, error: OSError) -> SetStatus:
        """Return the status of a set that cannot be listed; its number is known nevertheless."""
        place = self._collection.root / os.fsdecode(error.filename or folder)
        with self._collection.speaking():
            text = notes.may_not_be_read(self._collection.shown(place))
        outcome = Outcome(SetState.NOT_READABLE, "", "", text=text)
        if (before := registry.read_outcome(self._collection, locator)) is not None:
            outcome = replace(outcome, set_id=before.set_id, index=before.index, at=before.at)
        return SetStatus(folder, locator, "", outcome, can_be_listed=False)

    def _outcome(self, locator: str) -> Outcome | None:
        """Return the outcome of a set; of a refused or waiting one only if form and list have not changed since."""
        written, outcome = self._outcomes.get(locator, (_NEVER, None))
        is_outdated = outcome and self._settings and outcome.is_of_other_settings(self._settings, written[0])
        return None if is_outdated else outcome

    def _read_outcomes(self) -> None:
        """Read the outcomes written since the last check; each is a file that is replaced whole."""
        seen: dict[str, tuple[tuple[int, int], Outcome | None]] = {}
        with os.scandir(self._collection.outcomes) as entries:
            for entry in entries:
                locator, _, suffix = entry.name.partition(".")
                if suffix != "json":
                    continue
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue
                written = (status.st_mtime_ns, status.st_ino)
                known = self._outcomes.get(locator)
                if known is None or known[0] != written:
                    known = written, registry.read_outcome(self._collection, locator)
                seen[locator] = known
        self._outcomes = seen
