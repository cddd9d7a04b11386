"""Have a set that was refused or parked looked at again, as if it had just been dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.store import failures, notes, registry

if TYPE_CHECKING:
    from services.store.collection import Collection


def look_again(collection: Collection, folder: str) -> str:
    """Forget what became of the set in a folder right under the root, and take away what was written beside it.

    What was published stays published. Returns the folder's locator.
    """
    locator = registry.register(collection, folder)
    failures.forget(collection, locator)
    registry.reopen(collection, locator)
    notes.clear(collection.root / folder)
    return locator
