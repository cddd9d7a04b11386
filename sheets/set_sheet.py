"""The sheet of a published set, for signature: its contents, its agreement with the source, and the changes made.

It is delivered with the set, so it holds no original text: names of structures, plan and beams are the published ones;
the source appears only in images, numbers and differences.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from pydicom import Dataset

from services.forms.identity import AGE_NOTES
from services.policy.table import EDITION
from services.rtset import private_loss
from services.runtime.garbage import without_garbage_collection
from services.store import releases
from services.store.records import folder_name
from services.store.releases import RELEASED
from sheets import beam_views, kept_texts, paths, planned_dvhs, recognition
from sheets.element_counts import COLUMNS, account, checks
from sheets.findings import TARGETS, examine
from sheets.read.accessories import applications, sources
from sheets.read.numbers import whole
from sheets.render import draw, plots
from sheets.render.html import html
from sheets.render.page import Cell, Facts, Heading, Key, Legend, Page, Picture, Signature, Table, Text
from sheets.render.pdf import pdf
from sheets.source_diff import BEAMS, CONTOURS, CT, DOSE, MOST_TOLD, PARTS
from sheets.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.store.collection import Collection
    from services.store.releases import Release
    from sheets.dvh import Dvh
    from sheets.findings import Findings
    from sheets.read.beams import Beam
    from sheets.read.contours import Structure
    from sheets.read.dose_grid import Dose
    from sheets.read.plan_objects import Objects
    from sheets.render.page import Block

PARTS_CALLED: Final = {
    CT: "CT: voxels, positions, scaling",
    CONTOURS: "Structures: contour points, types",
    DOSE: "Dose: voxels, grid, scaling",
    BEAMS: "Plan: beams, control points, leaves, MU, prescription",
}

SUMMARY: Final = 3
"""Version of the summary for the report; summaries of an earlier version are computed again."""

_SAME_GY: Final = 0.005
_SAME_CM3: Final = 0.005
"""Smaller differences are not visible in the table."""

_COVERED: Final = (95, 100, 107)
"""Dose levels, in per cent of the prescribed dose, for which volumes are reported."""

_ISODOSE_PT: Final = 1.4
"""Line styles of the legend."""

_HOT_CM3: Final = 0.03
SMALL_CM3: Final = 0.5
"""Structures smaller than this are marked, in cm³."""

_OPTIONS: Final = {
    ("dates", "shift"): "moved back by whole weeks, the same for all dates of the set",
    ("dates", "remove"): "removed",
    ("dates", "keep"): "kept",
    ("patient_characteristics", "retain"): "age, sex, size, weight and similar kept",
    ("patient_characteristics", "dose_model"): "age, sex, size and weight kept",
    ("patient_characteristics", "age_sex"): "only age and sex kept",
}

_CHECKS: Final = {
    "files": "each object of the source has one file; names, preambles and file headers are new",
    "elements": "every element is equal or changed as the policy requires; none is missing, none was added",
    "pixels": "voxels are identical, byte for byte",
    "uids": "every UID is replaced, one to one; UIDs defined by the standard are kept",
    "dates": "all dates are shifted by the same interval, or removed, according to the options",
    "identity": "all objects state the new patient, and the same age and sex",
    "free text": "names and labels that identified a person are cleaned, and remain distinct",
    "machine": "beams are on the intended machine",
    "method": "the objects state exactly what was done to them",
    "links": "references between the objects are preserved",
    "identifiers": "no text contains a removed identifier",
    "kept values": "every kept value conforms to its VR and is no identifier of the patient",
}
"""Descriptions of the checks of a proof."""


def make(collection: Collection, index: int, *, against_source: bool = False) -> None:
    """Write the sheet of a published set, as HTML and PDF, and its summary for the report.

    Parameters
    ----------
    against_source
        Compare with the source again, even if the files are those proven against it.

    Raises
    ------
    NoSheet
        No sheet can be made.
    OSError
        A file cannot be read or written.
    """
    with without_garbage_collection():
        findings = examine(collection, index, against_source=against_source)
        page = sheet(findings, releases.current(collection, index))
        paths.write(collection, index, html(page), pdf(page), summary(findings))


def sheet(findings: Findings, decision: Release | None = None) -> Page:
    """Lay out the findings and the release decision, with its role and time; no sheet names the person."""
    published, plan = findings.published, findings.after.objects.plan
    return Page(
        title=folder_name(published.index),
        subtitle=f"{plan.get('PatientID', '')}, {plan.get('PatientName', '')}, published {_day(published.at)}",
        at=published.at,
        blocks=[
            *_verdict(findings),
            *_what(findings),
            *_found(findings),
            *_pictures(findings),
            *_comparison(findings),
            *_histograms(findings),
            *_beams(findings),
            *_done(findings),
            *_proof(findings),
            *kept_texts.blocks(findings.travelling),
            *_release(decision),
        ],
        program=program(),
    )


def program() -> str:
    """Return the name and version of this program."""
    return f"rt-set-anonymizer {version('rt-set-anonymizer')}"


def summary(findings: Findings) -> dict[str, Any]:
    """Return the summary of the set for the report."""
    after, target = findings.after, findings.target
    histogram = after.histograms.get(target.number) if target else None
    histogram = histogram if histogram and histogram.known and after.dose and after.dose.unit else None
    return {
        "schema": SUMMARY,
        "at": findings.published.at,
        "patient_id": str(after.objects.plan.get("PatientID", "")),
        "slices": len(after.objects.slices),
        "prescription": str(findings.prescription),
        "machines": sorted({beam.machine for beam in after.objects.beams if beam.machine}),
        "energies": sorted({beam.energy for beam in after.objects.beams if beam.treats}),
        "equal": findings.comparison.equal if findings.before else True if findings.as_proven else None,
        "as_proven": not findings.changed_files,
        "target": target.name if target else "",
        "target_d95_gy": round(histogram.dose_gy(95), 2) if histogram else None,
        "target_covered_percent": _covered(findings, histogram),
        "structures": [
            {
                "name": one.name,
                "kind": one.kind,
                "volume_cm3": round(dose.volume_cm3, 2) if (dose := after.histograms.get(one.number)) else None,
                "mean_gy": round(dose.mean_gy, 2) if dose and dose.known and after.dose and after.dose.unit else None,
            }
            for one in after.structures
        ],
        "recognition": recognition.of_set(findings),
        "picture": findings.thumbnail,
        "tables": rows.rows(findings),
    }


def _day(at: str) -> str:
    return f"{at[:10]} {at[11:16]} UTC"


def _release(decision: Release | None) -> Iterator[Block]:
    if decision is None:
        yield Heading("Reviewed and released")
        yield Signature(("Name", "Date", "Signature"))
    elif decision.state == RELEASED:
        yield Heading("Reviewed and released")
        yield Signature((f"Released by: {decision.role}", f"Date: {decision.day}", "Signature"))
    else:
        yield Heading("Reviewed and sent back")
        yield Signature((f"Sent back by: {decision.role}", f"Date: {decision.day}", "Signature"))


def _verdict(findings: Findings) -> Iterator[Block]:
    comparison = findings.comparison
    numbers = sum(found.numbers for found in comparison.parts.values())
    if findings.proven:
        yield Text(
            f"No difference. All {numbers:,} numbers of CT, structures, dose and plan equal those of the source: "
            "proven before the set was published, and its files are unchanged since.",
            "good",
        )
    elif findings.before is None:
        yield Text(
            "The source is no longer in its folder, so it is not shown beside the published set. Their agreement was "
            "proven before the set was published; see the proof below."
        )
    elif comparison.equal:
        yield Text(
            f"No difference. All {numbers:,} numbers of CT, structures, dose and plan equal those of the source.",
            "good",
        )
    else:
        yield Text("The published set differs from its source. Do not use it before it has been reviewed.", "bad")
    for place in findings.published.content.get("doubts", ()):
        yield Text(f"It may not have been copied completely: check {place}.", "bad")
    if findings.changed_files:
        says = "file has" if findings.changed_files == 1 else "files have"
        yield Text(f"{findings.changed_files} {says} changed since the set was proven.", "bad")


def _covered(findings: Findings, histogram: Dvh | None) -> float | None:
    """Return V95 of the target in per cent; None if no single dose is prescribed."""
    full_gy = findings.full_gy
    return round(histogram.covered_percent(0.95 * full_gy), 1) if histogram and full_gy else None


def _what(findings: Findings) -> Iterator[Block]:
    after = findings.after
    objects = after.objects
    drawn = [one for one in after.structures if one.drawn]
    yield Facts(
        [
            ("Patient", _patient(objects)),
            ("Plan", str(objects.plan.get("RTPlanLabel", ""))),
            ("Prescription", str(findings.prescription)),
            ("Stated in", findings.prescription.stated_in),
            ("Dose", after.dose.says if after.dose else "cannot be decoded here"),
            ("Highest dose", f"{after.dose.figure(after.dose.highest_gy)} {after.dose.unit}" if after.dose else ""),
            ("CT", f"{len(objects.slices)} slices, {objects.spacing} apart"),
            ("Structures", f"{len(after.structures)}, of which {len(drawn)} have contours"),
            ("Machine", ", ".join(sorted({beam.machine for beam in objects.beams if beam.machine})) or "none"),
            ("Beams", _beams_in_short(objects.beams)),
            ("Texts", kept_texts.in_short(findings.travelling)),
            ("Fingerprint", findings.fingerprint),
        ]
    )
    yield Text(
        "The fingerprint is the SHA-256 of the output of `sha256sum *.dcm` in the folder, sorted in the C locale: it "
        "identifies exactly these files.",
        "small",
    )


def _patient(objects: Objects) -> str:
    """Return the new identity, age and sex."""
    stated = [
        str(objects.plan.get(keyword) or "") for keyword in ("PatientID", "PatientName", "PatientAge", "PatientSex")
    ]
    return ", ".join(one for one in stated if one)


def _beams_in_short(found: Sequence[Beam]) -> str:
    treating = [beam for beam in found if beam.treats]
    metersets = " + ".join(beam.meterset for beam in treating)
    others = len(found) - len(treating)
    told = [f"{len(treating)} with meterset: {metersets}"] if treating else []
    told += [f"{others} without"] if others else []
    return ", ".join(told) or "none"


def _found(findings: Findings) -> Iterator[Block]:
    """Yield what the check of the source found, as codes and counts, never in the source's own words."""
    content = findings.published.content
    for code, count in content.get("accepted", {}).items():
        times = f" ({count} times)" if count > 1 else ""
        yield Text(f"Accepted by the collection: {str(code).replace('-', ' ')}{times}.", "bad")
    if rebuilt := sum(state == "relinked" for state in content.get("links", {}).values()):
        yield Text(
            f"References between the objects were rebuilt because their geometry agrees: {rebuilt} kinds of reference."
        )
    yield from (Text(str(note)) for note in content.get("told", ()))
    if remarks := content.get("remarks"):
        said = "1 remark" if remarks == 1 else f"{remarks} remarks"
        yield Text(f"The check made {said} on the source, listed in the note beside it, which is not delivered.")


