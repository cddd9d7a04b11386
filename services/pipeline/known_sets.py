"""Identification of a set: its id, and what was published before from it or from its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.maintenance.originals import same_source, set_ids
from services.publication import claims, persons, publish, republish
from services.store import plans
from services.store.plans import PlanInWork
from services.store.records import folder_name

if TYPE_CHECKING:
    from services.pipeline.one_set import OneSet
    from services.publication.index_ledger import Ledger
    from services.rtset.reader import RtSet
    from services.store.collection import Collection
    from services.store.records import Record


def identify(one: OneSet, rtset: RtSet) -> tuple[str, str]:
    """Return the id and content digest of a set; the id includes the content if a person declared it a set of its own.

    A set with a claim or record under the former rule keeps its id.
    """
    collection = one.collection
    named = set_ids.name(collection, rtset)
    own = set_ids.as_separate_set(collection, rtset, named)
    if claims.of(collection, own.set_id) or one.counts_as_new():
        return own
    former = set_ids.formerly(collection, rtset)
    if former and not _is_known(collection, named.set_id) and _is_known(collection, former.set_id):
        return former
    return named


def is_done_again(one: OneSet, published: Record, rtset: RtSet, content: str) -> bool:
    """Return whether a person requested republication of a set, and the published one is still the same."""
    collection = one.collection
    if not republish.is_requested(collection, published):
        return False
    folder = collection.root / folder_name(published.index)
    return same_source.is_the_same(rtset, content, persons.secret_of(collection, published), published, folder)


def with_the_same_plan(one: OneSet, set_id: str, rtset: RtSet) -> Record | None:
    """Return the record published from this plan with other objects, unless a person declared this a set of its own.

    Raises
    ------
    PlanInWork
        Such a set is about to be published.
    """
    collection = one.collection
    earlier = plans.set_of(collection, rtset.plan.sop_instance_uid)
    if earlier in {None, set_id} or claims.of(collection, set_id) or one.counts_as_new():
        return None
    found = publish.find(collection, earlier)
    if found is None and claims.held(collection, earlier) is not None:
        raise PlanInWork
    return None if found is None or found.withdrawn else found


def take_plan(one: OneSet, ledger: Ledger, set_id: str, index: int, rtset: RtSet, published: Record | None) -> None:
    """Note that a set is about to be published with its plan under the index that it holds.

    Of sets with the same plan that are processed at once, the one with the lowest index is published; the others
    give theirs back.

    Raises
    ------
    PlanInWork
        Another set has the plan.
    """
    collection, plan_uid = one.collection, rtset.plan.sop_instance_uid

    def free(other: str) -> bool:
        found = publish.find(collection, other)
        if found is not None:
            return bool(found.withdrawn)
        claim = claims.held(collection, other)
        return claim is None or (claim.index > index and ledger.release(other))

    if published is not None or one.counts_as_new():
        plans.note(collection, plan_uid, set_id)
    elif not plans.take(collection, plan_uid, set_id, free):
        raise PlanInWork


def _is_known(collection: Collection, set_id: str) -> bool:
    """Return whether a set has or had a number."""
    return claims.of(collection, set_id) is not None or publish.find(collection, set_id) is not None
