"""Sets {CT, structure set, plan, dose} in a folder, found by the references between its objects.

Planning systems export patients: several plans, their structure sets and series, field doses beside plan doses. Each
plan references its structure set, this the images on which it was drawn, and each dose its plan. What references do not
determine is kept together, and the check tells a person what to choose.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom import dates
from services.language import gettext, ngettext, printable
from services.machines.fit import treatment_beams
from services.policy.object_kinds import CT, DOSE, NAMES, PLAN, STRUCTURE_SET
from services.rtset import references
from services.verdict.checks import importability
from services.verdict.selection import members
from services.verdict.selection.set_aside import describe_dose, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date
    from typing import TypeAlias

    from services.errors import Fault
    from services.rtset.reader import SetFile

    Choose: TypeAlias = Callable[[Mapping[str, tuple[SetFile, ...]]], Mapping[str, tuple[SetFile, ...]]]
    """Selects the objects of one set from those in a folder."""

APPROVED: Final = "APPROVED"
"""(300E,0002) *Approval Status*. PS3.3 C.8.8.16."""

_SEVERAL: Final = frozenset(("second-plan", "second-structure-set", "second-ct-series", "second-dose"))
"""Codes of folders that hold more than one set."""

_LAST: Final = "99991231"
"""Plans without a date come after dated ones."""


class Candidate(NamedTuple):
    """One plan of a folder, with its objects."""

    ordinal: int
    """As printed by `check`: by plan date, then label."""

    plan: SetFile

    objects: Mapping[str, tuple[SetFile, ...]]
    """By kind; several if references are ambiguous, none if the referenced object is missing."""

    @property
    def plan_uid(self) -> str:
        """Identifies the set within the folder."""
        return self.plan.sop_instance_uid

    @property
    def is_approved(self) -> bool:
        """Return whether the plan's status is APPROVED."""
        return approval(self.plan) == APPROVED

    @property
    def lacks(self) -> list[str]:
        """The missing kinds of object."""
        return [NAMES[kind] for kind in NAMES if not self.objects[kind]]

    @property
    def is_complete(self) -> bool:
        """Return whether there is one of each kind, and none references an object that is not here."""
        remaining = set_aside(self.objects).objects
        if self.lacks or any(len(remaining[kind]) != 1 for kind in (STRUCTURE_SET, PLAN, DOSE)):
            return False
        (structure_set,), (dose,) = remaining[STRUCTURE_SET], remaining[DOSE]
        return (
            _may_name(self.plan, "ReferencedStructureSetSequence", structure_set)
            and _may_name(dose, "ReferencedRTPlanSequence", self.plan)
            and _may_be_drawn_on(structure_set, remaining[CT])
        )

    def describe(self) -> str:
        """Return a description of the plan: `plan "Prostata" of 2020-03-01 (RP.1.dcm, APPROVED)`."""
        return describe_plan(self.plan)

    @property
    def beams(self) -> int:
        """Number of treatment beams."""
        return len(treatment_beams(self.plan.view))

    @property
    def prescription(self) -> str:
        """The highest target dose and its fractions: `66 Gy in 33 fractions`; empty if not stated."""
        view = self.plan.view
        doses = [item.number("TargetPrescriptionDose") for item in view.items("DoseReferenceSequence")]
        fractions = sum(item.number("NumberOfFractionsPlanned") or 0 for item in view.items("FractionGroupSequence"))
        dose = max((one for one in doses if one), default=None)
        parts = [f"{dose:g} Gy"] if dose else []
        counted = ngettext("{count:g} fraction", "{count:g} fractions", fractions)
        return gettext(" in ").join([*parts, counted] if fractions else parts)

    def describe_with_dose(self) -> str:
        """Return a description of the plan, including its prescription."""
        beams = ngettext("{count} beam", "{count} beams", self.beams)
        return f"{self.describe()}: {', '.join(filter(None, (self.prescription, beams)))}"


class CompleteSets(NamedTuple):
    """Contents of a folder."""

    candidates: tuple[Candidate, ...]
    others: tuple[SetFile, ...]
    """Objects of a set's kinds that belong to none of the plans: verification plans, other structure sets, series …"""

    def notes(self) -> Iterator[str]:
        """Yield notes on objects that belong to none of the sets, a series by its first slice."""
        series: defaultdict[str, list[SetFile]] = defaultdict(list)
        for one in self.others:
            if one.kind == CT:
                series[one.uid("SeriesInstanceUID")].append(one)
            else:
                yield gettext("Not taken: {file} ({what}).", file=one.called, what=_what(one))
        for slices in series.values():
            what = slices[0].view.text("SeriesDescription") or gettext("without a description")
            yield ngettext(
                "Not taken: CT series {what}, {count} slice ({path}).",
                "Not taken: CT series {what}, {count} slices ({path} …).",
                len(slices),
                what=printable(what),
                path=printable(slices[0].path),
            )


