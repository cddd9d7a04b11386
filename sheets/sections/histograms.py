"""Dose-volume histograms and their figures, from the published set and from its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.language import counted
from sheets.read.contours import ranked
from sheets.read.numbers import percent
from sheets.render import plots
from sheets.render.page import Cell, Heading, Legend, Table, Text
from sheets.sections import planned_dvhs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sheets.examination.dvh import Dvh
    from sheets.examination.findings import Findings
    from sheets.read.contours import Structure
    from sheets.read.dose_grid import Dose
    from sheets.read.numbers import Floats
    from sheets.render.page import Block

_SAME_GY: Final = 0.005
_SAME_CM3: Final = 0.005
_SAME_PART: Final = 0.0005
"""Smaller differences are not visible in the table."""

_COVERED: Final = (95, 100, 107)
"""Dose levels, in per cent of the prescribed dose, for which volumes are reported."""

_HOT_CM3: Final = 0.03
_BEYOND_MM: Final = 5.0
"""A structure reaching further beyond the CT is reported, in mm: body outlines often follow its edge."""

_SMALL_CM3: Final = 0.5
"""Structures smaller than this are marked, in cm³."""


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out the curves, the figures, and what they leave out."""
    after, before = findings.after, findings.before
    if not after.structures:
        return
    yield Heading("Dose-volume histograms", new_page=before is not None)
    yield from _curves(findings)
    thick = " Thin lines: published. Broad pale lines: source." if before else ""
    covered = (
        f"; V95: fraction of the volume receiving 95 % of the prescribed dose{_reference_dose(findings)}"
        if findings.full_gy
        else ""
    )
    yield Text(
        "Computed from contours and dose, by the same method for all sets: each contour plane extends half way to its "
        "neighbours, with a smooth curve through the areas of the planes, and the last one to where its narrowing "
        "outline closes or half way to the next slice; dose is interpolated trilinearly. Outside the dose grid it is "
        "taken as zero in Dmean and V, and a D that would lie there is unknown."
        f"{thick} D95: minimum dose received by 95 % of the volume; D0.03cc: minimum dose "
        f"received by the hottest 0.03 cm³; Dmax: maximum dose in the structure or on its surface{covered}.",
        "small",
    )
    yield _figures_table(findings)
    if any(_is_small(found) for found in after.histograms.values()):
        yield Text(f"* under {_SMALL_CM3} cm³: few voxels, figures are approximate.", "small")
    yield from map(Text, _not_as_usual(after.structures, after.objects.bounds_mm))
    yield from planned_dvhs.blocks(findings, ranked(after.structures))


def _curves(findings: Findings) -> Iterator[Block]:
    """Draw the known histograms, those of the source beside them."""
    after, before = findings.after, findings.before
    if after.dose is None:
        return
    drawn = [
        (one, found, before.histograms.get(one.number) if before else None)
        for one in after.structures
        if (found := after.histograms.get(one.number)) is not None and found.known
    ]
    if drawn:
        yield plots.histograms(drawn, after.dose.highest_gy, after.dose.unit, findings.full_gy)
        yield Legend(plots.keys(ranked(one for one, _, _ in drawn)))


def _reference_dose(findings: Findings) -> str:
    """Return which dose is the reference if several are prescribed; '' otherwise."""
    if not findings.prescription.others_gy:
        return ""
    return f" of {findings.full_gy:g} Gy, the highest of several: of limited use for targets of lower doses"


def _figures_table(findings: Findings) -> Table:
    """Return the table of the figures of all structures, targets first."""
    after, before, full_gy = findings.after, findings.before, findings.full_gy
    unit = f" {after.dose.unit}" if after.dose else ""
    doses = [f"{name}{unit}".strip() for name in ("Dmean", "Dmax", "D0.03cc", "D2", "D50", "D95", "D98")]
    covered = [f"V{percent} %" for percent in _COVERED] if full_gy else []
    columns = ["Structure", "Type", "cm³", *doses, *covered, "Outside"]
    rows = []
    for one in ranked(after.structures):
        found = after.histograms.get(one.number)
        cells = [Cell(one.name, colour=one.colour), Cell(one.kind), *_figures(one, found, after.dose, full_gy)]
        if before is not None:
            cells.append(_against(found, before.histograms.get(one.number)))
        rows.append(cells)
    widths = [3.2, 2.2, 1.8, 1.45, 1.3, 1.75, *[1.3] * (len(doses) - 3), *[1.2] * len(covered), 1.5]
    if before is not None:
        columns.append("Source")
        widths.append(1.7)
    return Table(columns, rows, frozenset(range(2, 4 + len(doses) + len(covered))), widths)


