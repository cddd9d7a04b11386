"""How often we failed on a set: counted on the share, so that no restart forgets a set that kills every worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services import durable

if TYPE_CHECKING:
    from pathlib import Path

    from services.collection import Collection

SCHEMA: Final = 1
MOST: Final = 3
"""After so many failures a set is parked: an operator must look, and `anonymizer retry` brings it back."""


def count(collection: Collection, locator: str, reason: str) -> tuple[str, ...]:
    """Count a failure and return the reasons of all since the last success, retry or parking.

    Parameters
    ----------
    reason
        The class of what went wrong: never its text, which may quote a name.
    """
    path = _file(collection, locator)
    before = _reasons(path)
    reasons = [*(before if len(before) < MOST else ()), reason]
    stored = durable.encode({"schema": SCHEMA, "reasons": reasons})
    durable.write_atomically(path, stored, staging=collection.staging)
    return tuple(reasons)


def forget(collection: Collection, locator: str) -> None:
    """Start counting anew."""
    _file(collection, locator).unlink(missing_ok=True)


def all_of(collection: Collection) -> list[str]:
    """Return the locators of all sets on which we failed."""
    return [path.stem for path in collection.attempts.glob("*.json")]


def _reasons(path: Path) -> list[str]:
    found = (durable.read(path) or {}).get("reasons")
    return list(map(str, found)) if isinstance(found, list) else []


def _file(collection: Collection, locator: str) -> Path:
    return collection.attempts / f"{locator}.json"
