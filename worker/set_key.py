"""How a set is called in messages and in Redis: two opaque strings, its collection's id and its locator."""

from __future__ import annotations

from typing import NamedTuple


class SetKey(NamedTuple):
    """The name of a set outside its share."""

    collection_id: str
    locator: str

    def __str__(self) -> str:
        return f"{self.collection_id}:{self.locator}"
