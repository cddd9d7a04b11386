"""Claims of sets on indices. They are stored on the share; Redis holds only a copy.

A claim is two files with the same content. `claims/000006.json` assigns the index to one set; it is created
exclusively, so of any number of sets one gets it. `sets/<set id>.json` assigns one index to the set; it is created
exclusively as well, so all copies of its task arrive at the same index, whatever Redis told them. A set holds the index
on which both agree.

Each claim has its own token, and removal is by token. A process frozen while releasing an index therefore cannot, on
waking up, take it from its new holder.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from services.errors import SetChanged
from services.runtime import durable_files
from services.store import records
from services.store.collection import numbers_given

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.store.collection import Collection

CLAIM_NAME: Final = re.compile(r"(\d{6,})\.json")
RELEASED_NAME: Final = re.compile(r"(\d{6,})\.([0-9a-f]{32})\.released")


class ClaimLost(SetChanged):
    """The set's index was released during processing; the work is discarded and restarted."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim of a set on an index."""

    index: int
    set_id: str

    locator: str
    """Locator of the set's folder when it claimed the index."""

    token: str
    """Unique to this claim: a set that releases its index and claims it again has another one."""

    def encoded(self) -> bytes:
        """Return the claim as stored in both files."""
        return durable_files.encode({"schema": 1, **asdict(self)})


def at(collection: Collection, index: int) -> Claim | None:
    """Return the claim on an index; None if there is none or it is unreadable."""
    return _read(_claim_file(collection, index))


def of(collection: Collection, set_id: str) -> Claim | None:
    """Return a set's claim, whether or not it still holds the index."""
    return _read(_set_file(collection, set_id))


def origin(collection: Collection, set_id: str) -> str:
    """Return the locator of the folder from which a set was published, or else got its number; empty if unknown.

    They differ if two folders hold objects of the same UIDs and are processed at once.
    """
    claim = of(collection, set_id)
    if claim is None:
        return ""
    published = records.read(collection, claim.index)
    return claim.locator if published is None or published.set_id != set_id else published.locator or claim.locator


def held(collection: Collection, set_id: str) -> Claim | None:
    """Return the claim that a set holds.

    Whether it is being released is checked last: a caller that created an attempt folder before this call, and gets a
    claim, created it early enough for the releasing process to find it.
    """
    claim = of(collection, set_id)
    if claim is None or at(collection, claim.index) != claim or is_ended(collection, claim):
        return None
    return claim


def take(
    collection: Collection, index: int, set_id: str, locator: str, *, listed: bool = False, person: str = ""
) -> Claim | None:
    """Claim an index for a set.

    Parameters
    ----------
    listed
        Whether the list of identities reserves this index for the set's patient; reserved indices go to nobody else.
    person
        The set's person, if sets of a person are linked; the number of a person's identity goes to nobody else.

    Returns
    -------
    Claim | None
        The set's claim: on this index, or on the one that another copy of the task took. None if the index is
        unavailable because another set holds it or the set is just releasing it.
    """
    if _is_given_otherwise(collection, index) or (index in collection.identities.indices and not listed):
        return None
    taken = Claim(index, set_id, locator, uuid4().hex)
    if not _write(collection, _claim_file(collection, index), taken):
        there = at(collection, index)
        if there is None or there.set_id != set_id:
            return None
        taken = there
    if person_at(collection, index) not in {
        None,
        person,
    }:  # checked last; whoever takes a number for a person does so, too
        _remove(collection, _claim_file(collection, index), taken)
        return None
    _write(collection, _set_file(collection, set_id), taken)
    claim = held(collection, set_id)
    if claim is not None and claim != taken:
        _remove(collection, _claim_file(collection, index), taken)
    return claim


def end(collection: Collection, claim: Claim) -> None:
    """End a claim: the set no longer holds the index, but it is not free yet."""
    durable_files.write_exclusively(_released_file(collection, claim), b"", staging=collection.staging)


def resume(collection: Collection, claim: Claim) -> None:
    """Revert the end of a claim whose set turned out to be published."""
    _write(collection, _set_file(collection, claim.set_id), claim)
    _released_file(collection, claim).unlink(missing_ok=True)


def remove(collection: Collection, claim: Claim) -> None:
    """Remove an ended claim, which frees its index."""
    _remove(collection, _set_file(collection, claim.set_id), claim)
    _remove(collection, _claim_file(collection, claim.index), claim)
    _released_file(collection, claim).unlink(missing_ok=True)


