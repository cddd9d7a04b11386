"""The links that make four objects one set, and how they break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.rtset import folder_listing, reader, references
from services.verdict.selection import members
from tests import sets
from tests.sets import make_set

if TYPE_CHECKING:
    from services.rtset.references import Links
    from tests.sets import MadeSet

SHOWN = dict.fromkeys(references.LINKS, "shown")


def judge(made: MadeSet) -> Links:
    """Evaluate the links of a folder."""
    return references.judge(members.choose(reader.read(made.folder, folder_listing.take(made.folder)).objects).objects)


def codes(judged: Links) -> tuple[list[str], list[str], list[str]]:
    """Return the codes of references that are broken, missing, or contradicted by geometry."""
    return (
        [fault.code for fault in judged.broken],
        [fault.code for fault in judged.missing],
        [fault.code for fault in judged.unborne],
    )


@pytest.mark.parametrize(
    ("edit", "link", "code"),
    [
        (sets.dose_of_another_plan, "dose → plan", "dose-of-another-plan"),
        (sets.plan_of_another_structure_set, "plan → structure set", "plan-on-another-structure-set"),
        (sets.contours_on_other_images, "contours → CT", "contours-on-other-images"),
        (sets.other_frame_of_reference("RTPLAN"), "frame of reference", "another-frame-of-reference"),
        (sets.other_frame_of_reference("RTDOSE"), "frame of reference", "another-frame-of-reference"),
        (sets.other_frame_of_reference("RTSTRUCT"), "frame of reference", "another-frame-of-reference"),
    ],
)
def test_what_contradicts_breaks_its_link_and_no_other(tmp_path, edit, link, code):
    """A reference to a missing object, although another of its kind is present."""
    judged = judge(make_set(tmp_path, edit))
    assert judged.states == SHOWN | {link: "broken"}
    assert codes(judged) == ([code], [], [])


@pytest.mark.parametrize(
    ("edit", "link"),
    [
        (sets.dose_without_plan, "dose → plan"),
        (sets.plan_without_structure_set, "plan → structure set"),
        (sets.contours_without_images, "contours → CT"),
        (sets.plan_without_frame_of_reference, "frame of reference"),
    ],
)
def test_what_real_systems_leave_out_is_not_shown_and_geometry_bears_it(tmp_path, edit, link):
    """It is a note, not a fault."""
    judged = judge(make_set(tmp_path, edit))
    assert judged.states == SHOWN | {link: "not shown"}
    assert codes(judged) == ([], [], [])
    assert len(judged.notes) == 1


@pytest.mark.parametrize("edit", [sets.without_image_list, sets.second_series_in_image_list, sets.two_studies])
def test_references_beyond_the_four_links_are_not_judged(tmp_path, edit):
    """No list, a list of other series, two studies: planning systems import them all."""
    assert judge(make_set(tmp_path, edit)).states == SHOWN


def test_contours_beside_the_slices_do_not_bear_an_absent_link(tmp_path):
    """Either slices are missing, or the structure set is of another CT."""
    judged = judge(make_set(tmp_path, sets.contours_between_slices))
    assert codes(judged) == ([], ["contours-off-slices"], [])


@pytest.mark.parametrize("offset_mm", [1, 3, 1000])
def test_contours_that_lie_elsewhere_than_they_say_are_reported(tmp_path, offset_mm):
    """Off all slices, on the next one, outside the patient: links are shown nevertheless; a note asks for review."""
    judged = judge(make_set(tmp_path, lambda made: sets.move_contours(made, offset_mm)))
    assert judged.states == SHOWN
    assert any("do not lie on the CT slices that they name" in note for note in judged.notes)
    assert not any("do not lie" in note for note in judge(make_set(tmp_path, name="sound")).notes)


def move(keyword: str, data_of: str, offset_mm: float) -> sets.Edit:
    """Move the positions of a keyword along the patient."""

    def edit(made: MadeSet) -> None:
        data = getattr(made, data_of)
        holders = [data] if keyword in data else [beam.ControlPointSequence[0] for beam in data.BeamSequence]
        for holder in holders:
            x, y, z = getattr(holder, keyword)
            setattr(holder, keyword, [x, y, float(z) + offset_mm])

    return edit


@pytest.mark.parametrize(
    ("silent", "moved", "code"),
    [
        (sets.dose_without_plan, move("ImagePositionPatient", "dose", 5000), "dose-beside-ct"),
        (sets.plan_without_structure_set, move("IsocenterPosition", "plan", 5000), "isocentre-outside-ct"),
        (sets.plan_without_frame_of_reference, move("IsocenterPosition", "plan", 5000), "isocentre-outside-ct"),
    ],
)
def test_geometry_that_disagrees_does_not_bear_an_absent_link(tmp_path, silent, moved, code):
    """If the link is shown, the same geometry does not matter."""
    assert codes(judge(make_set(tmp_path, silent, moved))) == ([], [], [code])
    assert codes(judge(make_set(tmp_path, moved, name="shown"))) == ([], [], [])


def test_slices_still_to_come_are_distinguished_from_other_images(tmp_path):
    """Both are missing images, distinguished by the contours' positions."""
    without_list = sets.without_image_list
    judged = judge(make_set(tmp_path, without_list, sets.without_slices(1)))
    assert (judged.states["contours → CT"], codes(judged)) == ("incomplete", ([], ["slices-missing"], []))
    judged = judge(make_set(tmp_path, without_list, sets.contours_on_other_images, name="other"))
    assert (judged.states["contours → CT"], codes(judged)) == ("broken", (["contours-on-other-images"], [], []))


def test_a_list_of_another_series_contradicts_contours_that_name_no_image(tmp_path):
    """The structure set lists other images as its own."""

    def list_other_series(made: MadeSet) -> None:
        sets.contours_without_images(made)
        (study,) = made.structure_set.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence
        sets.second_series_in_image_list(made)
        study.RTReferencedSeriesSequence = study.RTReferencedSeriesSequence[1:]

    assert codes(judge(make_set(tmp_path, list_other_series))) == (["contours-on-other-images"], [], [])


def test_ct_slices_in_two_frames_of_reference_are_broken(tmp_path):
    """The other objects then have no common frame."""

    def split(made: MadeSet) -> None:
        made.ct[0].FrameOfReferenceUID = "1.2.3.4"

    assert codes(judge(make_set(tmp_path, split))) == (["ct-in-several-frames"], [], [])


def test_points_and_curves_in_space_are_no_contours_on_slices(tmp_path):
    """A marker between two slices requires no slice."""

    def point(made: MadeSet) -> None:
        contour = next(iter(sets.contours(made)))
        del contour.ContourImageSequence
        contour.ContourGeometricType = "POINT"
        contour.NumberOfContourPoints = 1
        contour.ContourData = [*contour.ContourData[:2], "0.77"]

    assert judge(make_set(tmp_path, point)).states == SHOWN


def test_links_of_what_is_not_there_are_not_judged(tmp_path):
    """Without a plan, only the contours' link is evaluated."""
    judged = judge(make_set(tmp_path, sets.without("RTPLAN")))
    assert judged.states == dict.fromkeys(references.LINKS, "not judged") | {"contours → CT": "shown"}
