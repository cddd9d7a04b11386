"""Received sets and deliveries: the origin of each set, in its record, and the date and outcome of each delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from services.maintenance import export
from services.runtime import durable_files
from services.store import records
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from services.exchange.incoming.opening import Delivered
    from services.store.collection import Collection
    from services.store.records import Record

FOLDER: Final = "received"
KEY: Final = "received"
"""Field of a record: the origin of the set."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a received set."""

    key: str
    """Fingerprint of the sender's key."""

    collection: str
    """The sender's collection, as named in the manifest."""

    folder: str
    """The set's number at the sender."""

    @classmethod
    def of(cls, delivered: Delivered, folder: str) -> Origin:
        """Return the origin of a set in a delivery."""
        return cls(delivered.fingerprint, str(delivered.manifest["sender"].get("collection", "")), folder)


def person(collection: Collection, delivered: Delivered, patient_id: str) -> str:
    """Return the identifier of a delivered person, specific to the sender's collection."""
    whose = f"{delivered.fingerprint} {delivered.manifest['sender'].get('collection', '')} {patient_id}"
    return collection.mark(b"delivered person " + whose.encode())[:32]


def is_unchanged(collection: Collection, there: Record) -> bool:
    """Return whether a received set is unchanged since it was taken."""
    folder = collection.root / folder_name(there.index)
    return folder.is_dir() and export.is_as_published(folder, there.hashes)


class Known:
    """Sets of a collection that a delivered set may duplicate."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        found = (records.read(collection, index) for index in records.indices(collection))
        self._records = {one.index: one for one in found if one is not None}
        self._withdrawn = frozenset(_withdrawn(collection))

    def add(self, published: Record) -> None:
        """Add a set published just now."""
        self._records[published.index] = published

    def of_origin(self, origin: Origin) -> Record | None:
        """Return the set received earlier from the same origin."""
        return next((one for one in self._records.values() if _origin(one) == origin), None)

    def is_withdrawn(self, origin: Origin) -> bool:
        """Return whether the sender has withdrawn a set before it was ever taken here."""
        return origin in self._withdrawn and self.of_origin(origin) is None

    def whose(self, patient_id: str) -> list[str]:
        """Return the marks of persons with this patient ID; an empty mark stands for the collection's own."""
        return [
            str(_of(one).get("person", ""))
            for one in self._records.values()
            if one.content.get("identity", {}).get("patient_id") == patient_id and not one.forgotten
        ]

    def first_of(self, person: str) -> Record | None:
        """Return the first set of a delivered person that is not forgotten; it holds the person's identity here."""
        return next((one for _, one in sorted(self._records.items()) if _of(one).get("person") == person), None)

    def like(self, marks: Mapping[str, str], but: int | None, person: str) -> list[tuple[str, list[str]]]:
        """Return sets of other persons with the same voxels, dose or contours, and which of these match."""
        found = []
        for index, one in sorted(self._records.items()):
            theirs = _of(one).get("marks", {})
            same = [what for what, mark in marks.items() if theirs.get(what) == mark]
            if same and index != but and not one.withdrawn and _of(one).get("person") != person:
                found.append((folder_name(index), same))
        return found


def sets(collection: Collection) -> list[Record]:
    """Return the records of received sets; free if none were ever received."""
    if not workplace(collection).is_dir():
        return []
    found = (records.read(collection, index) for index in sorted(records.indices(collection)))
    return [one for one in found if one is not None and _of(one) and not one.forgotten]


def came_as(published: Record) -> str:
    """Return the folder of a received set at its sender: `ANON_006`."""
    return str(_of(published).get("folder", ""))


def note(collection: Collection, delivered: Delivered, at: str, more: Mapping[str, Any]) -> None:
    """Record the outcome of a delivery."""
    path = _path(collection, delivered.id)
    path.parent.mkdir(exist_ok=True)
    before = durable_files.read(path) or {}
    stored = {
        "schema": 1,
        "id": delivered.id,
        "digest": delivered.digest,
        "key": delivered.fingerprint,
        "collection": str(delivered.manifest["sender"].get("collection", "")),
        "withdrawn": [str(one["folder"]) for one in delivered.manifest["withdrawn"]],
        "first": before.get("first", at),
        "at": at,
        **more,
    }
    durable_files.write_atomically(path, durable_files.encode(stored), staging=collection.staging)


def before(collection: Collection, delivery_id: str) -> dict[str, Any] | None:
    """Return the record of a delivery received earlier; None if there is none."""
    return durable_files.read(_path(collection, delivery_id))


@dataclass(frozen=True, slots=True)
class Reception:
    """A received delivery and the latest outcome of its sets."""

    id: str
    key: str
    """Fingerprint of the sender's key."""

    at: str
    sets: tuple[tuple[str, str, str], ...]
    """For each set its folder at the sender, its state, and its folder here ('' if none)."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """Return the sender's folder names of sets that wait for a person."""
        return tuple(folder for folder, state, _ in self.sets if state == "waits")


def all_of(collection: Collection) -> list[Reception]:
    """Return received deliveries in chronological order."""
    found = map(durable_files.read, durable_files.records_in(workplace(collection)))
    return sorted(
        (
            Reception(str(one["id"]), str(one.get("key", "")), str(one.get("at", "")), tuple(_states(one["sets"])))
            for one in found
            if one is not None and "id" in one and isinstance(one.get("sets"), dict)
        ),
        key=lambda one: one.at,
    )


def _withdrawn(collection: Collection) -> Iterator[Origin]:
    """Yield the sets that deliveries received so far have withdrawn; an older delivery may arrive after these."""
    for path in durable_files.records_in(workplace(collection)):
        one = durable_files.read(path) or {}
        for folder in one.get("withdrawn", ()):
            yield Origin(str(one["key"]), str(one["collection"]), str(folder))


def _states(sets: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for folder, one in sorted(sets.items()):
        if isinstance(one, dict):
            yield folder, str(one.get("state", "")), str(one.get("anon", ""))


def workplace(collection: Collection) -> Path:
    """Return the folder in which deliveries are unpacked."""
    return collection.state / FOLDER


def _path(collection: Collection, delivery_id: str) -> Path:
    return workplace(collection) / f"{delivery_id}.json"


def _of(published: Record) -> Mapping[str, Any]:
    found = published.content.get(KEY)
    return found if isinstance(found, dict) else {}


def _origin(published: Record) -> Origin | None:
    found = _of(published)
    if not found:
        return None
    return Origin(str(found.get("key")), str(found.get("collection")), str(found.get("folder")))
