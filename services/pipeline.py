"""The way of a set, from a dropped folder to a published one.

`_Run.execute` tells it; every other module is one step or one noun of it. Each step is safe to run twice, and two
copies of the same set at the same moment end in one published folder: the claim, the attempt and the publication see to
that.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from services.deidentify import writer
from services.deidentify.replacements import remake, rename
from services.dicom import dates
from services.dicom.elements import Malformed
from services.errors import Fault, NotClean, SetChanged, SetIncomplete, SetRefused, SetsFailed, SettingsWrong, SetWaits
from services.machines import descriptor
from services.maintenance import linking, same_source
from services.policy.table import EDITION, POLICY_EDITION, policy_for
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
from services.rtset import folder_listing, private_loss, unfinished_pixels
from services.rtset.folder_listing import Listing
from services.rtset.reader import PLAN
from services.runtime.garbage import without_garbage_collection
from services.store import failures, notes, plans, records, registry, structure_lists
from services.store.collection import FormatTooNew
from services.store.records import folder_name
from services.store.registry import Outcome, SetOutcome
from services.store.set_state import SetState
from services.store.tracking_lines import TrackingLine
from services.verdict import complete_sets, folder_sets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from services.deidentify.replacements import Remaking
    from services.deidentify.structure_renaming import Renaming
    from services.forms.identity import NewIdentity
    from services.forms.structure_list import Naming
    from services.maintenance.linking import Link
    from services.publication.index_ledger import Ledger
    from services.publication.new_identity import Becomes
    from services.publication.persons import Person
    from services.rtset.reader import RtSet, SetFile
    from services.rtset.unfinished_pixels import Doubt
    from services.runtime.progress import Progress
    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from services.store.records import Record
    from services.verdict.check import Verdict
    from services.verdict.folder_sets import FolderVerdict, SetVerdict

TRIES: Final = 3
"""A set that changes while it is worked on is begun again so often at once; then it waits until it has settled."""

_CIRCUMSTANCES: Final = (OSError, redis.RedisError, SetChanged, SettingsWrong, FormatTooNew)
"""What holds a whole folder up, and is no set's fault."""

PARKED: Final = (
    "This set could not be anonymized, and that is not the fault of whoever exported it. Nothing of it was published. "
    "The people who run this program must look: its log says more. `anonymizer retry` tries again."
)
NOT_CLEAN: Final = (
    "What was made of this set did not pass its proof, and nothing of it was published. That is not the fault of "
    "whoever exported it, and trying again would lead to the same: the people who run this program must look, or "
    "report it. The proof says:"
)
_MOST_TOLD: Final = 6
"""Reasons of a failed proof that are told to a person; the log has all."""

UNREAD: Final = "unread-words"
"""The code of a set that waits for a person to read words of its texts."""

SAME: Final = "This is the set that was published as {}. Nothing new was made of it."


def process(
    collection: Collection,
    locator: str,
    ledger: Ledger,
    progress: Progress,
    settings: Settings,
    *,
    patience_over: bool,
) -> Outcome | None:
    """Take a settled set its whole way, note what became of it, and tell.

    Parameters
    ----------
    locator
        Of a registered folder.
    settings
        Of the process: where the user's own machine descriptors lie, and in which time zone days are told.
    patience_over
        Whether a set of which something is missing is refused now, or waits on.

    Returns
    -------
    Outcome, or None where the folder is gone.

    Raises
    ------
    OSError, redis.RedisError
        Circumstances: what stands in the way may go away. The set keeps its index, if it had one.
    SetChanged
        The folder changes faster than it can be read: it has not settled after all.
    NotClean, publish.TargetTaken
        Ours: nothing was published, the index was given back, an operator must look.
    SetsFailed
        The same of some sets of a folder with several, after all others went their way.
    """
    collection.check_there()
    folder = registry.folder_of(collection, locator)
    if folder is None or not folder.is_dir():
        return None
    run = _Run(collection, folder, locator, ledger, progress, settings)
    with without_garbage_collection():
        outcome = _unless_changed(lambda: run.execute(patience_over=patience_over))
    registry.write_outcome(collection, locator, outcome)
    return outcome


