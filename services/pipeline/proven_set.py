"""Proof of a set's new files, and its publication with record, tracking line and words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from services.errors import NotClean, SetChanged
from services.maintenance import linking
from services.pipeline import set_texts, who_it_becomes
from services.proof import prove
from services.publication import accounts, publish, visits
from services.rtset import folder_listing
from services.store import structure_lists
from services.store.tracking_lines import TrackingLine

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from services.pipeline.anonymized_set import AnonymizedSet
    from services.pipeline.one_set import OneSet
    from services.publication.attempts import Attempt
    from services.rtset.folder_listing import Listing
    from services.runtime.progress import Progress
    from services.store.records import Record


def prove_and_publish(
    one: OneSet,
    attempt: Attempt,
    made: AnonymizedSet,
    earlier: Record | None,
    progress: Progress,
    timezone: ZoneInfo | None,
) -> None:
    """Prove the new files of a set, then publish them, replacing a set to be republished.

    Parameters
    ----------
    earlier
        Record of the set to be republished; None for a new one.
    timezone
        Time zone of the date in the tracking file's name; None for the machine's own.

    Raises
    ------
    NotClean
        The proof failed. Nothing is published.
    SetChanged
        The folder is not as it was read.
    TargetTaken
        Something of other origin is where the set's folder should appear.
    SetWaits
        An object shared with another set of the person differs from the published one.
    """
    collection, (becomes, link, _, renaming) = one.collection, made.decisions
    progress.step("verified", 0, len(made.source))
    try:
        proof = prove.prove(made.source, attempt.folder, made.expected)
    except NotClean:
        check_unchanged(one, made.listing)
        raise
    check_unchanged(one, made.listing)
    progress.size_bytes = sum(file.size_bytes for file in proof.files.values())
    line = TrackingLine(
        made.patient_id,
        made.expected.identity.patient_id,
        made.plan_label,
        becomes.hospital,
        datetime.now(timezone).date(),
    )
    structure_lists.keep(collection, collection.naming)
    person = who_it_becomes.person_of(one, made.patient_id)
    set_texts.note_words(one, renaming, person, attempt.index)
    record = {"proof": proof.as_json(), "person": person, "locator": one.locator, **made.record}
    hashes = {name: file.sha256 for name, file in proof.files.items()}

    def check_shared() -> None:
        if link is not None:
            visits.check_shared(collection, link.person.hash, attempt.set_id, hashes)

    try:
        account = accounts.encoded(proof.account, hashes)
        publish.publish(attempt, record, line, made.plan_name, account=account, instead_of=earlier, check=check_shared)
    except visits.SharedObjectDiffers as differs:
        raise linking.shared_differs(differs, repr(collection.name_of(one.folder))) from None


def check_unchanged(one: OneSet, listing: Listing) -> None:
    """Raise `SetChanged` unless the folder is as it was read."""
    if folder_listing.take(one.folder) != listing:
        raise SetChanged
