"""The numbers of the published set beside those of its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets.examination.source_diff import BEAMS, CONTOURS, CT, DOSE, MOST_TOLD, PARTS
from sheets.render.page import Cell, Heading, Picture, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.examination.findings import Findings
    from sheets.render.page import Block

_PARTS_CALLED: Final = {
    CT: "CT: voxels, positions, scaling",
    CONTOURS: "Structures: contour points, types",
    DOSE: "Dose: voxels, grid, scaling",
    BEAMS: "Plan: beams, control points, leaves, MU, prescription",
}


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out how many numbers were compared, which differ, and where."""
    if findings.before is None:
        return
    comparison = findings.comparison
    yield Heading("Comparison with the source")
    rows = []
    for part, found in comparison.parts.items():
        unit = PARTS[part]
        largest = (
            f"{found.largest:.4g} {unit}" if found.largest else (f"0 {unit}" if unit and not found.differing else "")
        )
        bad = bool(found.differing)
        rows.append(
            [
                Cell(_PARTS_CALLED[part]),
                Cell(f"{found.numbers:,}"),
                Cell(f"{found.differing:,}", bad=bad),
                Cell(largest.strip(), bad=bad),
            ]
        )
    yield Table(
        ("What", "Numbers compared", "Different", "Largest difference"), rows, frozenset({1, 2, 3}), (5, 2, 1.5, 2)
    )
    differences = comparison.differences
    for one in differences[:MOST_TOLD]:
        yield Text(one.says, "bad")
    if len(differences) > MOST_TOLD:
        yield Text(f"and {len(differences) - MOST_TOLD} more places.", "bad")
    for says, picture in findings.close:
        yield Picture(picture, says, f"{says}. Differences are red, contours of the source dashed white lines.")
