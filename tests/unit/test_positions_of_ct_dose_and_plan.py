"""CT, dose and plan that are not where they should be: what is refused, reported, and relinked."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from phantom.modules import item
from services.forms.collection_form import Options
from services.policy.table import Choice, policy_for
from services.verdict import check
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from pathlib import Path

    from services.verdict.verdict import Verdict
    from tests.sets import Edit, MadeSet

KEEP = Options(machine=())
RELINK = replace(KEEP, on_broken_links="relink")


def judge(made: MadeSet, options: Options = KEEP) -> Verdict:
    """Check a folder."""
    return check.judge(made.folder, options, [], policy_for(Choice(keep_machine=True)))


def codes(verdict: Verdict) -> list[str]:
    """Return the codes of faults of a set."""
    return [fault.code for fault in (*verdict.faults, *verdict.missing)]


def one_slice(**values: object) -> Edit:
    """Change the geometry of one slice."""

    def edit(made: MadeSet) -> None:
        for keyword, value in values.items():
            setattr(made.ct[1], keyword, value)

    return edit


@pytest.mark.parametrize("edit", [one_slice(PixelSpacing=[0.5, 0.5]), one_slice(Rows=16, Columns=64)])
def test_slices_of_two_grids_are_no_volume(tmp_path: Path, edit: Edit) -> None:
    """With another matrix or pixel spacing."""
    verdict = judge(make_set(tmp_path, edit))
    assert codes(verdict) == ["mixed-ct"]
    assert "2 of 32 x 32 pixels" in verdict.faults[0].found


def test_one_spacing_in_two_spellings_is_one(tmp_path: Path) -> None:
    """Systems write different numbers of digits."""

    def edit(made: MadeSet) -> None:
        spacing = [f"{float(number):.8f}" for number in made.ct[1].PixelSpacing]
        made.ct[1].PixelSpacing = spacing

    assert judge(make_set(tmp_path, edit)).good


def moved_dose(*by_mm: float) -> Edit:
    """Move the dose grid."""

    def edit(made: MadeSet) -> None:
        corner = [float(number) + mm for number, mm in zip(made.dose.ImagePositionPatient, by_mm, strict=True)]
        made.dose.ImagePositionPatient = [f"{number:.4f}" for number in corner]

    return edit


@pytest.mark.parametrize("by_mm", [(5000, 0, 0), (0, -5000, 0), (0, 0, 5000)])
def test_a_dose_that_touches_nothing_is_refused(tmp_path: Path, by_mm: tuple[float, ...]) -> None:
    """It is another dose, whatever it references."""
    assert codes(judge(make_set(tmp_path, moved_dose(*by_mm)))) == ["dose-elsewhere"]


def test_a_dose_about_a_contoured_target_outside_of_the_ct_is_not(tmp_path: Path) -> None:
    """The target extends beyond the CT."""

    def far(made: MadeSet) -> None:
        moved_dose(0, 0, 5000)(made)
        z = float(made.dose.ImagePositionPatient[2])
        contour = item(
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=3,
            ContourData=["0", "0", f"{z:.2f}", "1", "0", f"{z:.2f}", "0", "1", f"{z:.2f}"],
        )
        contour.ContourImageSequence = made.structure_set.ROIContourSequence[0].ContourSequence[0].ContourImageSequence
        made.structure_set.ROIContourSequence[0].ContourSequence.append(contour)

    assert made_of_target(make_set(tmp_path)), "the first structure is a target"
    assert "dose-elsewhere" not in codes(judge(make_set(tmp_path / "far", far)))


def made_of_target(made: MadeSet) -> bool:
    """Set whether the first structure is a target."""
    number = made.structure_set.ROIContourSequence[0].ReferencedROINumber
    return any(
        one.ReferencedROINumber == number and one.RTROIInterpretedType == "PTV"
        for one in made.structure_set.RTROIObservationsSequence
    )


def test_a_grid_that_reaches_beyond_the_ct_is_reported(tmp_path: Path) -> None:
    """Without a name, so it is suitable for record and sheet."""
    verdict = judge(make_set(tmp_path, moved_dose(0, 0, 20), ct=17))
    assert verdict.good
    assert "The dose grid reaches 18 mm beyond the CT." in verdict.record_notes
    assert set(verdict.record_notes) <= set(verdict.notes)


def turned(modality: str, degrees: float, *, swapped: bool = False) -> Edit:
    """Rotate the images of a modality about the patient's long axis."""
    along, across = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    row, column = (along, across, 0.0), (-across, along, 0.0)

    def edit(made: MadeSet) -> None:
        for data in made.of(modality):
            cosines = (*column, *(-one for one in row)) if swapped else (*row, *column)
            data.ImageOrientationPatient = [f"{number:.6f}" for number in cosines]

    return edit


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([turned("RTDOSE", 1)], ["1.0°"]),
        ([turned("RTDOSE", -0.5)], ["0.5°"]),
        ([turned("RTDOSE", 30)], ["30.0°"]),
        ([turned("RTDOSE", 45)], ["45.0°"]),
        ([turned("CT", 2), turned("RTDOSE", 0)], ["2.0°"]),
        ([turned("CT", 2), turned("RTDOSE", 2)], []),
        ([turned("RTDOSE", 0.01)], []),
        ([turned("RTDOSE", 0, swapped=True)], []),
        ([turned("RTDOSE", 180)], []),
    ],
)
def test_a_dose_grid_that_is_turned_against_the_ct_is_reported(
    tmp_path: Path, edits: list[Edit], told: list[str]
) -> None:
    """With the angle; grids along other axes of the CT are not rotated."""
    said = [note.split()[6] for note in judge(make_set(tmp_path, *edits)).record_notes if "is turned by" in note]
    assert said == told


