"""The check of a folder that may hold several sets: each separately, according to the collection's `plans` option.

A folder with one plan, one structure set and one CT series is checked as one set regardless of the option. Objects
shared by two sets are read once and checked with each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from services.errors import Fault
from services.language import gettext, printable
from services.policy.object_kinds import PLAN
from services.rtset import folder_listing, not_taken, reader
from services.verdict import check
from services.verdict.checks import whose_folder
from services.verdict.selection import complete_sets, set_aside
from services.verdict.selection.set_aside import SetAside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from services.forms.collection_form import Options
    from services.layout import NotTaken
    from services.machines.descriptor import Machine
    from services.policy.table import Policy
    from services.rtset.folder_listing import Listing
    from services.rtset.reader import Contents, SetFile
    from services.verdict.selection.complete_sets import Candidate, CompleteSets
    from services.verdict.verdict import Verdict

NO_APPROVED_PLAN: Final = "no-approved-plan"


@dataclass(frozen=True, slots=True)
class SetVerdict:
    """Verdict on one set of a folder."""

    verdict: Verdict

    plan: SetFile | None = None
    """Identifies the set within the folder; None if the folder is checked as one set."""

    ordinal: int = 0
    """As printed by `check`; 0 if the folder is checked as one set."""


@dataclass(frozen=True, slots=True)
class FolderVerdict:
    """Result of checking a folder."""

    sets: tuple[SetVerdict, ...]
    """Sets to be made, in the order in which they get numbers."""

    candidates: tuple[Candidate, ...] = ()
    """All plans of a multi-set folder, used or not."""

    undecided: tuple[Candidate, ...] = ()
    """Plans about which a person is asked."""

    passed_over: tuple[str, ...] = ()
    """Notes on plans that are not used."""

    left_out: tuple[NotTaken, ...] = ()
    """Entries of a multi-set folder that may hold DICOM but are not part of any set."""

    @property
    def not_taken(self) -> tuple[NotTaken, ...]:
        """Entries of the folder that may hold DICOM but are not part of a set."""
        return tuple(dict.fromkeys((*self.left_out, *(one for each in self.sets for one in each.verdict.not_taken))))


def judge(
    folder: Path,
    options: Options,
    machines: Sequence[Machine],
    policy: Policy,
    listing: Listing,
    chosen: Callable[[SetFile], bool | None] = lambda _: None,
) -> FolderVerdict:
    """Check each set of a folder.

    Parameters
    ----------
    chosen
        Returns whether a person chose a plan or left it out; None if not asked yet.

    Raises
    ------
    SetRefused, SetChanged, OSError
        As `check.judge`.
    """
    contents = reader.read(folder, listing)
    judged = _Judged(folder, contents, options, machines, policy, listing)
    aside = set_aside.leave_out(contents.objects, options)
    if options.plans == "refuse" or not complete_sets.are_several(aside.objects) or not aside.objects[PLAN]:
        return FolderVerdict((SetVerdict(judged.approved(judged.as_one(aside))),))
    if against := whose_folder.faults(folder, contents):
        return FolderVerdict(
            (SetVerdict(replace(judged.as_one(aside), faults=tuple(against), missing=(), rtset=None)),)
        )
    found = complete_sets.find(aside.objects, options.accept)
    taken, undecided = _taken(found.candidates, options, chosen)
    if not taken and options.plans == "approved":
        refused = replace(judged.as_one(aside), faults=(_none_approved(found.candidates),), missing=(), rtset=None)
        return FolderVerdict((SetVerdict(refused),), found.candidates)
    others = _passed_over(found, taken, undecided)
    sets = tuple(SetVerdict(judged.one_of(one, aside, others), one.plan, one.ordinal) for one in taken)
    return FolderVerdict(sets, found.candidates, tuple(undecided), others, not_taken.of_set(folder, listing))


def plans_in(folder: Path, options: Options) -> tuple[Candidate, ...]:
    """Return the plans of a folder with their objects, in the order of their ordinals.

    Raises
    ------
    SetRefused, SetChanged, OSError
        As `check.judge`.
    """
    contents = reader.read(folder, folder_listing.take(folder))
    return complete_sets.find(set_aside.leave_out(contents.objects, options).objects, options.accept).candidates


def _taken(
    candidates: Sequence[Candidate], options: Options, chosen: Callable[[SetFile], bool | None]
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the plans that are used, and those about which a person must be asked."""
    if options.plans == "approved":
        return [one for one in candidates if one.is_approved], []
    if options.plans != "ask" or len(candidates) == 1:
        return list(candidates), []
    decisions = [(one, chosen(one.plan)) for one in candidates]
    return [one for one, yes in decisions if yes], [one for one, yes in decisions if yes is None]


def _passed_over(found: CompleteSets, taken: Sequence[Candidate], undecided: Sequence[Candidate]) -> tuple[str, ...]:
    left = [one for one in found.candidates if one not in taken and one not in undecided]
    return (*(gettext("Not taken: {file}.", file=one.describe()) for one in left), *found.notes())


def _none_approved(candidates: Sequence[Candidate]) -> Fault:
    listed = "; ".join(f"{one.ordinal}. {one.describe()}" for one in candidates)
    return Fault(
        NO_APPROVED_PLAN,
        gettext("None of the plans here has the approval status APPROVED: {plans}.", plans=listed),
        gettext(
            'Approve the plan and export it once more, or set plans in [check] of collection.toml to "ask" or "each".'
        ),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """A folder after reading."""

    folder: Path
    contents: Contents
    options: Options
    machines: Sequence[Machine]
    policy: Policy
    listing: Listing

    def as_one(self, aside: SetAside) -> Verdict:
        """Check it as one set."""
        return self._judge(self.contents, aside)

    def approved(self, verdict: Verdict) -> Verdict:
        """Refuse a set whose plan is not approved, if the collection requires approval."""
        plans = [one for one in self.contents.objects[PLAN] if self.options.plans == "approved"]
        if not plans or any(complete_sets.approval(one) == complete_sets.APPROVED for one in plans):
            return verdict
        listed = "; ".join(map(complete_sets.describe_plan, plans))
        fault = Fault(
            NO_APPROVED_PLAN,
            gettext("No plan here has the approval status APPROVED: {plans}.", plans=listed),
            gettext('Approve the plan and export it once more, or set plans in [check] of collection.toml to "each".'),
        )
        return replace(verdict, faults=(*verdict.faults, fault), rtset=None)

    def one_of(self, candidate: Candidate, aside: SetAside, others: tuple[str, ...]) -> Verdict:
        """Check one set separately; unreadable files affect only sets whose references are not sufficient."""
        its_own = set_aside.leave_out(candidate.objects, self.options)
        its_own = SetAside(its_own.objects, (*aside.localizers, *its_own.localizers), its_own.doses)
        contents = replace(self.contents, objects=candidate.objects, unreadable=())
        verdict = self._judge(contents, its_own)
        unreadable = self.contents.unreadable
        if unreadable and not all(state == "shown" for state in verdict.links.values()):
            verdict = self._judge(replace(contents, unreadable=unreadable), its_own)
        elif unreadable:
            others = (
                *others,
                *(gettext("Not taken: {file}, which cannot be read.", file=printable(one.path)) for one in unreadable),
            )
        return replace(verdict, notes=(*verdict.notes, *others))

    def _judge(self, contents: Contents, aside: SetAside) -> Verdict:
        return check.judge_contents(
            self.folder, contents, self.options, self.machines, self.policy, self.listing, aside
        )
