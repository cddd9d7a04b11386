"""What the anonymization did to the elements, by which options and which policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.forms.identity import AGE_NOTES
from services.policy.table import EDITION
from sheets.examination.element_counts import COLUMNS, account
from sheets.render.page import Cell, Facts, Heading, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sheets.examination.findings import Findings
    from sheets.render.page import Block

_OPTIONS: Final = {
    ("dates", "shift"): "moved back by whole weeks, the same for all dates of the set",
    ("dates", "remove"): "removed",
    ("dates", "keep"): "kept",
    ("patient_characteristics", "retain"): "age, sex, size, weight and similar kept",
    ("patient_characteristics", "dose_model"): "age, sex, size and weight kept",
    ("patient_characteristics", "age_sex"): "only age and sex kept",
}


def blocks(findings: Findings) -> Iterator[Block]:
    """Lay out the counts of changed elements, and what determined them."""
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
