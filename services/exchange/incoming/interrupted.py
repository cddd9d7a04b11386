"""Recovery from a receive that was killed: the next one finishes, restores or discards its remains.

Only one process at a time receives into a collection, so unfinished work on a received set is abandoned. In a
collection that only receives, no service would clean it up.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from services.publication import attempts, claims, publish, republish
from services.runtime import durable_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.publication.claims import Claim
    from services.store.collection import Collection


def locator(collection: Collection, set_id: str) -> str:
    """Return the locator under which a received set, which has no folder, takes a number."""
    return collection.locator(f"received {set_id}")


@contextmanager
def cleared(collection: Collection, release: Callable[[str], object], *, left_overs: bool) -> Iterator[None]:
    """Lock the collection for receiving, and clean up after a killed receive.

    Parameters
    ----------
    release
        Releases the number of a set, unless it turns out to be published.
    left_overs
        Whether files half written in staging at the beginning are removed at the end; no write takes that long.
    """
    before = _left_overs(collection) if left_overs else set()
    _clear(collection, release)
    yield
    for name in before & _left_overs(collection):
        with suppress(FileNotFoundError):
            (collection.staging / name).unlink()


def _clear(collection: Collection, release: Callable[[str], object]) -> None:
    """Finish renamed sets, restore what a revision had set aside, and release all other numbers."""
    for path in attempts.all_of(collection):
        claim = claims.of(collection, attempts.set_of(path) or "")
        if claim is not None and _is_received(collection, claim):
            if not attempts.is_half_published(path):
                republish.put_back(collection, claim.index)
            publish.give_way(collection, claim.set_id)
    for claim in list(claims.unpublished(collection)):
        if _is_received(collection, claim):
            release(claim.set_id)
    for ended, end in claims.half_released(collection):
        if ended is None:
            end.unlink(missing_ok=True)


def _left_overs(collection: Collection) -> set[str]:
    return {name for name in durable_files.names(collection.staging) if durable_files.is_left_over(name)}


def _is_received(collection: Collection, claim: Claim) -> bool:
    return claim.locator == locator(collection, claim.set_id)