def _is_small(found: Dvh) -> bool:
    return found.volume_cm3 < _SMALL_CM3


def _figures(of: Structure, found: Dvh | None, dose: Dose | None, full_gy: float | None) -> list[Cell]:
    count = 7 + (len(_COVERED) if full_gy else 0)
    if found is None or dose is None:
        says = "" if of.drawn else "not drawn" if of.left_out else "no contours"
        return [Cell(says), *([Cell("")] * (count + 1))]
    volume = Cell(f"{found.volume_cm3:.2f}{'*' if _is_small(found) else ''}")
    outside = Cell(percent(found.outside) if found.outside else "")
    if not found.known:
        return [volume, *([Cell("unknown")] * count), outside]
    hottest = found.dose_gy(100 * _HOT_CM3 / found.volume_cm3) if found.volume_cm3 > _HOT_CM3 else found.max_gy
    figures = [found.mean_gy, found.max_gy, hottest, *map(found.dose_gy, (2, 50, 95, 98))]
    covered = [found.covered_percent(percent / 100 * full_gy) for percent in _COVERED] if full_gy else []
    return [
        volume,
        *(Cell(dose.figure(figure)) for figure in figures),
        *(Cell(f"{part:.1f}") for part in covered),
        outside,
    ]


def _not_as_usual(structures: Sequence[Structure], bounds_mm: Floats) -> Iterator[str]:
    """Yield the gaps treated as empty or filled between contours, contours not drawn, and those that miss the CT."""
    for one in structures:
        if one.drawn:
            (low, high), (first, last) = one.ends, bounds_mm
            if (low > last).any() or (high < first).any():
                yield f"{one.name}: outside the CT, and on none of its views."
            elif (beyond_mm := float(max((first - low).max(), (high - last).max()))) > _BEYOND_MM:
                yield f"{one.name}: reaches {beyond_mm:.0f} mm beyond the CT."
        for why, count in one.left_out.items():
            yield f"{one.name}: {count} \N{MULTIPLICATION SIGN} {why}, not drawn and not in the figures."
        if one.drawn and (empty := int(one.stack.missing.sum())):
            slices = counted(empty, "CT slice")
            yield f"{one.name}: {slices} without a contour between its contours, treated as empty."
        if one.drawn:
            yield from _skipping(one)


def _skipping(one: Structure) -> Iterator[str]:
    """Yield how thick its planes are taken to be, if contours are not on every slice, or on one slice only."""
    step, count = one.stack.bridged + 1, len(one.planes[0])
    if one.slices_per_plane > 1:
        planes = "one CT slice only" if count == 1 else "two CT slices only, each"
        nth = _every(step)
        yield f"{one.name}: contours on {planes} taken as {step} slices thick: the others are on {nth} slice."
    elif step > 1:
        yield f"{one.name}: contours on {_every(step)} CT slice only; the gaps are treated as filled."
    elif count == 1 and one.slice_numbers is not None:
        yield f"{one.name}: contours on one CT slice only, taken as one slice thick."


def _every(step: int) -> str:
    """Return which slices have a contour: `every second`."""
    return "every second" if step == 2 else "every third" if step == 3 else f"every {step}th"


def _against(after: Dvh | None, before: Dvh | None) -> Cell:
    """Return the largest difference from the source's histogram."""
    if after is None or before is None:
        return Cell("the same" if after is before else "other contours", bad=after is not before)
    for name, off, least in (
        ("volume", after.volume_cm3 - before.volume_cm3, _SAME_CM3),
        ("Dmean", after.mean_gy - before.mean_gy, _SAME_GY),
        ("Dmax", after.max_gy - before.max_gy, _SAME_GY),
        ("part outside", after.outside - before.outside, _SAME_PART),
        *((f"D{of}", _off(after.dose_gy(of), before.dose_gy(of)), _SAME_GY) for of in (95, 2)),
    ):
        if abs(off) >= least:
            return Cell(f"{name} {off:+.2f}", bad=True)
    return Cell("the same")


def _off(after_gy: float | None, before_gy: float | None) -> float:
    """Return the difference of two doses; 0 if one is unknown."""
    return 0.0 if after_gy is None or before_gy is None else after_gy - before_gy