def _pictures(findings: Findings) -> Iterator[Block]:
    through = f"through the middle of {findings.target.name}" if findings.target else "through the highest dose"
    yield Heading(f"Published set, {through}")
    if findings.picture is None:
        yield Text(
            "The CT is not shown: its compression cannot be decoded here, or the scaling of its voxels is not stated."
        )
        return
    says = "Axial, coronal and sagittal view of the published set"
    yield Picture(findings.picture, says, _lines_and_marks(findings))
    yield Legend([Key(draw.rgb(level.colour), level.says, _ISODOSE_PT) for level in findings.levels])
    yield Legend([Key(draw.on_black(one.colour), one.name) for one in _ranked(findings.seen)])
    if findings.full_gy is None and findings.levels:
        yield Text("Isodoses are not in per cent: no single prescribed dose is available as a reference.", "small")
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


def _comparison(findings: Findings) -> Iterator[Block]:
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
                Cell(PARTS_CALLED[part]),
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


def _histograms(findings: Findings) -> Iterator[Block]:
    after, before = findings.after, findings.before
    if not after.structures:
        return
    yield Heading("Dose-volume histograms", new_page=before is not None)
    if findings.curves:
        yield findings.curves
        yield Legend(plots.keys(_ranked(findings.curves_of)))
    thick = " Thin lines: published. Broad pale lines: source." if before else ""
    yield Text(
        "Computed from contours and dose, by the same method for all sets: each contour plane extends half way to its "
        "neighbours, with a smooth curve through the areas of the planes; dose is interpolated trilinearly and is zero "
        f"outside the dose grid.{thick} D95: minimum dose received by 95 % of the volume; D0.03cc: minimum dose "
        "received by the hottest 0.03 cm³; Dmax: maximum dose in the structure or on its surface; V95: fraction of the "
        f"volume receiving 95 % of the prescribed dose{_of_which(findings)}.",
        "small",
    )
    yield _figures_table(findings)
    if any(_is_small(found) for found in after.histograms.values()):
        yield Text(f"* under {SMALL_CM3} cm³: few voxels, figures are approximate.", "small")
    yield from map(Text, _not_as_usual(after.structures))
    yield from planned_dvhs.blocks(findings, _ranked(after.structures))


