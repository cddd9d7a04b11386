"""Histograms agree with geometry and an independent program, for source and published set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from sheets.examination.dvh import Dvh, dvh
from sheets.read import contours as structures
from sheets.read import ct_volume
from sheets.read.contours import Structure
from sheets.read.dose_grid import Dose
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    from tests.sets import MadeSet

ALONG_X = ct_volume.frame([1, 0, 0, 0, 1, 0])


def structure(*contours: np.ndarray) -> Structure:
    """Make a structure of contours on axial planes."""
    return Structure(1, "PTV", "PTV", (255, 0, 0), contours, 2, np.arange(-30.0, 61.0))


def square(side_mm: float, z_mm: float) -> np.ndarray:
    """Draw a centred square."""
    half = side_mm / 2
    return np.array([[-half, -half, z_mm], [half, -half, z_mm], [half, half, z_mm], [-half, half, z_mm]])


def sloping(
    offsets_mm: list[float],
    *,
    from_gy: float = 40.0,
    gy_per_mm: float = 0.5,
    cosines: Sequence[int] = (1, 0, 0, 0, 1, 0),
) -> Dose:
    """Make a dose that rises along x and is constant along y and z, with frames at the offsets."""
    columns, rows = 41, 21
    data = Dataset()
    data.file_meta = Dataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.ImagePositionPatient, data.ImageOrientationPatient = [-50, -25, -10], list(cosines)
    data.PixelSpacing, data.Rows, data.Columns, data.NumberOfFrames = [2.5, 2.5], rows, columns, len(offsets_mm)
    data.GridFrameOffsetVector, data.DoseGridScaling, data.DoseUnits = offsets_mm, 1e-4, "GY"
    data.BitsAllocated = data.BitsStored = 32
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 31, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    gy = from_gy + gy_per_mm * (np.arange(columns) * 2.5 - 50)
    data.PixelData = np.broadcast_to(np.rint(gy * 1e4), (len(offsets_mm), rows, columns)).astype("<u4").tobytes()
    data["PixelData"].VR = "OW"
    return Dose(data)


def found(of: Structure, dose: Dose) -> Dvh:
    """Compute an existing histogram."""
    worked_out = dvh(of, dose, ALONG_X)
    assert worked_out is not None
    return worked_out


def test_a_box_in_a_sloping_dose_has_the_histogram_that_one_works_out_by_hand() -> None:
    """20 mm, 7 planes of 3 mm; from 35 to 45 Gy."""
    box = found(structure(*(square(20, z) for z in np.arange(7) * 3.0)), sloping([0, 10, 20, 40]))
    assert box.volume_cm3 == pytest.approx(8.4, rel=1e-3)
    assert box.mean_gy == pytest.approx(40, abs=0.01)
    assert (box.dose_gy(95), box.dose_gy(50), box.dose_gy(2)) == pytest.approx((35.5, 40, 44.8), abs=0.06)
    assert box.max_gy == pytest.approx(45, abs=0.06)
    assert box.curve(np.array([0, 36, 44, 46])) == pytest.approx([100, 90, 10, 0], abs=0.6)
    assert box.centre == pytest.approx([0, 0, 9], abs=0.01)
    assert box.outside == 0


def test_a_contour_within_another_is_a_hole_and_a_missing_plane_is_one_too() -> None:
    """Planes at 0, 3, 6 and 30 mm: the last one is separate."""
    dose = sloping([0, 10, 20, 40, 80])
    planes = [contour for z in (0.0, 3.0, 6.0, 30.0) for contour in (square(20, z), square(10, z))]
    ring = found(structure(*planes), dose)
    assert ring.volume_cm3 == pytest.approx(4 * 3 * (400 - 100) / 1000, rel=1e-3)


def test_what_lies_outside_the_dose_counts_as_nothing_and_is_reported() -> None:
    """A box from -16 to 0 mm, 6 mm of which are below the grid."""
    below = found(structure(*(square(20, z) for z in (-14.0, -10.0, -6.0, -2.0))), sloping([0, 10, 20]))
    assert below.outside == pytest.approx(0.375, abs=0.001)
    assert below.mean_gy == pytest.approx(25, abs=0.05)
    assert (below.known, below.min_gy) == (True, None)
    assert [below.dose_gy(percent) is None for percent in (98, 95, 63, 62, 50, 2)] == [True] * 3 + [False] * 3


def test_a_structure_that_fills_its_grid_has_all_its_percentiles() -> None:
    """A part outside that is no more than rounding makes none of them unknown."""
    box = found(structure(*(square(20, z) for z in (3.0, 6.0, 9.0))), sloping([0, 10, 20, 40]))
    assert box.outside == 0
    assert box.min_gy == pytest.approx(box.dose_gy(100))


def test_frames_may_be_told_by_their_positions_and_come_from_above() -> None:
    """PS3.3 C.8.8.3.2 has both forms; a point has the same dose in each."""
    points = np.array([[-3.0, 2.0, -10.0], [1.25, -7.0, 3.3], [0.0, 0.0, 29.0]])
    offsets = sloping([0, 10, 20, 40]).at(points)
    positions = sloping([-10, 0, 10, 30]).at(points)
    assert positions == pytest.approx(offsets)
    assert offsets == pytest.approx(40 + 0.5 * points[:, 0], abs=1e-3)
    downwards = sloping([0, -10, -20]).at(np.array([[0.0, 0.0, -15.0], [0.0, 0.0, -9.0]]))
    assert downwards[0] == pytest.approx(40)
    assert np.isnan(downwards[1])


@pytest.mark.parametrize("cosines", [[-1, 0, 0, 0, 1, 0], [1, 0, 0, 0, -1, 0]])
@pytest.mark.parametrize("stated", [[0, 10, 20], [-10, -20, -30]])
def test_positions_of_frames_feet_first_run_against_their_normal(cosines: list[int], stated: list[float]) -> None:
    """The grid lies from -10 to -30 mm, whether offsets along the normal or z coordinates are stated."""
    dose = sloping(stated, cosines=cosines)
    found = dose.at(np.array([[-50.0, -25.0, z] for z in (-30.0, -17.0, -10.0, -9.0, -31.0)]))
    assert np.isnan(found).tolist() == [False, False, False, True, True]


@pytest.fixture
def dvhcalc(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the independent program, adapted to pydicom 3."""
    monkeypatch.setattr("pydicom.dicomio.read_file", pydicom.dcmread, raising=False)
    return pytest.importorskip("dicompylercore.dvhcalc")


