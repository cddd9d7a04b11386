"""Attempts: folders in which sets are made before publication, discarded if not published.

Each attempt has its own folder, so two copies of a task do not disturb each other. Its subfolders are created once and
never again: once an attempt is moved away, a worker that was frozen meanwhile finds nowhere to write.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.publication import claims
from services.runtime import durable_files, processes
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from services.store.collection import Collection

RECORD: Final = "record.json"
LINE: Final = "line.json"
ACCOUNT: Final = "account.json"
ABANDONED_AFTER_S: Final = 600.0
"""Seconds without a change after which an attempt is abandoned."""
UNCLAIMED_AFTER_S: Final = 120.0
"""The same for things that no set needs: temporary files, and attempts of sets without a claim."""

_GONE: Final = ".gone-"
_NAME: Final = re.compile(rf"(?:{re.escape(_GONE)})?([0-9a-f]{{32}})\.[0-9a-f]{{32}}")
_TOKEN_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at publishing a set."""

    collection: Collection
    set_id: str
    index: int

    path: Path
    """`.anonymizer/staging/<set id>.<token>/`; the token tells whose attempt it is (`services.runtime.processes`)."""

    @classmethod
    def begin(cls, collection: Collection, set_id: str, index: int) -> Attempt:
        """Create the folder of a new attempt.

        Raises
        ------
        ClaimLost
            The set no longer holds the index.
        """
        attempt = cls(collection, set_id, index, collection.staging / f"{set_id}.{processes.token()}")
        attempt.path.mkdir()
        attempt.folder.mkdir()
        attempt.check_claim()
        return attempt

    @property
    def folder(self) -> Path:
        """The folder that becomes `ANON_006`."""
        return self.path / folder_name(self.index)

    def check_claim(self) -> None:
        """Raise `ClaimLost` unless the set still holds its index."""
        claim = claims.held(self.collection, self.set_id)
        if claim is None or claim.index != self.index:
            self.discard()
            raise claims.ClaimLost

    def discard(self) -> None:
        """Delete the attempt unless it was published, in which case the rest of it is needed to finish."""
        with suppress(FileNotFoundError):
            if not is_half_published(self.path):
                remove(move_away(self.path))


def all_of(collection: Collection, set_id: str | None = None) -> list[Path]:
    """Return the folders of a set's attempts, or of all, including those moved away."""
    return [
        collection.staging / name
        for name in durable_files.names(collection.staging)
        if (found := _NAME.fullmatch(name)) and set_id in {None, found[1]}
    ]


def indices(collection: Collection) -> Iterator[int]:
    """Yield the indices of published attempts whose record has not been moved into place yet."""
    for path in all_of(collection):
        with suppress(FileNotFoundError):
            index = (durable_files.read(path / RECORD) or {}).get("index")
            if isinstance(index, int):
                yield index


def set_of(path: Path) -> str | None:
    """Return the id of the set that an attempt's folder is for."""
    found = _NAME.fullmatch(path.name)
    return found[1] if found else None


def move_away(path: Path) -> Path:
    """Move an attempt to where its worker cannot find it."""
    if path.name.startswith(_GONE):
        return path
    gone = path.with_name(_GONE + path.name)
    path.rename(gone)
    return gone


def remove(path: Path) -> None:
    """Delete an attempt that was moved away; what cannot be deleted now is found again later.

    Evidence of a publication is deleted first, so that a partly deleted attempt never suggests one.
    """
    for name in (RECORD, LINE):
        (path / name).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def is_half_published(path: Path) -> bool:
    """Return whether an attempt's inner folder was moved to its final place but its other files were not.

    The inner folder is created before record and line, and removed after them.
    """
    left = set(durable_files.names(path))
    return bool(left & {RECORD, LINE}) and not any(name.startswith("ANON_") for name in left)


class AbandonedWork:
    """Detects and deletes abandoned work in a collection's staging folder and root.

    Parameters
    ----------
    clock
        Monotonic clock; a file server's times prove nothing.
    """

    def __init__(self, collection: Collection, clock: Callable[[], float] = time.monotonic) -> None:
        self._collection = collection
        self._clock = clock
        self._seen: dict[Path, tuple[object, float]] = {}

    def clear(self, is_leased: Callable[[str], bool]) -> int:
        """Delete what has not changed for ten minutes, or two if no set needs it, and return the number deleted.

        What was moved away, or belongs to a process of this host that is gone, is deleted at once.

        Parameters
        ----------
        is_leased
            Returns whether a worker reports processing a locator.
        """
        now, cleared = self._clock(), 0
        seen: dict[Path, tuple[object, float]] = {}
        for path in self._unfinished():
            with suppress(FileNotFoundError):
                look = _version(path)
                before, since = self._seen.get(path, (None, now))
                if before != look:
                    since = now
                if now - since >= self._patience_s(path) and self._is_abandoned(path, is_leased):
                    _clear(path)
                    cleared += 1
                else:
                    seen[path] = (look, since)
        self._seen = seen
        return cleared

    def _patience_s(self, path: Path) -> float:
        if _is_nobodys(path):
            return 0.0
        set_id = set_of(path)
        is_needed = set_id is not None and claims.held(self._collection, set_id) is not None
        return ABANDONED_AFTER_S if is_needed else min(UNCLAIMED_AFTER_S, ABANDONED_AFTER_S)

    def _unfinished(self) -> Iterator[Path]:
        staging, root = self._collection.staging, self._collection.root
        yield from (staging / name for name in durable_files.names(staging))
        yield from (root / name for name in durable_files.names(root) if durable_files.is_left_over(name))

    def _is_abandoned(self, path: Path, is_leased: Callable[[str], bool]) -> bool:
        set_id = set_of(path)
        if set_id is None:
            return durable_files.is_left_over(path.name)
        if is_half_published(path):
            return False
        claim = None if _is_nobodys(path) else claims.of(self._collection, set_id)
        return not (claim and is_leased(claim.locator))


def _is_nobodys(path: Path) -> bool:
    """Return whether no process can use it: its deletion was interrupted, or the one that made it was killed here."""
    return path.name.startswith(_GONE) or processes.is_orphaned(path.name[-_TOKEN_DIGITS:])


def _version(path: Path) -> object:
    """Return a value that changes whenever something in an attempt is written."""
    found: list[tuple[str, int, int]] = []
    for place, _, files in os.walk(path):
        for file in [place, *(os.path.join(place, name) for name in files)]:  # noqa: PTH118 - thousands of strings
            status = os.stat(file)  # noqa: PTH116
            found.append((file, status.st_size, status.st_mtime_ns))
    return found or path.stat()


def _clear(path: Path) -> None:
    if path.is_dir():
        remove(move_away(path))
    else:
        path.unlink(missing_ok=True)