def _of_which(findings: Findings) -> str:
    """Return which dose is the reference if several are prescribed; '' otherwise."""
    if findings.full_gy is None or not findings.prescription.others_gy:
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
    for one in _ranked(after.structures):
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


def _ranked(structures: Iterable[Structure]) -> list[Structure]:
    """Return structures in the order of the table."""
    return sorted(structures, key=lambda one: _rank(one.kind))


def _rank(kind: str) -> int:
    """Return the sort rank of a structure: targets first, the external contour last."""
    if kind in TARGETS:
        return TARGETS.index(kind)
    return len(TARGETS) + (kind == "EXTERNAL")


def _is_small(found: Dvh) -> bool:
    return found.volume_cm3 < SMALL_CM3


def _figures(of: Structure, found: Dvh | None, dose: Dose | None, full_gy: float | None) -> list[Cell]:
    count = 7 + (len(_COVERED) if full_gy else 0)
    if found is None or dose is None:
        says = "" if of.drawn else "not drawn" if of.left_out else "no contours"
        return [Cell(says), *([Cell("")] * (count + 1))]
    volume = Cell(f"{found.volume_cm3:.2f}{'*' if _is_small(found) else ''}")
    outside = Cell(f"{found.outside:.1%}" if found.outside else "")
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


def _not_as_usual(structures: Sequence[Structure]) -> Iterator[str]:
    """Yield the gaps treated as empty or filled between contours, and the contours not drawn."""
    for one in structures:
        for why, count in one.left_out.items():
            yield f"{one.name}: {count} \N{MULTIPLICATION SIGN} {why}, not drawn and not in the figures."
        if one.drawn and (empty := int(one.stack.missing.sum())):
            slices = "1 CT slice" if empty == 1 else f"{empty} CT slices"
            yield f"{one.name}: {slices} without a contour between its contours, treated as empty."
        if one.drawn and one.stack.bridged:
            nth = "every second" if one.stack.bridged == 1 else f"one of {one.stack.bridged + 1}"
            yield f"{one.name}: contours on {nth} CT slices only; the gaps are treated as filled."