def is_ended(collection: Collection, claim: Claim) -> bool:
    """Return whether a claim is being released."""
    return _released_file(collection, claim).exists()


def is_given(collection: Collection, index: int, *, listed: bool = False) -> bool:
    """Return whether a number belongs to a set or is reserved for a listed patient, so that no person can take it."""
    is_held = index in collection.identities.indices and not listed
    return is_held or _claim_file(collection, index).exists() or _is_given_otherwise(collection, index)


def person_at(collection: Collection, index: int) -> str | None:
    """Return the person whose identity has a number; empty if unreadable, None if there is none."""
    path = collection.numbers / f"{index:06d}.json"
    stored = durable_files.read(path)
    if stored is None:
        return "" if path.exists() else None
    return str(stored.get("person", ""))


def of_persons(collection: Collection) -> set[int]:
    """Return the numbers in the identities of linked persons, which are taken forever."""
    return _indices(collection.numbers, CLAIM_NAME) if collection.numbers.is_dir() else set()


def taken(collection: Collection) -> set[int]:
    """Return every index that is taken according to the share, including those reserved by a list."""
    claims = _indices(collection.claims, CLAIM_NAME)
    lines = _indices(collection.tracking, CLAIM_NAME)
    otherwise = numbers_given(collection.root, collection.identity.patient_id) | collection.identities.indices
    return claims | lines | _published(collection) | otherwise | of_persons(collection)


def indices(collection: Collection) -> set[int]:
    """Return the indices held by sets, published or not."""
    return _indices(collection.claims, CLAIM_NAME)


def unpublished(collection: Collection) -> Iterator[Claim]:
    """Yield the claims of unpublished sets; few, however many are published."""
    for index in sorted(_indices(collection.claims, CLAIM_NAME) - _published(collection)):
        claim = at(collection, index)
        if claim is not None:
            yield claim


def left_behind(collection: Collection) -> Iterator[Claim]:
    """Yield claims of sets that hold another index, because `take` was interrupted before removing them."""
    for claim in unpublished(collection):
        holds = held(collection, claim.set_id)
        if holds is not None and holds != claim:
            yield claim


def let_go(collection: Collection, claim: Claim) -> None:
    """Remove a left-behind claim, which frees its index."""
    _remove(collection, _claim_file(collection, claim.index), claim)


def unreadable(collection: Collection) -> list[int]:
    """Return indices blocked by unreadable claims, which an operator must resolve."""
    waiting = sorted(_indices(collection.claims, CLAIM_NAME) - _published(collection))
    return [i for i in waiting if _claim_file(collection, i).exists() and at(collection, i) is None]


def half_released(collection: Collection) -> Iterator[tuple[Claim | None, Path]]:
    """Yield interrupted releases: the claim, if it still exists, and the file that ended it."""
    for name in durable_files.names(collection.claims):
        found = RELEASED_NAME.fullmatch(name)
        if found:
            claim = at(collection, int(found[1]))
            yield claim if claim and claim.token == found[2] else None, collection.claims / name


def _is_given_otherwise(collection: Collection, index: int) -> bool:
    """Return whether an index has a folder, record or line without a claim."""
    return (
        os.path.lexists(collection.root / records.folder_name(index))
        or records.path_of(collection, index).exists()
        or (collection.tracking / f"{index:06d}.json").exists()
    )


def _published(collection: Collection) -> set[int]:
    return set(records.indices(collection))


def _indices(folder: Path, pattern: re.Pattern[str]) -> set[int]:
    return {int(found[1]) for name in durable_files.names(folder) if (found := pattern.fullmatch(name))}


def _read(path: Path) -> Claim | None:
    stored: dict[str, Any] = durable_files.read(path) or {}
    try:
        return Claim(int(stored["index"]), str(stored["set_id"]), str(stored["locator"]), str(stored["token"]))
    except (KeyError, TypeError, ValueError):
        return None


def _write(collection: Collection, path: Path, claim: Claim) -> bool:
    return durable_files.write_exclusively(path, claim.encoded(), staging=collection.staging)


def _remove(collection: Collection, path: Path, claim: Claim) -> None:
    durable_files.remove_exactly(path, claim.encoded(), staging=collection.staging)


def _claim_file(collection: Collection, index: int) -> Path:
    return collection.claims / f"{index:06d}.json"


def _set_file(collection: Collection, set_id: str) -> Path:
    return collection.sets / f"{set_id}.json"


def _released_file(collection: Collection, claim: Claim) -> Path:
    return collection.claims / f"{claim.index:06d}.{claim.token}.released"
