"""Reset of refused or parked sets, so that they are checked as if newly dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.store import failures, notes, registry
from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Collection as Marks

    from services.store.collection import Collection


def reset_outcome(collection: Collection, folder: str, plans: Marks[str] = ()) -> str:
    """Delete the outcome of a folder directly under the root, and the files written beside it; return its locator.

    Published sets stay published.

    Parameters
    ----------
    plans
        In a folder with several sets, the marks of the plans meant; all by default.
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
    """Return the plans of a multi-set folder whose sets were not published from its current contents."""
    outcome = registry.read_outcome(collection, locator)
    others = {SetState.CHANGED, SetState.WITHDRAWN, SetState.SAME_SET}
    return [one.plan for one in outcome.sets if one.state in others] if outcome else []


def retry_parked(collection: Collection) -> None:
    """Reset parked sets and all attempt counts, so that a new run tries them again."""
    for locator in failures.all_of(collection):
        outcome = registry.read_outcome(collection, locator)
        if outcome and any(one.state is SetState.PARKED for one in outcome.entries):
            registry.reopen(collection, locator)
        failures.forget_folder(collection, locator)
