"""Voxels, contours, isodoses and scale bars are drawn where they are, to a pixel, in every patient position."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from sheets.read import ct_volume
from sheets.read.contours import Structure
from sheets.read.dose_grid import Dose
from sheets.render import draw
from sheets.render.draw import Box, Level, Scene
from tests.views import planes_of

POSITIONS = {
    "head first, supine": [1, 0, 0, 0, 1, 0],
    "head first, prone": [-1, 0, 0, 0, -1, 0],
    "feet first, supine": [-1, 0, 0, 0, 1, 0],
    "feet first, prone": [1, 0, 0, 0, -1, 0],
}
SPACINGS_MM = {"square": (1.0, 1.0, 3.0), "high": (2.1, 0.9, 1.5), "broad": (0.7, 1.6, 4.0)}
"""Between rows, between columns, between slices."""

SIDE_MM = 160.0
BLOCK_MM = (np.array([9.0, -27.0, 16.0]), np.array([23.0, -13.0, 36.0]))
"""A bright block, in patient coordinates."""
SQUARE_MM = (-31.0, -7.0)
"""A square contour in x and y on all slices."""
ISODOSE_X_MM = 33.3
SCALE_PX = 1.2


def ct(cosines: list[int], spacing_mm: tuple[float, float, float]) -> list[Dataset]:
    """Make a CT of air with the block, centred at the origin."""
    row, column = np.array(cosines[:3], float), np.array(cosines[3:], float)
    down, right, apart = spacing_mm
    rows, columns, slices = (round(SIDE_MM / step) for step in (down, right, apart))
    made = []
    for number in range(slices):
        image = Dataset()
        image.file_meta = Dataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        corner = -row * right * (columns - 1) / 2 - column * down * (rows - 1) / 2
        corner = corner + np.array([0, 0, (number - (slices - 1) / 2) * apart])
        points = corner + row * right * np.arange(columns)[:, np.newaxis]
        points = points[np.newaxis] + column * down * np.arange(rows)[:, np.newaxis, np.newaxis]
        inside = ((points >= BLOCK_MM[0]) & (points <= BLOCK_MM[1])).all(axis=2)
        image.ImagePositionPatient, image.ImageOrientationPatient = list(corner), list(cosines)
        image.PixelSpacing, image.Rows, image.Columns = [down, right], rows, columns
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 1, 1
        image.PhotometricInterpretation, image.RescaleSlope, image.RescaleIntercept = "MONOCHROME2", 1, 0
        image.PixelData = np.where(inside, 2000, -1000).astype("<i2").tobytes()
        image["PixelData"].VR = "OW"
        made.append(image)
    return made


def rising() -> Dose:
    """Make a dose of 50 Gy + 0.5 Gy/mm along x."""
    data, count = Dataset(), 61
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.ImagePositionPatient, data.ImageOrientationPatient = [-90, -90, -90], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.Rows, data.Columns, data.NumberOfFrames = [3, 3], count, count, count
    data.GridFrameOffsetVector, data.DoseGridScaling, data.DoseUnits = list(np.arange(count) * 3.0), 1e-4, "GY"
    data.BitsAllocated = data.BitsStored = 32
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 31, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    gy = 50 + 0.5 * (np.arange(count) * 3.0 - 90)
    data.PixelData = np.broadcast_to(np.rint(gy * 1e4), (count, count, count)).astype("<u4").tobytes()
    data["PixelData"].VR = "OW"
    return Dose(data)


def square(within: ct_volume.Frame, slices_mm: np.ndarray) -> Structure:
    """Draw the square on every slice."""
    low, high = SQUARE_MM
    flat = np.array([[low, low], [high, low], [high, high], [low, high]])
    contours = tuple(within.of(np.column_stack([flat, np.full(4, z)])) for z in slices_mm)
    return Structure(1, "PTV", "PTV", (255, 0, 255), contours, 2, slices_mm)


def edges(mask: np.ndarray) -> list[float]:
    """Return the first and the last column and row, as edges of pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [columns[0], columns[-1] + 1, rows[0], rows[-1] + 1]