def _unless_changed(step: Callable[[], Outcome]) -> Outcome:
    """Begin again where the folder changed meanwhile, a few times."""
    for _ in range(TRIES - 1):
        with suppress(SetChanged):
            return step()
    return step()


def parked_text(proof: Sequence[str] = ()) -> str:
    """Report a set that it is parked, and where a proof failed.

    Parameters
    ----------
    proof
        What a failed proof says; none where something else went wrong.
    """
    more = len(proof) - _MOST_TOLD
    told = [*proof[:_MOST_TOLD], *([f"and {more} more, which stand in the log"] if more > 0 else [])]
    return "\n".join([NOT_CLEAN, *told]) if proof else PARKED


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


class _MayNotBeRead(Exception):
    """A file of the set may not be read; its text is the file's name, which leaves the process in no other way."""


class _Told(NamedTuple):
    """What became of one set, and what is said of it beside its folder."""

    entry: SetOutcome

    note: str = ""
    """Text of the NOTE; empty where there is nothing to say."""

    faults: tuple[Fault, ...] = ()
    """What the REFUSED file says."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One folder on its run: each of its sets, one after the other; as a rule there is one."""

    collection: Collection
    folder: Path
    locator: str
    ledger: Ledger
    progress: Progress
    settings: Settings

    def execute(self, *, patience_over: bool) -> Outcome:
        """Check the folder, and take each set of it its way. What is told of them is told at the end, in one file."""
        try:
            seen = folder_listing.take(self.folder)
        except SetRefused as fault:
            seen = Listing((), (), (), str(fault))
            return self._conclude_one(seen, self._set(seen).refused(fault))
        try:
            judged = self._check(seen)
        except SetRefused as fault:
            return self._conclude_one(seen, self._set(seen).refused(fault))
        except _MayNotBeRead as denied:
            return self._conclude_one(seen, self._set(seen).not_readable(str(denied)))
        left_out = judged.not_taken
        if len(judged.sets) == 1 and judged.sets[0].plan is None:
            waiting = [judged.sets[0].verdict]
            del judged
            outcome = self._execute_one(seen, waiting, patience_over=patience_over)
        else:
            outcome = self._execute_each(seen, judged, patience_over=patience_over)
        return replace(outcome, not_taken=left_out)

    def _execute_one(self, seen: Listing, waiting: list[Verdict], *, patience_over: bool) -> Outcome:
        """Take the one set of a folder its way."""
        if waiting[0].empty:
            return _outcome(SetState.NO_SET, seen)
        return self._conclude_one(seen, self._set(seen).execute(waiting, patience_over=patience_over))

    def _execute_each(self, seen: Listing, judged: FolderVerdict, *, patience_over: bool) -> Outcome:
        """Take several sets their way; one that fails holds up no other.

        Raises
        ------
        SetsFailed
            When all others are done.
        """
        collection, fingerprint = self.collection, seen.fingerprint
        entries: list[SetOutcome] = []
        errors: dict[str, Exception] = {}
        for one in judged.sets:
            assert one.plan is not None  # of several sets, each has its plan
            mark = plans.mark_of(collection, one.plan.sop_instance_uid)
            this = self._set(seen, mark, one.ordinal)
            if parked := self._parked(mark, one.ordinal, fingerprint):
                entries.append(parked)
                continue
            failures.begin(collection, self.locator, mark)
            try:
                told = this.execute([one.verdict], patience_over=patience_over)
            except _CIRCUMSTANCES:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this set's
                errors[mark] = error
            else:
                entries.append(_as_one_of_several(told, one))
        failures.end(collection, self.locator)
        if errors:
            raise SetsFailed(errors)
        return self._conclude(seen, judged, entries)

    def _parked(self, mark: str, ordinal: int, fingerprint: str) -> SetOutcome | None:
        """Report one of several sets that it is parked; None where it is not."""
        key = failures.of_set(self.locator, mark)
        codes = failures.parked(self.collection, key, fingerprint)
        if not codes:
            return None
        proof = failures.proof(self.collection, key)
        return SetOutcome(SetState.PARKED, codes, text=parked_text(proof), plan=mark, ordinal=ordinal, proof=proof)

    def _conclude_one(self, seen: Listing, told: _Told) -> Outcome:
        """Write what is told of a folder with one set."""
        entry = told.entry
        if told.faults:
            stands = "" if entry.index is None else folder_name(entry.index)
            notes.write_refused(self.folder, told.faults, made_before=stands)
        elif told.note:
            notes.write_note(self.folder, told.note)
        else:
            notes.clear(self.folder)
        return _outcome(entry.state, seen, codes=entry.codes, set_id=entry.set_id, index=entry.index, text=entry.text)

    def _conclude(self, seen: Listing, judged: FolderVerdict, entries: list[SetOutcome]) -> Outcome:
        """Write what is told of the sets of a folder."""
        if judged.undecided:
            entries.append(SetOutcome(SetState.WAITING, (registry.CHOOSE_PLANS,), text=self._question(judged)))
        if not entries:  # a person chose none of its plans
            text = "\n".join(judged.passed_over)
            notes.write_note(self.folder, text)
            return _outcome(SetState.NO_SET, seen, text=text)
        notes.write_sets(self.folder, entries)
        codes = tuple(dict.fromkeys(code for one in entries for code in one.codes))
        state, text = registry.least_finished(entries), registry.told(entries)
        return _outcome(state, seen, codes=codes, text=text, sets=tuple(entries))

    def _question(self, judged: FolderVerdict) -> str:
        """Ask a person which plans of the folder are to be taken."""
        told = (f"{one.ordinal}. {one.describe_with_dose()}" for one in judged.undecided)
        command = f"anonymizer choose ROOT {self.collection.name_of(self.folder)!r} NUMBER…"
        return "\n".join(["Several plans are here. Choose which are to be taken:", *told, f"How: {command}"])

    def _set(self, seen: Listing, plan: str = "", ordinal: int = 0) -> _SetRun:
        return _SetRun(
            self.collection, self.folder, self.locator, self.ledger, self.progress, self.settings, seen, plan, ordinal
        )

    def _check(self, seen: Listing) -> FolderVerdict:
        collection, options = self.collection, self.collection.options
        if codes := registry.accepted(collection, self.locator, seen.fingerprint):
            options = replace(options, accept=options.accept | codes)
        machines = descriptor.named(options.machine, descriptor.folders(self.settings.machines))
        self.progress.step("read", 0, len(seen.entries))
        choice = registry.chosen(collection, self.locator) if options.plans == "ask" else None

        def chosen(plan: SetFile) -> bool | None:
            mark = plans.mark_of(collection, plan.sop_instance_uid)
            return None if choice is None or mark not in choice.taken | choice.left else mark in choice.taken

        try:
            return folder_sets.judge(self.folder, options, machines, policy_for(options), seen, chosen)
        except PermissionError as denied:
            raise _MayNotBeRead(PurePath(denied.filename or self.folder).name) from None