def _against(after: Dvh | None, before: Dvh | None) -> Cell:
    """Return the largest difference from the source's histogram."""
    if after is None or before is None:
        return Cell("the same" if after is before else "other contours", bad=after is not before)
    for name, off, least in (
        ("volume", after.volume_cm3 - before.volume_cm3, _SAME_CM3),
        ("Dmean", after.mean_gy - before.mean_gy, _SAME_GY),
        ("Dmax", after.max_gy - before.max_gy, _SAME_GY),
        ("D95", after.dose_gy(95) - before.dose_gy(95), _SAME_GY),
        ("D2", after.dose_gy(2) - before.dose_gy(2), _SAME_GY),
    ):
        if abs(off) >= least:
            return Cell(f"{name} {off:+.2f}", bad=True)
    return Cell("the same")


def _beams(findings: Findings) -> Iterator[Block]:
    found = findings.after.objects.beams
    yield Heading("Beams")
    plan = findings.after.objects.plan
    if told := [*(("Source", one) for one in sources(plan)), *(("Application", one) for one in applications(plan))]:
        yield Facts(told)
    if not found:
        yield Text("The plan has no beams.")
    else:
        if any(" / " in beam.meterset for beam in found):
            yield Text(
                "A beam in several fraction groups has one meterset for each, in the order of the groups.", "small"
            )
        yield Table(
            ("No.", "Name", "Type", "Energy", "Gantry", "Coll.", "Couch", "MU", "CP", "Devices", "Isocentre mm"),
            [
                [
                    Cell(beam.number),
                    Cell(beam.name),
                    Cell(beam.kind),
                    Cell(beam.energy),
                    Cell(beam.gantry),
                    Cell(beam.collimator),
                    Cell(beam.couch),
                    Cell(beam.meterset),
                    Cell(str(beam.control_points)),
                    Cell(beam.devices),
                    Cell(beam.isocentre),
                ]
                for beam in found
            ],
            frozenset({7, 8}),
            (0.7, 1.6, 1.5, 1.6, 2.0, 0.9, 0.9, 1.3, 0.8, 2.4, 1.5),
        )
    yield from map(Text, _lost(findings))
    yield from _machine(findings)
    yield from beam_views.blocks(findings)


