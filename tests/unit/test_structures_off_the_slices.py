"""Structures not drawn on slices: a note if few, a refusal if most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from phantom.modules import item
from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.verdict import check
from tests import sets
from tests.anonymized import anonymize_folder
from tests.sets import make_set

if TYPE_CHECKING:
    from services.verdict.verdict import Verdict
    from tests.sets import Edit, MadeSet

KEEP = Options(machine=())
BESIDE = [(0, 0, 0.5), (9, 0, 0.5), (9, 9, 0.5)]
SAGITTAL = [(0, 0, -2.5), (0, 9, 1), (0, 9, 2.5)]
TILTED = [(0, 0, 0.4), (9, 0, 0.9), (9, 9, 1.9)]


def judge(made: MadeSet, options: Options = KEEP) -> Verdict:
    """Check a folder."""
    return check.judge(made.folder, options, [], policy_for(Choice(keep_machine=True)))


def structure(points: list[tuple[float, float, float]], kind: str = "CLOSED_PLANAR") -> Edit:
    """Add a contour without references."""

    def edit(made: MadeSet) -> None:
        data = [f"{number:g}" for point in points for number in point]
        contour = item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=data)
        made.structure_set.ROIContourSequence[-1].ContourSequence.append(contour)

    return edit


@pytest.mark.parametrize("points", [BESIDE, SAGITTAL, TILTED])
def test_one_structure_off_the_slices_is_a_note(tmp_path, points):
    """The set is published."""
    made = make_set(tmp_path, structure(points))
    verdict = judge(made)
    assert verdict.good
    drawn = len(list(sets.contours(made)))
    told = f"1 of {drawn} contours in RT Structure Set"
    assert any(note.startswith(told) and "lie on no CT slice" in note for note in verdict.notes)
    anonymize_folder(made.folder, tmp_path / "ANON_006")


@pytest.mark.parametrize("points", [BESIDE, SAGITTAL, TILTED])
def test_one_structure_off_the_slices_is_a_note_with_relinking(tmp_path, points):
    """Contours on no slice are linked to none."""
    made = make_set(tmp_path, structure(points), sets.dose_of_another_plan)
    anonymize_folder(made.folder, tmp_path / "ANON_006", on_broken_links="relink")


def test_points_off_the_slices_are_not_noted(tmp_path):
    """Points may be anywhere."""
    notes = judge(make_set(tmp_path, structure([(0, 0, 0.5)], "POINT"))).notes
    assert not [note for note in notes if "slice" in note]


def test_most_contours_off_the_slices_are_refused_and_not_waited_for(tmp_path):
    """All listed slices are present, so nothing is incomplete."""
    made = make_set(tmp_path, sets.contours_between_slices)
    verdict = judge(made)
    assert ([fault.code for fault in verdict.faults], verdict.missing) == (["contours-off-slices"], ())
    assert "Wait" not in verdict.faults[0].remedy
    accepted = judge(made, replace(KEEP, accept=frozenset(("contours-off-slices",))))
    assert accepted.good
    drawn = len(list(sets.contours(made)))
    assert any(note.startswith(f"Accepted: {drawn} of {drawn} contours") for note in accepted.notes)


def test_without_a_list_slices_may_still_come(tmp_path):
    """The set is then incomplete."""
    verdict = judge(make_set(tmp_path, sets.contours_between_slices, sets.without_image_list))
    assert ([fault.code for fault in verdict.missing], verdict.faults) == (["contours-off-slices"], ())
    assert verdict.missing[0].remedy.startswith("Wait until all slices are copied")
