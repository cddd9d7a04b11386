"""Every voxel of a view is at its position in the patient, in any orientation of the CT."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from sheets.read import ct_volume
from sheets.render import draw
from sheets.render.draw import Box, Scene
from tests.views import planes_of

ROWS, COLUMNS, SLICES = 6, 9, 5
SPACING_MM = (1.5, 0.8)
"""Between rows, between columns, as in (0028,0030)."""
GAP_MM = 2.5
TILT = np.radians(12)

ORIENTATIONS = {
    "head first, supine": [1, 0, 0, 0, 1, 0],
    "head first, prone": [-1, 0, 0, 0, -1, 0],
    "feet first, supine": [-1, 0, 0, 0, 1, 0],
    "feet first, prone": [1, 0, 0, 0, -1, 0],
    "decubitus": [0, 1, 0, -1, 0, 0],
    "decubitus, the other side": [0, -1, 0, 1, 0, 0],
    "coronal slices": [1, 0, 0, 0, 0, -1],
    "sagittal slices": [0, 1, 0, 0, 0, -1],
    "oblique": [1, 0, 0, 0, np.cos(TILT), np.sin(TILT)],
}


def ct(cosines: list[float], *, gaps_mm: list[float] | None = None, shear_mm: float = 0.0) -> list[Dataset]:
    """Make a CT with distinct voxel values; each slice is offset by `shear_mm` along its columns."""
    row, column = np.array(cosines[:3], float), np.array(cosines[3:], float)
    corner, depth, slices = np.array([-31.0, 17.0, 205.0]), 0.0, []
    for number in range(SLICES):
        image = Dataset()
        image.file_meta = Dataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        position = corner + depth * np.cross(row, column) + number * shear_mm * column
        image.ImagePositionPatient, image.ImageOrientationPatient = list(position), list(cosines)
        image.PixelSpacing, image.Rows, image.Columns = list(SPACING_MM), ROWS, COLUMNS
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 1, 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.RescaleSlope, image.RescaleIntercept = 2, -1024
        values = np.arange(ROWS * COLUMNS, dtype="<i2").reshape(ROWS, COLUMNS) + 100 * number
        image.PixelData = values.tobytes()
        image["PixelData"].VR = "OW"
        slices.append(image)
        depth += gaps_mm[number] if gaps_mm and number < len(gaps_mm) else GAP_MM
    return slices


def voxels(slices: list[Dataset]) -> tuple[np.ndarray, np.ndarray]:
    """Return the position and HU of each voxel, by the equation of PS3.3 C.7.6.2.1.1, one by one."""
    places, values = [], []
    for image in slices:
        x, y = np.array(image.ImageOrientationPatient[:3], float), np.array(image.ImageOrientationPatient[3:], float)
        for j in range(ROWS):
            for i in range(COLUMNS):
                at = np.array(image.ImagePositionPatient, float) + x * SPACING_MM[1] * i + y * SPACING_MM[0] * j
                places.append(at)
                values.append(int(image.pixel_array[j, i]) * 2 - 1024)
    return np.array(places), np.array(values)


def points_of(within: ct_volume.Frame, plane: ct_volume.Plane) -> np.ndarray:
    """Return the centre of each voxel of a plane in the patient: [up, across, 3]."""
    across, up = plane.axes
    points = np.empty((*plane.values.shape, 3))
    points[..., plane.normal] = plane.at_mm
    points[..., across] = plane.first_mm[0] + plane.step_mm[0] * np.arange(plane.values.shape[1])
    points[..., up] = plane.first_mm[1] + plane.step_mm[1] * np.arange(plane.values.shape[0])[:, np.newaxis]
    return within.patient(points.reshape(-1, 3)).reshape(points.shape)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_voxel_of_a_view_lies_where_it_lies_in_the_patient(orientation: str) -> None:
    """Whatever flips and rotations are required."""
    slices = ct(ORIENTATIONS[orientation])
    places, values = voxels(slices)
    within, planes = planes_of(slices, places[137])
    shapes = sorted(plane.values.size for plane in planes)
    assert shapes == sorted([ROWS * COLUMNS, ROWS * SLICES, COLUMNS * SLICES])
    for plane in planes:
        for point, value in zip(points_of(within, plane).reshape(-1, 3), plane.values.ravel(), strict=True):
            off = np.linalg.norm(places - point, axis=1)
            assert off.min() < 1e-6
            assert values[off.argmin()] == value


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_views_are_seen_as_a_physicist_sees_them(orientation: str) -> None:
    """Left, back and head are at their letters; planes have their names."""
    within, (axial, coronal, sagittal) = planes_of(ct(ORIENTATIONS[orientation]), np.zeros(3))
    assert (axial.normal, coronal.normal, sagittal.normal) == (ct_volume.AXIAL, ct_volume.CORONAL, ct_volume.SAGITTAL)
    assert np.array_equal(np.abs(within.axes).argmax(axis=1), [0, 1, 2])
    assert all(within.axes[axis, axis] > 0.9 for axis in range(3))


def test_slices_of_a_tilted_gantry_are_put_where_they_lie() -> None:
    """Each is offset along its columns from the one below, here by two rows."""
    slices = ct(ORIENTATIONS["head first, supine"], shear_mm=2 * SPACING_MM[0])
    places, values = voxels(slices)
    within, planes = planes_of(slices, places[137])
    seen = 0
    for plane in planes:
        for point, value in zip(points_of(within, plane).reshape(-1, 3), plane.values.ravel(), strict=True):
            off = np.linalg.norm(places - point, axis=1)
            expected = values[off.argmin()] if off.min() < 1e-6 else ct_volume.AIR_HU
            assert value == expected
            seen += off.min() < 1e-6
    rows_met = len({round(place[2]) for place in places if abs(place[1] - places[137][1]) < 1e-6})
    assert seen == ROWS * COLUMNS + ROWS * SLICES + rows_met * COLUMNS


def test_a_slice_reaches_half_way_to_its_neighbours() -> None:
    """Even if these are at different distances."""
    slices = ct(ORIENTATIONS["head first, supine"], gaps_mm=[1.0, 1.0, 4.0, 1.0])
    _, (_, coronal, _) = planes_of(slices, np.array([-31.0, 17.0, 205.0]))
    assert coronal.step_mm[1] == 1.0
    assert [int(value + 1024) // 200 for value in coronal.values[:, 0]] == [0, 1, 2, 2, 2, 3, 3, 4]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_slices_with_voxels_of_two_sizes_are_put_where_they_lie(first: int) -> None:
    """Part of the slices have twice the field of view: each point shows the voxel that covers it."""
    slices = ct(ORIENTATIONS["head first, supine"])
    for image in slices[first::2]:
        image.PixelSpacing = [3.0, 1.6]
    within, planes = planes_of(slices, np.array([-31.0 + 3 * 0.8, 17.0 + 1.5, 205.0 + 2 * GAP_MM]))
    for plane in planes:
        for point, value in zip(points_of(within, plane).reshape(-1, 3), plane.values.ravel(), strict=True):
            image = min(slices, key=lambda one: abs(one.ImagePositionPatient[2] - point[2]))
            down, right = (float(number) for number in image.PixelSpacing)
            i = (point[0] - image.ImagePositionPatient[0]) / right
            j = (point[1] - image.ImagePositionPatient[1]) / down
            if -0.5 < i < COLUMNS - 0.5 and -0.5 < j < ROWS - 0.5:
                near = image.pixel_array[
                    max(0, int(np.ceil(j - 0.5 - 1e-6))) : int(j + 0.5 + 1e-6) + 1,
                    max(0, int(np.ceil(i - 0.5 - 1e-6))) : int(i + 0.5 + 1e-6) + 1,
                ]
                assert value in near * 2.0 - 1024
            elif i < -0.6 or j < -0.6 or i > COLUMNS - 0.4 or j > ROWS - 0.4:
                assert value == ct_volume.AIR_HU


def test_a_voxel_is_drawn_half_a_voxel_around_its_middle() -> None:
    """In the pictures of all three views: its edges, and the direction."""
    slices = ct(ORIENTATIONS["head first, supine"])
    for image in slices:
        values = np.full((ROWS, COLUMNS), -500, "<i2")
        if image is slices[3]:
            values[2, 6] = 2000
        image.PixelData = values.tobytes()
    middle = np.array([-31.0 + 6 * 0.8, 17.0 + 2 * 1.5, 205.0 + 3 * GAP_MM])
    within, planes = planes_of(slices, middle)
    size = np.array([0.8, 1.5, GAP_MM])
    for plane in planes:
        across, up = plane.axes
        shown = Box(middle - 2, middle + 3)
        shown.low[across] -= 4
        shown.high[across] += 3
        picture = Image.open(io.BytesIO(draw.views([plane], Scene(within, (), None, ()), [shown]))).convert("RGB")
        white = (np.array(picture) > 250).all(axis=2)
        scale = picture.width / (shown.high[across] - shown.low[across])
        down = up == 1  # the back is below, the head above
        top = (middle[up] - size[up] / 2 - shown.low[up]) if down else (shown.high[up] - middle[up] - size[up] / 2)
        left = middle[across] - size[across] / 2 - shown.low[across]
        begin = [round(top * scale), round(left * scale)]
        end = [round((top + size[up]) * scale), round((left + size[across]) * scale)]
        inside = white[begin[0] + 2 : end[0] - 2, begin[1] + 2 : end[1] - 2]
        assert inside.size > 100
        assert inside.all()
        around = white.copy()
        around[begin[0] - 2 : end[0] + 2, begin[1] - 2 : end[1] + 2] = False
        assert around.sum() < inside.sum() / 4  # letters
