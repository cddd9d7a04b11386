"""Whose an index is: the claims on the share, of which Redis only keeps a copy.

A claim is two files of the same content. `claims/000006.json` gives the index to one set; it is created exclusively,
so of any number of sets one gets it. `sets/<set id>.json` gives the set one index; created exclusively too, so of any
number of copies of its task all come to the same one, whatever Redis told them. A set holds the index on which both
agree.

Each taking has a token of its own, and whatever is removed is removed by its token. So a process that was frozen
half-way through giving back an index cannot take it from whoever has it when it wakes up.
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
    """The set's index was given back while it was worked on: the work is thrown away and begins again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The taking of an index by a set."""

    index: int
    set_id: str

    locator: str
    """Of the folder in which the set was when it took the index."""

    token: str
    """Of this taking: a set that gives its index back and takes it again has another one."""

    def encoded(self) -> bytes:
        """Return the claim as it is stored, in both places."""
        return durable_files.encode({"schema": 1, **asdict(self)})


def at(collection: Collection, index: int) -> Claim | None:
    """Return who took an index; None when nobody did, or nobody can tell."""
    return _read(_claim_file(collection, index))


def of(collection: Collection, set_id: str) -> Claim | None:
    """Return what a set took, whether it still holds it or not."""
    return _read(_set_file(collection, set_id))


def held(collection: Collection, set_id: str) -> Claim | None:
    """Return the claim that a set holds.

    That it is not being given back is looked at last: who made an attempt folder before calling this, and is told that
    the claim is held, made it early enough for whoever gives it back to find it.
    """
    claim = of(collection, set_id)
    if claim is None or at(collection, claim.index) != claim or is_ended(collection, claim):
        return None
    return claim


def take(
    collection: Collection, index: int, set_id: str, locator: str, *, listed: bool = False, person: str = ""
) -> Claim | None:
    """Take an index for a set.

    Parameters
    ----------
    listed
        Whether the list of identities holds this index for the set's patient: nobody else is given one that it holds.
    person
        Whose set it is, where the sets of a person are linked: nobody else is given the number of a person's identity.

    Returns
    -------
    Claim | None
        What the set holds now: this index, or the one that another copy of the same task took for it. None when this
        index is not to be had, because it is someone else's, or because the set is just giving it back.
    """
    if _is_given_otherwise(collection, index) or (index in collection.identities.indices and not listed):
        return None
    taken = Claim(index, set_id, locator, uuid4().hex)
    if not _write(collection, _claim_file(collection, index), taken):
        there = at(collection, index)
        if there is None or there.set_id != set_id:
            return None
        taken = there
    if person_at(collection, index) not in {None, person}:  # looked at last: who takes a number for a person does, too
        _remove(collection, _claim_file(collection, index), taken)
        return None
    _write(collection, _set_file(collection, set_id), taken)
    claim = held(collection, set_id)
    if claim is not None and claim != taken:
        _remove(collection, _claim_file(collection, index), taken)
    return claim


def end(collection: Collection, claim: Claim) -> None:
    """End a claim: from now on the set does not hold it, and nobody else has it yet."""
    durable_files.write_exclusively(_released_file(collection, claim), b"", staging=collection.staging)


def resume(collection: Collection, claim: Claim) -> None:
    """Take back that a claim was ended: its set turned out to be published."""
    _write(collection, _set_file(collection, claim.set_id), claim)
    _released_file(collection, claim).unlink(missing_ok=True)


def remove(collection: Collection, claim: Claim) -> None:
    """Remove an ended claim: from now on its index is free."""
    _remove(collection, _set_file(collection, claim.set_id), claim)
    _remove(collection, _claim_file(collection, claim.index), claim)
    _released_file(collection, claim).unlink(missing_ok=True)


def is_ended(collection: Collection, claim: Claim) -> bool:
    """Return whether a claim is being given back."""
    return _released_file(collection, claim).exists()


def is_given(collection: Collection, index: int, *, listed: bool = False) -> bool:
    """Return whether a number is a set's, or held for a listed patient: no person can take it for their identity."""
    is_held = index in collection.identities.indices and not listed
    return is_held or _claim_file(collection, index).exists() or _is_given_otherwise(collection, index)


def person_at(collection: Collection, index: int) -> str | None:
    """Return the person of whose identity a number is; empty where nobody can tell, None where it is nobody's."""
    path = collection.numbers / f"{index:06d}.json"
    stored = durable_files.read(path)
    if stored is None:
        return "" if path.exists() else None
    return str(stored.get("person", ""))


def of_persons(collection: Collection) -> set[int]:
    """Return the numbers in the identities of persons whose sets are linked: each is taken for ever."""
    return _indices(collection.numbers, CLAIM_NAME) if collection.numbers.is_dir() else set()


def taken(collection: Collection) -> set[int]:
    """Return every index that the share shows as taken, in whatever way; those that a list holds are among them."""
    claims = _indices(collection.claims, CLAIM_NAME)
    lines = _indices(collection.tracking, CLAIM_NAME)
    otherwise = numbers_given(collection.root, collection.identity.patient_id) | collection.identities.indices
    return claims | lines | _published(collection) | otherwise | of_persons(collection)


def indices(collection: Collection) -> set[int]:
    """Return the indices that sets hold, published or not."""
    return _indices(collection.claims, CLAIM_NAME)


def unpublished(collection: Collection) -> Iterator[Claim]:
    """Return the claims of sets in work: few, however many are published."""
    for index in sorted(_indices(collection.claims, CLAIM_NAME) - _published(collection)):
        claim = at(collection, index)
        if claim is not None:
            yield claim


def left_behind(collection: Collection) -> Iterator[Claim]:
    """Return the claims of sets that hold another index: `take` was cut off before it let go of them."""
    for claim in unpublished(collection):
        holds = held(collection, claim.set_id)
        if holds is not None and holds != claim:
            yield claim


def let_go(collection: Collection, claim: Claim) -> None:
    """Remove a claim that was left behind: its index is free."""
    _remove(collection, _claim_file(collection, claim.index), claim)


def unreadable(collection: Collection) -> list[int]:
    """Return the indices that are lost to a claim that nobody can read: an operator decides about them."""
    waiting = sorted(_indices(collection.claims, CLAIM_NAME) - _published(collection))
    return [i for i in waiting if _claim_file(collection, i).exists() and at(collection, i) is None]


def half_released(collection: Collection) -> Iterator[tuple[Claim | None, Path]]:
    """Return what a killed process left of giving back an index: the claim, if it is still there, and its end."""
    for name in durable_files.names(collection.claims):
        found = RELEASED_NAME.fullmatch(name)
        if found:
            claim = at(collection, int(found[1]))
            yield claim if claim and claim.token == found[2] else None, collection.claims / name


def _is_given_otherwise(collection: Collection, index: int) -> bool:
    """Return whether there is something under an index that no claim stands for: a folder, a record, a line."""
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
