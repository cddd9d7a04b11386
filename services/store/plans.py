"""Which set a plan was published with, so that a late slice or a second export does not publish the plan twice.

A set is named by all its objects. One that has an image more, or another structure set, is another set; when its plan
is published already, a person decides (`services.pipeline`). What is noted here is a hint; whether the set that it
names is published, its record says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.runtime import durable_files

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection


def note(collection: Collection, plan_uid: str, set_id: str) -> None:
    """Note with which set a plan is about to be published."""
    collection.plans.mkdir(exist_ok=True)
    noted = durable_files.encode({"schema": 1, "set": set_id})
    durable_files.write_atomically(_path(collection, plan_uid), noted, staging=collection.staging, lasting=False)


def set_of(collection: Collection, plan_uid: str) -> str | None:
    """Return the id of the set that a plan was last about to be published with."""
    noted = durable_files.read(_path(collection, plan_uid)) or {}
    found = noted.get("set")
    return found if isinstance(found, str) else None


def mark_of(collection: Collection, plan_uid: str) -> str:
    """Name a plan without giving its UID away: 32 hex digits."""
    return collection.mark(b"plan " + plan_uid.encode("utf-8", "surrogatepass"))[:32]


def _path(collection: Collection, plan_uid: str) -> Path:
    return collection.plans / f"{mark_of(collection, plan_uid)}.json"
