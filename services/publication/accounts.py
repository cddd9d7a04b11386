"""The account of a published set, `.anonymizer/accounts/<index>.json`: what its proof counted, keyed to its hashes.

It holds no value, and is wanted, not owed: where it is missing, cut off or of other files, nothing is taken from it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from services.runtime import durable_files
from services.store import records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.store.collection import Collection

SCHEMA: Final = 1


def encoded(account: Mapping[str, Any], hashes: Mapping[str, str]) -> bytes:
    """Return an account as it is stored, keyed to the hashes of the files that it is of."""
    return durable_files.encode({"schema": SCHEMA, "files": records.digest_over(hashes), **account})


def move(new: Path, collection: Collection, index: int) -> None:
    """Move an account to its place; another one that publishes the same set may have done it."""
    if new.exists():
        collection.accounts.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            new.replace(_path(collection, index))


def read(collection: Collection, index: int, files: str) -> Mapping[str, Any] | None:
    """Return the account of the files of this digest (`records.digest_over`); None where there is none of them."""
    found = durable_files.read(_path(collection, index)) or {}
    return found if found.get("schema") == SCHEMA and found.get("files") == files else None


def _path(collection: Collection, index: int) -> Path:
    return collection.accounts / f"{index:06d}.json"
