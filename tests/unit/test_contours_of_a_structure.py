"""Contours that cannot be drawn are left out one by one, counted by reason, and never distort the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from phantom.modules import item
from sheets.read import contours
from sheets.read.ct_volume import frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydicom import Dataset

WITHIN = frame([1, 0, 0, 0, 1, 0])
SLICES_MM = np.arange(0.0, 31.0, 3.0)


def square(z_mm: float) -> list[float]:
    """Draw a square of 20 mm."""
    return [-10, -10, z_mm, 10, -10, z_mm, 10, 10, z_mm, -10, 10, z_mm]


def structure_set(*drawn: list[float]) -> Dataset:
    """Make a structure of closed contours."""
    return structures_of([drawn])


def structures_of(all_drawn: Sequence[Sequence[list[float]]], kinds: Sequence[str] = ()) -> Dataset:
    """Make structures of closed contours, of stated types."""
    return item(
        StructureSetROISequence=[item(ROINumber=number, ROIName="PTV") for number, _ in enumerate(all_drawn)],
        RTROIObservationsSequence=[
            item(ReferencedROINumber=number, RTROIInterpretedType=kind) for number, kind in enumerate(kinds)
        ],
        ROIContourSequence=[
            item(
                ReferencedROINumber=number,
                ContourSequence=[item(ContourGeometricType="CLOSED_PLANAR", ContourData=one) for one in drawn],
            )
            for number, drawn in enumerate(all_drawn)
        ],
    )


def sparse() -> Iterator[object]:
    """Return the slices of the other structures and of the small one, and how thick the small one is, in slices."""
    every, second, third = range(11), range(0, 11, 2), range(1, 11, 3)
    yield pytest.param([second, third], [5], 1, id="on different lattices")
    yield pytest.param([second], [4], 2, id="one plane, every second slice")
    yield pytest.param([second], [5], 1, id="one plane between those of the others")
    yield pytest.param([second], [4, 6], 4, id="two planes, every second slice")
    yield pytest.param([second], [2, 8], 4, id="two pieces, every second slice")
    yield pytest.param([third], [4], 3, id="one plane, every third slice")
    yield pytest.param([third, third, third], [4, 7], 6, id="two planes, every third slice")
    yield pytest.param([third], [0], 1, id="at the end of the CT, on another lattice")
    yield pytest.param([second], [0], 0.5 + 1, id="at the end of the CT, which it does not leave")
    yield pytest.param([third, every], [4], 1, id="one of the others is on every slice")
    yield pytest.param([every, every], [4], 1, id="all are on every slice")
    yield pytest.param([every, every], [4, 5], 2, id="two planes, all are on every slice")
    yield pytest.param([], [4], 1, id="alone")
    yield pytest.param([[3, 6]], [4], 1, id="the others have too few planes to tell")


@pytest.mark.parametrize(("others", "few", "thick"), list(sparse()))
def test_a_structure_of_few_planes_is_as_thick_as_the_others_are_contoured(
    others: list[Iterable[int]], few: list[int], thick: float
) -> None:
    """And a body outline, which programs draw on every slice, says nothing about that."""
    drawn = [[square(3.0 * number) for number in one] for one in [range(11), few, *others]]
    kinds = ["EXTERNAL", *["ORGAN"] * (1 + len(others))]
    small = contours.read(structures_of(drawn, kinds), WITHIN, SLICES_MM)[1]
    assert np.diff(small.slabs, axis=1).sum() == pytest.approx(3 * thick)


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
