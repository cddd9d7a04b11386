"""Identification of a set in messages and Redis by two opaque strings: its collection's id and its locator."""

from __future__ import annotations

from typing import NamedTuple


class SetKey(NamedTuple):
    """Identifier of a set outside its share."""

    collection_id: str
    locator: str

    def __str__(self) -> str:
        return f"{self.collection_id}:{self.locator}"
