"""The CT with structures and isodoses, in three planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets.read.contours import ranked
from sheets.render import draw
from sheets.render.page import Heading, Key, Legend, Picture, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.examination.findings import Findings
    from sheets.render.page import Block

_ISODOSE_PT: Final = 1.4
"""Line styles of the legend."""


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out the views of the published set and, where it was examined, of its source."""
    through = f"through the middle of {findings.target.name}" if findings.target else "through the highest dose"
    yield Heading(f"Published set, {through}")
    if findings.picture is None:
        yield Text(
            "The CT is not shown: its compression cannot be decoded here, or the scaling of its voxels is not stated."
        )
        return
    says = "Axial, coronal and sagittal view of the published set"
    yield Picture(findings.picture, says, _lines_and_marks(findings))
    yield Legend([Key(draw.rgb(level.colour), level.says, _ISODOSE_PT, on_black=True) for level in findings.levels])
    yield Legend([Key(draw.on_black(one.colour), one.name) for one in ranked(findings.seen)])
    if findings.full_gy is None and findings.levels:
        dose, is_stated = findings.after.dose, findings.prescription.total_gy is not None
        why = (
            "this is not the dose of the whole plan in Gy"
            if is_stated and dose is not None and not dose.of_the_plan
            else "no single prescribed dose is available as a reference"
        )
        yield Text(f"Isodoses are not in per cent: {why}.", "small")
    if findings.after.dose and findings.after.dose.flat:
        yield Text(
            "The dose is given in one plane only: views across it show no isodoses, and there are no dose figures of "
            "structures.",
            "bad",
        )
    if findings.hottest is not None:
        yield Heading("Published set, through the highest dose")
        yield Picture(findings.hottest, "Axial, coronal and sagittal view through the highest dose")
    if findings.picture_before is not None:
        yield Heading("Source, the same views")
        yield Picture(findings.picture_before, "Axial, coronal and sagittal view of the source")


def _lines_and_marks(findings: Findings) -> str:
    """Return the caption of the overlays of the CT."""
    says = "Thick lines: structures."
    if findings.levels:
        unit = "per cent" if findings.full_gy else findings.after.dose.unit if findings.after.dose else ""
        says = f"Thin lines with a number: isodoses{f' in {unit}' if unit else ''}. {says} Cross: the highest dose."
    low, high = draw.WINDOW_HU
    return f"{says} W {high - low:.0f} L {(high + low) / 2:.0f}: window width and level in HU."
