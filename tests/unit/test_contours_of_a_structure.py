"""Contours that cannot be drawn are left out one by one, counted by reason, and never distort the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from phantom.modules import item
from sheets.read import contours
from sheets.read.ct_volume import frame

if TYPE_CHECKING:
    from pydicom import Dataset

WITHIN = frame([1, 0, 0, 0, 1, 0])
SLICES_MM = np.arange(0.0, 31.0, 3.0)


def square(z_mm: float) -> list[float]:
    """Draw a square of 20 mm."""
    return [-10, -10, z_mm, 10, -10, z_mm, 10, 10, z_mm, -10, 10, z_mm]


def structure_set(*drawn: list[float]) -> Dataset:
    """Make a structure of closed contours."""
    return item(
        StructureSetROISequence=[item(ROINumber=1, ROIName="PTV")],
        ROIContourSequence=[
            item(
                ReferencedROINumber=1,
                ContourSequence=[item(ContourGeometricType="CLOSED_PLANAR", ContourData=one) for one in drawn],
            )
        ],
    )


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        ([5, 5, 12] * 4, contours.FLAT),
        ([0, 0, 12, 5, 0, 12, 9, 0, 12], contours.FLAT),
        ([0, 0, 12, 1e30, 0, 12, 5, 5, 12], contours.UNREADABLE),
        ([0, 0, 12, float("nan"), 0, 12, 5, 5, 12], contours.UNREADABLE),
        ([0, 0, 12, float("inf"), 0, 12, 5, 5, 12], contours.UNREADABLE),
        ([0, 0, 12, 5, 0, 12], contours.UNREADABLE),
        ([0, 0, 12, 5, 0, 12, 5, 5], contours.UNREADABLE),
        ([0, 0, 12, 5, 0, 20, 5, 5, 12], contours.ACROSS),
    ],
)
def test_one_bad_contour_costs_itself(damaged: list[float], reason: str) -> None:
    """The volume is that of the other slices: a damaged one beside a good one on its slice changes nothing."""
    good = [square(z) for z in (6.0, 9.0, 12.0, 15.0, 18.0)]
    (read,) = contours.read(structure_set(*good, damaged), WITHIN, SLICES_MM)
    assert read.left_out == {reason: 1}
    assert len(read.contours) == len(good)
    assert np.diff(read.slabs, axis=1).sum() == pytest.approx(15)
