"""The new identity and number of a set's patient: from the form, a list, or the person's earlier sets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from services.maintenance import linking
from services.publication import new_identity, same_person
from services.publication.share_persons import SharePersons
from services.store import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.maintenance.linking import Link
    from services.pipeline.one_set import OneSet
    from services.publication.index_ledger import Ledger
    from services.publication.new_identity import Becomes
    from services.publication.persons import Person
    from services.rtset.reader import RtSet
    from services.runtime.settings import Settings
    from services.store.records import Record


def decide(one: OneSet, rtset: RtSet, published: Record | None) -> Becomes:
    """Determine the new identity of the patient; a republished set keeps its own."""
    return new_identity.decide(one.collection, new_identity.patient_id_of(rtset), one.hospital, published)


def link(
    one: OneSet, ledger: Ledger, rtset: RtSet, set_id: str, becomes: Becomes, published: Record | None
) -> Link | None:
    """Return the linked person of the set, if sets of a person are linked; a republished set keeps its own."""
    collection = one.collection
    if published is not None:
        return linking.of_published(collection, published)
    if collection.options.same_patient != "link":
        return None
    stated = same_person.described(collection, rtset, 0, one.hospital)
    decision = registry.person_decided(collection, one.locator, one.seen.fingerprint)
    called = repr(collection.name_of(one.folder))
    return linking.Linking(collection, rtset, set_id, called, stated, decision).settle(ledger, becomes)


def claim(one: OneSet, ledger: Ledger, set_id: str, becomes: Becomes, link: Link | None) -> int:
    """Claim the number reserved for the set's patient, or that of its person, else the next one."""
    if link is not None:
        listed = link.person.index == becomes.index
        return ledger.claim_linked(set_id, one.locator, link.person, listed=listed)
    if becomes.index is not None:
        return ledger.claim_listed(set_id, one.locator, becomes.index)
    return ledger.claim(set_id, one.locator)


def person_of(one: OneSet, patient_id: str) -> str:
    """Return the keyed mark of a person by the original ID, which distinguishes the words of different persons."""
    return one.collection.person(patient_id, one.hospital)


def person_of_set(one: OneSet, rtset: RtSet) -> str:
    """Return the keyed mark of the set's person."""
    return person_of(one, new_identity.patient_id_of(rtset))


def describe(one: OneSet, rtset: RtSet, index: int, shift: timedelta) -> Person | None:
    """Return what recognizes the set's person in later sets, under its number; None if nothing does."""
    person = same_person.described(one.collection, rtset, index, one.hospital)
    return replace(person, weeks=shift // timedelta(weeks=1)) if person else None


def elsewhere(one: OneSet, rtset: RtSet, settings: Settings) -> Callable[[int], str]:
    """Return a function that notes the set's person under a number.

    It returns sentences on their sets in the share's other collections.
    """
    collection = one.collection
    known = SharePersons(settings.share_secret, settings.share)
    person = known.person_of(rtset, one.hospital or collection.identity.hospital)
    return partial(known.note_and_report, collection, person)
