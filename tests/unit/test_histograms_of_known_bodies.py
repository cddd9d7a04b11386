"""Histograms of bodies with computable volume and dose: spheres, cones, boxes, shells, in linear doses.

Slices lie 2, 3 or 5 mm apart, or unevenly; the dose rises along each axis of the patient, steeply too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import pi

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from sheets.examination.dvh import Dvh, dvh
from sheets.read import ct_volume
from sheets.read.contours import Structure
from sheets.read.dose_grid import Dose

FRAME = ct_volume.frame([1, 0, 0, 0, 1, 0])
MIDDLE_GY = 50.0
SLICES = {
    "2 mm": np.arange(-60.0, 61.0, 2.0),
    "3 mm": np.arange(-60.0, 61.0, 3.0),
    "5 mm": np.arange(-62.5, 65.0, 5.0),
    "2 and 5 mm": np.concatenate([np.arange(-60.0, 1.0, 5.0), np.arange(2.0, 61.0, 2.0)]),
    "2 mm between 5 mm": np.concatenate([np.arange(-60.0, -9.0, 5.0), np.arange(-8.0, 9.0, 2.0), np.arange(13, 61, 5)]),
}

Outline = Callable[[float], list[float]]
"""Radii of a body's circles at a height; none outside."""

Section = Callable[[float], list[np.ndarray]]
"""Contours (n, 2) of a body at a height; none outside."""


def sphere(z_mm: float) -> list[float]:
    """Cut a sphere of 25 mm."""
    return [(625 - z_mm**2) ** 0.5] if abs(z_mm) < 25 else []


def shell(z_mm: float) -> list[float]:
    """Cut a sphere of 25 mm with a hollow of 15 mm."""
    return [*sphere(z_mm), *([(225 - z_mm**2) ** 0.5] if abs(z_mm) < 15 else [])]


def spindle(z_mm: float) -> list[float]:
    """Cut two cones of 28 mm height and 28 mm width, foot to foot."""
    return [(28 - abs(z_mm)) / 2] if abs(z_mm) < 28 else []


VOLUMES_CM3 = {
    sphere: 4 / 3 * pi * 25**3 / 1000,
    shell: 4 / 3 * pi * (25**3 - 15**3) / 1000,
    spindle: 2 / 3 * pi * 14**2 * 28 / 1000,
}


def body(outline: Outline, slices_mm: np.ndarray) -> Structure:
    """Draw a body on all slices that it crosses."""
    turn = np.linspace(0, 2 * pi, 360, endpoint=False)
    contours = [
        np.column_stack([radius * np.cos(turn), radius * np.sin(turn), np.full(360, z)])
        for z in slices_mm
        for radius in outline(float(z))
    ]
    return structure(contours, slices_mm)


def box(low: float, high: float, slices_mm: np.ndarray) -> Structure:
    """Draw a square of 20 mm on all slices between two heights."""
    corners = np.array([[-10, -10], [10, -10], [10, 10], [-10, 10.0]])
    return structure(
        [np.column_stack([corners, np.full(4, z)]) for z in slices_mm if low <= z <= high],
        slices_mm,
    )


def structure(contours: list[np.ndarray], slices_mm: np.ndarray) -> Structure:
    """Make a structure of contours."""
    return Structure(1, "body", "PTV", (255, 0, 0), tuple(contours), 2, slices_mm)


def rising(along: int, gy_per_mm: float) -> Dose:
    """Make a dose of 50 Gy at the centre that rises along one axis, on a grid of 2.5 mm."""
    data, count = Dataset(), 53
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.ImagePositionPatient, data.ImageOrientationPatient = [-65, -65, -65], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.Rows, data.Columns, data.NumberOfFrames = [2.5, 2.5], count, count, count
    data.GridFrameOffsetVector, data.DoseGridScaling = list(np.arange(count) * 2.5), 1e-6
    data.BitsAllocated = data.BitsStored = 32
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 31, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    gy = np.maximum(MIDDLE_GY + gy_per_mm * (np.arange(count) * 2.5 - 65), 0)
    shape = [1, 1, 1]
    shape[2 - along] = count
    data.PixelData = np.broadcast_to(np.rint(gy.reshape(shape) * 1e6), (count,) * 3).astype("<u4").tobytes()
    data["PixelData"].VR = "OW"
    return Dose(data)


def found(of: Structure, dose: Dose) -> Dvh:
    """Compute an existing histogram."""
    worked_out = dvh(of, dose, FRAME)
    assert worked_out is not None
    return worked_out


