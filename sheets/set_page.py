"""The page of a published set's sheet, from top to bottom.

It is delivered with the set, so it holds no original text: names of structures, plan and beams are the published ones;
the source appears only in images, numbers and differences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.store.records import folder_name
from sheets import kept_texts
from sheets.render.page import Page, program
from sheets.sections import beams, changes, comparison, histograms, overview, proof, release, views

if TYPE_CHECKING:
    from services.store.releases import Release
    from sheets.examination.findings import Findings


def lay_out(findings: Findings, decision: Release | None = None) -> Page:
    """Lay out the findings and the release decision, with its role and time; no sheet names the person."""
    published, plan = findings.published, findings.after.objects.plan
    return Page(
        title=folder_name(published.index),
        subtitle=f"{plan.get('PatientID', '')}, {plan.get('PatientName', '')}, published {_day(published.at)}",
        at=published.at,
        blocks=[
            *overview.blocks(findings),
            *views.blocks(findings),
            *comparison.blocks(findings),
            *histograms.blocks(findings),
            *beams.blocks(findings),
            *changes.blocks(findings),
            *proof.blocks(findings),
            *kept_texts.blocks(findings.travelling),
            *release.blocks(decision),
        ],
        program=program(),
    )


def _day(at: str) -> str:
    return f"{at[:10]} {at[11:16]} UTC"
