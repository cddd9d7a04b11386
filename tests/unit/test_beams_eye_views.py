"""Beam's-eye views agree with geometry: divergence, collimator, gantry, couch, position, aperture."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from phantom.modules import item
from sheets.read import beam_geometry
from sheets.read.contours import Structure
from sheets.read.ct_volume import frame
from sheets.render import beams_eye

if TYPE_CHECKING:
    from pydicom import Dataset

    from sheets.read.beam_geometry import BeamView
    from sheets.read.numbers import Floats

WITHIN = frame([1, 0, 0, 0, 1, 0])
SAD = 1000.0


def view(
    *devices: tuple[str, list[float]],
    position: str = "HFS",
    gantry: float = 0,
    couch: float = 0,
    collimator: float = 0,
    isocentre: tuple[float, float, float] = (0, 0, 0),
    also: dict[str, object] | None = None,
    more: list[Dataset] | None = None,
    limiting: list[Dataset] | None = None,
    **beam: object,
) -> BeamView:
    """Read the one beam of a plan."""
    first = item(
        GantryAngle=gantry,
        PatientSupportAngle=couch,
        BeamLimitingDeviceAngle=collimator,
        IsocenterPosition=list(isocentre),
        BeamLimitingDevicePositionSequence=ends(*devices),
        **(also or {}),
    )
    made = item(
        BeamNumber=1,
        ReferencedPatientSetupNumber=1,
        **{"SourceAxisDistance": SAD, **beam},
        BeamLimitingDeviceSequence=limiting or [],
        ControlPointSequence=[first, *(more or [])],
    )
    setup = item(PatientSetupNumber=1, PatientPosition=position)
    (found,) = beam_geometry.views(item(BeamSequence=[made], PatientSetupSequence=[setup]))
    return found


def ends(*devices: tuple[str, list[float]]) -> list[Dataset]:
    """Make control points with jaw and leaf positions."""
    return [item(RTBeamLimitingDeviceType=kind, LeafJawPositions=list(positions)) for kind, positions in devices]


def cylinders(middle: tuple[float, float, float], outline: Floats, radii: Floats, depths: Floats) -> Structure:
    """Draw a structure of discs with a radius at each depth."""
    contours = [
        np.column_stack([outline * radius, np.full(len(outline), depth)]) + np.array(middle)
        for radius, depth in zip(radii, depths, strict=True)
    ]
    heights = middle[2] + depths
    step = float(np.diff(heights).min())
    slices = np.arange(heights[0] - 5 * step, heights[-1] + 5.5 * step, step)
    return Structure(1, "PTV", "PTV", (255, 0, 0), tuple(contours), 2, slices)


def sphere(radius: float, middle: tuple[float, float, float]) -> Structure:
    """Draw a sphere on slices of 1 mm."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    depths = np.arange(-radius + 0.5, radius, 1.0)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    return cylinders(middle, circle, np.sqrt(radius**2 - depths**2), depths)


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Structure:
    """Draw a box on slices of 1 mm, half a millimetre inside its ends."""
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    depths = np.arange(low[2] + 0.5, high[2], 1.0)
    return cylinders((0, 0, 0), corners, np.ones(len(depths)), depths)


def reach(of: Structure, seen: BeamView) -> Floats:
    """Return the extent of a structure's projection: lowest and highest x and y."""
    points = beams_eye.shadow(of, seen, WITHIN).sides.reshape(-1, 2)
    return np.array([points.min(axis=0), points.max(axis=0)])


@pytest.mark.parametrize("gantry", [0, 37, 90, 180, 270])
@pytest.mark.parametrize("couch", [0, 90, 345])
def test_a_sphere_at_the_isocentre_is_a_circle_from_everywhere(gantry: float, couch: float) -> None:
    """A little larger than itself, due to divergence: r SAD / sqrt(SAD² - r²)."""
    seen = view(gantry=gantry, couch=couch, isocentre=(20, -30, 45))
    expected = 50 * SAD / np.sqrt(SAD**2 - 50**2)
    assert reach(sphere(50, (20, -30, 45)), seen) == pytest.approx(np.array([[-expected] * 2, [expected] * 2]), abs=0.6)