def finer_dose(made: MadeSet) -> None:
    """Resample the dose to more rows and columns, and to each slice of the CT at its centre.

    The independent program counts voxels, takes the nearest frame where one is within half a millimetre, and knows of
    no other dose in a slice than that of its middle: where it falls steeply from slice to slice, it is not a judge.
    """
    dose, times = made.dose, round(float(made.dose.PixelSpacing[0]) / 0.5)
    values = dose.pixel_array.astype(float)
    frames_mm = float(dose.ImagePositionPatient[2]) + np.array(dose.GridFrameOffsetVector, float)
    slices_mm = np.array([float(image.ImagePositionPatient[2]) for image in made.ct])
    slices_mm = slices_mm[(frames_mm[0] <= slices_mm) & (slices_mm <= frames_mm[-1])]
    values = between(values, 0, np.interp(slices_mm, frames_mm, np.arange(len(frames_mm))))
    reach_mm = 0.49 * float(np.diff(slices_mm).min())
    values, slices_mm = np.repeat(values, 3, axis=0), (slices_mm[:, np.newaxis] + [-reach_mm, 0, reach_mm]).ravel()
    for axis in (1, 2):
        count = values.shape[axis]
        values = between(values, axis, np.linspace(0, count - 1, (count - 1) * times + 1))
    dose.NumberOfFrames, dose.Rows, dose.Columns = values.shape
    dose.ImagePositionPatient[2] = slices_mm[0]
    dose.GridFrameOffsetVector = list(slices_mm - slices_mm[0])
    dose.PixelSpacing = [round(float(spacing) / times, 6) for spacing in dose.PixelSpacing]
    dose.PixelData = np.rint(values).astype("<u4").tobytes()


def between(values: np.ndarray, axis: int, at: np.ndarray) -> np.ndarray:
    """Interpolate along an axis, at fractions of indices."""
    low = np.minimum(at.astype(int), values.shape[axis] - 2)
    part = (at - low).reshape([-1 if each == axis else 1 for each in range(3)])
    return np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part


def figures(data: dict[str, Any]) -> dict[int, tuple[float, ...]]:
    """Return volume, mean, D95 and D2 of every structure, as we compute them."""
    dose = Dose(data["RTDOSE"])
    slices = np.unique([float(one.ImagePositionPatient[2]) for name, one in data.items() if name.startswith("CT")])
    drawn = structures.read(data["RTSTRUCT"], ALONG_X, slices)
    worked_out = ((one.number, dvh(one, dose, ALONG_X)) for one in drawn)
    return {number: (one.volume_cm3, one.mean_gy, one.dose_gy(95), one.dose_gy(2)) for number, one in worked_out if one}


def test_source_and_published_set_have_the_histograms_of_an_independent_program(
    tmp_path: Path, dvhcalc: ModuleType
) -> None:
    """Within half a per cent, and the same on both sides."""
    names = ["PTV_7000", "GTVp"]
    done = anonymized(tmp_path, finer_dose, make={"ct": 10, "rois": names})
    before, after = figures(done.old), figures(done.new)
    assert before == after
    assert len(after) == len(names)
    for side in (done.old, done.new):
        for number, ours in after.items():
            theirs = dvhcalc.get_dvh(side["RTSTRUCT"], side["RTDOSE"], number)
            judged = (theirs.volume, theirs.mean, theirs.D95.value, theirs.D2.value)
            assert ours == pytest.approx(judged, rel=0.005, abs=0.011)  # its doses are in bins of 0.01 Gy
