"""Publication: the single rename that makes `ANON_006` appear, and its safeguards.

Everything is written, verified and flushed to disk before the rename. Afterwards record and line are moved into place;
a crash in between leaves an attempt without its inner folder, from which any process can finish. A set is published if
and only if its record exists.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.errors import SetChanged, TargetTaken
from services.publication import accounts, attempts, claims, republish
from services.publication.attempts import ACCOUNT, LINE, RECORD
from services.runtime import durable_files
from services.store import records
from services.store.records import Record, folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.publication.attempts import Attempt
    from services.store.collection import Collection
    from services.store.tracking_lines import TrackingLine


def publish(
    attempt: Attempt,
    content: Mapping[str, Any],
    line: TrackingLine,
    plan_name: str,
    *,
    account: bytes = b"",
    instead_of: Record | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Publish an attempt, unless another copy of the same task already has.

    Parameters
    ----------
    content
        Content of the record; index, set, plan and time are added.
    plan_name
        `RP.<new uid>.dcm`, one of the attempt's files: the same on every attempt, and in no other set.
    account
        Counts of the proof, as stored (`services.publication.accounts`); empty if there are none.
    instead_of
        The record to be replaced, if a person requested that the set be republished.
    check
        Called once everything is on disk but not yet published; an exception ends the attempt.

    Raises
    ------
    TargetTaken
        A folder (even an empty one), file or record of that number exists that is not this set's.
    ClaimLost
        The index was released meanwhile.
    SetChanged
        The published record is no longer `instead_of`: another copy of the task was first.
    """
    collection, index = attempt.collection, attempt.index
    if instead_of is not None:
        content = {**content, republish.REPLACES: republish.digest(collection, index)}
    done = Record(index, attempt.set_id, plan_name, datetime.now(UTC).isoformat(timespec="seconds"), content)
    (attempt.path / RECORD).write_bytes(done.encoded())
    (attempt.path / LINE).write_bytes(durable_files.encode(line.entry(index)))
    if account:
        (attempt.path / ACCOUNT).write_bytes(account)
    for path in (*attempt.folder.iterdir(), attempt.path / RECORD, attempt.path / LINE):
        durable_files.fsync_file(path)
    durable_files.fsync_folder(attempt.folder)
    durable_files.fsync_folder(attempt.path)

    if check is not None:
        check()
    attempt.check_claim()
    target = collection.root / folder_name(index)
    if instead_of is not None:
        _replace(attempt, instead_of, target)
        return
    if records.read(collection, index) is None:
        try:
            durable_files.rename_new(attempt.folder, target)
        except FileExistsError:
            if not (target / plan_name).exists():
                raise TargetTaken from None
        else:
            _finish(collection, attempt.path, index)
            return
        _finish_interrupted(collection, attempt.set_id)
        if records.read(collection, index) is None:
            _move(collection, attempt.path, index)  # the renaming process left nothing but the folder
    found = records.read(collection, index)
    if found is None or found.set_id != attempt.set_id:
        raise TargetTaken
    attempt.discard()


def _replace(attempt: Attempt, earlier: Record, target: Path) -> None:
    """Replace a published set by an attempt; the old folder is moved away, and its record is replaced last."""
    collection, index = attempt.collection, attempt.index
    _finish_interrupted(collection, attempt.set_id)
    if records.read(collection, index) != earlier:
        raise SetChanged
    try:
        republish.set_aside(collection, index, republish.digest(collection, index))
        durable_files.rename_new(attempt.folder, target)
    except FileExistsError:
        raise SetChanged from None
    _finish(collection, attempt.path, index)


def find(collection: Collection, set_id: str) -> Record | None:
    """Return the record of a set; None if it is not published. Takes constant time."""
    found = _recorded(collection, set_id)
    if found is None and _finish_interrupted(collection, set_id):
        found = _recorded(collection, set_id)
    return found


def recover(collection: Collection) -> list[int]:
    """Finish interrupted publications, whoever began them, and return their indices."""
    return _finish_interrupted(collection, None)


def give_way(collection: Collection, set_id: str) -> bool:
    """Move a set's attempts to where their workers cannot find them; return False if one was already published.

    They are checked after the move: before it a worker may still publish them, afterwards not.
    """
    published = False
    for path in attempts.all_of(collection, set_id):
        with suppress(FileNotFoundError):
            moved = attempts.move_away(path)
            if attempts.is_half_published(moved):
                _finish_if_renamed(collection, moved)
                published = True
            else:
                attempts.remove(moved)
    return not published


def _recorded(collection: Collection, set_id: str) -> Record | None:
    claim = claims.of(collection, set_id)
    found = records.read(collection, claim.index) if claim else None
    return found if found and found.set_id == set_id else None


def _finish_interrupted(collection: Collection, set_id: str | None) -> list[int]:
    done = []
    for path in attempts.all_of(collection, set_id):
        with suppress(FileNotFoundError):
            index = _finish_if_renamed(collection, path)
            if index is not None:
                done.append(index)
    return done


def _finish_if_renamed(collection: Collection, path: Path) -> int | None:
    """Finish an attempt whose inner folder is in its final place, after checking what is there."""
    if not attempts.is_half_published(path):
        return None
    stored = durable_files.read(path / RECORD)
    if stored is not None:
        left = records.decoded(stored, stored.get("index", 0))
        index = left.index
        if not (collection.root / folder_name(index) / left.plan_name).exists() and not records.read(collection, index):
            return None  # nothing proves that the rename reached the disk: left for a person to inspect
    else:
        index = (durable_files.read(path / LINE) or {}).get("index", 0)
        if records.read(collection, index) is None:
            return None
    _finish(collection, path, index)
    return index


def _finish(collection: Collection, path: Path, index: int) -> None:
    _move(collection, path, index)
    with suppress(FileNotFoundError):
        attempts.remove(attempts.move_away(path))


def _move(collection: Collection, path: Path, index: int) -> None:
    """Move record and line into place; safe if another process does so at the same time.

    The account is moved first, so that it exists for everyone who sees the record.
    """
    accounts.move(path / ACCOUNT, collection, index)
    for name, place in (
        (RECORD, records.path_of(collection, index)),
        (LINE, collection.tracking / f"{index:06d}.json"),
    ):
        try:
            durable_files.rename_new(path / name, place)
        except FileExistsError:
            if name == RECORD and republish.replaces(path / name, place):
                (path / name).replace(place)
                durable_files.fsync_folder(place.parent)
        except FileNotFoundError:
            if not place.exists():
                raise