def below(outline: Outline, along: int, part: float) -> float:
    """Return the position along an axis below which a given fraction of a body lies, by fine slicing."""
    grid = np.linspace(-30, 30, 1201)
    if along == 2:
        amounts = np.array([_area(outline, z) for z in grid])
    else:
        amounts = sum(_chords(outline, z, grid) for z in grid)
    return float(np.interp(part, np.cumsum(amounts) / amounts.sum(), grid))


def _area(outline: Outline, z: float) -> float:
    radii = outline(float(z))
    return sum((-1) ** number * radius**2 for number, radius in enumerate(radii))


def _chords(outline: Outline, z: float, grid: np.ndarray) -> np.ndarray:
    chords = np.zeros(len(grid))
    for number, radius in enumerate(outline(float(z))):
        chords += (-1) ** number * np.sqrt(np.maximum(radius**2 - grid**2, 0))
    return chords


@pytest.mark.parametrize("slices", SLICES)
@pytest.mark.parametrize("along", [0, 1, 2])
@pytest.mark.parametrize("outline", [sphere, shell, spindle])
def test_a_body_has_the_volume_and_the_dose_that_geometry_gives(outline: Outline, along: int, slices: str) -> None:
    """Within one per cent, in any direction of the dose, and with widely spaced slices."""
    gy_per_mm = 0.8
    known = found(body(outline, SLICES[slices]), rising(along, gy_per_mm))
    assert known.volume_cm3 == pytest.approx(VOLUMES_CM3[outline], rel=0.01)
    assert known.mean_gy == pytest.approx(MIDDLE_GY, rel=0.01)
    for percent in (98, 95, 50, 5, 2):
        truth = MIDDLE_GY + gy_per_mm * below(outline, along, 1 - percent / 100)
        assert known.dose_gy(percent) == pytest.approx(truth, rel=0.01, abs=0.01 * MIDDLE_GY), percent


@pytest.mark.parametrize("slices", SLICES)
@pytest.mark.parametrize("along", [0, 1, 2])
@pytest.mark.parametrize(("outline", "height_mm"), [(sphere, 25), (shell, 25), (spindle, 28)])
def test_the_highest_dose_of_a_body_is_on_its_surface(
    outline: Outline, height_mm: int, along: int, slices: str
) -> None:
    """Within one per cent in 1.6 Gy per millimetre: on its widest contour, and at its end between two slices."""
    gy_per_mm = 1.6
    known = found(body(outline, SLICES[slices]), rising(along, gy_per_mm))
    widest_mm = max(radius for z in SLICES[slices] for radius in outline(float(z)))
    truth = MIDDLE_GY + gy_per_mm * (height_mm if along == 2 else widest_mm)
    assert known.max_gy == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("radius_mm", [4.2, 5.5, 7.0, 10.0])
@pytest.mark.parametrize("shift_mm", [0.0, 0.7, 1.5])
def test_a_small_sphere_between_slices_keeps_its_volume_and_its_hottest_part(radius_mm: float, shift_mm: float) -> None:
    """The body ends where its area would, and becomes narrower on the way."""

    def small(z: float) -> list[float]:
        return [(radius_mm**2 - (z - shift_mm) ** 2) ** 0.5] if abs(z - shift_mm) < radius_mm else []

    known = found(body(small, np.arange(-60.0, 61.0, 2.0)), rising(2, 1.6))
    truth = 4 / 3 * pi * radius_mm**3 / 1000
    assert known.volume_cm3 == pytest.approx(truth, rel=0.015)
    assert known.max_gy == pytest.approx(MIDDLE_GY + 1.6 * (shift_mm + radius_mm), rel=0.01)
    for percent in (98, 2):
        deep = MIDDLE_GY + 1.6 * (shift_mm + below(lambda z: small(z + shift_mm), 2, 1 - percent / 100))
        assert known.dose_gy(percent) == pytest.approx(deep, rel=0.012)


def tube(radius_mm: float, turned: float = 0.0) -> tuple[Section, float]:
    """Cut a tube of 60 mm that lies in the plane of the slices; return its volume in mm³, too."""
    outwards = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])

    def section(z: float) -> list[np.ndarray]:
        half = max(radius_mm**2 - z**2, 0) ** 0.5
        return [np.array([[-30, -half], [30, -half], [30, half], [-30, half]]) @ outwards] if half else []

    return section, pi * radius_mm**2 * 60


