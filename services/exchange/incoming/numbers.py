"""Numbers of received sets: allocated like those of any other, without a service too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from services.exchange.incoming import interrupted
from services.publication import claims, high_water, index_ledger
from services.publication.high_water import NumbersLost
from services.publication.index_ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.store.collection import Collection


class Numbers:
    """Numbers of a collection, allocated as for any set: by Redis if available, confirmed by the share."""

    def __init__(self, collection: Collection, client: redis.Redis | None, own: Path | None) -> None:
        self._collection, self._client, self._own = collection, client, own
        self._ledger = Ledger(collection, client) if client is not None else None

    def check(self) -> None:
        """Compare the share with the remembered numbers, and remember those on the share."""
        if self._client is not None:
            high_water.check(self._client, self._collection, self._own)
        elif lost := high_water.missing(None, self._collection, self._own):
            raise NumbersLost(max(lost))

    def claim(self, set_id: str) -> int:
        """Return the number of a set: the one it holds, or the smallest free one from the initial index on."""
        locator = interrupted.locator(self._collection, set_id)
        return self._ledger.claim(set_id, locator) if self._ledger else self._of_share(set_id, locator)

    def release(self, set_id: str) -> bool:
        """Release the number held by a set; return False if the set turns out to be published."""
        if self._ledger is not None:
            return self._ledger.release(set_id)
        return index_ledger.release(self._collection, set_id, partial(index_ledger.give_back, self._collection))

    def remember(self, index: int) -> None:
        """Note that a number was published."""
        if self._client is not None:
            high_water.remember(self._client, self._collection.id, index)

    def _of_share(self, set_id: str, locator: str) -> int:
        index = self._collection.identity.initial_index
        while True:
            held = claims.held(self._collection, set_id)
            if held is not None:
                return held.index
            taken = claims.taken(self._collection)
            while index in taken:
                index += 1
            found = claims.take(self._collection, index, set_id, locator)
            if found is not None:
                return found.index
            index += 1
