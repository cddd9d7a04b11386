"""The set with which each plan was published, so that a late slice or a second export does not publish it twice.

A set is identified by all its objects: with one more image, or another structure set, it is another set. If its plan is
already published, a person decides (`services.pipeline`). These entries are hints; whether the named set is published
is determined by its record.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from services import plain_files
from services.errors import SetChanged
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.store.collection import Collection


class PlanInWork(SetChanged):
    """Another set with the same plan is being published; the work is discarded, and restarted when that is done."""


def note(collection: Collection, plan_uid: str, set_id: str) -> None:
    """Note the set with which a plan is about to be published, whatever was noted before."""
    collection.plans.mkdir(exist_ok=True)
    path = _path(collection, plan_uid)
    durable_files.write_atomically(path, _encoded(set_id), staging=collection.staging, lasting=False)


def take(collection: Collection, plan_uid: str, set_id: str, free: Callable[[str], bool]) -> bool:
    """Note the set with which a plan is about to be published, unless another one has it.

    Of sets with the same plan that are processed at once, exactly one succeeds.

    Parameters
    ----------
    free
        Called with the id of the set that has the plan; returns whether the plan may be taken from it.
    """
    collection.plans.mkdir(exist_ok=True)
    path = _path(collection, plan_uid)
    while not durable_files.write_exclusively(path, _encoded(set_id), staging=collection.staging, lasting=False):
        with suppress(FileNotFoundError):
            noted = plain_files.read(path)
            other = _set_in(durable_files.decode(noted))
            if other == set_id:
                return True
            if other is not None and not free(other):
                return False
            durable_files.remove_exactly(path, noted, staging=collection.staging)
    return True


def set_of(collection: Collection, plan_uid: str) -> str | None:
    """Return the id of the set with which a plan was last about to be published."""
    return _set_in(durable_files.read(_path(collection, plan_uid)))


def mark_of(collection: Collection, plan_uid: str) -> str:
    """Return an opaque identifier of a plan: 32 hex digits."""
    return collection.mark(b"plan " + plan_uid.encode("utf-8", "surrogatepass"))[:32]


def _encoded(set_id: str) -> bytes:
    return durable_files.encode({"schema": 1, "set": set_id})


def _set_in(noted: dict[str, Any] | None) -> str | None:
    found = (noted or {}).get("set")
    return found if isinstance(found, str) else None


def _path(collection: Collection, plan_uid: str) -> Path:
    return collection.plans / f"{mark_of(collection, plan_uid)}.json"
