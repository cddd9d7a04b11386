"""Comparison of the planning system's own histograms with ours: whether contours and dose still match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.language import counted
from sheets.read import planned_histograms
from sheets.render.page import Cell, Heading, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sheets.examination.dvh import Dvh
    from sheets.examination.findings import Findings
    from sheets.read.contours import Structure
    from sheets.read.dose_grid import Dose
    from sheets.read.planned_histograms import PlannedDvh
    from sheets.render.page import Block

FAR_VOLUME: Final = 0.10
FAR_DOSE: Final = 0.07
"""A relative difference in volume, or in dose relative to the maximum, above this is printed in red: planning systems
voxelize contours differently, but not by that much."""

_LEAST_CM3: Final = 0.5
"""Smaller structures are never red: a single voxel is a large part of their volume."""


def blocks(findings: Findings, structures: Sequence[Structure]) -> Iterator[Block]:
    """Lay out the histograms stored in the dose, and the differences from ours.

    Parameters
    ----------
    structures
        In the order of the other tables.
    """
    after = findings.after
    total = len(planned_histograms.stated(after.objects.dose))
    if not total:
        return
    in_gy = after.dose is not None and bool(after.dose.unit)
    stated = planned_histograms.read(after.objects.dose) if in_gy else {}
    rows = [
        _row(one, stated[one.number], ours, after.dose)
        for one in structures
        if after.dose is not None
        and one.number in stated
        and (ours := after.histograms.get(one.number)) is not None
        and ours.known
    ]
    yield Heading("Comparison with the planning system's histograms")
    if len(rows) < total:
        yield Text(
            f"Not compared: {total - len(rows)} of {counted(total, 'histogram')} in the dose. They are in another "
            "unit, not readable, of several structures, repeated, or of a structure whose dose is not known here."
        )
    if not rows:
        return
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
        f"As stored in the dose, with the difference of the figures above. Red: more than {FAR_VOLUME:.0%} of the "
        f"volume or {FAR_DOSE:.0%} of the highest dose, in structures over {_LEAST_CM3} cm³. Planning systems "
        "voxelize contours in different ways, and some leave out the volume outside the dose grid.",
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
        apart = None if own is None else own - theirs
        far = apart is not None and not small and abs(apart) > FAR_DOSE * dose.highest_gy
        cells += [Cell(dose.figure(theirs)), Cell(dose.figure(apart, sign=True), bad=far)]
    return cells