def capsule(radius_mm: float) -> tuple[Section, float]:
    """Cut a tube with round ends that lies in the plane of the slices; return its volume in mm³, too."""
    turn = np.linspace(0, 2 * pi, 360, endpoint=False)

    def section(z: float) -> list[np.ndarray]:
        half = max(radius_mm**2 - z**2, 0) ** 0.5
        x = half * np.cos(turn)
        return [np.column_stack([x + np.copysign(20, x), half * np.sin(turn)])] if half else []

    return section, pi * radius_mm**2 * (40 + 4 / 3 * radius_mm)


def ring(radius_mm: float) -> tuple[Section, float]:
    """Cut a tube bent to a ring of 60 mm that lies in the plane of the slices; return its volume in mm³, too."""
    turn = np.linspace(0, 2 * pi, 360, endpoint=False)
    circle = np.column_stack([np.cos(turn), np.sin(turn)])

    def section(z: float) -> list[np.ndarray]:
        half = max(radius_mm**2 - z**2, 0) ** 0.5
        return [circle * (30 + half), circle * (30 - half)] if half else []

    return section, 2 * pi**2 * 30 * radius_mm**2


LYING = {
    "tube of 5 mm": tube(5),
    "tube of 10 mm": tube(10),
    "oblique tube of 10 mm": tube(10, 0.7),
    "tube of 20 mm": tube(20),
    "capsule": capsule(8),
    "thin ring": ring(5),
    "thick ring": ring(8),
}


