"""Objects of a non-standard class: named, and refused if the set lacks their kind."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.verdict import check
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from services.verdict.verdict import Verdict
    from tests.sets import Edit, MadeSet

VARIAN_PLAN = "1.2.246.352.70.1.70"
KEEP = Options(machine=())


def judge(made: MadeSet, options: Options = KEEP) -> Verdict:
    """Check a folder."""
    return check.judge(made.folder, options, [], policy_for(Choice(keep_machine=True)))


def of_private_class(modality: str) -> Edit:
    """Give an object of the set a private class, like plans in Halcyon exports."""

    def edit(made: MadeSet) -> None:
        for data in made.of(modality):
            data.SOPClassUID = VARIAN_PLAN

    return edit


@pytest.mark.parametrize(
    ("modality", "called"),
    [("RTPLAN", "RT Plan"), ("RTDOSE", "RT Dose"), ("RTSTRUCT", "RT Structure Set"), ("CT", "CT")],
)
def test_an_object_of_a_private_class_is_refused_by_what_it_should_have_been(
    tmp_path: Path, modality: str, called: str
) -> None:
    """Existing objects are not waited for."""
    made = make_set(tmp_path, of_private_class(modality))
    verdict = judge(made)
    (fault,) = verdict.faults
    assert fault.code == "private-class"
    assert f"is a {called} by its modality, but of the class {VARIAN_PLAN}," in fault.found
    assert made.path(made.of(modality)[0]).name in fault.found
    assert fault.remedy == f"Export it as a standard {called}."
    assert not verdict.missing


def test_beside_a_standard_plan_it_is_left_out_and_named(tmp_path: Path) -> None:
    """With class, modality and file."""

    def beside(made: MadeSet) -> None:
        data = copy.deepcopy(made.plan)
        data.SOPClassUID = VARIAN_PLAN
        data.SOPInstanceUID += ".7"
        made.objects.append(data)

    made = make_set(tmp_path, beside)
    verdict = judge(made)
    kind = f"object of the unknown class {VARIAN_PLAN}, modality RTPLAN"
    assert verdict.good
    assert f"Left out, because they belong to no set: 1 {kind}." in verdict.notes
    assert f"Left out as {kind}: {made.path(made.objects[-1]).name}." in verdict.notes
    assert [fault.code for fault in judge(made, replace(KEEP, extra_objects="refuse")).faults] == ["extra-objects"]


def test_an_object_of_no_kind_is_counted_by_what_it_says(tmp_path: Path) -> None:
    """Nothing is omitted silently."""

    def beside(made: MadeSet) -> None:
        data = copy.deepcopy(made.plan)
        data.SOPClassUID = "1.2.3.4"
        data.Modality = "XRAY"
        data.SOPInstanceUID += ".7"
        made.objects.append(data)

    verdict = judge(make_set(tmp_path, beside))
    assert verdict.good
    assert (
        "Left out, because they belong to no set: 1 object of the unknown class 1.2.3.4, modality XRAY."
        in verdict.notes
    )
