"""Overlays of the CT have names and numbers, and are distinguishable without colours."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from phantom.modules import item
from sheets.read import contours
from sheets.read.ct_volume import Frame, Plane, frame
from sheets.read.dose_grid import Dose
from sheets.render import draw, plots
from sheets.render.draw import Box, Scene
from sheets.render.html import html
from sheets.render.page import Key, Page, Plot
from sheets.render.typeface import font_file

WITHIN = frame([1, 0, 0, 0, 1, 0])
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def structures(*boxes: tuple[str, str, float]) -> list[contours.Structure]:
    """Draw 2 cm squares on three slices around heights, given as name, type, height."""
    return [
        contours.Structure(
            number,
            name,
            kind,
            (200, 30 * number, 0),
            tuple(
                np.array([[-10, -10, z], [10, -10, z], [10, 10, z], [-10, 10, z]], dtype=float)
                for z in (at - 3, at, at + 3)
            ),
            2,
            np.arange(-60.0, 61.0, 3.0),
            {},
        )
        for number, (name, kind, at) in enumerate(boxes, 1)
    ]


def axial(at_mm: float) -> Plane:
    """Cut 10 cm of air."""
    return Plane(2, at_mm, np.full((101, 101), -1000, np.float32), (-50.0, -50.0), (1.0, 1.0))


def test_isodoses_are_the_brighter_the_higher() -> None:
    """The order is visible without colours."""
    greys = [float(LUMINANCE @ draw.rgb(colour)) for _, colour in draw.ISODOSES]
    assert min(-np.diff(greys)) > 10
    assert [percent for percent, _ in draw.ISODOSES] == sorted((p for p, _ in draw.ISODOSES), reverse=True)


def test_structures_that_a_view_goes_through_are_named() -> None:
    """And no others, nor those that lie outside the visible region."""

    def names(plane: Plane, low: float = -60, high: float = 60) -> list[str]:
        shown = Box(np.array([low, -60, -60]), np.array([60, 60, high]))
        return [one.name for one in draw.seen(found, [(plane, shown)])]

    found = structures(("PTV", "PTV", 0), ("Cord", "ORGAN", 3), ("Lens", "ORGAN", 30))
    coronal = Plane(1, 0.0, np.zeros((41, 101), np.float32), (-50.0, -60.0), (1.0, 3.0))
    assert names(axial(4)) == ["PTV", "Cord"]
    assert names(axial(30)) == ["Lens"]
    assert names(coronal) == ["PTV", "Cord", "Lens"]
    assert names(coronal, high=20) == ["PTV", "Cord"]
    assert names(axial(0), low=12) == []


def test_a_slice_is_cropped_to_what_it_shows() -> None:
    """To tissue and contours with a margin, within the region of all views; an empty one is not cropped."""
    shown = Box(np.array([-45.0, -45, -20]), np.array([45.0, 45, 20]))
    scene, plane = Scene(WITHIN, structures(("PTV", "PTV", 0)), None, ()), axial(0)
    plane.values[60:91, 40:65] = 40
    plane.values[20, 20] = plane.values[0] = 40  # noise, and what is not shown
    low, high = draw.cropped(plane, scene, shown)
    assert (low.tolist(), high.tolist()) == ([-22, -22, -20], [26, 45, 20])
    beside = Plane(1, 0.0, np.full((41, 101), -1000, np.float32), (-50.0, -60.0), (1.0, 3.0))
    for other in (axial(30), beside):
        assert all(np.array_equal(*ends) for ends in zip(draw.cropped(other, scene, shown), shown, strict=True))


@pytest.mark.parametrize("size_mm", [(100.0, 100.0), (100.0, 60.0), (60.0, 100.0)])
def test_nothing_is_cut_off_a_small_picture(size_mm: tuple[float, float]) -> None:
    """A frame along the edges of the visible region stays visible on all four sides."""
    half = np.array([*size_mm, 20.0]) / 2
    (square,) = structures(("PTV", "PTV", 0))
    edges = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * (half - [1, 1, 0])
    around = replace(square, contours=(edges,), colour=(255, 0, 0))
    picture = draw.thumbnail(axial(0), Scene(WITHIN, [around], None, []), Box(-half, half))
    red, green, _ = np.moveaxis(np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=float), 2, 0)
    rows, columns = np.nonzero(red - green > 60)
    height, width = red.shape
    assert (height, width) == (240, 240)
    assert [np.ptp(columns) / width, np.ptp(rows) / height] == pytest.approx(
        [(size - 2) / max(size_mm) for size in size_mm], abs=0.03
    )


def test_curves_of_organs_are_broken_in_turns_and_those_of_targets_are_whole_and_thick() -> None:
    """Curves of the same grey remain distinguishable."""
    found = structures(("PTV", "PTV", 0), *((f"Organ {number}", "ORGAN", 0) for number in range(4)))
    target, *others = plots.keys(found)
    assert (target.dashes, target.meaning) == (None, "PTV")
    assert all(one.width_pt < target.width_pt for one in others)
    assert len({one.dashes for one in others}) == len(others)
    assert isinstance(target, Key)


@pytest.mark.parametrize(("at_mm", "marked"), [(0.0, True), (2.0, True), (9.0, False)])
def test_the_highest_dose_is_marked_where_a_view_goes_through_it(at_mm: float, marked: bool) -> None:
    """With a white cross at the hottest voxel."""
    shown = Box(np.array([-50.0, -50.0, -50.0]), np.array([50.0, 50.0, 50.0]))
    scene = Scene(WITHIN, (), None, (), np.array([20.0, -10.0, 0.0]))
    shape = draw.Shape(400, 1.0)
    picture = Image.open(io.BytesIO(draw.views([axial(at_mm)], scene, [shown], shape=shape))).convert("L")
    here = np.asarray(picture)[160 - 3 : 160 + 4, 280 - 3 : 280 + 4]  # 4 pixels a mm, from -50 mm
    assert (int(here.max()) == 255) is marked


def cone() -> Dose:
    """Make a dose that falls by 1 Gy per mm from 40 Gy at the centre."""
    across = np.hypot(*np.meshgrid(np.arange(-50.0, 51.0, 2.0), np.arange(-50.0, 51.0, 2.0)))
    values = np.rint(np.clip(40 - across, 0, None) * 100)[np.newaxis].repeat(3, axis=0)
    made = item(
        DoseUnits="GY",
        DoseGridScaling="0.01",
        ImagePositionPatient=[-50, -50, -10],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[2, 2],
        GridFrameOffsetVector=[0, 10, 20],
        NumberOfFrames=3,
        Rows=51,
        Columns=51,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        PixelData=values.astype("<u2").tobytes(),
    )
    made.file_meta = Dataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return Dose(made)


def test_each_isodose_runs_where_the_dose_is_and_has_its_number() -> None:
    """Circles of 20 mm at half of 40 Gy; the number makes the line wider."""
    dose = cone()
    shown = Box(np.array([-50.0, -50.0, -50.0]), np.array([50.0, 50.0, 50.0]))
    (half,) = [one for one in draw.levels(40, dose) if one.mark == "50"]
    pictures = []
    for level in (half, half._replace(mark="")):
        scene = Scene(WITHIN, (), dose, [level])
        png = draw.views([axial(0)], scene, [shown], shape=draw.Shape(800, 1.0))
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int)
        rows, columns = np.nonzero((np.abs(pixels - np.array(draw.rgb(half.colour))) < 40).all(axis=2))
        pictures.append(np.hypot((columns + 0.5) / 8 - 50, (rows + 0.5) / 8 - 50))
    told, plain = pictures
    assert np.abs(plain - 20).max() < 0.5
    assert len(told) > len(plain)
    assert np.abs(told - 20).max() < 3


def test_the_highest_dose_is_found_in_the_frame_of_the_ct() -> None:
    """Along the CT's axes, not the patient's."""
    dose = cone()
    turned = Frame(np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), 2, 0)
    dose.gy[1, 10, 30] = 99.0
    assert draw.hottest(dose, turned).tolist() == [-30.0, -10.0, 0.0]
    assert draw.hottest(None, turned) is None


@pytest.mark.parametrize("turn", [30, 90, 150])
def test_a_broad_line_has_no_notch_at_a_corner(turn: float) -> None:
    """Points at half its width from the corner are covered on both sides."""
    legs = 60 * np.array([[np.cos(angle), np.sin(angle)] for angle in (0.0, np.radians(turn))])
    corner = np.array([100.0, 100.0])
    line = draw.rounded(np.array([corner - legs[0], corner, corner + legs[1]]), 6.0)
    picture = Image.new("L", (200, 200))
    ImageDraw.Draw(picture).line(line.ravel().tolist(), fill=255, width=6)
    covered = np.argwhere(np.asarray(picture) > 0)[:, ::-1]
    for distance in np.linspace(0, 60, 61):
        for at in (corner - legs[0] * distance / 60, corner + legs[1] * distance / 60):
            assert np.hypot(*(covered - at).T).min() < 2.5


def test_points_between_others_are_left_out_of_a_line() -> None:
    """Corner and ends stay; thin lines keep sharp corners."""
    line = np.array([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (9.0, 0.0), (9.0, 4.0), (9.0, 9.0)])
    assert draw.rounded(line, 1).tolist() == [[0.0, 0.0], [9.0, 0.0], [9.0, 9.0]]
    assert draw.rounded(line, 6).tolist() == [[0.0, 0.0], [6.0, 0.0], [9.0, 3.0], [9.0, 9.0]]


def stacked(*contours_at: tuple[float, float, float]) -> contours.Structure:
    """Stack squares, given as extent along x and height; y is from -10 to 10."""
    return contours.Structure(
        1,
        "PTV",
        "PTV",
        (255, 0, 0),
        tuple(
            np.array([[low, -10, z], [high, -10, z], [high, 10, z], [low, 10, z]], dtype=float)
            for low, high, z in contours_at
        ),
        2,
        np.arange(-60.0, 61.0, 3.0),
    )


def coronal(at_mm: float) -> Plane:
    """Cut 12 cm of air across."""
    return Plane(1, at_mm, np.full((41, 121), -1000, np.float32), (-60.0, -60.0), (1.0, 3.0))


ROD = [(-10.0, 10.0, z) for z in (-3.0, 0.0, 3.0)]
LEANING = [(z - 10, z + 10, z) for z in (-3.0, 0.0, 3.0)]
FORKED = [*ROD, (-10, -2, 6), (2, 10, 6)]


def area(line: np.ndarray) -> float:
    """Return the area of a closed line."""
    (x, y), (following_x, following_y) = line[:-1].T, line[1:].T
    return abs(float((x * following_y - y * following_x).sum())) / 2


@pytest.mark.parametrize(
    ("squares", "enclosed", "ends"),
    [
        (ROD, [20 * 9], [((-10, -4.5), (10, 4.5))]),
        (LEANING, [20 * 9], [((-13, -4.5), (13, 4.5))]),
        ([*ROD, (-10, 10, 18), (-10, 10, 21)], [20 * 9, 20 * 6], [((-10, -4.5), (10, 4.5)), ((-10, 16.5), (10, 22.5))]),
        ([*ROD, (30, 40, 6)], [20 * 9, 10 * 3], [((-10, -4.5), (10, 4.5)), ((30, 4.5), (40, 7.5))]),
        (FORKED, [20 * 9 + 2 * 8 * 3], [((-10, -4.5), (10, 7.5))]),
        ([(-10, 10, 0), (20, 30, 0)], [20 * 3, 10 * 3], [((-10, -1.5), (10, 1.5)), ((20, -1.5), (30, 1.5))]),
    ],
)
def test_a_structure_is_outlined_where_a_plane_across_its_contours_cuts_it(
    squares: list[tuple[float, float, float]], enclosed: list[float], ends: list[tuple[tuple[float, float], ...]]
) -> None:
    """Each piece between the faces of the slabs, within 0.5 mm; including forks and separate pieces."""
    found = sorted(
        draw.outlines(stacked(*squares), coronal(0), WITHIN), key=lambda line: (line[:, 1].min(), line[0, 0])
    )
    assert [area(line) for line in found] == pytest.approx(enclosed, rel=0.07)
    assert np.array([(line.min(axis=0), line.max(axis=0)) for line in found]) == pytest.approx(np.array(ends), abs=0.5)
    assert all(np.array_equal(line[0], line[-1]) for line in found)


def test_a_plane_beside_a_structure_shows_nothing_of_it() -> None:
    """Without failing."""
    assert draw.outlines(stacked(*ROD), coronal(11), WITHIN) == []


@pytest.mark.parametrize("dose", [0.1, 1, 5, 9, 29, 31, 59])
def test_the_label_of_a_marked_dose_does_not_cover_the_name_of_an_axis(dose: float) -> None:
    """A prescription far below the highest dose is marked beside the vertical axis, whose name is above it."""
    plot = Plot([], (60.0, 101.0), ("dose in Gy", "volume in %"), ((), ()), "", (dose, f"prescribed {dose:g} Gy"))
    drawn = html(Page("", "", "", [plot], "")).decode()
    label = re.search(r'<text x="([\d.]+)"(| class="end") y="[\d.]+">(prescribed [^<]+)<', drawn)
    name = re.search(r'<text x="([\d.]+)" y="[\d.]+">(volume in %)<', drawn)
    assert label
    assert name
    font = ImageFont.truetype(str(font_file(bold=False)), 13)  # the page's size of letters in a plot
    begin = float(label[1]) - (font.getlength(label[3]) if label[2] else 0)
    assert begin > float(name[1]) + font.getlength(name[2])
