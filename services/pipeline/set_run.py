"""The way of one set: claim index → anonymize → verify → publish.

Each step is safe to run twice, and two copies of the same set at the same moment end in one published folder: the
claim, the attempt and the publication see to that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from services.deidentify import writer
from services.deidentify.replacements import choose_replacements, rename
from services.dicom import dates
from services.dicom.elements import Malformed
from services.errors import Fault, NotClean, SetChanged, SetIncomplete, SetRefused, SetWaits
from services.maintenance import linking, same_source
from services.pipeline import set_record
from services.pipeline.answers import Answers
from services.proof import prove
from services.proof.prove import Expected
from services.publication import (
    claims,
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
from services.rtset import folder_listing
from services.rtset.reader import PLAN
from services.store import plans, registry, structure_lists
from services.store.records import folder_name
from services.store.tracking_lines import TrackingLine

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    """What is known of a set when its new files are written: enough to prove and to publish them."""

    listing: Listing
    """Of the folder, as it was when its files were read."""

    source: list[tuple[str, Path]]
    """Kind and place of each object."""

    plan_name: str
    """Of the new plan's file."""

    patient_id: str
    """The original one, for the tracking line."""

    plan_label: str
    """The original one."""

    hospital: str
    """For the tracking file."""

    expected: Expected

    renaming: Renaming
    """What became of its texts."""

    record: Mapping[str, Any]
    """What the record says beside the proof."""


