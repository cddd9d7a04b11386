"""What the planning system's own histograms say beside ours: whether contour and dose still fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets.read import planned_histograms
from sheets.render.page import Cell, Heading, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sheets.dvh import Dvh
    from sheets.findings import Findings
    from sheets.read.contours import Structure
    from sheets.read.dose_grid import Dose
    from sheets.read.planned_histograms import PlannedDvh
    from sheets.render.page import Block

FAR_VOLUME: Final = 0.10
FAR_DOSE: Final = 0.07
"""A volume that differs by more than this part, and a dose that does by more than this part of the highest, is told in
red: planning systems make other voxels of contours, but not so much others."""

_LEAST_CM3: Final = 0.5
"""Of smaller structures nothing is red: a voxel more or less is a great part of them."""


def blocks(findings: Findings, structures: Sequence[Structure]) -> Iterator[Block]:
    """Lay out the histograms that the dose carries, and by how much ours differ.

    Parameters
    ----------
    structures
        In the order of the other tables.
    """
    after = findings.after
    if after.dose is None or not after.dose.unit:
        return
    stated = planned_histograms.read(after.objects.dose)
    rows = [
        _row(one, stated[one.number], ours, after.dose)
        for one in structures
        if one.number in stated and (ours := after.histograms.get(one.number)) is not None and ours.known
    ]
    if not rows:
        return
    yield Heading("Beside the planning system's own histograms")
    yield Table(
        (
            "Histogram of",
            "cm³",
            *(one for dose in ("Dmean", "D95", "D2") for one in ("difference", f"{dose} Gy")),
            "difference",
        ),
        rows,
        frozenset(range(1, 9)),
        (3.4, *[1.3] * 8),
    )
    yield Text(
        f"As stated in the dose, and by how much the figures above differ. Red: more than {FAR_VOLUME:.0%} of the "
        f"volume or {FAR_DOSE:.0%} of the highest dose, in structures over {_LEAST_CM3} cm³. Planning systems cut "
        "contours into voxels of their own, and some leave out what lies outside the dose grid.",
        "small",
    )


def _row(structure: Structure, stated: PlannedDvh, ours: Dvh, dose: Dose) -> list[Cell]:
    small = ours.volume_cm3 < _LEAST_CM3
    cells = [Cell(structure.name, colour=structure.colour)]
    volume = stated.volume_cm3
    if volume is None:
        cells += [Cell(""), Cell("")]
    else:
        off = ours.volume_cm3 - volume
        cells += [Cell(f"{volume:.2f}"), Cell(f"{off:+.2f}", bad=not small and abs(off) > FAR_VOLUME * volume)]
    for theirs, own in (
        (stated.mean_gy, ours.mean_gy),
        (stated.dose_gy(95), ours.dose_gy(95)),
        (stated.dose_gy(2), ours.dose_gy(2)),
    ):
        off = own - theirs
        far = not small and abs(off) > FAR_DOSE * dose.highest_gy
        cells += [Cell(dose.figure(theirs)), Cell(dose.figure(off, sign=True), bad=far)]
    return cells
