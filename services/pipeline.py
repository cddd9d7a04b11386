"""The way of a set, from a dropped folder to a published one.

`_Run.execute` tells it; every other module is one step or one noun of it. Each step is safe to run twice, and two
copies of the same set at the same moment end in one published folder: the claim, the attempt and the publication see to
that.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.deidentify import writer
from services.deidentify.replacements import remake
from services.dicom import dates
from services.dicom.elements import Malformed
from services.errors import NotClean, SetChanged, SetIncomplete, SetRefused, SetWaits
from services.machines import descriptor
from services.maintenance import same_source
from services.policy.table import EDITION, POLICY_EDITION, policy_for
from services.proof import prove
from services.proof.prove import Expected
from services.publication import claims, forgotten, new_identity, publish, republish
from services.publication.attempts import Attempt
from services.rtset import folder_listing, private_loss, unfinished_pixels
from services.rtset.folder_listing import Listing
from services.rtset.reader import PLAN
from services.store import notes, plans, records, registry, structure_lists
from services.store.records import folder_name
from services.store.registry import Outcome
from services.store.set_state import SetState
from services.store.tracking_lines import TrackingLine
from services.verdict import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from services.deidentify.replacements import Remaking
    from services.forms.identity import NewIdentity
    from services.forms.structure_list import Naming
    from services.layout import NotTaken
    from services.publication.index_ledger import Ledger
    from services.publication.new_identity import Becomes
    from services.rtset.reader import RtSet
    from services.rtset.unfinished_pixels import Doubt
    from services.runtime.progress import Progress
    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from services.store.records import Record
    from services.verdict.check import Verdict

TRIES: Final = 3
"""A set that changes while it is worked on is begun again so often at once; then it waits until it has settled."""

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
    """
    collection.check_there()
    folder = registry.folder_of(collection, locator)
    if folder is None or not folder.is_dir():
        return None
    run = _Run(collection, folder, locator, ledger, progress, settings)
    with _without_garbage_collection():
        outcome = _unless_changed(lambda: run.execute(patience_over=patience_over))
    outcome = replace(outcome, not_taken=run.left_out[-1] if run.left_out else ())
    registry.write_outcome(collection, locator, outcome)
    return outcome


def _unless_changed(step: Callable[[], Outcome]) -> Outcome:
    """Begin again where the folder changed meanwhile, a few times."""
    for _ in range(TRIES - 1):
        with suppress(SetChanged):
            return step()
    return step()


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

    record: Mapping[str, Any]
    """What the record says beside the proof."""


