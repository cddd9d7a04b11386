"""A sheet reads the same from a set by engine and by pydicom, which is used if the source is compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from services.policy.table import Choice, policy_for
from sheets.examination.element_counts import elements_of
from sheets.examination.source_diff import BEAMS, CONTOURS, CT, DOSE, Comparison
from sheets.read import contours, ct_volume, plan_objects
from sheets.read.beams import beams, prescription
from sheets.read.dose_grid import Dose
from sheets.read.numbers import contours_of, decimals, numbers
from tests.sets import make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from sheets.read.plan_objects import Objects


def facts(objects: Objects) -> dict[str, object]:
    """Return everything that a sheet reads."""
    elements: Counter[str] = Counter()
    comparison = Comparison(policy_for(Choice("shift", "retain", True)))
    for part, data in ((CONTOURS, objects.structure_set), (BEAMS, objects.plan), (DOSE, objects.dose)):
        elements_of(data, elements)
        comparison.count(part, data)
    voxels = []
    for image in objects.images():
        elements_of(image, elements)
        comparison.count(CT, image)
        voxels.append(ct_volume.read_slice(image, objects.frame)[...].tolist())
    dose = Dose(objects.dose)
    structures = contours.read(objects.structure_set, objects.frame, objects.slices_mm)
    return {
        "elements": elements,
        "numbers": {part: found.numbers for part, found in comparison.parts.items()},
        "voxels": voxels,
        "dose": (dose.says, dose.scaling, dose.gy.tolist(), dose.position((1, 2, 3)).tolist()),
        "structures": [
            (one.number, one.name, one.kind, one.colour, [points.tolist() for points in one.contours], one.left_out)
            for one in structures
        ],
        "beams": beams(objects.plan),
        "prescription": prescription(objects.plan),
        "patient": str(objects.plan.get("PatientName")),
    }


def rewritten(folder: Path, change: Callable[[Dataset], None]) -> None:
    """Change every file of a set."""
    for path in folder.glob("*.dcm"):
        data = pydicom.dcmread(path)
        change(data)
        pydicom.dcmwrite(path, data)


def implicit(data: Dataset) -> None:
    """Write the set in the other encoding."""
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def explicit(data: Dataset) -> None:
    """Write the set in this encoding."""
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


@pytest.mark.parametrize("encoding", [implicit, explicit])
def test_both_read_the_same(tmp_path: Path, encoding: Callable[[Dataset], None]) -> None:
    """Every element, number, voxel, contour and beam."""
    made = make_set(tmp_path, ct=4, rois=["PTV_7000", "Parotid_L"])
    rewritten(made.folder, encoding)
    assert facts(plan_objects.read(made.folder)) == facts(plan_objects.read(made.folder, by_pydicom=True))


def test_bits_above_the_highest_are_no_part_of_a_voxel(tmp_path: Path) -> None:
    """Older scanners store overlays there; negative numbers keep their sign."""
    made = make_set(tmp_path, ct=4, rois=["PTV_7000"])
    values: list[np.ndarray] = []

    def twelve_bits(data: Dataset) -> None:
        if data.Modality != "CT":
            return
        stored = np.arange(data.Rows * data.Columns).reshape(data.Rows, data.Columns) % 4096 - 2048
        overlay = (np.arange(stored.size).reshape(stored.shape) % 16) << 12
        values.append(stored.astype(np.float32))
        data.BitsStored, data.HighBit, data.PixelRepresentation = 12, 11, 1
        data.RescaleSlope, data.RescaleIntercept = 1, 0
        data.PixelData = ((stored & 0x0FFF) | overlay).astype("<u2").tobytes()

    rewritten(made.folder, twelve_bits)
    objects = plan_objects.read(made.folder)
    read = [ct_volume.read_slice(image, objects.frame)[...] for image in objects.images()]
    assert [one.tolist() for one in read] == [one.tolist() for one in values]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1\\2\\-3.5\\4\\2.0\\-3.5\\4\\6.25\\-3.5", [1, 2, -3.5, 4, 2, -3.5, 4, 6.25, -3.5]),
        ("7\\2\\1\\7\\2\\2\\7\\5\\3", [7, 2, 1, 7, 2, 2, 7, 5, 3]),
        ("1\\2\\3\\4\\5\\6\\7\\8\\9.5", [1, 2, 3, 4, 5, 6, 7, 8, 9.5]),
        (" 1e1\\ 2 \\+3\\.4\\5.\\-6 ", [10, 2, 3, 0.4, 5, -6]),
        ("1\\2\\3\\4", [1, 2, 3, 4]),
        ("1\\2", []),
        ("1\\2\\x\\4\\5\\x", []),
        ("1\\2\\\\4\\5\\", []),
        ("", []),
        ("1.50\\-2.25\\0.00\\-4.00\\.50\\-.25", [1.5, -2.25, 0, -4, 0.5, -0.25]),
        ("1.50\\2.25\\0.00\\4.00\\1.5-\\0.25", []),
        ("123456789012.3456\\0.1000\\1.0000\\4.0000\\5.0000\\6.0000", [123456789012.3456, 0.1, 1, 4, 5, 6]),
    ],
)
def test_points_are_read_with_one_number_for_a_coordinate_that_all_share(
    tmp_path: Path, written: str, read: list[float]
) -> None:
    """Values that are not only numbers give none."""
    made = make_set(tmp_path, ct=3, rois=["PTV_7000"])

    def change(data: Dataset) -> None:
        if data.Modality == "RTSTRUCT":
            contour = data.ROIContourSequence[0].ContourSequence[0]
            contour[0x30060050] = RawDataElement(
                Tag(0x30060050), "DS", len(written), written.encode(), 0, is_implicit_VR=False, is_little_endian=True
            )

    rewritten(made.folder, change)
    (drawing,) = plan_objects.read(made.folder).structure_set.get("ROIContourSequence")
    found, others = contours_of(drawing, contours.CLOSED)
    unchanged = [numbers(contour, "ContourData").tolist() for contour in drawing.get("ContourSequence")[1:]]
    assert ([one.tolist() for one in found], others) == ([read, *unchanged], {})


@given(st.lists(st.text("0123456789.-", max_size=18), min_size=1, max_size=6).map("\\".join))
@example("1.0\\2.0-3.0\\-4.0")
@example("-\\.\\-.")
@example(".00.\\00")
def test_what_is_read_as_digits_is_what_every_number_says(text: str) -> None:
    """Exactly; other notations are left to the reader of single numbers."""
    read = decimals(text.encode())
    if read is not None:
        assert read[0].tolist() == [float(part) for part in text.split("\\")]


@given(st.integers(1, 6), st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=9))
def test_numbers_of_one_precision_are_read_at_once(places: int, whole: list[int]) -> None:
    """Each as the nearest double."""
    texts = [f"{'-' if one < 0 else ''}{abs(one) // 10**places}.{abs(one) % 10**places:0{places}}" for one in whole]
    read = decimals("\\".join(texts).encode())
    assert read is not None
    assert read[0].tolist() == list(map(float, texts))