@pytest.mark.parametrize(
    ("gantry", "couch", "x", "y"),
    [
        # x is lowest and highest of (what is to the right) * SAD / (SAD - what is towards the source).
        (0, 0, (20 * 1000 / 1030, 40 * 1000 / 990), (50 * 1000 / 1030, 70 * 1000 / 990)),
        (180, 0, (-40 * 1000 / 970, -20 * 1000 / 1010), (50 * 1000 / 1010, 70 * 1000 / 970)),
        (90, 0, (-10 * 1000 / 960, 30 * 1000 / 960), (50 * 1000 / 980, 70 * 1000 / 960)),
        (270, 0, (-30 * 1000 / 1020, 10 * 1000 / 1020), (50 * 1000 / 1040, 70 * 1000 / 1020)),
        (0, 90, (-70 * 1000 / 990, -50 * 1000 / 1030), (20 * 1000 / 1030, 40 * 1000 / 990)),
        (0, 270, (50 * 1000 / 1030, 70 * 1000 / 990), (-40 * 1000 / 990, -20 * 1000 / 1030)),
    ],
)
def test_a_box_beside_the_axis_is_where_and_as_large_as_its_nearest_corners(
    gantry: float, couch: float, x: tuple[float, float], y: tuple[float, float]
) -> None:
    """20 to 40 mm to the left, from 10 mm before to 30 mm behind, 50 to 70 mm to the head of the isocentre."""
    target = box((20, -10, 50), (40, 30, 70))
    assert reach(target, view(gantry=gantry, couch=couch)) == pytest.approx(np.array([x, y]).T, abs=0.01)


@pytest.mark.parametrize(
    ("position", "right", "up", "source"),
    [
        ("HFS", "L", "H", "A"),
        ("HFP", "R", "H", "P"),
        ("FFS", "R", "F", "A"),
        ("FFP", "L", "F", "P"),
        ("HFDR", "P", "H", "L"),
        ("HFDL", "A", "H", "R"),
        ("FFDR", "A", "F", "L"),
        ("FFDL", "P", "F", "R"),
    ],
)
def test_a_patient_is_seen_as_he_lies(position: str, right: str, up: str, source: str) -> None:
    """From above, with right and gantry directions; each frame is right-handed."""
    axes = beam_geometry.gantry_axes(position, 0, 0)
    assert axes is not None
    assert [beams_eye.direction(axis) for axis in axes] == [right, up, source]
    assert np.cross(axes[0], axes[1]) == pytest.approx(axes[2])


@pytest.mark.parametrize(
    "unknown", [{"position": "SITTING"}, {"SourceAxisDistance": None}, {"also": {"TableTopPitchAngle": 3}}]
)
def test_where_nobody_knows_how_the_patient_lies_no_target_is_drawn(unknown: dict[str, object]) -> None:
    """A wrongly rotated picture might be signed."""
    target = sphere(20, (0, 0, 0))
    assert len(beams_eye.shadow(target, view(), WITHIN).sides)
    assert not len(beams_eye.shadow(target, view(**unknown), WITHIN).sides)


LEAVES = [item(RTBeamLimitingDeviceType="MLCX", NumberOfLeafJawPairs=4, LeafPositionBoundaries=[-20, -10, 0, 10, 20])]
JAWS = (("ASYMX", [-20, 30]), ("ASYMY", [-50, 40]))


def test_the_widest_opening_is_shown_and_what_is_not_stated_again_stays() -> None:
    """Jaws are stated only in the first control point; leaves move."""
    stated = [[-5.0] * 4 + [5.0] * 4, [-25.0] * 4 + [25.0] * 4, [-1.0] * 4 + [1.0] * 4]
    first, *more = stated
    seen = view(
        *JAWS,
        ("MLCX", first),
        more=[item(BeamLimitingDevicePositionSequence=ends(("MLCX", one))) for one in more],
        limiting=LEAVES,
    )
    assert seen.opening is not None
    assert (seen.control_point, seen.opening.jaws.tolist()) == (2, [[-20, 30], [-50, 40]])
    # Under the leaves from -20 to 25 mm; beside them the jaws alone limit the field.
    assert seen.opening.area_mm2 == pytest.approx(40 * 45 + 50 * 50)


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (2, 1), (3, 2), (1531, 766)])
def test_of_equal_openings_the_middle_one_is_shown(count: int, shown: int) -> None:
    """A helical treatment begins and ends beside its target."""
    seen = view(*JAWS, more=[item(GantryAngle=one % 360) for one in range(count - 1)])
    assert (seen.control_point, seen.control_points) == (shown, count)


