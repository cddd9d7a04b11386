"""Failures per set, counted on the share so that restarts do not forget a set that kills every worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1
_BEGUN: Final = ".begun"

MOST: Final = 3
"""Failures after which a set is parked: an operator must look, and `anonymizer retry` brings it back. A failed proof,
which would fail again, parks it at once.
"""


def begin(collection: Collection, locator: str, plan: str) -> None:
    """Note which set of a multi-set folder is being processed, so that a crash counts against it alone."""
    noted = durable_files.encode({"schema": SCHEMA, "plan": plan})
    path = collection.attempts / f"{locator}{_BEGUN}"
    durable_files.write_atomically(path, noted, staging=collection.staging, lasting=False)


def end(collection: Collection, locator: str) -> None:
    """Note that no set of a folder is being processed."""
    (collection.attempts / f"{locator}{_BEGUN}").unlink(missing_ok=True)


def begun(collection: Collection, locator: str) -> str:
    """Return the mark of the plan whose set was being processed; empty in a folder with one set."""
    noted = durable_files.read(collection.attempts / f"{locator}{_BEGUN}") or {}
    return str(noted.get("plan", ""))


def of_set(locator: str, plan: str) -> str:
    """Return the key for counting failures of a set: the folder's locator, plus the plan in a multi-set folder."""
    return f"{locator}.{plan}" if plan else locator


def park(collection: Collection, key: str, reasons: Sequence[str], fingerprint: str, proof: Sequence[str] = ()) -> None:
    """Park a set of a multi-set folder until the folder changes.

    Parameters
    ----------
    proof
        Findings of a failed proof: attribute paths, never a value.
    """
    stored = {"schema": SCHEMA, "reasons": list(reasons), "parked": fingerprint, "proof": list(proof)}
    durable_files.write_atomically(_file(collection, key), durable_files.encode(stored), staging=collection.staging)


def parked(collection: Collection, key: str, fingerprint: str) -> tuple[str, ...]:
    """Return the reasons for which a set of a multi-set folder is parked; empty if it is not, or the folder changed."""
    path = _file(collection, key)
    return tuple(_reasons(path)) if (durable_files.read(path) or {}).get("parked") == fingerprint else ()


def proof(collection: Collection, key: str) -> tuple[str, ...]:
    """Return the findings of the failed proof for which a set of a multi-set folder is parked."""
    return tuple(map(str, (durable_files.read(_file(collection, key)) or {}).get("proof", ())))


def with_one_more(collection: Collection, locator: str, reason: str) -> tuple[str, ...]:
    """Return the reasons of all failures since the last success, retry or parking, plus a new one.

    Parameters
    ----------
    reason
        The exception's class, never its text, which may quote a name.
    """
    before = _reasons(_file(collection, locator))
    return (*(before if len(before) < MOST else ()), reason)


def keep(collection: Collection, locator: str, reasons: Sequence[str]) -> None:
    """Store the reasons of all failures."""
    stored = durable_files.encode({"schema": SCHEMA, "reasons": list(reasons)})
    durable_files.write_atomically(_file(collection, locator), stored, staging=collection.staging)


def forget(collection: Collection, key: str) -> None:
    """Reset the count of a set."""
    _file(collection, key).unlink(missing_ok=True)


def forget_folder(collection: Collection, locator: str) -> None:
    """Reset the counts of all sets of a folder."""
    for name in durable_files.names(collection.attempts):
        if name.startswith(locator):
            (collection.attempts / name).unlink(missing_ok=True)


def reasons_of_folder(collection: Collection, locator: str) -> tuple[str, ...]:
    """Return the reasons of all failures currently counted for the sets of a folder."""
    files = durable_files.records_in(collection.attempts)
    return tuple(reason for path in files if path.name.startswith(locator) for reason in _reasons(path))


def all_of(collection: Collection) -> list[str]:
    """Return the locators of all folders with failed sets."""
    return sorted({path.name.partition(".")[0] for path in durable_files.records_in(collection.attempts)})


def _reasons(path: Path) -> list[str]:
    found = (durable_files.read(path) or {}).get("reasons")
    return list(map(str, found)) if isinstance(found, list) else []


def _file(collection: Collection, key: str) -> Path:
    return collection.attempts / f"{key}.json"
