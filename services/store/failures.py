"""How often we failed on a set: counted on the share, so that no restart forgets a set that kills every worker."""

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
"""After so many failures a set is parked: an operator must look, and `anonymizer retry` brings it back. A failed proof,
which would fail again, parks it at once."""


def begin(collection: Collection, locator: str, plan: str) -> None:
    """Note which set of a folder with several is begun, so that a death of the process counts for it alone."""
    noted = durable_files.encode({"schema": SCHEMA, "plan": plan})
    path = collection.attempts / f"{locator}{_BEGUN}"
    durable_files.write_atomically(path, noted, staging=collection.staging, lasting=False)


def end(collection: Collection, locator: str) -> None:
    """Note that no set of a folder is begun."""
    (collection.attempts / f"{locator}{_BEGUN}").unlink(missing_ok=True)


def begun(collection: Collection, locator: str) -> str:
    """Return the mark of the plan whose set was begun, and not ended; empty in a folder with one set."""
    noted = durable_files.read(collection.attempts / f"{locator}{_BEGUN}") or {}
    return str(noted.get("plan", ""))


def of_set(locator: str, plan: str) -> str:
    """Name a set in what is counted here: the folder's locator, and its plan where the folder holds several."""
    return f"{locator}.{plan}" if plan else locator


def park(collection: Collection, key: str, reasons: Sequence[str], fingerprint: str, proof: Sequence[str] = ()) -> None:
    """Note that a set of a folder with several is parked as long as the folder looks like this.

    Parameters
    ----------
    proof
        What a failed proof says: attribute paths, never a value.
    """
    stored = {"schema": SCHEMA, "reasons": list(reasons), "parked": fingerprint, "proof": list(proof)}
    durable_files.write_atomically(_file(collection, key), durable_files.encode(stored), staging=collection.staging)


def parked(collection: Collection, key: str, fingerprint: str) -> tuple[str, ...]:
    """Return the reasons for which a set of a folder with several is parked; none where it is not, or it changed."""
    path = _file(collection, key)
    return tuple(_reasons(path)) if (durable_files.read(path) or {}).get("parked") == fingerprint else ()


def proof(collection: Collection, key: str) -> tuple[str, ...]:
    """Return what the failed proof says for which a set of a folder with several is parked."""
    return tuple(map(str, (durable_files.read(_file(collection, key)) or {}).get("proof", ())))


def with_one_more(collection: Collection, locator: str, reason: str) -> tuple[str, ...]:
    """Return the reasons of all failures since the last success, retry or parking, and of one more.

    Parameters
    ----------
    reason
        The class of what went wrong: never its text, which may quote a name.
    """
    before = _reasons(_file(collection, locator))
    return (*(before if len(before) < MOST else ()), reason)


def keep(collection: Collection, locator: str, reasons: Sequence[str]) -> None:
    """Keep the reasons of all failures."""
    stored = durable_files.encode({"schema": SCHEMA, "reasons": list(reasons)})
    durable_files.write_atomically(_file(collection, locator), stored, staging=collection.staging)


def forget(collection: Collection, key: str) -> None:
    """Start counting anew."""
    _file(collection, key).unlink(missing_ok=True)


def forget_folder(collection: Collection, locator: str) -> None:
    """Start counting anew for every set of a folder."""
    for name in durable_files.names(collection.attempts):
        if name.startswith(locator):
            (collection.attempts / name).unlink(missing_ok=True)


def reasons_of_folder(collection: Collection, locator: str) -> tuple[str, ...]:
    """Return the reasons of all failures on the sets of a folder that are counted now."""
    files = durable_files.records_in(collection.attempts)
    return tuple(reason for path in files if path.name.startswith(locator) for reason in _reasons(path))


def all_of(collection: Collection) -> list[str]:
    """Return the locators of all folders with sets on which we failed."""
    return sorted({path.name.partition(".")[0] for path in durable_files.records_in(collection.attempts)})


def _reasons(path: Path) -> list[str]:
    found = (durable_files.read(path) or {}).get("reasons")
    return list(map(str, found)) if isinstance(found, list) else []


def _file(collection: Collection, key: str) -> Path:
    return collection.attempts / f"{key}.json"