class _MayNotBeRead(Exception):
    """A file of the set may not be read; its text is the file's name, which leaves the process in no other way."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One set on its run."""

    collection: Collection
    folder: Path
    locator: str
    ledger: Ledger
    progress: Progress
    settings: Settings
    left_out: list[tuple[NotTaken, ...]] = field(default_factory=list)
    """What each check so far found in the folder that is no part of the set."""

    def execute(self, *, patience_over: bool) -> Outcome:
        """Check → claim index → anonymize → verify → publish; the tracking line is published with the set."""
        collection = self.collection
        try:
            seen = folder_listing.take(self.folder)
        except SetRefused as fault:
            return self._refused(Listing((), (), (), str(fault)), fault)
        try:
            verdict = self._check(seen)
            if verdict.empty:
                return _outcome(SetState.NO_SET, seen)
            rtset = verdict.good_set()
            set_id, content = self._identify(seen, rtset)
            published = publish.find(collection, set_id)
            if published is None and forgotten.is_kept(collection, set_id):
                return self._forgotten(seen, set_id)
            if published is None and (other := self._with_the_same_plan(seen, set_id, rtset)):
                return self._already_published(seen, set_id, rtset, content, other)
            if published is not None and not self._is_done_again(published, rtset, set_id, content):
                return self._already_published(seen, set_id, rtset, content, published, verdict.doubts)
            if published is None and verdict.doubts and not self._second_look(seen):
                return self._doubted(seen, verdict.doubts)
            becomes = self._decide_who(rtset, published)
            shift = dates.choose_shift(collection.set_key(set_id), rtset.dates)
        except SetWaits as fault:
            return self._waits_for_person(seen, fault)
        except SetIncomplete as fault:
            return self._refused(seen, fault) if patience_over else self._waiting(seen, fault)
        except SetRefused as fault:
            return self._refused(seen, fault)
        except _MayNotBeRead as denied:
            return self._not_readable(seen, str(denied))

        doubts = verdict.doubts
        index = self._claim(set_id, becomes)
        plans.note(collection, rtset.plan.sop_instance_uid, set_id)
        try:
            attempt = Attempt.begin(collection, set_id, index)
            try:
                made = self._anonymize(attempt, verdict, rtset, shift, content, becomes)
                del verdict, rtset  # tens of megabytes; what follows reads everything for itself
                self._publish(attempt, made, published)
            except BaseException:
                attempt.discard()
                raise
        except (NotClean, SetChanged, Malformed, publish.TargetTaken):
            self.ledger.release(set_id)
            raise
        republish.clear(collection, index)
        return self._published(seen, set_id, index, content, doubts)

    def _decide_who(self, rtset: RtSet, published: Record | None) -> Becomes:
        """Decide who the patient becomes; who is done again stays who it is."""
        collection = self.collection
        hospital = collection.hospital_of(self.folder)
        return new_identity.decide(collection, new_identity.patient_id_of(rtset), hospital, published)

    def _claim(self, set_id: str, becomes: Becomes) -> int:
        """Claim the number that a list holds for the set's patient, else the next one."""
        if becomes.index is not None:
            return self.ledger.claim_listed(set_id, self.locator, becomes.index)
        return self.ledger.claim(set_id, self.locator)

    def _check(self, seen: Listing) -> Verdict:
        options = self.collection.options
        if codes := registry.accepted(self.collection, self.locator, seen.fingerprint):
            options = replace(options, accept=options.accept | codes)
        machines = descriptor.named(options.machine, descriptor.folders(self.settings.machines))
        self.progress.step("read", 0, len(seen.entries))
        try:
            verdict = check.judge(self.folder, options, machines, policy_for(options), seen)
        except PermissionError as denied:
            raise _MayNotBeRead(PurePath(denied.filename or self.folder).name) from None
        self.left_out.append(verdict.not_taken)
        return verdict

    def _anonymize(
        self,
        attempt: Attempt,
        verdict: Verdict,
        rtset: RtSet,
        shift: timedelta,
        content: str,
        becomes: Becomes,
    ) -> _Anonymized:
        """Write the new files into the folder of an attempt."""
        collection, files = self.collection, rtset.set_files
        identity = becomes.numbered(collection.identity, attempt.index)
        target = verdict.machine.machine if verdict.machine else None
        key, naming = collection.set_key(attempt.set_id), collection.naming
        remaking = remake(rtset, target, collection.options, key, shift, identity, naming)
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
            Expected(identity, remaking.policy, target, remaking.scanner, rtset.relinked, naming),
            _record(identity, remaking, verdict, rtset, naming, content, settled),
        )

    def _publish(self, attempt: Attempt, made: _Anonymized, earlier: Record | None) -> None:
        """Verify → publish; in the place of what is to be done again."""
        collection = self.collection
        self.progress.step("verified", 0, len(made.source))
        proof = prove.prove(made.source, attempt.folder, made.expected)
        self.progress.size_bytes = sum(file.size_bytes for file in proof.files.values())
        if folder_listing.take(self.folder) != made.listing:
            raise SetChanged
        line = TrackingLine(
            made.patient_id,
            made.expected.identity.patient_id,
            made.plan_label,
            made.hospital,
            datetime.now(self.settings.timezone).date(),
        )
        structure_lists.keep(collection, collection.naming)
        person = collection.person(made.patient_id, collection.hospital_of(self.folder))
        told = {"proof": proof.as_json(), "person": person, **made.record}
        publish.publish(attempt, told, line, made.plan_name, instead_of=earlier)

    def _is_done_again(self, published: Record, rtset: RtSet, set_id: str, content: str) -> bool:
        """Whether a person wants a published set done again; it is, if it is still the one that was published."""
        collection = self.collection
        if not republish.is_requested(collection, published):
            return False
        folder = collection.root / folder_name(published.index)
        return same_source.is_the_same(rtset, content, collection.set_key(set_id), published, folder)

    def _identify(self, seen: Listing, rtset: RtSet) -> tuple[str, str]:
        """Give a set its id, by its UIDs, and by its content too if a person once said that it is a set of its own.

        One that has a claim or a record by the former rule keeps the id of that rule.
        """
        collection = self.collection
        named = same_source.name(collection, rtset)
        own = same_source.of_its_own(collection, rtset, named)
        if claims.of(collection, own.set_id) or registry.counts_as_new(collection, self.locator, seen.fingerprint):
            return own
        former = same_source.formerly(collection, rtset)
        if former and not self._is_known(named.set_id) and self._is_known(former.set_id):
            return former
        return named

    def _is_known(self, set_id: str) -> bool:
        """Whether a set has a number, or had one."""
        return claims.of(self.collection, set_id) is not None or publish.find(self.collection, set_id) is not None

    def _published(self, seen: Listing, set_id: str, index: int, content: str, doubts: Sequence[Doubt]) -> Outcome:
        """Tell of a set that was published just now, by this worker or by another one at the same moment."""
        found = records.read(self.collection, index)
        if found and found.content.get("source") != content:
            raise SetChanged  # another one of the same UIDs was first: what is to be told of this one is found out anew
        if self._other_folder(set_id) is None:
            self._write_doubts(doubts)
            return _outcome(SetState.PUBLISHED, seen, set_id=set_id, index=index)
        text = SAME.format(folder_name(index))
        notes.write_note(self.folder, text)
        return _outcome(SetState.SAME_SET, seen, set_id=set_id, index=index, text=text)

    def _with_the_same_plan(self, seen: Listing, set_id: str, rtset: RtSet) -> Record | None:
        """Find what was published of this plan with other objects, unless a person wants this set as one of its own."""
        collection = self.collection
        earlier = plans.set_of(collection, rtset.plan.sop_instance_uid)
        if earlier in {None, set_id} or claims.of(collection, set_id):
            return None
        if registry.counts_as_new(collection, self.locator, seen.fingerprint):
            return None
        found = publish.find(collection, earlier)
        return None if found is None or found.withdrawn else found

    def _already_published(
        self,
        seen: Listing,
        set_id: str,
        rtset: RtSet,
        content: str,
        published: Record,
        doubts: Sequence[Doubt] = (),
    ) -> Outcome:
        """Tell of a set that is published already: nothing new is made of it, and a person decides on a changed one."""
        collection, name = self.collection, folder_name(published.index)
        state, text = self._published_here(set_id), ""
        called = collection.name_of(self.folder)
        as_new = f"If it is to be collected as a set of its own: anonymizer retry ROOT {called!r} --as-new"
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
        elif not same_source.is_the_same(rtset, content, collection.set_key(set_id), published, collection.root / name):
            state = SetState.CHANGED
            text = (
                f"Its objects have the UIDs of the set that was published as {name}, but they are not the same any "
                f"more. Nothing new was made of it. {as_new}"
            )
        elif state is SetState.SAME_SET:
            text = SAME.format(name)
        if text:
            notes.write_note(self.folder, text)
        else:
            self._write_doubts(doubts)
        return _outcome(state, seen, set_id=set_id, index=published.index, text=text)

    def _forgotten(self, seen: Listing, set_id: str) -> Outcome:
        """Leave it to a person whether a set that was erased on request is published once more."""
        text = (
            "This set was published here and then forgotten: everything of it was erased on request. Nothing new was "
            f"made of it. If it may be collected again: anonymizer retry ROOT {self.folder.name!r} --as-new"
        )
        notes.write_note(self.folder, text)
        return _outcome(SetState.CHANGED, seen, codes=("forgotten",), set_id=set_id, text=text)

    def _published_here(self, set_id: str) -> SetState:
        """Tell whether a set was published out of this folder, or out of another one."""
        claim, outcome = claims.of(self.collection, set_id), registry.read_outcome(self.collection, self.locator)
        noted = outcome is not None and (outcome.state, outcome.set_id) == (SetState.PUBLISHED, set_id)
        here = noted or (claim is not None and claim.locator == self.locator)
        return SetState.PUBLISHED if here else SetState.SAME_SET

    def _other_folder(self, set_id: str) -> Path | None:
        """Give the folder out of which a set got its number, if that is another one, and still there."""
        claim = claims.of(self.collection, set_id)
        if claim is None or claim.locator == self.locator:
            return None
        other = registry.folder_of(self.collection, claim.locator)
        return other if other and other.is_dir() else None

    def _refused(self, seen: Listing, refused: SetRefused) -> Outcome:
        before = self._made_before()
        notes.write_refused(self.folder, refused.faults, made_before="" if before is None else folder_name(before))
        text = "\n".join(f"{fault.found} {fault.remedy}" for fault in refused.faults)
        return _outcome(
            SetState.REFUSED, seen, codes=tuple(fault.code for fault in refused.faults), index=before, text=text
        )

    def _waiting(self, seen: Listing, incomplete: SetIncomplete) -> Outcome:
        text = "\n".join(fault.found for fault in incomplete.faults)
        notes.write_note(self.folder, f"It is not complete yet, and waits:\n{text}")
        codes = tuple(fault.code for fault in incomplete.faults)
        return _outcome(SetState.WAITING, seen, codes=codes, index=self._made_before(), text=text)

    def _waits_for_person(self, seen: Listing, waits: SetWaits) -> Outcome:
        """Tell what a person has to decide before the set goes on."""
        text = "\n".join(f"{fault.found} {fault.remedy}" for fault in waits.faults)
        notes.write_note(self.folder, f"It waits for a person:\n{text}")
        codes = tuple(fault.code for fault in waits.faults)
        return _outcome(SetState.WAITING, seen, codes=codes, index=self._made_before(), text=text)

    def _not_readable(self, seen: Listing, file: str) -> Outcome:
        text = notes.may_not_be_read(file)
        notes.write_note(self.folder, text)
        return _outcome(SetState.NOT_READABLE, seen, index=self._made_before(), text=text)

    def _second_look(self, seen: Listing) -> bool:
        """Whether the set was doubted before, and looked as it does now."""
        before = registry.read_outcome(self.collection, self.locator)
        return before is not None and before.asks_second_look and before.fingerprint == seen.fingerprint

    def _doubted(self, seen: Listing, doubts: Sequence[Doubt]) -> Outcome:
        """Wait once for a set that may be half copied."""
        text = "\n".join(doubt.text for doubt in doubts)
        notes.write_note(self.folder, f"It may not be copied to its end, and is looked at once more:\n{text}")
        codes = (unfinished_pixels.CODE, registry.SECOND_LOOK)
        return _outcome(SetState.WAITING, seen, codes=codes, index=self._made_before(), text=text)

    def _write_doubts(self, doubts: Sequence[Doubt]) -> None:
        """Leave a note beside a published set that may be half copied, and none beside any other."""
        if not doubts:
            notes.clear(self.folder)
            return
        text = "\n".join(doubt.text for doubt in doubts)
        notes.write_note(self.folder, f"It was published. Look whether it was copied to its end:\n{text}")

    def _made_before(self) -> int | None:
        """Give the index of what was published of this folder when it held something else, if that still stands."""
        outcome = registry.read_outcome(self.collection, self.locator)
        found = records.read(self.collection, outcome.index) if outcome and outcome.index is not None else None
        if found is None or found.set_id is None or found.withdrawn:
            return None
        claim = claims.of(self.collection, found.set_id)
        return found.index if claim and claim.locator == self.locator else None


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
    """Tell for the record of a published set what was done, without any original value.

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
    """Tell of bits of pixel cells that held no pixel."""
    return [f"Bits that hold no pixel were cleared in the cells of {count} object{'s' * (count > 1)}."] if count else []


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Keep Python from looking for cycles while tens of thousands of elements are made, among which there are none.

    It would take as long as the parsing itself.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