def _lost(findings: Findings) -> list[str]:
    """Return the beam data that were lost with the private elements of the source."""
    stated = findings.published.content.get("lost")
    if stated is not None or findings.before is None:
        return [str(one) for one in stated or ()]
    plan = findings.before.objects.plan
    assert isinstance(plan, Dataset)  # the comparison reads with pydicom
    try:
        interface = plan.private_block(private_loss.GROUP, private_loss.CREATOR)[0x00].value or b""
    except KeyError:
        return []
    numbers = [number for beam in plan.get("BeamSequence") or () if (number := whole(beam, "BeamNumber")) is not None]
    return list(private_loss.lost(interface.encode() if isinstance(interface, str) else interface, numbers))


def _machine(findings: Findings) -> Iterator[Block]:
    content = findings.published.content
    machine = content.get("options", {}).get("machine", "keep")
    if machine == "keep":
        yield Text("The beams remain on the machine they were planned for.")
        return
    against = content.get("machine_findings", [])
    yield Text(f"The beams were moved to {machine}.")
    if not against:
        yield Text(
            f"Every treatment beam fits {machine}: energy and mode, leaves, jaws, dose rate, accessories.", "good"
        )
        return
    yield Table(
        ("Beam", "Finding", "Weight"),
        [
            [
                Cell("plan" if one.get("beam") is None else str(one["beam"])),
                Cell(str(one.get("code", "")).replace("-", " ")),
                Cell(
                    "accepted although the machine does not support it" if one.get("blocks") else "differs, noted",
                    bad=bool(one.get("blocks")),
                ),
            ]
            for one in against
        ],
        widths=(1, 4, 4),
    )


def _done(findings: Findings) -> Iterator[Block]:
    content = findings.published.content
    yield Heading("Changes to the elements")
    table = account(content.get("proof", {}).get("changes", {}), findings.written)
    yield Table(
        ("Attributes", *COLUMNS),
        [
            [
                Cell(row.group),
                *(Cell(f"{row.counts.get(column, 0):,}" if row.counts.get(column) else "") for column in COLUMNS),
            ]
            for row in table
        ],
        frozenset(range(1, 1 + len(COLUMNS))),
        (3.4, *([1] * len(COLUMNS))),
    )
    codes = findings.after.objects.plan.get("DeidentificationMethodCodeSequence") or ()
    options = content.get("options", {})
    machine = options.get("machine", "keep")
    rows = [(f"PS3.15 {code.get('CodeValue', '')}", str(code.get("CodeMeaning", ""))) for code in codes]
    rows += [
        ("Dates", _OPTIONS.get(("dates", options.get("dates", "")), "")),
        ("Patient", _OPTIONS.get(("patient_characteristics", options.get("patient_characteristics", "")), "")),
        ("Machine", "kept" if machine == "keep" else f"replaced by {machine}"),
        *([("Scanner", f"called {options['scanner']}")] if options.get("scanner") else []),
        *((f"Link {link}", str(state)) for link, state in content.get("links", {}).items()),
        *(("Note", AGE_NOTES.get(note, str(note).replace("-", " "))) for note in content.get("notes", ())),
        ("Method", "; ".join(map(str, content.get("method", {}).get("text", ())))),
        ("Policy", _policy(content.get("policy", {}))),
    ]
    yield Facts([(name, value) for name, value in rows if value])


def _policy(policy: Mapping[str, Any]) -> str:
    return f"edition {policy.get('edition', '')}, {policy.get('standard', EDITION)}"


def _proof(findings: Findings) -> Iterator[Block]:
    proof = findings.published.content.get("proof", {})
    yield Heading("Proof, made before the set was published")
    yield Text(
        "Every file was read back and compared with its source: every difference is required by the policy, everything "
        "else is equal, and no removed identifier remains. A set that fails a check is not published."
    )
    yield Table(
        ("Check", "Holds", "Facts examined", "Verdict"),
        [
            [Cell(name), Cell(_CHECKS.get(name, "")), Cell(f"{count:,}"), Cell("passed")]
            for name, count in checks(proof)
        ],
        frozenset({2}),
        (2, 8, 2, 1.2),
    )
