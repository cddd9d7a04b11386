"""The sheet of a published set: what is sent, that it is what it was, and what was done to it. For a signature.

It travels with the set, so nothing original stands in it: names of structures, plan and beams are the published ones,
of the source there are only pictures, numbers and differences.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from pydicom import Dataset

from services.forms.identity import AGE_NOTES
from services.policy.table import EDITION
from services.rtset import private_loss
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
"""Of what the report needs of a set: one of an earlier version is worked out anew."""

_SAME_GY: Final = 0.005
_SAME_CM3: Final = 0.005
"""What is less is not seen in the table."""

_COVERED: Final = (95, 100, 107)
"""Per cent of the prescribed dose of which it is told how much of a structure gets them."""

_ISODOSE_PT: Final = 1.4
"""Lines of the legend."""

_HOT_CM3: Final = 0.03
SMALL_CM3: Final = 0.5
"""Structures under this are marked."""

_OPTIONS: Final = {
    ("dates", "shift"): "moved back by whole weeks, the same for all dates of the set",
    ("dates", "remove"): "removed",
    ("dates", "keep"): "kept",
    ("patient_characteristics", "retain"): "age, sex, size, weight and the like kept",
    ("patient_characteristics", "dose_model"): "age, sex, size and weight kept",
    ("patient_characteristics", "age_sex"): "only age and sex kept",
}

_CHECKS: Final = {
    "files": "each object of the source has one file; names, preambles and file headers are new",
    "elements": "every element is equal, or changed as the policy says; none is lost, none was put in",
    "pixels": "voxels are the same, byte for byte",
    "uids": "every UID is new, one to one; those of the standard stay",
    "dates": "all dates moved by one shift, or went as the options say",
    "identity": "all objects state the new patient, and the same age and sex",
    "free text": "names and labels are cleaned where they echoed somebody, and distinct as before",
    "machine": "beams are on the machine that was promised",
    "method": "the objects say exactly what was done to them",
    "links": "objects refer to each other as they did",
    "identifiers": "no text carries what was removed",
    "kept values": "what stays is a value as its VR has it, and no number of the patient's",
}
"""What the checks of a proof mean."""


def make(collection: Collection, index: int, *, against_source: bool = False) -> None:
    """Make the sheet of a published set, as HTML and as PDF, and what the report needs of it.

    Parameters
    ----------
    against_source
        Compare with the source once more, though the files are those that were proven against it.

    Raises
    ------
    NoSheet
        There is nothing of which it could be made.
    OSError
        A circumstance.
    """
    findings = examine(collection, index, against_source=against_source)
    page = sheet(findings, releases.current(collection, index))
    paths.write(collection, index, html(page), pdf(page), summary(findings))


def sheet(findings: Findings, decision: Release | None = None) -> Page:
    """Lay out what was found, and in which role and when a person released it: who it was stands in no sheet."""
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
    """Return which program makes this."""
    return f"rt-set-anonymizer {version('rt-set-anonymizer')}"


def summary(findings: Findings) -> dict[str, Any]:
    """Return what the report tells of the set."""
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
        yield Heading("Looked at and released")
        yield Signature(("Name", "Date", "Signature"))
    elif decision.state == RELEASED:
        yield Heading("Looked at and released")
        yield Signature((f"Released by: {decision.role}", f"Date: {decision.day}", "Signature"))
    else:
        yield Heading("Looked at and sent back")
        yield Signature((f"Sent back by: {decision.role}", f"Date: {decision.day}", "Signature"))


def _verdict(findings: Findings) -> Iterator[Block]:
    comparison = findings.comparison
    numbers = sum(found.numbers for found in comparison.parts.values())
    if findings.proven:
        yield Text(
            f"No difference. All {numbers:,} numbers of CT, structures, dose and plan are those of the source: proven "
            "before the set was published, and its files are those that were proven.",
            "good",
        )
    elif findings.before is None:
        yield Text(
            "The source is not where it was dropped any more, so it is not shown beside the published set. That both "
            "were equal was proven when the set was published; see the proof below."
        )
    elif comparison.equal:
        yield Text(
            f"No difference. All {numbers:,} numbers of CT, structures, dose and plan are those of the source.", "good"
        )
    else:
        yield Text("The published set is not what its source is. Do not use it before somebody has looked.", "bad")
    for place in findings.published.content.get("doubts", ()):
        yield Text(f"It may not have been copied to its end: look at {place}.", "bad")
    if findings.changed_files:
        says = "file is not what it was" if findings.changed_files == 1 else "files are not what they were"
        yield Text(f"{findings.changed_files} {says} when the set was proven.", "bad")


def _covered(findings: Findings, histogram: Dvh | None) -> float | None:
    """Return V95 of the target in per cent; None where no single dose is prescribed."""
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
        "The fingerprint is the SHA-256 of what `sha256sum *.dcm` says in the folder, in the order of the C locale: it "
        "names these very files.",
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
    """Say what the check of the source found that a person should know: in codes and counts, never in its own words."""
    content = findings.published.content
    for code, count in content.get("accepted", {}).items():
        times = f" ({count} times)" if count > 1 else ""
        yield Text(f"Accepted by the collection: {str(code).replace('-', ' ')}{times}.", "bad")
    if rebuilt := sum(state == "relinked" for state in content.get("links", {}).values()):
        yield Text(f"References between the objects were rebuilt, because geometry agrees: {rebuilt} kinds of link.")
    yield from (Text(str(note)) for note in content.get("told", ()))
    if remarks := content.get("remarks"):
        said = "1 remark" if remarks == 1 else f"{remarks} remarks"
        yield Text(f"The check made {said} on the source; they stand in the note beside it, which does not travel.")


def _pictures(findings: Findings) -> Iterator[Block]:
    through = f"through the middle of {findings.target.name}" if findings.target else "through the highest dose"
    yield Heading(f"Published set, {through}")
    if findings.picture is None:
        yield Text(
            "The CT is compressed in a way that cannot be decoded here, or does not say how its voxels are scaled, and "
            "is not shown."
        )
        return
    says = "Axial, coronal and sagittal view of the published set"
    yield Picture(findings.picture, says, _lines_and_marks(findings))
    yield Legend([Key(draw.rgb(level.colour), level.says, _ISODOSE_PT) for level in findings.levels])
    yield Legend([Key(draw.on_black(one.colour), one.name) for one in _ranked(findings.seen)])
    if findings.full_gy is None and findings.levels:
        yield Text(
            "Isodoses are not in per cent: no single dose is prescribed that this one could be held against.", "small"
        )
    if findings.after.dose and findings.after.dose.flat:
        yield Text(
            "The dose is stated in one plane only. Of what lies beside it no dose is known: views across it show no "
            "isodoses, and there are no dose figures of structures.",
            "bad",
        )
    if findings.hottest is not None:
        yield Heading("Published set, through the highest dose")
        yield Picture(findings.hottest, "Axial, coronal and sagittal view through the highest dose")
    if findings.picture_before is not None:
        yield Heading("Source, the same views")
        yield Picture(findings.picture_before, "Axial, coronal and sagittal view of the source")


def _lines_and_marks(findings: Findings) -> str:
    """Say what is drawn over the CT."""
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
    yield Heading("Published set held against the source")
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
        yield Picture(picture, says, f"{says}. What differs is red, contours of the source are broken white lines.")


def _histograms(findings: Findings) -> Iterator[Block]:
    after, before = findings.after, findings.before
    if not after.structures:
        return
    yield Heading("Dose-volume histograms", new_page=before is not None)
    if findings.curves:
        yield findings.curves
        yield Legend(plots.keys(_ranked(findings.curves_of)))
    thick = " Thin lines: published. Broad pale lines below them: source." if before else ""
    yield Text(
        "Worked out here from contours and dose, by one method: from each contour plane half way to its "
        "neighbours, areas following a smooth curve through those of the planes; dose interpolated linearly, through "
        f"the depth of the slices too; none outside the dose grid.{thick} D95: dose that 95 % of the volume get at "
        "least; D0.03cc: that the hottest 0.03 cm³ get at least; Dmax: the highest in the structure or on its surface; "
        f"V95: part of the volume that gets 95 % of the prescribed dose{_of_which(findings)}.",
        "small",
    )
    yield _figures_table(findings)
    if any(_is_small(found) for found in after.histograms.values()):
        yield Text(f"* under {SMALL_CM3} cm³: of few voxels, figures are rough.", "small")
    yield from map(Text, _not_as_usual(after.structures))
    yield from planned_dvhs.blocks(findings, _ranked(after.structures))


def _of_which(findings: Findings) -> str:
    """Say which dose is meant where targets are prescribed several."""
    if findings.full_gy is None or not findings.prescription.others_gy:
        return ""
    return f" of {findings.full_gy:g} Gy, the highest of several: for targets of less it says little"


def _figures_table(findings: Findings) -> Table:
    """Lay out the figures of all structures, targets first."""
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
    """Return how far up a structure stands: targets first, what is drawn of the whole patient last."""
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
    """Yield what was taken as empty or filled between contours, and which contours are not drawn."""
    for one in structures:
        for why, count in one.left_out.items():
            yield f"{one.name}: {count} \N{MULTIPLICATION SIGN} {why}, not drawn and not in the figures."
        if one.drawn and (empty := int(one.stack.missing.sum())):
            slices = "1 CT slice" if empty == 1 else f"{empty} CT slices"
            yield f"{one.name}: {slices} between its contours without one, taken as empty."
        if one.drawn and one.stack.bridged:
            nth = "every second" if one.stack.bridged == 1 else f"one of {one.stack.bridged + 1}"
            yield f"{one.name}: contours on {nth} CT slices only; what lies between them is taken as filled."


def _against(after: Dvh | None, before: Dvh | None) -> Cell:
    """Return by how much the source's histogram is another one."""
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
            yield Text("A beam in several fraction groups has a meterset in each: in the order of the groups.", "small")
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
    """Return what private elements of the source said of the beams, and nothing does any more."""
    stated = findings.published.content.get("lost")
    if stated is not None or findings.before is None:
        return [str(one) for one in stated or ()]
    plan = findings.before.objects.plan
    assert isinstance(plan, Dataset)  # what is compared is read by pydicom
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
        yield Text("The beams stay on the machine that they were planned for.")
        return
    against = content.get("machine_findings", [])
    yield Text(f"The beams were moved to {machine}.")
    if not against:
        yield Text(
            f"Every treatment beam fits {machine}: energy and mode, leaves, jaws, dose rate, accessories.", "good"
        )
        return
    yield Table(
        ("Beam", "What was found", "Weight"),
        [
            [
                Cell("plan" if one.get("beam") is None else str(one["beam"])),
                Cell(str(one.get("code", "")).replace("-", " ")),
                Cell(
                    "accepted though the machine cannot do it" if one.get("blocks") else "differs, noted",
                    bad=bool(one.get("blocks")),
                ),
            ]
            for one in against
        ],
        widths=(1, 4, 4),
    )


def _done(findings: Findings) -> Iterator[Block]:
    content = findings.published.content
    yield Heading("What was done to the elements")
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
        "Every file was read back and held against its source: what differs is explained by the policy, everything "
        "else is equal, no removed identifier is left. A set that fails a check is not published."
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
