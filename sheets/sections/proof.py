"""The proof made before the set was published, check by check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sheets.examination.element_counts import checks
from sheets.render.page import Cell, Heading, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sheets.examination.findings import Findings
    from sheets.render.page import Block

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


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out the checks and the number of facts examined by each."""
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
