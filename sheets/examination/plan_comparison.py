"""Contours, beams and dose of both sides compared, or their numbers counted; by the proof's account if it has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.language import counted
from sheets.examination import element_counts
from sheets.examination.source_diff import BEAMS, CONTOURS, CT, DOSE, Difference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sheets.examination.findings import Findings

_KINDS: Final = {CT: "CT", CONTOURS: "RTSTRUCT", DOSE: "RTDOSE", BEAMS: "RTPLAN"}
"""The name of each part's kind of object in an account."""


def compare(findings: Findings) -> None:
    """Compare all numbers except those of the CT."""
    _compare_headers(findings)
    _compare_doses(findings)


def _compare_headers(findings: Findings) -> None:
    """Compare all numbers except those of the CT and count the elements, or take the counts from the account."""
    new = findings.after.objects
    if findings.account is not None:
        _take_account(findings, findings.account)
        return
    for data in (new.structure_set, new.plan, new.dose):
        element_counts.elements_of(data, findings.written)
    comparison = findings.comparison
    if findings.before is None:
        for part, data in ((CONTOURS, new.structure_set), (BEAMS, new.plan), (DOSE, new.dose)):
            comparison.count(part, data)
        if findings.after.dose is not None:
            comparison.parts[DOSE].numbers += findings.after.dose.stored.size
        return
    old = findings.before.objects
    comparison.headers(CONTOURS, old.structure_set, new.structure_set)
    comparison.headers(BEAMS, old.plan, new.plan)
    comparison.headers(DOSE, old.dose, new.dose)
    if len(old.slices) != len(new.slices):
        says = f"{counted(len(new.slices), 'slice')} instead of {len(old.slices)}"
        comparison.parts[CT].add(abs(len(new.slices) - len(old.slices)), Difference(CT, says, 0.0))


def _take_account(findings: Findings, account: Mapping[str, Any]) -> None:
    findings.written += element_counts.by_group(account)
    parts = findings.comparison.parts
    for part, kind in _KINDS.items():
        parts[part].numbers += account["numbers"][kind]["equal"]
    parts[CT].numbers += sum(one.place.size[0] * one.place.size[1] for one in findings.after.objects.slices)
    if findings.after.dose is not None:
        parts[DOSE].numbers += findings.after.dose.stored.size


def _compare_doses(findings: Findings) -> None:
    after, before = findings.after.dose, findings.before.dose if findings.before else None
    if after is not None and before is not None:
        findings.comparison.voxels(DOSE, before.stored, after.stored, "dose", after.position, after.scaling)
