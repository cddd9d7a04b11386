"""Positions of slices, contours, isocentres and doses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dicom.dataset import View
from services.dicom.elements import Parser
from services.rtset.geometry import Plane, Point, Volume, contour_ends, dose_centre, frame_depths

AXIAL = Plane(Point(-250, -250, 0), Point(1, 0, 0), Point(0, 1, 0), width_mm=500, height_mm=500)


def volume(*positions_mm: float) -> Volume:
    """Stack axial slices."""
    return Volume(AXIAL, positions_mm)


def at(z: float) -> Point:
    """Return a point on the axis through the slices' centres."""
    return Point(0, 0, z)


@pytest.mark.parametrize(
    ("z", "index"), [(0, 0), (3, 1), (3.1, 1), (2.9, 1), (3.11, None), (1.5, None), (-0.2, None), (6.05, 2), (7, None)]
)
def test_a_contour_is_on_a_slice_within_a_tenth_of_a_millimetre(z, index):
    """Systems round coordinates; half way between two slices a contour is on none."""
    assert volume(0, 3, 6).slice_of([at(z)]) == index


def test_a_contour_across_slices_is_on_none():
    """A sagittal contour extends over several slices."""
    assert volume(0, 3, 6).slice_of([at(0), at(3)]) is None
    assert volume(0, 3, 6).slice_of([]) is None


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        (Point(0, 0, 3), True),
        (Point(-250, 250, 7.4), True),
        (Point(-251, 0, 3), False),
        (Point(0, 251, 3), False),
        (Point(0, 0, 7.6), False),
        (Point(0, 0, float("nan")), False),
    ],
)
def test_each_slice_reaches_half_way_to_its_neighbour(point, inside):
    """An isocentre at the edge of the last slice is inside."""
    assert volume(0, 3, 6).holds(point) is inside


def test_slices_may_be_stacked_in_any_direction():
    """A sagittal stack goes along x."""
    sagittal = Plane(Point(5, 0, 0), Point(0, 1, 0), Point(0, 0, 1), width_mm=10, height_mm=10)
    assert sagittal.normal == Point(1, 0, 0)
    assert Volume(sagittal, (5, 8)).slice_of([Point(8, 4, 4)]) == 1
    assert not sagittal.is_parallel_to(AXIAL)


@given(st.lists(st.tuples(*[st.floats(-999, 999)] * 3), min_size=1, max_size=9), st.sampled_from(["", " "]))
def test_the_ends_of_a_contour_are_read_whatever_lies_between(points, padding):
    """Numbers of up to 16 characters, with padding, in any surroundings."""
    numbers = [f"{number:.9g}" for point in points for number in point]
    value = ("\\".join(numbers) + padding).encode()
    ends = contour_ends(b"77\\8" + value + b"9\\99", 4, 4 + len(value))
    assert ends == (Point(*map(float, numbers[:3])), Point(*map(float, numbers[-3:])))


@pytest.mark.parametrize("value", [b"", b"1\\2", b"a\\b\\c", b"\\\\"])
def test_what_is_no_contour_has_no_ends(value):
    """Junk is on no slice."""
    assert contour_ends(value, 0, len(value)) == ()


def dose(offsets: str) -> View:
    """Make the header of a dose grid of 11 x 21 voxels of 5 x 2 mm that begins at z = 100."""
    texts = (
        (0x00200032, b"DS", b"-50\\-20\\100 "),
        (0x00200037, b"DS", b"1\\0\\0\\0\\1\\0 "),
        (0x00280010, b"US", (21).to_bytes(2, "little")),
        (0x00280011, b"US", (11).to_bytes(2, "little")),
        (0x00280030, b"DS", b"2\\10"),
        (0x3004000C, b"DS", offsets.encode() + b" " * (len(offsets) % 2)),
    )
    data = b"".join(
        (tag >> 16).to_bytes(2, "little")
        + (tag & 0xFFFF).to_bytes(2, "little")
        + vr
        + len(value).to_bytes(2, "little")
        + value
        for tag, vr, value in texts
    )
    return View(data, Parser(data, implicit=False).top_level(0), ())


@pytest.mark.parametrize(("offsets", "z"), [("0\\3\\6", 103), ("100\\103\\106", 103), ("0\\-3\\-6", 97), ("", 100)])
def test_the_middle_of_a_dose_grid(offsets, z):
    """Offsets from the first frame, positions, and descending grids. PS3.3 C.8.8.3.2."""
    assert dose_centre(dose(offsets)) == Point(0, 0, z)


@pytest.mark.parametrize(
    ("offsets", "normal_z", "depths"),
    [
        ([0.0, 3.0], -1.0, [0, 3]),
        ([100.0, 97.0], -1.0, [0, 3]),
        ([100.0, 103.0], 1.0, [0, 3]),
        ([50.0, 53.0], -1.0, [0, 3]),
        ([100.0, 103.0], 0.0, [0, 3]),
    ],
)
def test_positions_of_a_doses_frames_run_against_a_normal_to_the_feet(offsets, normal_z, depths):
    """Only z coordinates do, and only of transverse planes; offsets follow the normal."""
    assert frame_depths(offsets, 100.0, normal_z) == depths


def test_a_dose_that_does_not_say_where_it_lies_has_no_middle():
    """It is not guessed."""
    assert dose_centre(View(b"", (), ())) is None
