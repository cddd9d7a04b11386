"""Anonymization of a set: its new files, written into the folder of an attempt, and what their proof needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from services.deidentify import writer
from services.deidentify.replacements import choose_replacements
from services.pipeline import set_record
from services.policy.object_kinds import PLAN
from services.proof.prove import Expected
from services.publication import new_identity, persons

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

    from services.deidentify.structure_renaming import Renaming
    from services.maintenance.linking import Link
    from services.publication.attempts import Attempt
    from services.publication.new_identity import Becomes
    from services.rtset.folder_listing import Listing
    from services.rtset.reader import RtSet
    from services.runtime.progress import Progress
    from services.verdict.verdict import Verdict


class SetDecisions(NamedTuple):
    """What was decided about a set before its files are written."""

    becomes: Becomes
    """New identity of the patient."""

    link: Link | None
    """Linked person of the set, if sets of a person are linked."""

    shift: timedelta
    """Shift of all dates, in whole weeks."""

    renaming: Renaming
    """Treatment of its texts."""


class AnonymizedSet(NamedTuple):
    """Everything known of a set once its new files are written, sufficient to prove and publish them."""

    listing: Listing
    """Listing of the folder when its files were read."""

    source: list[tuple[str, Path]]
    """Kind and path of each object."""

    plan_name: str
    """File name of the new plan."""

    patient_id: str
    """The original ID, for the tracking line."""

    plan_label: str
    """The original label."""

    expected: Expected

    decisions: SetDecisions

    record: Mapping[str, Any]
    """Content of the record besides the proof."""


def write(
    attempt: Attempt, verdict: Verdict, rtset: RtSet, content: str, decisions: SetDecisions, progress: Progress
) -> AnonymizedSet:
    """Write the new files of a set into the folder of an attempt.

    Parameters
    ----------
    content
        Digest of the set's content, for the record.

    Raises
    ------
    Malformed
        An object that was readable at the check is not any more.
    SetChanged, OSError
        The folder changed, or a file cannot be read or written.
    """
    collection, files = attempt.collection, rtset.set_files
    becomes, link, shift, renaming = decisions
    identity = link.identity if link else becomes.numbered(collection.identity, attempt.index)
    target = verdict.machine.machine if verdict.machine else None
    key = link.key if link else collection.set_key(attempt.set_id)
    naming = collection.naming
    replacements = choose_replacements(
        rtset, target, collection.options, key, shift, identity, naming, renaming, link.linked if link else None
    )
    taken = sorted(map(collection.mark_of_word, renaming.taken))
    plan, settled = "", 0
    for done, written in enumerate(writer.write(rtset, replacements, attempt.folder), start=1):
        progress.step("written", done, len(files))
        plan = written.name if written.source.kind == PLAN else plan
        settled += written.settled
    return AnonymizedSet(
        rtset.listing,
        [(file.kind, rtset.folder / file.path) for file in files],
        plan,
        new_identity.patient_id_of(rtset),
        rtset.plan.view.text("RTPlanLabel"),
        Expected(
            identity,
            replacements.policy,
            target,
            replacements.scanner,
            rtset.relinked,
            naming,
            link is not None or bool(renaming.undecided),
            link.birth_date if link else None,
            link.study_ids if link else {},
            collection.recognizer(frozenset(taken)),
        ),
        decisions,
        {
            **set_record.describe(identity, replacements, verdict, rtset, naming, content, settled),
            **(link.as_json() if link else {persons.KEY: persons.OF_SET}),
            "words": {"unread": len(renaming.undecided), "listed": len(renaming.unread), "taken": taken},
        },
    )