@dataclass(frozen=True, slots=True)
class SetRun:
    """One set on its run."""

    one: OneSet
    ledger: Ledger
    progress: Progress
    settings: Settings

    @property
    def answers(self) -> Answers:
        """What may become of the set."""
        return Answers(self.one)

    def execute(self, verdicts: list[Verdict], *, patience_over: bool) -> Told:
        """Claim index → anonymize → verify → publish; the tracking line is published with the set.

        Parameters
        ----------
        verdicts
            The one verdict; taken out of it, so that what was read can be let go when it is not needed any more.
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
        set_id, content = self._identify(rtset)
        published = publish.find(collection, set_id)
        if told := self._known_already(rtset, set_id, content, published, verdict):
            return told
        becomes = self._decide_who(rtset, published)
        renaming = self._rename(rtset)
        if published is None and collection.options.unread_words == "wait" and renaming.undecided:
            return self._hold_back(rtset, renaming)
        link = self._link(rtset, set_id, becomes, published)
        shift = link.shift if link else dates.choose_shift(collection.set_key(set_id), rtset.dates)

        doubts = verdict.doubts
        index = self._claim(set_id, becomes, link)
        person = same_person.described(collection, rtset, index, self.one.hospital)
        person = replace(person, weeks=shift // timedelta(weeks=1)) if person else None
        plans.note(collection, rtset.plan.sop_instance_uid, set_id)
        try:
            attempt = Attempt.begin(collection, set_id, index)
            try:
                made = self._anonymize(attempt, verdict, rtset, shift, content, becomes, renaming, link)
                del verdict, rtset, renaming  # tens of megabytes; what follows reads everything for itself
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
        return self.answers.published(set_id, index, content, doubts, person)

    def _known_already(
        self, rtset: RtSet, set_id: str, content: str, published: Record | None, verdict: Verdict
    ) -> Told | None:
        """Report a set of which nothing new is made, or not yet; None where it goes on."""
        collection = self.one.collection
        if published is not None:
            if self._is_done_again(published, rtset, content):
                return None
            return self.answers.already_published(set_id, rtset, content, published, verdict.doubts)
        if forgotten.is_kept(collection, set_id):
            return self.answers.forgotten(set_id)
        if other := self._with_the_same_plan(set_id, rtset):
            return self.answers.already_published(set_id, rtset, content, other)
        return self.answers.doubted(verdict.doubts) if verdict.doubts and not self.one.had_a_look() else None

    def _link(self, rtset: RtSet, set_id: str, becomes: Becomes, published: Record | None) -> Link | None:
        """Find the person whose identity the set has, where a person's sets are linked; who is done again stays so."""
        collection = self.one.collection
        if published is not None:
            return linking.of_published(collection, published)
        if collection.options.same_patient != "link":
            return None
        stated = same_person.described(collection, rtset, 0, self.one.hospital)
        decision = registry.person_decided(collection, self.one.locator, self.one.seen.fingerprint)
        called = repr(collection.name_of(self.one.folder))
        return linking.Linking(collection, rtset, set_id, called, stated, decision).settle(self.ledger, becomes)

    def _decide_who(self, rtset: RtSet, published: Record | None) -> Becomes:
        """Decide who the patient becomes; who is done again stays who it is."""
        collection = self.one.collection
        hospital = self.one.hospital
        return new_identity.decide(collection, new_identity.patient_id_of(rtset), hospital, published)

    def _rename(self, rtset: RtSet) -> Renaming:
        """Work out what becomes of the set's texts."""
        collection, person = self.one.collection, self._person(rtset)
        return rename(
            rtset,
            collection.naming,
            collection.decisions,
            replace=collection.options.unread_words == "replace",
            elsewhere=lambda word: unread_words.stands_elsewhere(collection, word, person),
        )

    def _person(self, rtset: RtSet) -> str:
        return self.one.collection.person(new_identity.patient_id_of(rtset), self.one.hospital)

    def _hold_back(self, rtset: RtSet, renaming: Renaming) -> Told:
        """List the words that a person has to read before the set gets a number."""
        one, words = self.one, [word.as_json() for word in renaming.unread]
        unread_words.write(one.collection, None, one.locator, self._person(rtset), words, one.plan)
        return self.answers.unread_words(word.word for word in renaming.undecided)

    def _claim(self, set_id: str, becomes: Becomes, link: Link | None) -> int:
        """Claim the number that a list holds for the set's patient, or that of its person, else the next one."""
        if link is not None:
            listed = link.person.index == becomes.index
            return self.ledger.claim_linked(set_id, self.one.locator, link.person, listed=listed)
        if becomes.index is not None:
            return self.ledger.claim_listed(set_id, self.one.locator, becomes.index)
        return self.ledger.claim(set_id, self.one.locator)

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
                bool(renaming.undecided),
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
        """Verify → publish; in the place of what is to be done again."""
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
        person = collection.person(made.patient_id, self.one.hospital)
        words = [word.as_json() for word in made.renaming.unread]
        unread_words.write(collection, attempt.index, self.one.locator, person, words)
        told = {"proof": proof.as_json(), "person": person, **made.record}
        hashes = {name: file.sha256 for name, file in proof.files.items()}

        def check() -> None:
            if link is not None:
                visits.check_shared(collection, link.person.hash, attempt.set_id, hashes)

        try:
            publish.publish(attempt, told, line, made.plan_name, instead_of=earlier, check=check)
        except visits.SharedObjectDiffers as differs:
            raise linking.shared_differs(differs, repr(collection.name_of(self.one.folder))) from None

    def _check_unchanged(self, listing: Listing) -> None:
        """Make sure that the folder is what was read: of one that changes meanwhile, nothing can be said."""
        if folder_listing.take(self.one.folder) != listing:
            raise SetChanged

    def _is_done_again(self, published: Record, rtset: RtSet, content: str) -> bool:
        """Whether a person wants a published set done again; it is, if it is still the one that was published."""
        collection = self.one.collection
        if not republish.is_requested(collection, published):
            return False
        folder = collection.root / folder_name(published.index)
        return same_source.is_the_same(rtset, content, persons.secret_of(collection, published), published, folder)

    def _identify(self, rtset: RtSet) -> tuple[str, str]:
        """Identify a set by its UIDs, and by its content too if a person once said that it is a set of its own.

        One that has a claim or a record by the former rule keeps the id of that rule.
        """
        collection = self.one.collection
        named = same_source.name(collection, rtset)
        own = same_source.of_its_own(collection, rtset, named)
        if claims.of(collection, own.set_id) or self.one.counts_as_new():
            return own
        former = same_source.formerly(collection, rtset)
        if former and not self._is_known(named.set_id) and self._is_known(former.set_id):
            return former
        return named

    def _is_known(self, set_id: str) -> bool:
        """Return whether a set has a number, or had one."""
        return (
            claims.of(self.one.collection, set_id) is not None or publish.find(self.one.collection, set_id) is not None
        )

    def _with_the_same_plan(self, set_id: str, rtset: RtSet) -> Record | None:
        """Find what was published of this plan with other objects, unless a person wants this set as one of its own."""
        collection = self.one.collection
        earlier = plans.set_of(collection, rtset.plan.sop_instance_uid)
        if earlier in {None, set_id} or claims.of(collection, set_id) or self.one.counts_as_new():
            return None
        found = publish.find(collection, earlier)
        return None if found is None or found.withdrawn else found


def _unreadable(fault: Malformed) -> SetRefused:
    """Report a set that something in it, which only its writing looks at, is no DICOM."""
    found = f"An object of the set cannot be read as DICOM: {fault}."
    return SetRefused(Fault("file-unreadable", found, "Export the set once more."))
