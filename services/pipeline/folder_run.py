"""Processing of a folder: check, then a run for each of its sets; the results are written to one file.

`process` is what a worker calls for a settled folder.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import redis

from services.errors import SetChanged, SetRefused, SetsFailed, SettingsWrong
from services.language import english, gettext
from services.layout import quoted
from services.pipeline import folder_check
from services.pipeline.answers import Answers, parked_text
from services.pipeline.folder_check import MayNotBeRead
from services.pipeline.one_set import OneSet
from services.pipeline.set_run import SetRun
from services.rtset import folder_listing
from services.rtset.folder_listing import Listing
from services.runtime.garbage import without_garbage_collection
from services.store import failures, notes, plans, registry
from services.store.records import folder_name
from services.store.registry import Outcome, SetOutcome
from services.store.set_state import SetState
from services.verdict.selection import complete_sets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.pipeline.answers import Answer
    from services.publication.index_ledger import Ledger
    from services.runtime.progress import Progress
    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from services.verdict.folder_sets import FolderVerdict, SetVerdict
    from services.verdict.verdict import Verdict

TRIES: Final = 3
"""Immediate restarts of a set that changes while being processed; after these it waits until it has settled."""

_CIRCUMSTANCES: Final = (OSError, redis.RedisError, SetChanged, SettingsWrong)
"""Errors that stop a whole folder temporarily and are not a set's fault."""


def process(
    collection: Collection,
    locator: str,
    ledger: Ledger,
    progress: Progress,
    settings: Settings,
    *,
    patience_over: bool,
) -> Outcome | None:
    """Process a settled folder completely, and store and report its outcome.

    Parameters
    ----------
    locator
        Locator of a registered folder.
    settings
        Settings of the process: the folder of the user's machine descriptors, and the time zone of dates.
    patience_over
        Whether an incomplete set is now refused instead of waiting.

    Returns
    -------
    Outcome, or None if the folder is gone.

    Raises
    ------
    OSError, redis.RedisError
        Temporary. The set keeps its index, if it had one.
    SetChanged
        The folder changes faster than it can be read, so has not settled.
    NotClean, publish.TargetTaken
        A fault of this program: nothing was published, the index was released, an operator must look.
    SetsFailed
        The same for some sets of a multi-set folder, after all others were processed.
    """
    collection.check_there()
    folder = registry.folder_of(collection, locator)
    if folder is None or not folder.is_dir():
        return None
    run = _FolderRun(collection, folder, locator, ledger, progress, settings)
    with collection.speaking(), without_garbage_collection():
        outcome = _unless_changed(lambda: run.execute(patience_over=patience_over))
    outcome = replace(outcome, settings=collection.settings)
    registry.write_outcome(collection, locator, outcome)
    return outcome


def _unless_changed(step: Callable[[], Outcome]) -> Outcome:
    """Retry a step a few times if the folder changed meanwhile."""
    for _ in range(TRIES - 1):
        with suppress(SetChanged):
            return step()
    return step()


