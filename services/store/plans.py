"""The set with which each plan was published, so that a late slice or a second export does not publish it twice.

A set is identified by all its objects: with one more image, or another structure set, it is another set. If its plan is
already published, a person decides (`services.pipeline`). These entries are hints; whether the named set is published
is determined by its record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.runtime import durable_files
from services.store import registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.store.collection import Collection


def note(collection: Collection, plan_uid: str, set_id: str) -> None:
    """Note the set with which a plan is about to be published."""
    collection.plans.mkdir(exist_ok=True)
    noted = durable_files.encode({"schema": 1, "set": set_id})
    durable_files.write_atomically(_path(collection, plan_uid), noted, staging=collection.staging, lasting=False)


def set_of(collection: Collection, plan_uid: str) -> str | None:
    """Return the id of the set with which a plan was last about to be published."""
    noted = durable_files.read(_path(collection, plan_uid)) or {}
    found = noted.get("set")
    return found if isinstance(found, str) else None


def mark_of(collection: Collection, plan_uid: str) -> str:
    """Return an opaque identifier of a plan: 32 hex digits."""
    return collection.mark(b"plan " + plan_uid.encode("utf-8", "surrogatepass"))[:32]


def choice(collection: Collection, locator: str) -> Callable[[str], bool | None]:
    """Return a function of a plan's UID: whether a person chose it or left it out; None if not asked or answered."""
    made = registry.chosen(collection, locator) if collection.options.plans == "ask" else None

    def chosen(plan_uid: str) -> bool | None:
        mark = mark_of(collection, plan_uid)
        return None if made is None or mark not in made.taken | made.left else mark in made.taken

    return chosen


def _path(collection: Collection, plan_uid: str) -> Path:
    return collection.plans / f"{mark_of(collection, plan_uid)}.json"
