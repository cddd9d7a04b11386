"""Publication: the one rename that makes `ANON_006` appear, and what must never be lost around it.

Everything is written, verified and on the disk before the rename. After it the record and the line move to their
places; a crash in between leaves an attempt whose inner folder is gone, from which anyone can finish. A set is
published when its record is there, and only then.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.errors import SetChanged
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


class TargetTaken(Exception):
    """Something that is not ours stands where the set's folder is to appear. Nothing is published; look who made it."""


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
    """Publish an attempt, or find that another copy of the same task has done it.

    Parameters
    ----------
    content
        Of the record; index, set, plan and time are added.
    plan_name
        `RP.<new uid>.dcm`, one of the attempt's files: the same on every attempt, and in no other set.
    account
        What the proof counted, as it is stored (`services.publication.accounts`); empty where nobody counted.
    instead_of
        What is published under the index and makes way, where a person wants the set done again.
    check
        Is called when everything is on the disk and nothing is published yet; what it raises ends the attempt.

    Raises
    ------
    TargetTaken
        There is a folder, a file or a record of that number that is not this set's. An empty folder too.
    ClaimLost
        The index was given back meanwhile.
    SetChanged
        What is published is not `instead_of` any more: another copy of the task was first.
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
        _finish_what_was_left(collection, attempt.set_id)
        if records.read(collection, index) is None:
            _move(collection, attempt.path, index)  # whoever renamed the folder left no more of it than the folder
    found = records.read(collection, index)
    if found is None or found.set_id != attempt.set_id:
        raise TargetTaken
    attempt.discard()


def _replace(attempt: Attempt, earlier: Record, target: Path) -> None:
    """Replace what is published by an attempt; the former moves away, and its record goes last."""
    collection, index = attempt.collection, attempt.index
    _finish_what_was_left(collection, attempt.set_id)
    if records.read(collection, index) != earlier:
        raise SetChanged
    try:
        republish.set_aside(collection, index, republish.digest(collection, index))
        durable_files.rename_new(attempt.folder, target)
    except FileExistsError:
        raise SetChanged from None
    _finish(collection, attempt.path, index)


def find(collection: Collection, set_id: str) -> Record | None:
    """Return the record of a set; None when it is not published. It costs the same however many are."""
    found = _recorded(collection, set_id)
    if found is None and _finish_what_was_left(collection, set_id):
        found = _recorded(collection, set_id)
    return found


def recover(collection: Collection) -> list[int]:
    """Finish the publications that were cut off, whoever began them, and return their indices."""
    return _finish_what_was_left(collection, None)


def give_way(collection: Collection, set_id: str) -> bool:
    """Move a set's attempts to where their workers do not find them; false when one of them was published already.

    Looked at after it was moved: until then its worker may publish it, and thereafter it cannot.
    """
    published = False
    for path in attempts.all_of(collection, set_id):
        with suppress(FileNotFoundError):
            moved = attempts.move_away(path)
            if attempts.speaks_for_publication(moved):
                _finish_if_renamed(collection, moved)
                published = True
            else:
                attempts.remove(moved)
    return not published


def _recorded(collection: Collection, set_id: str) -> Record | None:
    claim = claims.of(collection, set_id)
    found = records.read(collection, claim.index) if claim else None
    return found if found and found.set_id == set_id else None


def _finish_what_was_left(collection: Collection, set_id: str | None) -> list[int]:
    done = []
    for path in attempts.all_of(collection, set_id):
        with suppress(FileNotFoundError):
            index = _finish_if_renamed(collection, path)
            if index is not None:
                done.append(index)
    return done


def _finish_if_renamed(collection: Collection, path: Path) -> int | None:
    """Finish an attempt whose inner folder stands in its final place; what stands there is looked at, too."""
    if not attempts.speaks_for_publication(path):
        return None
    stored = durable_files.read(path / RECORD)
    if stored is not None:
        left = records.decoded(stored, stored.get("index", 0))
        index = left.index
        if not (collection.root / folder_name(index) / left.plan_name).exists() and not records.read(collection, index):
            return None  # nothing proves that the rename reached the disk: left for a person to look at
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
    """Move record and line to their places. Another one may be doing the same: whoever comes first has done it.

    The account goes first, so that whoever sees the record finds it.
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