@pytest.mark.parametrize("collimator", [0, 45, 90, 270])
def test_jaws_are_turned_with_the_collimator(collimator: float) -> None:
    """Counter-clockwise, seen from the source: a corner of the field is at the computed position."""
    seen = view(*JAWS, collimator=collimator)
    picture = np.asarray(Image.open(io.BytesIO(beams_eye.picture(seen))).convert("RGB"), dtype=int)
    side = picture.shape[0]
    angle = np.radians(collimator)
    x, y = np.array([30 - 4, 30 + 4]), np.array([40 - 4, 40 + 4])  # inside and outside of the upper right corner
    turned = np.column_stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)])
    half = beams_eye.half_mm(seen, beams_eye.NOTHING)
    (inside_x, inside_y), (outside_x, outside_y) = (
        (side / 2 + across * side / 2 / half, side / 2 - up * side / 2 / half) for across, up in turned
    )
    assert picture[int(inside_y), int(inside_x)].tolist() == [255, 255, 255]
    assert picture[int(outside_y), int(outside_x)].tolist() == list(beams_eye.SHUT)


@pytest.mark.parametrize(
    ("accessory", "open_at", "shut_at"),
    [
        ({"BlockSequence": [item(BlockType="SHIELDING", BlockData=[0, 0, 15, 0, 15, 15, 0, 15])]}, (-8, 8), (8, 8)),
        ({"BlockSequence": [item(BlockType="APERTURE", BlockData=[0, 0, 15, 0, 15, 15, 0, 15])]}, (8, 8), (-8, 8)),
        (
            {
                "ApplicatorSequence": [
                    item(
                        ApplicatorGeometrySequence=[item(ApplicatorApertureShape="SYM_CIRCULAR", ApplicatorOpening=20)]
                    )
                ]
            },
            (5, 5),
            (9, 9),
        ),
        (
            {
                "ApplicatorSequence": [
                    item(ApplicatorGeometrySequence=[item(ApplicatorApertureShape="SYM_SQUARE", ApplicatorOpening=20)])
                ]
            },
            (9, 9),
            (12, 5),
        ),
    ],
)
def test_blocks_applicators_and_cones_shield_what_they_shield(
    accessory: dict[str, object], open_at: tuple[float, float], shut_at: tuple[float, float]
) -> None:
    """A block shields inside or outside its outline, according to its type."""
    seen = view(("X", [-20, 20]), ("Y", [-20, 20]), **accessory)
    picture = np.asarray(Image.open(io.BytesIO(beams_eye.picture(seen))).convert("RGB"), dtype=int)
    scale = picture.shape[0] / 2 / beams_eye.half_mm(seen, beams_eye.NOTHING)
    middle = picture.shape[0] / 2
    found = [picture[int(middle - y * scale), int(middle + x * scale)].tolist() for x, y in (open_at, shut_at)]
    assert found == [[255, 255, 255], list(beams_eye.SHUT)]


@pytest.mark.parametrize(
    ("stops", "legs"),
    [
        ([(30, "NONE"), (30, "NONE")], []),
        ([(181, "CW"), (0, "CW"), (179, "NONE")], [(181, 358)]),
        ([(179, "CC"), (0, "CC"), (181, "NONE")], [(179, -358)]),
        ([(181, "CW"), (179, "CC"), (181, "NONE")], [(181, 358), (179, -358)]),
    ],
)
def test_arcs_begin_end_and_turn_back_where_they_do(
    stops: list[tuple[float, str]], legs: list[tuple[float, float]]
) -> None:
    """For the dial: start and extent of each, positive if clockwise."""
    first, *more = [item(GantryAngle=angle, GantryRotationDirection=way) for angle, way in stops]
    beam = item(ControlPointSequence=[first, *more])
    (seen,) = beam_geometry.views(item(BeamSequence=[beam]))
    assert [tuple(leg) for leg in seen.turns] == legs
    assert beams_eye.picture(seen)


