"""The beams, what was lost of them, the machine they are on, and their views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset

from services.rtset import private_loss
from sheets.read.accessories import applications, brachy_technique, sources
from sheets.read.numbers import whole
from sheets.render.page import Cell, Facts, Heading, Table, Text
from sheets.sections import beam_views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.examination.findings import Findings
    from sheets.render.page import Block


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out the beams of the plan."""
    found = findings.after.objects.beams
    yield Heading("Beams")
    plan = findings.after.objects.plan
    facts = [("Technique", technique)] if (technique := brachy_technique(plan)) else []
    facts += [("Source", one) for one in sources(plan)]
    facts += [("Application", one) for one in applications(plan)]
    if facts:
        yield Facts(facts)
    elif not found:
        yield Text("The plan has no beams.")
    if found:
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
            (0.7, 1.6, 1.5, 1.6, 1.8, 0.8, 0.8, 1.1, 0.7, 2.3, 2.2),
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
        if findings.after.objects.beams:
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