@pytest.mark.parametrize("spacing", SPACINGS_MM)
@pytest.mark.parametrize("position", POSITIONS)
def test_everything_in_a_view_is_where_it_is(position: str, spacing: str) -> None:
    """Left is at the right, the back below, the head above; the scale bar is as long as it says."""
    spacing_mm = SPACINGS_MM[spacing]
    slices = ct(POSITIONS[position], spacing_mm)
    slices_mm = np.sort([float(image.ImagePositionPatient[2]) for image in slices])
    within, planes = planes_of(slices, (BLOCK_MM[0] + BLOCK_MM[1]) / 2)
    shown = Box(np.array([-70.0, -64, -55]), np.array([66.0, 70, 61]))
    level = Level(50 + 0.5 * ISODOSE_X_MM, "#00ff00", "", "")
    scene = Scene(within, [square(within, slices_mm)], rising(), [level])
    size = np.array([spacing_mm[1], spacing_mm[0], spacing_mm[2]])
    for plane in planes:
        across, up = plane.axes
        width = shown.high[across] - shown.low[across]
        height = shown.high[up] - shown.low[up]
        shape = draw.Shape(round(width * SCALE_PX * 4), float(height / width))
        picture = Image.open(io.BytesIO(draw.views([plane], scene, [shown], shape=shape))).convert("RGB")
        red, green, blue = np.moveaxis(np.asarray(picture, dtype=int), 2, 0)
        scale = picture.width / width

        def pixel(mm: float, axis: int, plane: ct_volume.Plane = plane, scale: float = scale) -> float:
            backwards = axis == plane.axes[1] and plane.normal != ct_volume.AXIAL
            return float((shown.high[axis] - mm if backwards else mm - shown.low[axis]) * scale)

        # The block: half a voxel more or less on each side, from the centres of its outermost voxels.
        white = (red > 250) & (green > 250) & (blue > 250)
        lowest, highest = BLOCK_MM
        middle = [pixel(float(lowest[axis] + highest[axis]) / 2, axis) for axis in (across, up)]
        half = [float(highest[axis] - lowest[axis] + 2 * size[axis]) / 2 * scale + 2 for axis in (across, up)]
        near = np.zeros_like(white)
        near[
            max(round(middle[1] - half[1]), 0) : round(middle[1] + half[1]),
            max(round(middle[0] - half[0]), 0) : round(middle[0] + half[0]),
        ] = True
        expected = []
        for axis in (across, up):
            count = round(SIDE_MM / size[axis])
            centres = (np.arange(count) - (count - 1) / 2) * size[axis]
            inside = centres[(centres >= lowest[axis]) & (centres <= highest[axis])]
            first_mm, last_mm = float(inside[0] - size[axis] / 2), float(inside[-1] + size[axis] / 2)
            expected += sorted((pixel(first_mm, axis), pixel(last_mm, axis)))
        assert edges(white & near) == pytest.approx(expected, abs=1.5)

        isodose = (green > 120) & (red < 90) & (blue < 90)
        if plane.normal == ct_volume.SAGITTAL:
            assert not isodose.any()
        else:
            columns = np.flatnonzero(isodose.any(axis=0))
            assert (columns[0] + columns[-1] + 1) / 2 == pytest.approx(pixel(ISODOSE_X_MM, 0), abs=1)

        if plane.normal == ct_volume.AXIAL:
            contour = (red > 120) & (blue > 120) & (green < red - 60)
            thick = 3.0
            ends = [pixel(one, axis) for axis in (across, up) for one in SQUARE_MM]
            around = [ends[0] - thick / 2, ends[1] + thick / 2, ends[2] - thick / 2, ends[3] + thick / 2]
            assert edges(contour) == pytest.approx(around, abs=1)

        bar = white[picture.height - 9]
        runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], bar, [0]]))))[::2]
        assert runs.max() == pytest.approx(
            next(mm for mm in (50, 20, 10) if mm * scale < picture.width / 4) * scale, abs=1.5
        )