def _as_one_of_several(told: _Told, one: SetVerdict) -> SetOutcome:
    """Report a set which plan it is, and what beside it was not taken."""
    assert one.plan is not None
    what = f"It is {complete_sets.describe_plan(one.plan)}."
    others = [note for note in one.verdict.notes if note.startswith(("Not taken:", "Left out"))]
    text = "\n".join(filter(None, (what, told.note or told.entry.text, *others)))
    return replace(told.entry, text=text)


@dataclass(frozen=True, slots=True)
class _SetRun:
    """One set on its run."""

    collection: Collection
    folder: Path
    locator: str
    ledger: Ledger
    progress: Progress
    settings: Settings

    seen: Listing
    """Of the folder."""

    plan: str
    """The mark of its plan where the folder holds several sets; else empty."""

    ordinal: int

    def execute(self, verdicts: list[Verdict], *, patience_over: bool) -> _Told:
        """Claim index → anonymize → verify → publish; the tracking line is published with the set.

        Parameters
        ----------
        verdicts
            The one verdict; taken out of it, so that what was read can be let go when it is not needed any more.
        """
        try:
            return self._execute(verdicts.pop())
        except SetWaits as fault:
            return self._waits_for_person(fault)
        except SetIncomplete as fault:
            return self.refused(fault) if patience_over else self._waiting(fault)
        except SetRefused as fault:
            return self.refused(fault)

    def _execute(self, verdict: Verdict) -> _Told:
        collection = self.collection
        rtset = verdict.good_set()
        set_id, content = self._identify(rtset)
        published = publish.find(collection, set_id)
        if told := self._known_already(rtset, set_id, content, published, verdict):
            return told
        becomes = self._decide_who(rtset, published)
        renaming = self._rename(rtset)
        if published is None and collection.options.unread_words == "wait" and renaming.undecided:
            return self._with_unread_words(rtset, renaming)
        link = self._link(rtset, set_id, becomes, published)
        shift = link.shift if link else dates.choose_shift(collection.set_key(set_id), rtset.dates)

        doubts = verdict.doubts
        index = self._claim(set_id, becomes, link)
        person = same_person.described(collection, rtset, index, collection.hospital_of(self.folder))
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
            self._check_unchanged(self.seen)
            return self.refused(_unreadable(fault))
        except (NotClean, SetChanged, SetRefused, publish.TargetTaken):
            self.ledger.release(set_id)
            raise
        republish.clear(collection, index)
        unread_words.forget(collection, self.locator, self.plan)
        return self._published(set_id, index, content, doubts, person)

    def _known_already(
        self, rtset: RtSet, set_id: str, content: str, published: Record | None, verdict: Verdict
    ) -> _Told | None:
        """Report a set of which nothing new is made, or not yet; None where it goes on."""
        collection = self.collection
        if published is not None:
            if self._is_done_again(published, rtset, content):
                return None
            return self._already_published(set_id, rtset, content, published, verdict.doubts)
        if forgotten.is_kept(collection, set_id):
            return self._forgotten(set_id)
        if other := self._with_the_same_plan(set_id, rtset):
            return self._already_published(set_id, rtset, content, other)
        return self._doubted(verdict.doubts) if verdict.doubts and not self._second_look() else None

    def _link(self, rtset: RtSet, set_id: str, becomes: Becomes, published: Record | None) -> Link | None:
        """Find the person whose identity the set has, where a person's sets are linked; who is done again stays so."""
        collection = self.collection
        if published is not None:
            return linking.of_published(collection, published)
        if collection.options.same_patient != "link":
            return None
        stated = same_person.described(collection, rtset, 0, collection.hospital_of(self.folder))
        decision = registry.person_decided(collection, self.locator, self.seen.fingerprint)
        called = repr(collection.name_of(self.folder))
        return linking.Linking(collection, rtset, set_id, called, stated, decision).settle(self.ledger, becomes)

    def _decide_who(self, rtset: RtSet, published: Record | None) -> Becomes:
        """Decide who the patient becomes; who is done again stays who it is."""
        collection = self.collection
        hospital = collection.hospital_of(self.folder)
        return new_identity.decide(collection, new_identity.patient_id_of(rtset), hospital, published)

    def _rename(self, rtset: RtSet) -> Renaming:
        """Work out what becomes of the set's texts."""
        collection, person = self.collection, self._person(rtset)
        return rename(
            rtset,
            collection.naming,
            collection.decisions,
            replace=collection.options.unread_words == "replace",
            elsewhere=lambda word: unread_words.stands_elsewhere(collection, word, person),
        )

    def _person(self, rtset: RtSet) -> str:
        return self.collection.person(new_identity.patient_id_of(rtset), self.collection.hospital_of(self.folder))

    def _with_unread_words(self, rtset: RtSet, renaming: Renaming) -> _Told:
        """Hold a set back, without a number, until a person has read the words that nobody knows."""
        words = [word.as_json() for word in renaming.unread]
        unread_words.write(self.collection, None, self.locator, self._person(rtset), words, self.plan)
        text = unread_words.note(word.word for word in renaming.undecided)
        note = f"It waits until a person has read words of its texts.\n{text}"
        return self._told(SetState.UNREAD_WORDS, note, codes=(UNREAD,), text=text)

    def _claim(self, set_id: str, becomes: Becomes, link: Link | None) -> int:
        """Claim the number that a list holds for the set's patient, or that of its person, else the next one."""
        if link is not None:
            listed = link.person.index == becomes.index
            return self.ledger.claim_linked(set_id, self.locator, link.person, listed=listed)
        if becomes.index is not None:
            return self.ledger.claim_listed(set_id, self.locator, becomes.index)
        return self.ledger.claim(set_id, self.locator)

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
        collection, files = self.collection, rtset.set_files
        identity = link.identity if link else becomes.numbered(collection.identity, attempt.index)
        target = verdict.machine.machine if verdict.machine else None
        key, naming = link.key if link else collection.set_key(attempt.set_id), collection.naming
        linked = link.linked if link else None
        remaking = remake(rtset, target, collection.options, key, shift, identity, naming, renaming, linked)
        taken = sorted(map(collection.mark_of_word, renaming.taken))
        plan, settled = "", 0
        for done, written in enumerate(writer.write(rtset, remaking, attempt.folder), start=1):
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
                remaking.policy,
                target,
                remaking.scanner,
                rtset.relinked,
                naming,
                bool(renaming.undecided),
                link.birth_date if link else None,
                link.study_ids if link else {},
                collection.knows_again(frozenset(taken)),
            ),
            renaming,
            {
                **_record(identity, remaking, verdict, rtset, naming, content, settled),
                **(link.as_json() if link else {persons.KEY: persons.OF_SET}),
                "words": {"unread": len(renaming.undecided), "listed": len(renaming.unread), "taken": taken},
            },
        )

    def _publish(self, attempt: Attempt, made: _Anonymized, earlier: Record | None, link: Link | None) -> None:
        """Verify → publish; in the place of what is to be done again."""
        collection = self.collection
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
        person = collection.person(made.patient_id, collection.hospital_of(self.folder))
        words = [word.as_json() for word in made.renaming.unread]
        unread_words.write(collection, attempt.index, self.locator, person, words)
        told = {"proof": proof.as_json(), "person": person, **made.record}
        hashes = {name: file.sha256 for name, file in proof.files.items()}

        def check() -> None:
            if link is not None:
                visits.check_shared(collection, link.person.hash, attempt.set_id, hashes)

        try:
            publish.publish(attempt, told, line, made.plan_name, instead_of=earlier, check=check)
        except visits.SharedObjectDiffers as differs:
            raise linking.shared_differs(differs, repr(collection.name_of(self.folder))) from None

    def _check_unchanged(self, listing: Listing) -> None:
        """Make sure that the folder is what was read: of one that changes meanwhile, nothing can be said."""
        if folder_listing.take(self.folder) != listing:
            raise SetChanged

    def _is_done_again(self, published: Record, rtset: RtSet, content: str) -> bool:
        """Whether a person wants a published set done again; it is, if it is still the one that was published."""
        collection = self.collection
        if not republish.is_requested(collection, published):
            return False
        folder = collection.root / folder_name(published.index)
        return same_source.is_the_same(rtset, content, persons.secret_of(collection, published), published, folder)

    def _identify(self, rtset: RtSet) -> tuple[str, str]:
        """Identify a set by its UIDs, and by its content too if a person once said that it is a set of its own.

        One that has a claim or a record by the former rule keeps the id of that rule.
        """
        collection = self.collection
        named = same_source.name(collection, rtset)
        own = same_source.of_its_own(collection, rtset, named)
        if claims.of(collection, own.set_id) or self._counts_as_new():
            return own
        former = same_source.formerly(collection, rtset)
        if former and not self._is_known(named.set_id) and self._is_known(former.set_id):
            return former
        return named

    def _counts_as_new(self) -> bool:
        """Return whether a person said that it is a set of its own."""
        return registry.counts_as_new(self.collection, self.locator, self.seen.fingerprint, self.plan)

    def _is_known(self, set_id: str) -> bool:
        """Return whether a set has a number, or had one."""
        return claims.of(self.collection, set_id) is not None or publish.find(self.collection, set_id) is not None

    def _published(
        self, set_id: str, index: int, content: str, doubts: Sequence[Doubt], person: Person | None
    ) -> _Told:
        """Report a set that was published just now, by this worker or by another one at the same moment."""
        found = records.read(self.collection, index)
        if found and found.content.get("source") != content:
            raise SetChanged  # another one of the same UIDs was first: what is to be told of this one is found out anew
        if self._other_folder(set_id) is None:
            told = self._told_of_person(set_id, index, person)
            note = self._beside(doubts, told, index)
            return self._told(SetState.PUBLISHED, note, set_id=set_id, index=index, text=told)
        text = SAME.format(folder_name(index))
        return self._told(SetState.SAME_SET, text, set_id=set_id, index=index, text=text)

    def _told_of_person(self, set_id: str, index: int, person: Person | None) -> str:
        """Note the person of a published set, and tell which other sets are theirs."""
        collection = self.collection
        record = records.read(collection, index)
        name = str(record.content.get(persons.KEY, persons.OF_SET)) if record is not None else persons.OF_SET
        if name == persons.OF_SET:
            return same_person.told(collection, person)
        return linking.told(collection, name.partition(":")[2], set_id, index)

    def _with_the_same_plan(self, set_id: str, rtset: RtSet) -> Record | None:
        """Find what was published of this plan with other objects, unless a person wants this set as one of its own."""
        collection = self.collection
        earlier = plans.set_of(collection, rtset.plan.sop_instance_uid)
        if earlier in {None, set_id} or claims.of(collection, set_id) or self._counts_as_new():
            return None
        found = publish.find(collection, earlier)
        return None if found is None or found.withdrawn else found

    def _already_published(
        self, set_id: str, rtset: RtSet, content: str, published: Record, doubts: Sequence[Doubt] = ()
    ) -> _Told:
        """Report a set that is published already: nothing new is made of it, and a person decides on a changed one."""
        collection, name = self.collection, folder_name(published.index)
        state, text = self._published_here(set_id), ""
        as_new = f"If it is to be collected as a set of its own: anonymizer retry ROOT {self._called} --as-new"
        if not published.withdrawn:
            as_new += f". Where {name} is bad, withdraw it first: anonymizer withdraw ROOT {name}"
        if published.withdrawn:
            state = SetState.WITHDRAWN
            text = (
                f"This is the set that was published as {name} and then withdrawn. Nothing new was made of it. {as_new}"
            )
        elif published.set_id != set_id:
            state = SetState.CHANGED
            text = (
                f"Its plan was published as {name}, with other objects: some were added, taken away or exported anew "
                f"since. Nothing new was made of it. {as_new}"
            )
        elif not same_source.is_the_same(
            rtset, content, persons.secret_of(collection, published), published, collection.root / name
        ):
            state = SetState.CHANGED
            text = (
                f"Its objects have the UIDs of the set that was published as {name}, but they are not the same any "
                f"more. Nothing new was made of it. {as_new}"
            )
        elif state is SetState.SAME_SET:
            text = SAME.format(name)
        if text:
            return self._told(state, text, set_id=set_id, index=published.index, text=text)
        person = same_person.described(collection, rtset, published.index, collection.hospital_of(self.folder))
        told = self._told_of_person(set_id, published.index, person)
        note = self._beside(doubts, told, published.index)
        return self._told(state, note, set_id=set_id, index=published.index, text=told)

    def _forgotten(self, set_id: str) -> _Told:
        """Leave it to a person whether a set that was erased on request is published once more."""
        text = (
            "This set was published here and then forgotten: everything of it was erased on request. Nothing new was "
            f"made of it. If it may be collected again: anonymizer retry ROOT {self._called} --as-new"
        )
        return self._told(SetState.CHANGED, text, codes=("forgotten",), set_id=set_id, text=text)

    @property
    def _called(self) -> str:
        """How commands name the set: the folder, and of several sets the ordinal."""
        return f"{self.collection.name_of(self.folder)!r}{f' {self.ordinal}' if self.ordinal else ''}"

    def _published_here(self, set_id: str) -> SetState:
        """Return whether a set was published out of this folder, or out of another one."""
        claim, outcome = claims.of(self.collection, set_id), registry.read_outcome(self.collection, self.locator)
        noted = outcome is not None and any(
            (one.state, one.set_id) == (SetState.PUBLISHED, set_id) for one in outcome.entries
        )
        here = noted or (claim is not None and claim.locator == self.locator)
        return SetState.PUBLISHED if here else SetState.SAME_SET

    def _other_folder(self, set_id: str) -> Path | None:
        """Return the folder out of which a set got its number, if that is another one, and still there."""
        claim = claims.of(self.collection, set_id)
        if claim is None or claim.locator == self.locator:
            return None
        other = registry.folder_of(self.collection, claim.locator)
        return other if other and other.is_dir() else None

    def refused(self, refused: SetRefused) -> _Told:
        """Return why a set is refused."""
        text = "\n".join(f"{fault.found} {fault.remedy}" for fault in refused.faults)
        codes = tuple(fault.code for fault in refused.faults)
        entry = self._told(SetState.REFUSED, codes=codes, index=self._made_before(), text=text).entry
        return _Told(entry, faults=refused.faults)

    def _waiting(self, incomplete: SetIncomplete) -> _Told:
        text = "\n".join(fault.found for fault in incomplete.faults)
        codes = tuple(fault.code for fault in incomplete.faults)
        note = f"It is not complete yet, and waits:\n{text}"
        return self._told(SetState.WAITING, note, codes=codes, index=self._made_before(), text=text)

    def _waits_for_person(self, waits: SetWaits) -> _Told:
        """Return what a person has to decide before the set goes on."""
        text = "\n".join(f"{fault.found} {fault.remedy}" for fault in waits.faults)
        codes = tuple(fault.code for fault in waits.faults)
        note = f"It waits for a person:\n{text}"
        return self._told(SetState.WAITING, note, codes=codes, index=self._made_before(), text=text)

    def not_readable(self, file: str) -> _Told:
        """Report that something in the folder may not be read."""
        text = notes.may_not_be_read(file)
        return self._told(SetState.NOT_READABLE, text, index=self._made_before(), text=text)

    def _second_look(self) -> bool:
        """Return whether the set was doubted before, and looked as it does now."""
        before = registry.read_outcome(self.collection, self.locator)
        if before is None or before.fingerprint != self.seen.fingerprint:
            return False
        return any(registry.SECOND_LOOK in one.codes for one in before.entries if one.plan == self.plan)

    def _doubted(self, doubts: Sequence[Doubt]) -> _Told:
        """Wait once for a set that may be half copied."""
        text = "\n".join(doubt.text for doubt in doubts)
        note = f"It may not be copied to its end, and is looked at once more:\n{text}"
        codes = (unfinished_pixels.CODE, registry.SECOND_LOOK)
        return self._told(SetState.WAITING, note, codes=codes, index=self._made_before(), text=text)

    def _told(self, state: SetState, note: str = "", **more: Any) -> _Told:
        return _Told(SetOutcome(state, plan=self.plan, ordinal=self.ordinal, **more), note)

    def _beside(self, doubts: Sequence[Doubt], person: str, index: int) -> str:
        """Return the note beside a published set: half copied files, whose it is as well, and words nobody has read.

        Whoever called it a set of its own knows the person.
        """
        is_known = registry.counts_as_new(self.collection, self.locator, self.seen.fingerprint)
        lines = [f"It was published. {person}"] if person and not is_known else []
        found = unread_words.read(self.collection, index)
        unread = unread_words.unread(self.collection, found) if found else []
        words = f"It was published. {unread_words.note(unread)}" if unread else ""
        return "\n".join(filter(None, (*lines, _of_doubts(doubts), words)))

    def _made_before(self) -> int | None:
        """Return the index of what was published of this folder when it held something else, if that still stands."""
        outcome = registry.read_outcome(self.collection, self.locator)
        if outcome is None:
            return None
        for one in outcome.entries:
            if one.index is not None and self.plan in {one.plan, ""} and self._stands(one.index):
                return one.index
        return None

    def _stands(self, index: int) -> bool:
        """Return whether what was published under an index came out of this folder, and was not taken back."""
        found = records.read(self.collection, index)
        if found is None or found.set_id is None or found.withdrawn:
            return False
        claim = claims.of(self.collection, found.set_id)
        return claim is not None and claim.locator == self.locator


