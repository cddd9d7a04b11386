"""A person's request to process a refused or parked set again: as it was, as a new set, or despite a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.rtset import folder_listing, unfinished_pixels
from services.store import again, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.store.collection import Collection

AS_IT_IS: Final = unfinished_pixels.CODE
"""The one finding that is accepted for the current contents of a folder; others are accepted in the form only."""


def request(
    collection: Collection,
    folder: str,
    *,
    plans: Sequence[str] = (),
    as_new: bool = False,
    as_it_is: bool = False,
) -> str:
    """Let the watcher check a folder as if it had just been dropped, and return its locator.

    Parameters
    ----------
    plans
        In a folder with several sets, the marks of the plans meant; all by default.
    as_new
        Whether its current contents are a new set, although a set with the same UIDs is published.
    as_it_is
        Whether files that end in zeros are accepted in its current contents.

    Raises
    ------
    OSError
        The folder cannot be listed, or the request cannot be written.
    """
    locator = registry.register(collection, folder)
    if as_new or as_it_is:
        fingerprint = folder_listing.fingerprint(collection.root / folder)
        if as_it_is:
            registry.accept(collection, locator, fingerprint, AS_IT_IS)
        if as_new:
            meant = plans or again.published_otherwise(collection, locator)
            registry.count_as_new(collection, locator, fingerprint, meant)
    again.reset_outcome(collection, folder, plans)
    return locator
