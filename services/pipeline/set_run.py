"""Processing of one set: claim index → anonymize → verify → publish.

Each step may safely be run twice, and two concurrent copies of the same set result in one published folder, which
claim, attempt and publication ensure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from services.deidentify import writer
from services.deidentify.replacements import choose_replacements, rename
from services.dicom import dates
from services.dicom.elements import Malformed
from services.errors import Fault, NotClean, SetChanged, SetIncomplete, SetRefused, SetWaits
from services.language import gettext
from services.maintenance import linking
from services.pipeline import known_sets, set_record, who_it_becomes
from services.pipeline.answers import Answers
from services.proof import prove
from services.proof.prove import Expected
from services.publication import (
    accounts,
    forgotten,
    new_identity,
    persons,
    publish,
    republish,
    same_person,
    unread_words,
    visits,
)
from services.publication.attempts import Attempt
from services.publication.share_persons import SharePersons
from services.rtset import damage, folder_listing
from services.rtset.reader import PLAN
from services.store import plans, structure_lists
from services.store.tracking_lines import TrackingLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.deidentify.structure_renaming import Renaming
    from services.maintenance.linking import Link
    from services.pipeline.answers import Told
    from services.pipeline.one_set import OneSet
    from services.publication.index_ledger import Ledger
    from services.publication.new_identity import Becomes
    from services.rtset.folder_listing import Listing
    from services.rtset.reader import RtSet
    from services.runtime.progress import Progress
    from services.runtime.settings import Settings
    from services.store.records import Record
    from services.verdict.check import Verdict


class _Anonymized(NamedTuple):
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

    hospital: str
    """For the tracking file."""

    expected: Expected

    renaming: Renaming
    """Treatment of its texts."""

    record: Mapping[str, Any]
    """Content of the record besides the proof."""


@dataclass(frozen=True, slots=True)
class SetRun:
    """Run of one set."""

    one: OneSet
    ledger: Ledger
    progress: Progress
    settings: Settings

    @property
    def answers(self) -> Answers:
        """The possible results for the set."""
        return Answers(self.one)

    def execute(self, verdicts: list[Verdict], *, patience_over: bool) -> Told:
        """Claim index → anonymize → verify → publish; the tracking line is published with the set.

        Parameters
        ----------
        verdicts
            A list with the verdict, which is removed from it so that its memory can be freed early.
        """
        try:
            return self._execute(verdicts.pop())
        except SetWaits as fault:
            return self.answers.waits_for_person(fault)
        except SetIncomplete as fault:
            return self.answers.refused(fault) if patience_over else self.answers.waiting(fault)
        except SetRefused as fault:
            return self.answers.refused(fault)

    def _execute(self, verdict: Verdict) -> Told:
        collection = self.one.collection
        rtset = verdict.good_set()
        set_id, content = known_sets.identify(self.one, rtset)
        published = publish.find(collection, set_id)
        if told := self._known_already(rtset, set_id, content, published, verdict):
            return told
        becomes = who_it_becomes.decide(self.one, rtset, published)
        renaming = self._rename(rtset)
        if published is None and collection.options.unread_words == "wait" and renaming.undecided:
            return self._hold_back(rtset, renaming)
        link = who_it_becomes.link(self.one, self.ledger, rtset, set_id, becomes, published)
        shift = link.shift if link else dates.choose_shift(collection.set_key(set_id), rtset.dates)

        doubts = verdict.doubts
        index = who_it_becomes.claim(self.one, self.ledger, set_id, becomes, link)
        person = same_person.described(collection, rtset, index, self.one.hospital)
        person = replace(person, weeks=shift // timedelta(weeks=1)) if person else None
        elsewhere = self._elsewhere(rtset)
        plans.note(collection, rtset.plan.sop_instance_uid, set_id)
        try:
            attempt = Attempt.begin(collection, set_id, index)
            try:
                made = self._anonymize(attempt, verdict, rtset, shift, content, becomes, renaming, link)
                del verdict, rtset, renaming  # tens of megabytes; the next steps read everything themselves
                self._publish(attempt, made, published, link)
            except BaseException:
                attempt.discard()
                raise
        except Malformed as fault:
            self.ledger.release(set_id)
            self._check_unchanged(self.one.seen)
            return self.answers.refused(_unreadable(fault))
        except (NotClean, SetChanged, SetRefused, publish.TargetTaken):
            self.ledger.release(set_id)
            raise
        republish.clear(collection, index)
        unread_words.forget(collection, self.one.locator, self.one.plan)
        return self.answers.published(set_id, index, content, doubts, person, elsewhere)

    def _known_already(
        self, rtset: RtSet, set_id: str, content: str, published: Record | None, verdict: Verdict
    ) -> Told | None:
        """Return the result for a set of which nothing new is made, or not yet; None to continue."""
        collection = self.one.collection
        if published is not None:
            if known_sets.is_done_again(self.one, published, rtset, content):
                return None
            return self.answers.already_published(
                set_id, rtset, content, published, self._elsewhere(rtset), verdict.doubts
            )
        if forgotten.is_kept(collection, set_id):
            return self.answers.forgotten(set_id)
        if other := known_sets.with_the_same_plan(self.one, set_id, rtset):
            return self.answers.already_published(set_id, rtset, content, other, self._elsewhere(rtset))
        return self.answers.doubted(verdict.doubts) if verdict.doubts and not self.one.had_a_look() else None

    def _elsewhere(self, rtset: RtSet) -> Callable[[int], str]:
        """Return a function that notes the set's person under a number.

        It returns sentences on their sets elsewhere.
        """
        collection, settings = self.one.collection, self.settings
        known = SharePersons(settings.share_secret, settings.share)
        return partial(
            known.told, collection, known.person_of(rtset, self.one.hospital or collection.identity.hospital)
        )

    def _rename(self, rtset: RtSet) -> Renaming:
        """Compute the treatment of the set's texts."""
        collection, person = self.one.collection, who_it_becomes.person_of(self.one, new_identity.patient_id_of(rtset))
        return rename(
            rtset,
            collection.naming,
            collection.decisions,
            replace=collection.options.unread_words == "replace",
            elsewhere=lambda word: unread_words.stands_elsewhere(collection, word, person),
        )

    def _hold_back(self, rtset: RtSet, renaming: Renaming) -> Told:
        """Store the words that a person must review before the set gets a number."""
        one, words = self.one, [word.as_json() for word in renaming.unread]
        unread_words.write(
            one.collection,
            None,
            one.locator,
            who_it_becomes.person_of(self.one, new_identity.patient_id_of(rtset)),
            words,
            one.plan,
        )
        return self.answers.unread_words(word.word for word in renaming.undecided)

    def _anonymize(
        self,
        attempt: Attempt,
        verdict: Verdict,
        rtset: RtSet,
        shift: timedelta,
        content: str,
        becomes: Becomes,
        renaming: Renaming,
        link: Link | None,
    ) -> _Anonymized:
        """Write the new files into the folder of an attempt."""
        collection, files = self.one.collection, rtset.set_files
        identity = link.identity if link else becomes.numbered(collection.identity, attempt.index)
        target = verdict.machine.machine if verdict.machine else None
        key, naming = link.key if link else collection.set_key(attempt.set_id), collection.naming
        linked = link.linked if link else None
        replacements = choose_replacements(
            rtset, target, collection.options, key, shift, identity, naming, renaming, linked
        )
        taken = sorted(map(collection.mark_of_word, renaming.taken))
        plan, settled = "", 0
        for done, written in enumerate(writer.write(rtset, replacements, attempt.folder), start=1):
            self.progress.step("written", done, len(files))
            plan = written.name if written.source.kind == PLAN else plan
            settled += written.settled
        return _Anonymized(
            rtset.listing,
            [(file.kind, rtset.folder / file.path) for file in files],
            plan,
            new_identity.patient_id_of(rtset),
            rtset.plan.view.text("RTPlanLabel"),
            becomes.hospital,
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
                collection.knows_again(frozenset(taken)),
            ),
            renaming,
            {
                **set_record.describe(identity, replacements, verdict, rtset, naming, content, settled),
                **(link.as_json() if link else {persons.KEY: persons.OF_SET}),
                "words": {"unread": len(renaming.undecided), "listed": len(renaming.unread), "taken": taken},
            },
        )

    def _publish(self, attempt: Attempt, made: _Anonymized, earlier: Record | None, link: Link | None) -> None:
        """Verify → publish, replacing a set to be republished."""
        collection = self.one.collection
        self.progress.step("verified", 0, len(made.source))
        try:
            proof = prove.prove(made.source, attempt.folder, made.expected)
        except NotClean:
            self._check_unchanged(made.listing)
            raise
        self._check_unchanged(made.listing)
        self.progress.size_bytes = sum(file.size_bytes for file in proof.files.values())
        line = TrackingLine(
            made.patient_id,
            made.expected.identity.patient_id,
            made.plan_label,
            made.hospital,
            datetime.now(self.settings.timezone).date(),
        )
        structure_lists.keep(collection, collection.naming)
        person = who_it_becomes.person_of(self.one, made.patient_id)
        words = [word.as_json() for word in made.renaming.unread]
        unread_words.write(collection, attempt.index, self.one.locator, person, words)
        told = {"proof": proof.as_json(), "person": person, **made.record}
        hashes = {name: file.sha256 for name, file in proof.files.items()}

        def check() -> None:
            if link is not None:
                visits.check_shared(collection, link.person.hash, attempt.set_id, hashes)

        try:
            account = accounts.encoded(proof.account, hashes)
            publish.publish(attempt, told, line, made.plan_name, account=account, instead_of=earlier, check=check)
        except visits.SharedObjectDiffers as differs:
            raise linking.shared_differs(differs, repr(collection.name_of(self.one.folder))) from None

    def _check_unchanged(self, listing: Listing) -> None:
        """Raise `SetChanged` unless the folder is as it was read."""
        if folder_listing.take(self.one.folder) != listing:
            raise SetChanged


def _unreadable(fault: Malformed) -> SetRefused:
    """Return the refusal of a set in which writing found invalid DICOM."""
    found = gettext("An object of the set cannot be read as DICOM: {reason}.", reason=damage.in_words(str(fault)))
    return SetRefused(Fault("file-unreadable", found, gettext("Export the set once more.")))
