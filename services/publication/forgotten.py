"""Forgotten sets, stored as keyed digests that are meaningless without the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.runtime import durable_files

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection

FOLDER: Final = "forgotten"


def keep(collection: Collection, set_id: str) -> None:
    """Store the digest of a set that is being forgotten."""
    path = _path(collection, set_id)
    path.parent.mkdir(exist_ok=True)
    durable_files.write_atomically(path, durable_files.encode({"schema": 1}), staging=collection.staging)


def is_kept(collection: Collection, set_id: str) -> bool:
    """Return whether a set was forgotten."""
    return _path(collection, set_id).exists()


def are_any(collection: Collection) -> bool:
    """Return whether any set was forgotten."""
    return (collection.state / FOLDER).exists()


def _path(collection: Collection, set_id: str) -> Path:
    return collection.state / FOLDER / f"{collection.mark(b'forgotten ' + set_id.encode())[:32]}.json"
