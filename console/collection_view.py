"""One collection in the console: states of its sets, results of their checks, and possible actions.

It has no authoritative state. States are read from the share and from Redis each time; a check result is kept only
while the folder is unchanged; requested actions are written to the share, where the watcher finds them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from console.collection_files import CollectionFiles
from console.delivery_view import Packer
from console.folder_checks import FolderChecks
from console.structure_view import Namer
from services.errors import SettingsWrong
from services.forms.collection_form import read_settings
from services.maintenance import another_try
from services.store import registry
from services.store.collection import Collection
from services.store.set_state import SetState
from watcher.status.reader import StatusReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from services.forms.collection_form import Options
    from services.forms.identity import Identity
    from services.layout import NotTaken
    from services.runtime.settings import Settings
    from services.verdict.summary import FolderSummary
    from watcher.status.collection_status import CollectionStatus
    from watcher.status.rows import Row

AS_NEW: Final = "as new"
AS_IT_IS: Final = "as it is"

LOOK_S: Final = 0.5
"""Minimum interval between reads of a collection, for any number of open pages."""


@dataclass(frozen=True, slots=True)
class Line:
    """One set, with its state and check result."""

    row: Row
    judgement: FolderSummary | None
    """None if it was not checked or has changed since."""
    changed: bool
    """Whether it was checked, and has changed since."""
    can_start: bool
    ways_on: tuple[str, ...]
    """Possible ways to retry it: normally (empty), `as new`, `as it is`."""


@dataclass(frozen=True, slots=True)
class Round:
    """A batch of sets being anonymized, from the first started to the last finished."""

    began: float
    """On the monotonic clock."""
    members: frozenset[str] = frozenset()
    done: int = 0
    part: float = 0.0
    """Progress between 0 and 1, including sets in work."""
    seconds: float = 0.0
    """Duration so far, or in total."""
    over: bool = False

    @property
    def seconds_left(self) -> float | None:
        """Return the estimated remaining time in seconds; None if unknown."""
        if self.over or self.done == 0 or self.part <= 0:
            return None
        return self.seconds * (1 - self.part) / self.part


@dataclass(frozen=True, slots=True)
class Look:
    """Snapshot of a collection."""

    status: CollectionStatus
    identity: Identity | None
    """None if the form cannot be read."""
    options: Options | None
    by_hand: bool
    lines: tuple[Line, ...]
    """Unfinished sets."""
    done: tuple[Row, ...]
    """The most recent first."""
    counts: Mapping[SetState, int]
    round: Round | None
    checking: tuple[int, int] | None
    """Number of folders checked so far by the running check, and their total."""

    @property
    def not_taken(self) -> list[NotTaken]:
        """Return the items not taken; loose DICOM files have a message of their own."""
        judged = [line.judgement for line in self.lines if line.judgement]
        found = [*self.status.not_taken, *(one for judgement in judged for one in judgement.not_taken)]
        return [one for one in dict.fromkeys(found) if one.name != "."]

    @property
    def can_start(self) -> tuple[Line, ...]:
        """Return the sets that passed the check and wait to be started."""
        return tuple(line for line in self.lines if line.can_start)

    @property
    def hospitals(self) -> list[str]:
        """Return the hospitals of its sets, in natural order."""
        return sorted({row.hospital for row in self.status.sets}, key=str.casefold)

    def of_hospital(self, hospital: str) -> Look:
        """Return the snapshot restricted to one hospital."""
        return replace(
            self,
            lines=tuple(line for line in self.lines if line.row.hospital == hospital),
            done=tuple(row for row in self.done if row.hospital == hospital),
            counts=Counter(one.state for row in self.status.sets if row.hospital == hospital for one in row.every),
        )

    @property
    def faultless(self) -> bool:
        """Return whether every set waiting to be started passed the check."""
        waiting = [line for line in self.lines if line.row.state is SetState.NOT_STARTED]
        sets = [line for line in waiting if not (line.judgement and line.judgement.verdict == "no set")]
        return bool(sets) and all(line.can_start for line in sets)


def _ways_on(row: Row) -> Iterator[str]:
    if any(one.state.may_retry for one in row.every):
        yield ""
    if any(one.state is SetState.CHANGED for one in row.every):
        yield AS_NEW
    if another_try.AS_IT_IS in row.codes:
        yield AS_IT_IS


class Board:
    """One collection.

    Parameters
    ----------
    by_hand
        Whether its sets wait to be started; default: the collection's own setting.
    clock
        Monotonic clock, in seconds.
    """

    def __init__(
        self,
        root: Path,
        settings: Settings,
        *,
        by_hand: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = root
        self.namer = Namer(root)
        self.packer = Packer(root, settings)
        self.files = CollectionFiles(root)
        self.checks = FolderChecks(root, settings, changed=self._forget_look)
        self.language = "en"
        """Language of what is reported about its sets, from the form."""
        self.deciding = threading.Lock()
        """Held while a decision is compared with what its maker saw, and written."""
        self._settings = settings
        self._by_hand = by_hand
        self._clock = clock
        self._status_reader = StatusReader(root, settings, by_hand=by_hand)
        self._round: Round | None = None
        self._lock = threading.Lock()
        self._seen: tuple[float, Look] | None = None

    def look(self) -> Look:
        """Return the current or a very recent snapshot."""
        with self._lock:
            now = self._clock()
            if self._seen is None or now - self._seen[0] >= LOOK_S:
                self._seen = (now, self._look())
            return self._seen[1]

    def check(self) -> int:
        """Start a check of all unfinished sets unless one is running; return the number of folders.

        Raises
        ------
        SettingsWrong
            The form cannot be read, or names an unknown machine.
        OSError
            The share is unavailable.
        """
        look = self._read_again()
        if self.checks.start([line.row for line in look.lines if not line.row.state.is_busy]):
            with self._lock:
                self._round = None
                self._seen = None
        return self.checks.total

    def start(self, locators: Iterable[str]) -> int:
        """Start sets that passed the check and are unchanged since; return their number.

        Raises
        ------
        SettingsWrong, OSError
            The request cannot be written at the moment.
        """
        wanted = set(locators)
        collection = Collection.open(self.root)
        lines = [line for line in self._read_again().can_start if line.row.locator in wanted]
        for line in lines:
            registry.register(collection, line.row.folder)
            registry.start(collection, line.row.locator, line.row.fingerprint)
        self._forget_look()
        return len(lines)

    def try_again(self, locator: str, how: str = "") -> bool:
        """Request a retry of a refused or parked set; return False if it no longer is.

        Parameters
        ----------
        how
            `as new`: treat a changed set as a new one. `as it is`: accept files that end in zeros.

        Raises
        ------
        SettingsWrong, OSError
            The request cannot be written at the moment.
        """
        look = self._read_again()
        line = next((line for line in look.lines if line.row.locator == locator and how in line.ways_on), None)
        if line is None:
            return False
        collection = Collection.open(self.root)
        another_try.request(collection, line.row.folder, as_new=how == AS_NEW, as_it_is=how == AS_IT_IS)
        if look.by_hand:
            registry.start(collection, locator, line.row.fingerprint)
        self._forget_look()
        return True

    def row(self, locator: str) -> Row | None:
        """Return the state of the set of a locator; None if it no longer exists."""
        return next((row for row in self.look().status.sets if row.locator == locator), None)

    def _look(self) -> Look:
        status = self._status_reader.read()
        identity, options = self._form()
        self.language = options.language if options else self.language
        by_hand = options.is_by_hand(self._by_hand) if options else bool(self._by_hand)
        open_rows = [row for row in status.sets if not row.state.is_finished]
        done = sorted(
            (one for row in status.sets for one in row.every if one.state.is_finished),
            key=lambda row: (row.at, row.anon),
            reverse=True,
        )
        self._follow_round(status)
        counts = Counter(one.state for row in status.sets for one in row.every)
        return Look(
            status,
            identity,
            options,
            by_hand,
            tuple(self._line(row) for row in open_rows),
            tuple(done),
            counts,
            self._round,
            self.checks.running,
        )

    def _line(self, row: Row) -> Line:
        fingerprint, judgement = self.checks.result(row)
        changed = judgement is not None and fingerprint != row.fingerprint
        judgement = None if changed else judgement
        good = judgement is not None and judgement.verdict == "good" and judgement.fingerprint == row.fingerprint
        return Line(
            row,
            judgement,
            changed,
            can_start=good and row.state is SetState.NOT_STARTED and not self.checks.running,
            ways_on=tuple(_ways_on(row)),
        )

    def _follow_round(self, status: CollectionStatus) -> None:
        """Update the batch; it ends when nothing is left to do, and stays visible until the next."""
        busy = [row for row in status.sets if row.state.is_busy]
        before = self._round
        if not busy:
            if before and not before.over:
                seconds = self._clock() - before.began
                self._round = Round(before.began, before.members, len(before.members), 1.0, seconds, over=True)
            return
        if before is None or before.over:
            before = Round(self._clock())
        members = before.members | {row.locator for row in busy}
        done = len(members) - len(busy)
        parts = sum(row.how_far.part for row in busy if row.how_far)
        self._round = Round(
            before.began, members, done, (done + parts) / len(members), self._clock() - before.began, over=False
        )

    def _form(self) -> tuple[Identity | None, Options | None]:
        try:
            return read_settings(self.root)
        except (SettingsWrong, OSError):
            return None, None

    def _read_again(self) -> Look:
        self._forget_look()
        return self.look()

    def _forget_look(self) -> None:
        with self._lock:
            self._seen = None