@pytest.mark.parametrize("shift", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize(("gap_mm", "within"), [(1.0, 0.01), (2.0, 0.013), (3.0, 0.018)])
@pytest.mark.parametrize("body_lying", LYING)
def test_a_tube_that_lies_in_the_plane_ends_where_it_closes(
    body_lying: str, gap_mm: float, within: float, shift: float
) -> None:
    """Its area falls with the root of the distance from its end, wherever the slices lie; half a slice is too much."""
    section, volume_mm3 = LYING[body_lying]
    slices = np.arange(-60.0, 61.0, gap_mm) + shift * gap_mm
    contours = [np.column_stack([flat, np.full(len(flat), z)]) for z in slices for flat in section(float(z))]
    known = found(structure(contours, slices), rising(2, 0.5))
    assert known.volume_cm3 == pytest.approx(volume_mm3 / 1000, rel=within)
    assert known.mean_gy == pytest.approx(MIDDLE_GY, abs=0.05)


@pytest.mark.parametrize("shift", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_tube_that_lies_in_the_plane_is_as_long_at_its_end(shift: float) -> None:
    """It becomes narrower there, not shorter: the highest dose is at its corners, along it and along the stack."""
    section, _ = tube(10)
    slices = np.arange(-60.0, 61.0, 3.0) + shift * 3
    contours = [np.column_stack([flat, np.full(len(flat), z)]) for z in slices for flat in section(float(z))]
    for along, half_mm in ((0, 30), (2, 10)):
        known = found(structure(contours, slices), rising(along, 1.0))
        assert known.max_gy == pytest.approx(MIDDLE_GY + half_mm, abs=0.5)
        assert known.dose_gy(50) == pytest.approx(MIDDLE_GY, abs=0.15)
        assert known.dose_gy(2) == pytest.approx(MIDDLE_GY + (28.8 if along == 0 else 9.02), abs=0.3)


@pytest.mark.parametrize("gap_mm", [2.0, 3.0, 5.0])
@pytest.mark.parametrize("along", [0, 1, 2])
def test_a_cord_in_a_steep_dose_has_its_highest_dose_at_its_surface(gap_mm: float, along: int) -> None:
    """At 2 Gy per millimetre half a slice is 3 Gy, which matters."""
    slices = np.arange(-15 + gap_mm / 2, 15, gap_mm)
    cord, half_mm = found(box(-15, 15, slices), rising(along, 2.0)), 15 if along == 2 else 10
    assert cord.volume_cm3 == pytest.approx(12.0, rel=0.001)
    assert cord.max_gy == pytest.approx(MIDDLE_GY + 2 * half_mm, rel=0.01)
    for percent in (98, 95, 50, 5, 2):
        truth = MIDDLE_GY + 2 * half_mm * (1 - 2 * percent / 100)
        assert cord.dose_gy(percent) == pytest.approx(truth, rel=0.01), percent
        assert cord.covered_percent(truth) == pytest.approx(percent, abs=0.3)


def gaps() -> Iterator[object]:
    """Return contours on some slices of 3 mm, and which slices are filled (3 mm each, none beyond the CT)."""
    every = np.arange(0.0, 61.0, 3.0)
    yield pytest.param(every[[0, 1, 2, 10]], every, 4 * 3.0, [7], 0, id="one piece apart")
    yield pytest.param(every[::2], every, 21 * 3.0, [], 1, id="every second slice")
    yield pytest.param(every[[0, 2, 4, 6, 12, 14]], every, 6 * 6.0 - 1.5, [5], 1, id="every second slice, and a hole")
    yield pytest.param(every[[3]], every, 3.0, [], 0, id="one slice")
    yield pytest.param(every[[0, 9]], every, 6.0, [8], 0, id="both ends only")
    yield pytest.param(every[[4, 5, 7]], every, 9.0, [1], 0, id="one slice empty")
    uneven = np.array([0.0, 2, 4, 6, 11, 16, 21, 23, 25])
    yield pytest.param(uneven, uneven, 27.0, [], 0, id="uneven slices, all drawn on")
    yield pytest.param(uneven[[0, 1, 2, 3, 5, 6, 7, 8]], uneven, 22.0, [1], 0, id="uneven, one empty")
    yield pytest.param(every[:6] + 1.3, every, 18.0, [], 0, id="between the slices")
    yield pytest.param(np.array([0.3, 1.3, 2.3, 13.3, 14.3]), every, 5.0, [4], 0, id="finer than the slices, a hole")
    yield pytest.param(np.array([0.0, 3.02, 5.97, 9.01]), every, 12.03, [], 0, id="rounded coordinates")


@pytest.mark.parametrize(("drawn", "slices", "thick_mm", "missing", "bridged"), list(gaps()))
def test_the_slices_of_the_ct_say_what_lies_between_two_contours(
    drawn: np.ndarray, slices: np.ndarray, thick_mm: float, missing: list[int], bridged: int
) -> None:
    """Nothing if there are undrawn slices between, unless every second one was omitted throughout."""
    corners = np.array([[-10, -10], [10, -10], [10, 10], [-10, 10.0]])
    piece = structure([np.column_stack([corners, np.full(4, z)]) for z in drawn], slices)
    assert np.diff(piece.slabs, axis=1).sum() == pytest.approx(thick_mm, abs=0.1)
    assert [count for count in piece.stack.missing.tolist() if count] == missing
    assert piece.stack.bridged == bridged


def test_contours_of_one_slice_whose_coordinates_are_rounded_apart_are_of_one_plane() -> None:
    """A hole stays a hole."""
    outer, inner = (np.array([[-h, -h, z], [h, -h, z], [h, h, z], [-h, h, z]]) for h, z in ((10, 3.004), (5, 3.006)))
    ring = structure([outer, inner], np.arange(0.0, 9.0, 3.0))
    assert found(ring, rising(0, 0.5)).volume_cm3 == pytest.approx((400 - 100) * 3 / 1000, rel=0.001)


def test_a_dose_of_one_plane_is_known_in_that_plane_only() -> None:
    """A body in it has almost no known dose."""
    data, plane = Dataset(), rising(0, 1.0)
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.ImagePositionPatient, data.ImageOrientationPatient = [-65, -65, 0], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.Rows, data.Columns = [2.5, 2.5], 53, 53
    data.DoseGridScaling, data.BitsAllocated, data.BitsStored = plane.scaling, 32, 32
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 31, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = plane.stored[26].astype("<u4").tobytes()
    data["PixelData"].VR = "OW"
    flat = Dose(data)
    assert flat.flat
    there = flat.at(np.array([[10.0, 0, 0], [10.0, 0, 0.4], [10.0, 0, 2.0], [10.0, 0, -300.0]]))
    assert there[:2] == pytest.approx(60)
    assert np.isnan(there[2:]).all()
    assert found(body(sphere, SLICES["3 mm"]), flat).outside > 0.95


@pytest.mark.parametrize(
    ("highest", "dose", "written"),
    [
        (70.0, 66.504, "66.50"),
        (1.0, 0.504, "0.50"),
        (0.52, 0.1234, "0.123"),
        (0.052, 0.0, "0.0000"),
        (0.00052, 0.000261, "0.000261"),
    ],
)
def test_doses_that_are_all_small_have_more_places(highest: float, dose: float, written: str) -> None:
    """Three significant digits of the maximum are shown, whatever its size."""
    grid = rising(0, 1.0)
    grid.highest_gy = highest
    assert (grid.figure(dose), grid.figure(-dose, sign=True)) == (written, f"-{written}")


def test_points_beside_a_grid_have_no_dose_and_those_on_its_edge_have_that_of_the_edge() -> None:
    """Including undefined points."""
    points = np.array([[-65, 0, 0], [65, 0, 0], [65.0001, 0, 0], [65.1, 0, 0], [0, -66, 0], [0, 0, np.nan], [1, 2, 3]])
    here = rising(0, 0.5).at(points)
    assert here[[0, 1, 2, 6]] == pytest.approx([17.5, 82.5, 82.5, 50.5], abs=1e-3)
    assert np.isnan(here[[3, 4, 5]]).all()


@pytest.mark.parametrize("every", [1, 2, 4])
def test_a_box_on_some_slices_ends_with_the_ct(every: int) -> None:
    """From the first slice to the last, each of them half a distance thick outwards."""
    slices = np.arange(-24.0, 25.0, 3.0)
    drawn = [contour for z in slices[::every] for contour in box(z, z, slices).contours]
    assert found(structure(drawn, slices), rising(2, 1.0)).volume_cm3 == pytest.approx(0.4 * 51, rel=0.005)


@pytest.mark.parametrize("slope", [-0.8, 0.0, 0.6])
def test_an_oblique_vessel_stays_oblique_to_its_end(slope: float) -> None:
    """A tube of 10 mm that moves sideways, from -22.5 to 22.5 mm, in a dose that rises across it."""
    slices = np.arange(-60.0, 61.0, 3.0)
    turn = np.linspace(0, 2 * pi, 360, endpoint=False)
    drawn = [
        np.column_stack([5 * np.cos(turn) + slope * z, 5 * np.sin(turn), np.full(360, z)])
        for z in slices
        if abs(z) < 22.5
    ]
    known = found(structure(drawn, slices), rising(0, 1.6))
    assert known.volume_cm3 == pytest.approx(pi * 25 * 45 / 1000, rel=0.01)
    assert known.max_gy == pytest.approx(MIDDLE_GY + 1.6 * (5 + abs(slope) * 22.5), rel=0.01)


@pytest.mark.parametrize("along", [0, 1, 2])
@pytest.mark.parametrize("radius_mm", [25, 40, 55])
def test_the_hottest_part_of_a_large_sphere_is_its_cap(radius_mm: int, along: int) -> None:
    """0.03 cm³ are a tenth of a piece in the largest: the hottest ones are divided."""

    def large(z: float) -> list[float]:
        return [(radius_mm**2 - z**2) ** 0.5] if abs(z) < radius_mm else []

    known = found(body(large, np.arange(-60.0, 61.0, 3.0)), rising(along, 0.8))
    heights = np.roots([-pi / 3, pi * radius_mm, 0, -30])  # of a cap of 30 mm³
    truth = MIDDLE_GY + 0.8 * (radius_mm - min(height for height in heights.real if height > 0))
    assert known.dose_gy(3 / known.volume_cm3) == pytest.approx(truth, abs=0.25)
    assert known.covered[-1] == pytest.approx(1)


@pytest.mark.parametrize("beyond_mm", [-4.5, -1.5, 0.5, 1.5, 4.5])
@pytest.mark.parametrize(("below_mm", "above_mm"), [(2, 5), (5, 2), (3, 5), (1, 4)])
def test_a_sphere_may_end_where_the_spacing_changes(below_mm: float, above_mm: float, beyond_mm: float) -> None:
    """Before, on or behind the slice at 0, from which the slices are further apart or closer."""
    slices = np.concatenate([np.arange(0.0, -61.0, -below_mm)[::-1], np.arange(above_mm, 61.0, above_mm)])
    middle_mm = beyond_mm - 25
    known = found(body(lambda z: sphere(z - middle_mm), slices), rising(2, 0.8))
    assert known.volume_cm3 == pytest.approx(VOLUMES_CM3[sphere], rel=0.01)
    assert known.mean_gy == pytest.approx(MIDDLE_GY + 0.8 * middle_mm, rel=0.01)
    assert known.max_gy == pytest.approx(MIDDLE_GY + 0.8 * beyond_mm, rel=0.01)


@pytest.mark.parametrize("thick_mm", [21, 45])
def test_the_edge_of_a_box_does_not_look_hotter_for_being_divided(thick_mm: int) -> None:
    """D2 and D5 of a box in 1.6 Gy per millimetre along the stack, where whole planes are the hottest pieces."""
    slices = np.arange(-60.0, 61.0, 3.0)
    known = found(box(-thick_mm / 2, thick_mm / 2, slices), rising(2, 1.6))
    for percent in (1, 2, 5, 10):
        truth = MIDDLE_GY + 1.6 * thick_mm * (0.5 - percent / 100)
        assert known.dose_gy(percent) == pytest.approx(truth, abs=0.3)
