"""Accounts of published sets, `.anonymizer/accounts/<index>.json`: counts from the proof, keyed to the file hashes.

An account holds no values and is optional: a missing or truncated one, or one of other files, is ignored.
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
    """Return an account as stored, keyed to the hashes of its files."""
    return durable_files.encode({"schema": SCHEMA, "files": records.digest_over(hashes), **account})


def move(new: Path, collection: Collection, index: int) -> None:
    """Move an account into place, unless another process publishing the same set already has."""
    if new.exists():
        collection.accounts.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            new.replace(_path(collection, index))


def read(collection: Collection, index: int, files: str) -> Mapping[str, Any] | None:
    """Return the account of the files with this digest (`records.digest_over`); None if there is none."""
    found = durable_files.read(_path(collection, index)) or {}
    return found if found.get("schema") == SCHEMA and found.get("files") == files else None


def _path(collection: Collection, index: int) -> Path:
    return collection.accounts / f"{index:06d}.json"
