"""Linked sets of a person, in order, and the (0020,0010) *Study ID* numbering of their studies.

`visits/<hash of the person>/000001.json` names a set and its new studies. Each file is created exclusively, after the
previous one, and never changed, so all readers arrive at the same numbers. Objects shared by two sets are in one study,
and so have the same Study ID in both.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from services.errors import SetChanged
from services.publication import attempts, claims
from services.runtime import durable_files
from services.store import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1


class SharedObjectDiffers(Exception):
    """An object shared by linked sets of a person would differ from its published version."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


def enter(collection: Collection, person: str, set_id: str, studies: Iterable[str]) -> Mapping[str, str]:
    """Add a set to a person's visits unless present; return the Study ID of each of its studies.

    Parameters
    ----------
    studies
        Their new UIDs.
    """
    folder, wanted = collection.visits / person, sorted(set(studies))
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
    durable_files.fsync_folder(collection.state)
    durable_files.fsync_folder(collection.visits)
    visit = durable_files.encode({"schema": SCHEMA, "set": set_id, "studies": wanted})
    for number in count(1):
        there = durable_files.read(_file(folder, number))
        if there is None:
            durable_files.write_exclusively(_file(folder, number), visit, staging=collection.staging)
            there = durable_files.read(_file(folder, number)) or {}
        if there.get("set") == set_id:
            break
    return {study: known for study, known in _study_ids(_visits(folder)).items() if study in wanted}


def sets_of(collection: Collection, person: str) -> list[str]:
    """Return the ids of a person's linked sets, in order."""
    return [str(one.get("set", "")) for one in _visits(collection.visits / person)]


def published(collection: Collection, person: str, but: str = "") -> list[int]:
    """Return the published indices of a person's sets, except for one set."""
    found = []
    for set_id in sets_of(collection, person):
        claim = claims.of(collection, set_id) if set_id != but else None
        record = records.read(collection, claim.index) if claim else None
        if record is not None and record.set_id == set_id and not record.withdrawn:
            found.append(record.index)
    return sorted(found)


def check_shared(collection: Collection, person: str, set_id: str, hashes: Mapping[str, str]) -> None:
    """Compare the files of a set, whose record is already written, with those of other sets of its person.

    Of two sets processed at once, each sees the other, or one sees the other published.

    Raises
    ------
    SharedObjectDiffers
        A published file of the same object differs.
    SetChanged
        One about to be published differs; which one is first will be known shortly.
    """
    for other in sets_of(collection, person):
        if other in {set_id, ""}:
            continue
        for path in attempts.all_of(collection, other):
            stored = durable_files.read(path / attempts.RECORD)
            if stored is not None and _differ(hashes, records.decoded(stored, 0).hashes):
                raise SetChanged
        claim = claims.of(collection, other)
        record = records.read(collection, claim.index) if claim else None
        if record is not None and record.set_id == other and _differ(hashes, record.hashes):
            raise SharedObjectDiffers(record.index)


def _differ(hashes: Mapping[str, str], others: Mapping[str, str]) -> bool:
    return any(others.get(name, digest) != digest for name, digest in hashes.items())


def _study_ids(visits: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the number of each study: all new studies of a set share the next number."""
    known: dict[str, str] = {}
    number = 0
    for visit in visits:
        new = [study for study in visit.get("studies", ()) if study not in known]
        number += bool(new)
        known |= dict.fromkeys(new, str(number))
    return known


def _visits(folder: Path) -> Iterator[dict[str, Any]]:
    for number in count(1):
        path = _file(folder, number)
        visit = durable_files.read(path)
        if visit is None and not path.exists():
            return
        yield visit or {}


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.json"
