"""Processing of one set: claim index → anonymize → verify → publish.

Each step may safely be run twice, and two concurrent copies of the same set result in one published folder, which
claim, attempt and publication ensure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.dicom import dates
from services.dicom.elements import Malformed
from services.errors import NotClean, SetChanged, SetIncomplete, SetRefused, SetWaits, TargetTaken
from services.pipeline import anonymized_set, known_sets, proven_set, set_texts, who_it_becomes
from services.pipeline.anonymized_set import SetDecisions
from services.pipeline.answers import Answers
from services.publication import forgotten, publish, republish
from services.publication.attempts import Attempt

if TYPE_CHECKING:
    from services.pipeline.answers import Answer
    from services.pipeline.one_set import OneSet
    from services.publication.index_ledger import Ledger
    from services.rtset.reader import RtSet
    from services.runtime.progress import Progress
    from services.runtime.settings import Settings
    from services.store.records import Record
    from services.verdict.verdict import Verdict


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

    def execute(self, verdicts: list[Verdict], *, patience_over: bool) -> Answer:
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

    def _execute(self, verdict: Verdict) -> Answer:
        one, collection, rtset = self.one, self.one.collection, verdict.good_set()
        set_id, content = known_sets.identify(one, rtset)
        published = publish.find(collection, set_id)
        if answer := self._known_already(rtset, set_id, content, published, verdict):
            return answer
        becomes = who_it_becomes.decide(one, rtset, published)
        person = who_it_becomes.person_of_set(one, rtset)
        renaming = set_texts.choose_renaming(one, rtset, person, becomes.hospital)
        if published is None and set_texts.must_be_reviewed(one, renaming):
            set_texts.note_words(one, renaming, person)
            return self.answers.unread_words(word.word for word in renaming.undecided)
        link = who_it_becomes.link(one, self.ledger, rtset, set_id, becomes, published)
        shift = link.shift if link else dates.choose_shift(collection.set_key(set_id), rtset.dates)
        decisions = SetDecisions(becomes, link, shift, renaming)

        doubts = verdict.doubts
        index = who_it_becomes.claim(one, self.ledger, set_id, becomes, link)
        described = who_it_becomes.describe(one, rtset, index, shift)
        elsewhere = who_it_becomes.elsewhere(one, rtset, self.settings)
        try:
            known_sets.take_plan(one, self.ledger, set_id, index, rtset, published)
            attempt = Attempt.begin(collection, set_id, index)
            try:
                made = anonymized_set.write(attempt, verdict, rtset, content, decisions, self.progress)
                del verdict, rtset  # tens of megabytes; the next steps read everything themselves
                proven_set.prove_and_publish(one, attempt, made, published, self.progress, self.settings.timezone)
            except BaseException:
                attempt.discard()
                raise
        except Malformed as fault:
            self.ledger.release(set_id)
            proven_set.check_unchanged(one, one.seen)
            return self.answers.unreadable(fault)
        except (NotClean, SetChanged, SetRefused, TargetTaken):
            self.ledger.release(set_id)
            raise
        republish.clear(collection, index)
        set_texts.forget_waiting(one)
        return self.answers.published(set_id, index, content, doubts, described, elsewhere)

    def _known_already(
        self, rtset: RtSet, set_id: str, content: str, published: Record | None, verdict: Verdict
    ) -> Answer | None:
        """Return the result for a set of which nothing new is made, or not yet; None to continue."""
        one, earlier = self.one, published
        if published is not None and known_sets.is_done_again(one, published, rtset, content):
            return None
        if published is None:
            if forgotten.is_kept(one.collection, set_id):
                return self.answers.forgotten(set_id)
            earlier = known_sets.with_the_same_plan(one, set_id, rtset)
        if earlier is not None:
            elsewhere = who_it_becomes.elsewhere(one, rtset, self.settings)
            return self.answers.already_published(set_id, rtset, content, earlier, elsewhere, verdict.doubts)
        return self.answers.doubted(verdict.doubts) if verdict.doubts and not one.was_doubted() else None
