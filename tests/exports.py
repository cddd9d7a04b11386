"""Patients as exported by planning systems: several plans in one folder, with known relations."""

from __future__ import annotations

import pickle
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from phantom.modules import reference
from tests.built_once import built_once
from tests.sets import copied, make_set, other_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from tests.sets import MadeSet

LABELS = ("Prostata", "Prostata", "Boost", "1", "Verification", "SUM", "ANON_006", "OLD do not use")
NAME = "Mustermann Erika 4711"
STATUSES = ("APPROVED", "UNAPPROVED", "REJECTED", None)


@dataclass(frozen=True)
class ExportedSet:
    """A complete set, as SOP Instance UIDs."""

    plan: str
    structure_set: str
    slices: frozenset[str]
    dose: str


@dataclass
class Export:
    """A patient's folder, and the sets that a person would find in it."""

    made: MadeSet
    sets: list[ExportedSet] = field(default_factory=list)
    """The complete ones, by plan date, then label."""
    plans: list[str] = field(default_factory=list)
    """The SOP Instance UIDs of all treatment plans, in the same order."""
    approved: set[str] = field(default_factory=set)
    two_patients: bool = False

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.made.folder

    @property
    def is_plain(self) -> bool:
        """Whether there is one plan, one structure set and one series at most."""
        series = {one.SeriesInstanceUID for one in self.made.of("CT")}
        return max(len(self.made.of("RTPLAN")), len(self.made.of("RTSTRUCT")), len(series)) <= 1


def generate(parent: Path, number: int, name: str = NAME, *, patient: int | None = None) -> Export:
    """Make the export of a number: 1 to 6 plans, 0 to 3 structure sets, 1 to 3 series, and what is beside them.

    Parameters
    ----------
    patient
        Whose it is; another one for each number by default. To make a further export of a patient costs less.
    """
    return _put(parent, name, _copy(number, patient))


def first(parent: Path, wanted: Callable[[Export], bool], name: str = NAME, *, since: int = 0) -> Export:
    """Return the first export that satisfies a condition; `since` skips earlier ones."""
    return _put(parent, name, next(export for export in map(_copy, range(since, 100)) if wanted(export)))


def _put(parent: Path, name: str, export: Export) -> Export:
    export.made.folder = parent / name
    export.made.write()
    return export


def _copy(number: int, patient: int | None = None) -> Export:
    export: Export = pickle.loads(_of(number, number if patient is None else patient))
    return export


@built_once
def _of(number: int, patient: int) -> bytes:
    """Return the pickled export of a number, not yet written to disk."""
    chance = random.Random(number)
    made = make_set(None, ct=3, size=16, rois=("PTV",), control_points=2, seed=patient)
    made.objects.clear()
    series = [_series(made, k) for k in range(chance.randint(1, 3))]
    structure_sets = []
    for k in range(chance.choice((0, 1, 1, 2, 2, 3, 3))):
        on = chance.choice(series)
        structure_sets.append((_structure_set(made, k, on), on))
    export = Export(made)
    wholes = []
    for k in range(chance.randint(1, 6)):
        plan = _renamed(made.plan, f"1{k}")
        plan.RTPlanLabel = chance.choice(LABELS)
        plan.RTPlanDate = chance.choice(("20200301", "20200302", "20190102", "20210531", ""))
        _state(plan, chance.choice(STATUSES))
        its_own = chance.choice(structure_sets) if structure_sets and chance.random() < 0.9 else None
        if its_own is None:
            plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID += ".404"
        else:
            plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID = its_own[0].SOPInstanceUID
        dose = _dose(made, plan, "PLAN", f"2{k}") if chance.random() < 0.85 else None
        if chance.random() < 0.3:
            for beam in (1, 2):
                _dose(made, plan, "BEAM", f"3{k}{beam}")
        made.objects.append(plan)
        wholes.append((_order(plan), plan, its_own, dose))
    _beside(chance, made, [plan for _, plan, _, _ in wholes])
    for _, plan, its_own, dose in sorted(wholes, key=lambda one: one[0]):
        export.plans.append(plan.SOPInstanceUID)
        if plan.get("ApprovalStatus") == "APPROVED":
            export.approved.add(plan.SOPInstanceUID)
        if its_own and dose is not None:
            slices = frozenset(one.SOPInstanceUID for one in its_own[1])
            export.sets.append(ExportedSet(plan.SOPInstanceUID, its_own[0].SOPInstanceUID, slices, dose.SOPInstanceUID))
    if chance.random() < 0.1:
        export.two_patients = True
        [one for one in made.objects if one.Modality in ("CT", "RTPLAN", "RTDOSE")][-1].PatientID = "another"
    chance.shuffle(made.objects)
    return pickle.dumps(export)


def _order(plan: Dataset) -> tuple[str, str, str]:
    return plan.RTPlanDate or "9", plan.RTPlanLabel, plan.SOPInstanceUID


def _renamed(data: Dataset, ending: str) -> Dataset:
    made = copied(data)
    made.SOPInstanceUID = f"{data.SOPInstanceUID}.{ending}"
    return made


def _state(plan: Dataset, status: str | None) -> None:
    if status is None:
        plan.pop("ApprovalStatus", None)
    else:
        plan.ApprovalStatus = status


def _series(made: MadeSet, number: int) -> list[Dataset]:
    slices = [_renamed(one, f"9{number}") for one in made.ct]
    for one in slices:
        one.SeriesInstanceUID = f"{one.SeriesInstanceUID}.9{number}"
    made.objects += slices
    return slices


def _structure_set(made: MadeSet, number: int, slices: list[Dataset]) -> Dataset:
    structure_set = _renamed(made.structure_set, f"8{number}")
    names = {one.SOPInstanceUID: other.SOPInstanceUID for one, other in zip(made.ct, slices, strict=True)}

    def name(_: Dataset, element: object) -> None:
        if element.keyword == "ReferencedSOPInstanceUID" and element.value in names:
            element.value = names[element.value]
        if element.keyword == "SeriesInstanceUID" and element.value == made.ct[0].SeriesInstanceUID:
            element.value = slices[0].SeriesInstanceUID

    structure_set.walk(name)
    made.objects.append(structure_set)
    return structure_set


def _dose(made: MadeSet, plan: Dataset, kind: str, ending: str) -> Dataset:
    dose = _renamed(made.dose, ending)
    dose.DoseSummationType = kind
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = plan.SOPInstanceUID
    made.objects.append(dose)
    return dose


def _beside(chance: random.Random, made: MadeSet, plans: list[Dataset]) -> None:
    """Add exported objects that belong to no set."""
    if len(plans) > 1 and chance.random() < 0.4:
        total = _dose(made, plans[0], "MULTI_PLAN", "44")
        total.ReferencedRTPlanSequence.append(reference(plans[1].SOPClassUID, plans[1].SOPInstanceUID))
    if chance.random() < 0.3:
        check = _renamed(made.plan, "55")
        check.PlanIntent = "VERIFICATION"
        check.RTPlanLabel = plans[0].RTPlanLabel
        check.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID += ".505"
        made.objects.append(check)
        _dose(made, check, "PLAN", "56")
    for modality in ("REG", "RTIMAGE", "MR"):
        if chance.random() < 0.3:
            other_object(modality)(made)