def _unreadable(fault: Malformed) -> SetRefused:
    """Report a set that something in it, which only its writing looks at, is no DICOM."""
    found = f"An object of the set cannot be read as DICOM: {fault}."
    return SetRefused(Fault("file-unreadable", found, "Export the set once more."))


def _of_doubts(doubts: Sequence[Doubt]) -> str:
    """Report a published set that it may be half copied; of any other nothing."""
    text = "\n".join(doubt.text for doubt in doubts)
    return f"It was published. Look whether it was copied to its end:\n{text}" if text else ""


def _outcome(state: SetState, seen: Listing, **more: Any) -> Outcome:
    """Note what became of a set as it was seen."""
    folders = {str(folder.path): folder.mtime_ns for folder in seen.folders}
    return Outcome(state, seen.fingerprint, datetime.now(UTC).isoformat(timespec="seconds"), folders=folders, **more)


def _record(
    identity: NewIdentity,
    remaking: Remaking,
    verdict: Verdict,
    rtset: RtSet,
    naming: Naming,
    content: str,
    settled: int,
) -> Mapping[str, Any]:
    """Return what was done to a published set, for its record, without any original value.

    It is enough to prove the set again when form and descriptors say something else (`services.proof.prove`).
    """
    options, machine = remaking.policy.options, remaking.machine
    fit = verdict.machine
    return {
        "source": content,
        "identity": {"patient_id": identity.patient_id, "patient_name": identity.patient_name},
        "machine": {"name": machine.name, "manufacturer": machine.manufacturer, "model": machine.model}
        if machine
        else None,
        "policy": {"standard": EDITION, "edition": POLICY_EDITION},
        "method": {"text": list(remaking.method), "codes": [code.value for code in remaking.codes]},
        "options": {
            "dates": options.dates,
            "patient_characteristics": options.patient_characteristics,
            "birth_date": options.birth_date,
            "times": options.times,
            "machine": machine.name if machine else "keep",
            "scanner": remaking.scanner,
        },
        "links": dict(verdict.links),
        "machine_findings": [
            {"beam": finding.beam_number, "code": finding.code, "blocks": blocks}
            for blocks, findings in ((True, fit.blocks), (False, fit.differs))
            for finding in findings
        ]
        if fit
        else [],
        "notes": list(remaking.person.notes),
        "told": [*verdict.told, *_settled(settled)],
        "lost": private_loss.of_plan(rtset.plan.view),
        "accepted": dict(verdict.accepted),
        "remarks": len(verdict.notes) - len(verdict.told),
        "doubts": [doubt.place for doubt in verdict.doubts],
        "cleaned": dict(remaking.cleaner.replaced),
        "structures": {"list": naming.digest, **remaking.cleaner.coverage.as_json()},
    }


def _settled(count: int) -> list[str]:
    """Report bits of pixel cells that held no pixel."""
    return [f"Bits that hold no pixel were cleared in the cells of {count} object{'s' * (count > 1)}."] if count else []
