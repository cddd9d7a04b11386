"""The planning system's histograms are read as intended, and shown beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from phantom.modules import item
from sheets.read import planned_histograms

if TYPE_CHECKING:
    from pydicom import Dataset

#: Of 20 cm³, 20 get 0 to 10 Gy at least, 10 get 20, none get 30: evenly from 10 to 30 Gy, then.
CUMULATIVE = [10, 20, 10, 20, 10, 10]
#: The same, told by what each bin holds.
DIFFERENTIAL = [10, 0, 10, 10, 10, 10]


def histogram(data: list[float], **changes: object) -> Dataset:
    """State a histogram of structure 4."""
    return item(
        **{
            "DVHType": "CUMULATIVE",
            "DoseUnits": "GY",
            "DVHDoseScaling": 1,
            "DVHVolumeUnits": "CM3",
            "DVHData": data,
            "DVHReferencedROISequence": [item(ReferencedROINumber=4, DVHROIContributionType="INCLUDED")],
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("stated", "volume"),
    [
        (histogram(CUMULATIVE), 20),
        (histogram(DIFFERENTIAL, DVHType="DIFFERENTIAL"), 20),
        (histogram([width / 2 if at % 2 == 0 else width for at, width in enumerate(CUMULATIVE)], DVHDoseScaling=2), 20),
        (histogram([10, 100, 10, 100, 10, 50], DVHVolumeUnits="PERCENT"), None),
    ],
)
def test_each_way_of_stating_a_histogram_is_the_same_histogram(stated: Dataset, volume: float | None) -> None:
    """Cumulative or differential, scaled or not, in cm³ or per cent."""
    found = planned_histograms.read(item(DVHSequence=[stated]))[4]
    assert found.gy.tolist() == [0, 10, 20, 30]
    assert found.part.tolist() == [1, 1, 0.5, 0]
    assert (found.volume_cm3, found.mean_gy) == (volume, 20)
    assert [found.dose_gy(percent) for percent in (95, 50, 25)] == pytest.approx([11, 20, 25])


@pytest.mark.parametrize(
    "odd",
    [
        histogram(CUMULATIVE, DoseUnits="RELATIVE"),
        histogram(CUMULATIVE, DVHType="NATURAL"),
        histogram([10, 20, 10]),
        histogram([10, 0, 10, 0]),
        histogram([-10, 20, 10, 20]),
        histogram(CUMULATIVE, DVHDoseScaling=None),
        histogram(CUMULATIVE, DVHReferencedROISequence=[]),
        histogram(
            CUMULATIVE, DVHReferencedROISequence=[item(ReferencedROINumber=4, DVHROIContributionType="EXCLUDED")]
        ),
        histogram(CUMULATIVE, DVHReferencedROISequence=[item(ReferencedROINumber=4), item(ReferencedROINumber=5)]),
    ],
)
def test_what_is_no_histogram_of_one_structure_in_gray_is_left_out(odd: Dataset) -> None:
    """Only its row is missing."""
    good = histogram(CUMULATIVE, DVHReferencedROISequence=[item(ReferencedROINumber=9)])
    assert list(planned_histograms.read(item(DVHSequence=[odd, good]))) == [9]
    assert planned_histograms.read(item()) == {}


def test_a_histogram_that_rises_somewhere_is_read_as_one_that_does_not() -> None:
    """The planning system's rounding makes it rise; D95 is unaffected."""
    found = planned_histograms.read(item(DVHSequence=[histogram([10, 20, 10, 20.001, 10, 10])]))[4]
    assert (np.diff(found.part) <= 0).all()
    assert found.dose_gy(95) == pytest.approx(11)
