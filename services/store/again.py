"""Look at a refused or parked set again, as if it had just been dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.store import failures, notes, registry
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Collection as Marks

    from services.store.collection import Collection


def look_again(collection: Collection, folder: str, plans: Marks[str] = ()) -> str:
    """Forget what became of the set in a folder right under the root, and take away what was written beside it.

    What was published stays published. Returns the folder's locator.

    Parameters
    ----------
    plans
        Of a folder with several sets, the marks of the plans that are meant; all where none is given.
    """
    locator = registry.register(collection, folder)
    if plans:
        for plan in plans:
            failures.forget(collection, failures.of_set(locator, plan))
    else:
        failures.forget_folder(collection, locator)
    registry.reopen(collection, locator)
    notes.clear(collection.root / folder)
    return locator


def published_otherwise(collection: Collection, locator: str) -> list[str]:
    """Return the plans of a folder with several sets whose sets were not published out of it as they are now."""
    outcome = registry.read_outcome(collection, locator)
    others = {SetState.CHANGED, SetState.WITHDRAWN, SetState.SAME_SET}
    return [one.plan for one in outcome.sets if one.state in others] if outcome else []