def find(objects: Mapping[str, tuple[SetFile, ...]], accept: frozenset[str] = frozenset()) -> CompleteSets:
    """Find the sets of a folder.

    Parameters
    ----------
    objects
        The folder's objects by kind, without localizers.
    accept
        Codes knowingly accepted by the collection: with `verification-plan`, such plans make sets, too.
    """
    plans = _treatment_plans(objects[PLAN], accept)
    structure_sets = _structure_sets(plans, objects[STRUCTURE_SET])
    series = _Series(objects)
    found = [
        Candidate(
            ordinal,
            same[0],
            {
                CT: series.of(same[0], structure_sets[ordinal - 1]),
                STRUCTURE_SET: structure_sets[ordinal - 1],
                PLAN: same,
                DOSE: _doses(same[0], objects[DOSE], accept, alone=len(objects[PLAN]) == 1),
            },
        )
        for ordinal, same in enumerate(plans, start=1)
    ]
    taken = {id(one) for candidate in found for files in candidate.objects.values() for one in files}
    others = [one for kind in NAMES for one in objects[kind] if id(one) not in taken]
    return CompleteSets(tuple(found), tuple(others))


def are_several(objects: Mapping[str, tuple[SetFile, ...]]) -> bool:
    """Return whether there is more than one plan, structure set or CT series; otherwise nothing needs sorting."""
    series = {one.uid("SeriesInstanceUID") for one in objects[CT]}
    return max(len(objects[PLAN]), len(objects[STRUCTURE_SET]), len(series)) > 1


def approval(plan: SetFile) -> str:
    """Return the stated approval status of a plan."""
    return plan.view.text("ApprovalStatus").upper()


def plan_date(plan: SetFile) -> date | None:
    """Return the date of a plan; None if not stated."""
    return next(iter(dates.read_da(plan.view.raw("RTPlanDate") or b"")), None)


def describe_plan(plan: SetFile) -> str:
    """Return a description of a plan."""
    label = printable(plan.view.text("RTPlanLabel"))
    day = plan_date(plan)
    status = approval(plan)
    return (
        (gettext('plan "{label}"', label=label) if label else gettext("a plan without a label"))
        + (gettext(" of {day}", day=day.isoformat()) if day else "")
        + f" ({printable(plan.path)}{f', {printable(status)}' if status else ''})"
    )


def tell(faults: Sequence[Fault], objects: Mapping[str, tuple[SetFile, ...]], accept: frozenset[str]) -> list[Fault]:
    """Add the list of sets, and the effect of `plans = "each"`, to the refusal of a folder with several plans."""
    several = next((fault for fault in faults if fault.code in _SEVERAL), None)
    if several is None or not are_several(objects):
        return list(faults)
    found = find(objects, accept)
    extended = replace(
        several,
        found=f"{several.found}\n{list_of_sets(found)}".rstrip(),
        remedy=f"{several.remedy} {effect_of_each(found)}".rstrip(),
    )
    return [extended if fault is several else fault for fault in faults]


def list_of_sets(found: CompleteSets) -> str:
    """Return the list of sets, and what the other plans lack."""
    complete = [one for one in found.candidates if one.is_complete]
    text = [_sets_are(len(complete))] if found.candidates else []
    for one in found.candidates:
        if one.is_complete:
            text.append(f"{one.ordinal}. {one.describe()}: {_members(one)}.")
        else:
            lacks = (
                gettext("its {names} is not here", names=gettext(" and ").join(one.lacks))
                if one.lacks
                else gettext("what is here may not be its own")
            )
            text.append(
                gettext(
                    "{ordinal}. {plan} makes no set: {lacks}.",
                    ordinal=one.ordinal,
                    plan=one.describe(),
                    lacks=lacks,
                )
            )
    return " ".join(text)


def effect_of_each(found: CompleteSets) -> str:
    """Return what `plans = "each"` would make of a folder; empty if nothing more."""
    complete = [str(one.ordinal) for one in found.candidates if one.is_complete]
    if not complete:
        return ""
    what = (
        gettext("set {ordinal} would be published", ordinal=complete[0])
        if len(complete) == 1
        else gettext(
            "sets {ordinals} and {last} would be published, each under a number of its own",
            ordinals=", ".join(complete[:-1]),
            last=complete[-1],
        )
    )
    others = len(found.candidates) - len(complete)
    waits = (
        ngettext(", and {count} plan would be reported", ", and {count} plans would be reported", others)
        if others
        else ""
    )
    return gettext('Or set plans to "each" in [check] of collection.toml: {what}{waits}.', what=what, waits=waits)


def _may_name(one: SetFile, keyword: str, other: SetFile) -> bool:
    """Return whether an object references another one, or none at all."""
    named_by_it = references.references(one.view, keyword)
    return not named_by_it or other.sop_instance_uid in named_by_it


def _may_be_drawn_on(structure_set: SetFile, slices: Sequence[SetFile]) -> bool:
    """Return whether contours reference one of the slices, or no image at all."""
    images = {uid for contour in references.contours(structure_set) for uid in contour.images}
    images = images or {uid for one in references.listed(structure_set) for uid in one.images}
    return not images or not images.isdisjoint(one.sop_instance_uid for one in slices)


