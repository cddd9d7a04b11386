"""Complete sets in a patient's folder with several plans, found by references alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.policy.object_kinds import CT, DOSE, PLAN, STRUCTURE_SET
from services.policy.table import Choice, policy_for
from services.rtset import folder_listing, reader
from services.verdict import check, folder_sets
from services.verdict.selection import complete_sets
from services.verdict.selection.set_aside import set_aside
from tests.exports import Export, ExportedSet, generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.rtset.reader import SetFile
    from services.verdict.folder_sets import FolderVerdict
    from services.verdict.selection.complete_sets import CompleteSets

SEVERAL = {"second-plan", "second-structure-set", "second-ct-series", "second-dose"}


@pytest.fixture(scope="module", params=range(60))
def export(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Return one of sixty exports, which tests only read."""
    return generate(tmp_path_factory.mktemp("export"), request.param, patient=request.param % 5)


def seen(folder: Path) -> CompleteSets:
    """Find the sets of a folder."""
    contents = reader.read(folder, folder_listing.take(folder))
    return complete_sets.find(set_aside(contents.objects).objects)


def test_the_right_objects_are_put_together(export: Export) -> None:
    """By references, whatever the labels; in order of plan date, then label; the rest is named."""
    found = seen(export.folder)
    whole = []
    for one in found.candidates:
        if one.is_complete:
            objects = set_aside(one.objects).objects
            (structure_set,), (plan,), (dose,) = (objects[kind] for kind in (STRUCTURE_SET, PLAN, DOSE))
            slices = frozenset(file.sop_instance_uid for file in objects[CT])
            whole.append(
                ExportedSet(plan.sop_instance_uid, structure_set.sop_instance_uid, slices, dose.sop_instance_uid)
            )
    assert whole == export.sets
    assert [one.plan_uid for one in found.candidates] == export.plans
    assert [one.ordinal for one in found.candidates] == list(range(1, len(export.plans) + 1))
    assert {one.plan_uid for one in found.candidates if one.is_approved} == export.approved
    used = {id(file) for one in found.candidates for files in one.objects.values() for file in files}
    assert used.isdisjoint(map(id, found.others))


def judge(export: Export, plans: str, chosen: Callable[[SetFile], bool | None] = lambda _: None) -> FolderVerdict:
    """Check a folder under a `plans` option."""
    options, policy = Options(machine=(), plans=plans), policy_for(Choice(keep_machine=True))
    return folder_sets.judge(export.folder, options, [], policy, folder_listing.take(export.folder), chosen)


def good(judged: FolderVerdict) -> list[str]:
    """Return the plans of the sets that would be published."""
    return [one.verdict.good_set().plan.sop_instance_uid for one in judged.sets if one.verdict.good]


def test_every_mode_takes_the_right_sets(export: Export) -> None:
    """All complete ones, the approved ones, the chosen ones; none of two patients."""
    whole = [] if export.two_patients else [one.plan for one in export.sets]
    judged = {mode: judge(export, mode) for mode in ("each", "approved", "ask")}
    assert good(judged["each"]) == whole
    assert good(judged["approved"]) == [uid for uid in whole if uid in export.approved]
    last = export.plans[-1]
    assert good(judge(export, "ask", lambda plan: plan.sop_instance_uid == last)) == [
        uid for uid in whole if uid == last
    ]
    if len(export.plans) > 1 and not export.two_patients:
        assert (judged["ask"].sets, [one.plan_uid for one in judged["ask"].undecided]) == ((), export.plans)
    for mode, verdict in judged.items():
        codes = {fault.code for one in verdict.sets for fault in one.verdict.faults}
        assert ("two-patients" in codes) == export.two_patients
        assert (codes == {"no-approved-plan"}) == (
            mode == "approved" and not export.two_patients and not export.approved
        )


def test_a_refusal_says_which_sets_there_are_and_what_each_would_do(export: Export) -> None:
    """With one sentence per plan; a plain folder is checked as usual."""
    verdict = check.judge(export.folder, Options(machine=()), [], policy_for(Choice(keep_machine=True)))
    told = [fault for fault in verdict.faults if fault.code in SEVERAL]
    if export.is_plain:
        assert not [fault for fault in told if "complete set" in fault.found]
        return
    said = [fault for fault in told if " complete set" in fault.found]
    if not told:
        pytest.fail("a folder with several plans, structure sets or series is refused")
    assert len(said) == 1
    many = len(export.sets)
    words = "is no complete set" if not many else "is one complete set" if many == 1 else f"are {many} complete sets"
    assert f"There {words} here." in said[0].found
    for ordinal, uid in enumerate(export.plans, start=1):
        state = "makes no set" if uid not in {one.plan for one in export.sets} else f"RP.{uid}.dcm"
        assert f"{ordinal}. plan " in said[0].found
        assert state in said[0].found
    assert ('Or set plans to "each" in [check] of collection.toml' in said[0].remedy) == bool(many)