def test_nothing_is_relinked_to_a_dose_that_lies_half_beside_the_ct(tmp_path: Path) -> None:
    """Its centre is inside, but the whole grid counts."""

    def half(made: MadeSet) -> None:
        width = (made.dose.Columns - 1) * float(made.dose.PixelSpacing[1])
        edge = float(made.ct[0].ImagePositionPatient[0])
        _, y, z = made.dose.ImagePositionPatient
        made.dose.ImagePositionPatient = [f"{edge - 0.4 * width:.4f}", y, z]

    verdict = judge(make_set(tmp_path, sets.dose_of_another_plan, half), RELINK)
    assert codes(verdict) == ["dose-of-another-plan", "dose-beyond-ct"]


def brachy(*positions: tuple[float, float, float]) -> Edit:
    """Make a brachytherapy plan with a source position."""

    def edit(made: MadeSet) -> None:
        sets.brachy_plan(made)
        points = [item(ControlPointIndex=at, ControlPoint3DPosition=list(one)) for at, one in enumerate(positions)]
        if points:
            made.plan.ApplicationSetupSequence[0].ChannelSequence = [item(BrachyControlPointSequence=points)]

    return edit


def test_brachytherapy_is_relinked_by_its_source_positions(tmp_path: Path) -> None:
    """Since it has no isocentre."""
    verdict = judge(make_set(tmp_path, brachy((0, 0, 0), (1, 0, 0)), sets.plan_of_another_structure_set), RELINK)
    assert verdict.good_set().relinked


@pytest.mark.parametrize(
    ("positions", "says"),
    [([(0, 0, 0), (0, 0, 9999)], "has a source position outside the CT."), ([], "states no source position.")],
)
def test_brachytherapy_is_not_relinked_without_them(
    tmp_path: Path, positions: list[tuple[float, float, float]], says: str
) -> None:
    """With a reason."""
    verdict = judge(make_set(tmp_path, brachy(*positions), sets.plan_of_another_structure_set), RELINK)
    assert [fault.found for fault in verdict.faults if fault.found.endswith(says)]


def test_a_refusal_says_when_relinking_would_help(tmp_path: Path) -> None:
    """Only where geometry agrees."""
    helps = judge(make_set(tmp_path, sets.dose_of_another_plan))
    assert 'set on_broken_links to "relink"' in helps.faults[0].remedy
    does_not = judge(make_set(tmp_path / "far", sets.dose_of_another_plan, moved_dose(0, 0, 60)))
    assert "relink" not in does_not.faults[0].remedy


def test_contours_that_name_other_images_than_their_list(tmp_path: Path) -> None:
    """The refusal states which is wrong."""
    made = make_set(tmp_path, sets.contours_on_other_images)
    assert judge(made).faults[0].found.endswith("that are here, although its list of images names these.")
    made = make_set(tmp_path / "none", sets.contours_on_other_images, sets.without_image_list)
    assert "was drawn on other images" in judge(made).faults[0].found