def _sets_are(count: int) -> str:
    if not count:
        return gettext("There is no complete set here.")
    return ngettext("There is one complete set here.", "There are {count} complete sets here.", count)


def _members(one: Candidate) -> str:
    remaining = set_aside(one.objects).objects
    slices = len(remaining[CT])
    counted = ngettext("{count} CT slice", "{count} CT slices", slices)
    return f"{remaining[STRUCTURE_SET][0].called}, {counted}, {remaining[DOSE][0].called}"


def _what(one: SetFile) -> str:
    """Return a short description of an object that belongs to no set."""
    if one.kind == PLAN:
        what = one.view.text("PlanIntent") or one.view.text("RTPlanGeometry")
        label = one.view.text("RTPlanLabel") or gettext("without a label")
        return f"{printable(label)}{f', {printable(what)}' if what else ''}"
    if one.kind == STRUCTURE_SET:
        return printable(one.view.text("StructureSetLabel") or gettext("without a label"))
    return printable(describe_dose(one))


def _treatment_plans(plans: Sequence[SetFile], accept: frozenset[str]) -> list[tuple[SetFile, ...]]:
    """Return the plans, copies grouped; those for a phantom are omitted unless there are no others."""
    by_uid: defaultdict[str, list[SetFile]] = defaultdict(list)
    for one in plans:
        by_uid[one.sop_instance_uid].append(one)
    treating = [
        tuple(same) for same in by_uid.values() if not {fault.code for fault in importability.intent(same[0])} - accept
    ]
    return sorted(treating or map(tuple, by_uid.values()), key=lambda same: _order(same[0]))


def _order(plan: SetFile) -> tuple[str, str, str]:
    day = plan_date(plan)
    return day.strftime("%Y%m%d") if day else _LAST, plan.view.text("RTPlanLabel"), plan.sop_instance_uid


def _structure_sets(plans: Sequence[tuple[SetFile, ...]], files: Sequence[SetFile]) -> list[tuple[SetFile, ...]]:
    """Find the structure set of each plan.

    A plan that references none, or a missing one, gets one that no other plan references; if that is wrong, the check
    reports it.
    """
    named_by = [frozenset(references.references(same[0].view, "ReferencedStructureSetSequence")) for same in plans]
    claimed = frozenset(chain.from_iterable(named_by))
    unclaimed = tuple(one for one in files if one.sop_instance_uid not in claimed)
    found = []
    for uids in named_by:
        its_own = tuple(one for one in files if one.sop_instance_uid in uids)
        if not its_own:
            its_own = unclaimed if uids and len(unclaimed) == 1 else () if uids and len(plans) > 1 else tuple(files)
        found.append(its_own)
    return found


def _doses(plan: SetFile, files: Sequence[SetFile], accept: frozenset[str], *, alone: bool) -> tuple[SetFile, ...]:
    """Find the doses calculated for a plan; if it is the only plan, all may be.

    The sum of several plans belongs to none of them, unless the collection knowingly accepts it.
    """
    if alone:
        return tuple(files)
    named_by = [(one, set(references.references(one.view, "ReferencedRTPlanSequence"))) for one in files]
    of_it = [(one, len(uids) > 1 or _is_sum(one)) for one, uids in named_by if plan.sop_instance_uid in uids]
    its_own = tuple(one for one, is_sum in of_it if not is_sum)
    return its_own or tuple(one for one, _ in of_it if "plan-sum" in accept)


def _is_sum(dose: SetFile) -> bool:
    return dose.view.text("DoseSummationType").upper() == "MULTI_PLAN"


class _Series:
    """The CT series of a folder, and the structure sets drawn on them; each structure set is read once."""

    def __init__(self, objects: Mapping[str, tuple[SetFile, ...]]) -> None:
        self._slices: defaultdict[str, list[SetFile]] = defaultdict(list)
        for one in objects[CT]:
            self._slices[one.uid("SeriesInstanceUID")].append(one)
        several = len(self._slices) > 1
        self._drawn_on = {
            one.sop_instance_uid: members.referred_to(self._slices, one) if several else None
            for one in objects[STRUCTURE_SET]
        }

    def of(self, plan: SetFile, structure_sets: Sequence[SetFile]) -> tuple[SetFile, ...]:
        """Return the slices on which a plan's structure set was drawn."""
        if len(self._slices) <= 1:
            return tuple(chain.from_iterable(self._slices.values()))
        uids = {self._drawn_on[one.sop_instance_uid] for one in structure_sets} - {None}
        if uids:
            return tuple(chain.from_iterable(self._slices[uid] for uid in uids if uid is not None))
        if structure_sets:
            others = [uid for uid in self._slices if uid not in self._drawn_on.values()]
            return tuple(self._slices[others[0]]) if len(others) == 1 else ()
        frame = plan.uid("FrameOfReferenceUID")
        same = [slices for slices in self._slices.values() if slices[0].uid("FrameOfReferenceUID") == frame]
        return tuple((same or list(self._slices.values()))[0])
