"""How often we failed on a set: counted on the share, so that no restart forgets a set that kills every worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1
MOST: Final = 3
"""After so many failures a set is parked: an operator must look, and `anonymizer retry` brings it back."""


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


def forget(collection: Collection, locator: str) -> None:
    """Start counting anew."""
    _file(collection, locator).unlink(missing_ok=True)


def all_of(collection: Collection) -> list[str]:
    """Return the locators of all sets on which we failed."""
    return [path.stem for path in collection.attempts.glob("*.json")]


def _reasons(path: Path) -> list[str]:
    found = (durable_files.read(path) or {}).get("reasons")
    return list(map(str, found)) if isinstance(found, list) else []


def _file(collection: Collection, locator: str) -> Path:
    return collection.attempts / f"{locator}.json"