def test_spots_of_a_scanned_beam_are_along_the_axes_of_the_gantry() -> None:
    """Whatever the collimator angle; with different divergence along x and y."""
    points = [item(ScanSpotPositionMap=[-30, 10, 30, 10]), item(ScanSpotPositionMap=[0, -20])]
    beam = item(IonControlPointSequence=points, VirtualSourceAxisDistances=[2000, 2500])
    (seen,) = beam_geometry.views(item(IonBeamSequence=[beam]))
    assert seen.spots.tolist() == [[-30, 10], [0, -20], [30, 10]]
    assert seen.source_mm == (2000, 2500)
    assert beams_eye.picture(seen)


@pytest.mark.parametrize(
    "bad",
    [
        {"isocentre": (1e9, -1e9, 1e12)},
        {"isocentre": (0, 900, 0)},
        {"SourceAxisDistance": 1e-6},
        {"BlockSequence": [item(BlockData=[1e30, 0, 0])]},
        {"BlockSequence": [item(BlockData=[1e30, 0, 0, 1e30, -1e30, 0])]},
        {"limiting": [item(RTBeamLimitingDeviceType="MLCX", LeafPositionBoundaries=[5, -5, 0])]},
    ],
)
def test_an_impossible_value_does_not_prevent_the_picture(bad: dict[str, object]) -> None:
    """Far away, inverted or missing: the picture lacks it, or has it at the edge."""
    seen = view(("MLCX", [-1e20, -5, 5, 1e20]), ("ASYMY", [3]), **bad)
    assert beams_eye.picture(seen, beams_eye.shadow(sphere(30, (0, 0, 0)), seen, WITHIN))


@pytest.mark.parametrize("gantry", [0, 37, 90])
@pytest.mark.parametrize("couch", [0, 60, 90])
@pytest.mark.parametrize("wound", [1, -1])
def test_faces_turned_away_add_nothing_to_the_outline(gantry: float, couch: float, wound: int) -> None:
    """For either winding of the contours, except for edges a pixel narrower."""
    target, seen = sphere(50, (20, -30, 45)), view(gantry=gantry, couch=couch, isocentre=(0, 0, 30))
    target = replace(target, contours=tuple(one[::wound] for one in target.contours))
    shadow = beams_eye.shadow(target, seen, WITHIN)
    every = beams_eye.Shadow(shadow.faces, np.concatenate([shadow.sides, shadow.sides[:, ::-1]]))
    first, second = (
        np.asarray(Image.open(io.BytesIO(beams_eye.picture(seen, one))).convert("RGB")).astype(int)
        for one in (shadow, every)
    )
    assert (np.abs(first - second).max(axis=2) > 0).mean() < 0.003


@pytest.mark.parametrize(
    ("ends_mm", "left_out"),
    [
        ([-30.0] * 2 + [30.0] * 2, ()),
        ([-30.0] * 3, ("MLCX",)),
        ([-30.0] * 3 + [30.0] * 3, ("MLCX",)),
        ([-30.0, -30.0, 30.0, float("nan")], ("MLCX",)),
        (None, ("MLCX",)),
    ],
)
def test_leaves_that_cannot_be_drawn_are_named(ends_mm: list[float] | None, left_out: tuple[str, ...]) -> None:
    """The field would look open."""
    declared = item(RTBeamLimitingDeviceType="MLCX", NumberOfLeafJawPairs=2, LeafPositionBoundaries=[-10, 0, 10])
    leaves = [] if ends_mm is None else [("MLCX", ends_mm)]
    assert view(("ASYMX", [-50.0, 50.0]), *leaves, limiting=[declared]).left_out == left_out


def test_a_block_that_cannot_be_drawn_is_named() -> None:
    """One with an odd number of coordinates, beside a good one."""
    blocks = [item(BlockType="SHIELDING", BlockData=data) for data in ([0, 0, 9, 0, 9, 9], [0, 0, 9, 0, 9])]
    assert view(BlockSequence=blocks).left_out == ("block",)


def test_without_a_gantry_angle_no_target_is_projected() -> None:
    """An angle of 0 would be a guess."""
    beam = item(SourceAxisDistance=SAD, ControlPointSequence=[item(ControlPointIndex=0, IsocenterPosition=[0, 0, 0])])
    setup = item(PatientSetupNumber=1, PatientPosition="HFS")
    (found,) = beam_geometry.views(item(BeamSequence=[beam], PatientSetupSequence=[setup]))
    assert (found.gantry, found.axes) == (None, None)
    assert beams_eye.picture(found, beams_eye.shadow(None, found, WITHIN))
