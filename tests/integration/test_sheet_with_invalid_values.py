"""A set has a sheet whatever its values; what cannot be derived from an invalid value is reported missing."""

from __future__ import annotations

import re
from math import cos, radians, sin
from typing import TYPE_CHECKING

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from services.errors import SetRefused
from tests.anonymized import anonymized
from tests.sets import latin_1_undeclared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from tests.published import Published
    from tests.sets import Edit, MadeSet


def raw(data: Dataset, keyword: str, value: str, vr: str = "DS") -> None:
    """Put a raw value into a data set, whatever pydicom thinks of it."""
    encoded = value.encode() + b" " * (len(value) % 2)
    data[keyword] = RawDataElement(Tag(keyword), vr, len(encoded), encoded, 0, True, True)


def colour_of_one_number(made: MadeSet) -> None:
    """Set a structure's colour to 255."""
    made.structure_set.ROIContourSequence[0].ROIDisplayColor = 255


def contour_with_nan(made: MadeSet) -> None:
    """Put NaN instead of two coordinates of one contour, one of them that of its slice."""
    contour = made.structure_set.ROIContourSequence[0].ContourSequence[0]
    values = [str(number) for number in contour.ContourData]
    values[2] = values[9] = "NaN"
    raw(contour, "ContourData", "\\".join(values))


def meterset_with_comma(made: MadeSet) -> None:
    """Write monitor units with a comma."""
    for reference in made.plan.FractionGroupSequence[0].ReferencedBeamSequence:
        raw(reference, "BeamMeterset", "120,50")


def meterset_without_end(made: MadeSet) -> None:
    """Write monitor units that no computer can represent."""
    for reference in made.plan.FractionGroupSequence[0].ReferencedBeamSequence:
        raw(reference, "BeamMeterset", "1e999")


def contours_with_commas(made: MadeSet) -> None:
    """Write all coordinates with commas."""
    made.rewrites.append(("RTSTRUCT", lambda data: data[:400] + re.sub(rb"(?<=\d)\.(?=\d+[\\ ])", b",", data[400:])))


def ct_turned(made: MadeSet) -> None:
    """Rotate the CT by ten degrees relative to contours and dose."""
    for image in made.ct:
        image.ImageOrientationPatient = [1, 0, 0, 0, round(cos(radians(10)), 6), round(sin(radians(10)), 6)]


def contours_beside_the_ct(made: MadeSet) -> None:
    """Draw everything a metre to the left."""
    for drawing in made.structure_set.ROIContourSequence:
        for contour in drawing.ContourSequence:
            contour.ContourData = [
                float(number) + 1000 * (at % 3 == 0) for at, number in enumerate(contour.ContourData)
            ]


def rescale_of_nothing(made: MadeSet) -> None:
    """Set the slope of one slice to a text that is not a number."""
    raw(made.ct[-1], "RescaleSlope", "one")


def angle_of_letters(made: MadeSet) -> None:
    """Write a gantry angle and an isocentre as words."""
    for beam in made.plan.BeamSequence:
        raw(beam.ControlPointSequence[0], "GantryAngle", "top")
        raw(beam.ControlPointSequence[0], "IsocenterPosition", "a\\b\\c")


def leaves_of_no_type(made: MadeSet) -> None:
    """Lose the type of the leaves' device."""
    for beam in made.plan.BeamSequence:
        del beam.BeamLimitingDeviceSequence[-1].RTBeamLimitingDeviceType


def dose_of_thousands(made: MadeSet) -> None:
    """Scale the dose a million times too high."""
    made.dose.DoseGridScaling = "1e3"


def dose_without_extent(made: MadeSet) -> None:
    """Let the voxels of the dose have no width."""
    made.dose.PixelSpacing = [0, 0]


BAD: dict[str, tuple[Edit, str]] = {
    "a colour of one number": (colour_of_one_number, "No difference."),
    "umlauts without a character set": (latin_1_undeclared, "No difference."),
    "a CT turned against the contours": (ct_turned, "contours not parallel to the CT slices"),
    "leaves of no type": (leaves_of_no_type, "type not stated, 60 pairs"),
    "a dose of thousands of Gy": (dose_of_thousands, "No difference."),
    "a dose without extent": (dose_without_extent, "cannot be true: PixelSpacing"),
    "contours that miss the CT": (contours_beside_the_ct, "No difference."),
}

NO_NUMBERS: dict[str, Edit] = {
    "a contour with NaN": contour_with_nan,
    "monitor units with a comma": meterset_with_comma,
    "monitor units without end": meterset_without_end,
    "coordinates with commas": contours_with_commas,
    "a slope that is no number": rescale_of_nothing,
    "an angle of letters": angle_of_letters,
}


@pytest.mark.parametrize("bad", BAD)
def test_a_set_with_an_invalid_value_has_a_sheet_that_reports_it(published: Callable[..., Published], bad: str) -> None:
    """It was published, so whoever signs gets a page."""
    edit, says = BAD[bad]
    done = published(
        edit, form={"machine": "keep", "more": '[check]\naccept = ["contours-off-slices", "impossible-values"]'}
    )
    assert says in done.sheet()


@pytest.mark.parametrize("bad", NO_NUMBERS)
def test_a_set_that_needs_a_number_and_has_none_comes_to_no_sheet(tmp_path: Path, bad: str) -> None:
    """The check refuses it."""
    with pytest.raises(SetRefused) as refusal:
        anonymized(tmp_path, NO_NUMBERS[bad])
    assert "not-a-number" in {fault.code for fault in refusal.value.faults}