@dataclass(frozen=True, slots=True)
class _FolderRun:
    """Run of one folder over its sets, usually just one."""

    collection: Collection
    folder: Path
    locator: str
    ledger: Ledger
    progress: Progress
    settings: Settings

    def execute(self, *, patience_over: bool) -> Outcome:
        """Check the folder and process each set. Results are reported together at the end, in one file."""
        failures.end(self.collection, self.locator)  # left by an attempt that was killed, which was counted by now
        try:
            seen = folder_listing.take(self.folder)
        except SetRefused as fault:
            seen = Listing((), (), (), str(fault))
            return self._conclude_one(seen, self._answers(seen).refused(fault))
        try:
            self.progress.step("read", 0, len(seen.entries))
            judged = folder_check.judge(self.collection, self.folder, self.locator, seen, self.settings.machines)
        except SetRefused as fault:
            return self._conclude_one(seen, self._answers(seen).refused(fault))
        except MayNotBeRead as denied:
            return self._conclude_one(seen, self._answers(seen).not_readable(str(denied)))
        left_out = judged.not_taken
        if len(judged.sets) == 1 and judged.sets[0].plan is None:
            waiting = [judged.sets[0].verdict]
            del judged
            outcome = self._execute_one(seen, waiting, patience_over=patience_over)
        else:
            outcome = self._execute_each(seen, judged, patience_over=patience_over)
        return replace(outcome, not_taken=left_out)

    def _execute_one(self, seen: Listing, waiting: list[Verdict], *, patience_over: bool) -> Outcome:
        """Process the only set of a folder."""
        if waiting[0].empty:
            return _outcome(SetState.NO_SET, seen)
        return self._conclude_one(seen, self._set(seen).execute(waiting, patience_over=patience_over))

    def _execute_each(self, seen: Listing, judged: FolderVerdict, *, patience_over: bool) -> Outcome:
        """Process several sets; a failed one does not affect the others.

        Raises
        ------
        SetsFailed
            After all others are done.
        """
        collection, fingerprint = self.collection, seen.fingerprint
        entries: list[SetOutcome] = []
        errors: dict[str, Exception] = {}
        for one in judged.sets:
            assert one.plan is not None  # each of several sets has its plan
            mark = plans.mark_of(collection, one.plan.sop_instance_uid)
            this = self._set(seen, mark, one.ordinal)
            if parked := self._parked(mark, one.ordinal, fingerprint):
                entries.append(parked)
                continue
            failures.begin(collection, self.locator, mark)
            try:
                answer = this.execute([one.verdict], patience_over=patience_over)
            except _CIRCUMSTANCES:
                failures.end(collection, self.locator)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this set's
                errors[mark] = error
            else:
                entries.append(_as_one_of_several(answer, one))
        failures.end(collection, self.locator)
        if errors:
            raise SetsFailed(errors)
        return self._conclude(seen, judged, entries)

    def _parked(self, mark: str, ordinal: int, fingerprint: str) -> SetOutcome | None:
        """Return the outcome of one of several sets if it is parked, else None."""
        key = failures.of_set(self.locator, mark)
        codes = failures.parked(self.collection, key, fingerprint)
        if not codes:
            return None
        proof = failures.proof(self.collection, key)
        return SetOutcome(SetState.PARKED, codes, text=parked_text(proof), plan=mark, ordinal=ordinal, proof=proof)

    def _conclude_one(self, seen: Listing, answer: Answer) -> Outcome:
        """Write the result for a folder with one set."""
        entry = answer.entry
        if answer.faults:
            published = "" if entry.index is None else folder_name(entry.index)
            notes.write_refused(self.folder, answer.faults, made_before=published)
        elif answer.note:
            notes.write_note(self.folder, answer.note)
        else:
            notes.clear(self.folder)
        return _outcome(entry.state, seen, codes=entry.codes, set_id=entry.set_id, index=entry.index, text=entry.text)

    def _conclude(self, seen: Listing, judged: FolderVerdict, entries: list[SetOutcome]) -> Outcome:
        """Write the results for the sets of a folder."""
        if judged.undecided:
            entries.append(SetOutcome(SetState.WAITING, (registry.CHOOSE_PLANS,), text=self._question(judged)))
        if not entries:  # a person chose none of its plans
            text = "\n".join(judged.passed_over)
            notes.write_note(self.folder, text)
            return _outcome(SetState.NO_SET, seen, text=text)
        notes.write_sets(self.folder, entries)
        codes = tuple(dict.fromkeys(code for one in entries for code in one.codes))
        state, text = registry.least_finished(entries), registry.join_texts(entries)
        return _outcome(state, seen, codes=codes, text=text, sets=tuple(entries))

    def _question(self, judged: FolderVerdict) -> str:
        """Return the question to a person which plans of the folder to use."""
        listed = (f"{one.ordinal}. {one.describe_with_dose()}" for one in judged.undecided)
        command = f"anonymizer choose ROOT {quoted(self.collection.name_of(self.folder))} NUMBER…"
        how = gettext("How: {command}", command=command)
        return "\n".join([gettext("Several plans are here. Choose which are to be taken:"), *listed, how])

    def _set(self, seen: Listing, plan: str = "", ordinal: int = 0) -> SetRun:
        one = OneSet(self.collection, self.folder, self.locator, seen, plan, ordinal)
        return SetRun(one, self.ledger, self.progress, self.settings)

    def _answers(self, seen: Listing) -> Answers:
        """Return the possible results for the folder as a whole."""
        return Answers(OneSet(self.collection, self.folder, self.locator, seen))


def _as_one_of_several(answer: Answer, one: SetVerdict) -> SetOutcome:
    """Return the outcome of one of several sets, with its plan and excluded objects."""
    assert one.plan is not None
    what = gettext("It is {plan}.", plan=complete_sets.describe_plan(one.plan))
    others = [note for note in one.verdict.notes if english(note).startswith(("Not taken:", "Left out"))]
    text = "\n".join(filter(None, (what, answer.note or answer.entry.text, *others)))
    return replace(answer.entry, text=text)


def _outcome(state: SetState, seen: Listing, **more: Any) -> Outcome:
    """Return the outcome of a set, for the listing seen."""
    folders = {str(folder.path): folder.mtime_ns for folder in seen.folders}
    return Outcome(state, seen.fingerprint, datetime.now(UTC).isoformat(timespec="seconds"), folders=folders, **more)
