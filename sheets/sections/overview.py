"""What a set is: the verdict on its agreement with the source, its facts, and what its check found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.language import counted
from sheets import kept_texts
from sheets.read.beams import machines
from sheets.render.page import Facts, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sheets.examination.findings import Findings
    from sheets.read.beams import Beam
    from sheets.read.plan_objects import Objects
    from sheets.render.page import Block

MOST_METERSETS: Final = 9
"""Maximum number of metersets on the first page."""


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out the verdict, the facts of the set, and the findings of the check of its source."""
    yield from _verdict(findings)
    yield from _facts(findings)
    yield from _checked(findings)


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


def _facts(findings: Findings) -> Iterator[Block]:
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
            ("CT", f"{counted(len(objects.slices), 'slice')}, {objects.spacing} apart"),
            ("Structures", f"{len(after.structures)}, {len(drawn)} with contours"),
            ("Machine", ", ".join(machines(objects.plan, objects.beams)) or "none"),
            ("Beams", beams_in_short(objects.beams)),
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


def beams_in_short(found: Sequence[Beam]) -> str:
    """Return the number of beams, and the metersets of a few."""
    treating = [beam for beam in found if beam.treats]
    many = len(treating) > MOST_METERSETS
    metersets = ", listed below" if many else ": " + " + ".join(beam.meterset for beam in treating)
    others = len(found) - len(treating)
    parts = [f"{len(treating)} with meterset{metersets}"] if treating else []
    parts += [f"{others} without meterset"] if others else []
    return ", ".join(parts) or "none"


def _checked(findings: Findings) -> Iterator[Block]:
    """Yield what the check of the source found, as codes and counts, never in the source's own words."""
    content = findings.published.content
    for code, count in content.get("accepted", {}).items():
        times = f" ({count} times)" if count > 1 else ""
        yield Text(f"Accepted by the collection: {str(code).replace('-', ' ')}{times}.", "bad")
    if rebuilt := sum(state == "relinked" for state in content.get("links", {}).values()):
        yield Text(
            "References between the objects were rebuilt because their geometry agrees: "
            f"{counted(rebuilt, 'kind')} of reference."
        )
    yield from (Text(str(note)) for note in content.get("told", ()))
    if remarks := content.get("remarks"):
        number = counted(remarks, "remark")
        yield Text(f"Not shown here, because the source is quoted: {number} of the check; see `anonymizer check`.")
