"""Content of the record of a published set, besides its proof, without any original value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.language import counted, english
from services.policy.table import EDITION, POLICY_EDITION
from services.rtset import private_loss
from services.verdict.checks import importability, preflight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.deidentify.replacements import Replacements
    from services.forms.identity import NewIdentity
    from services.forms.structure_list import Naming
    from services.rtset.reader import RtSet
    from services.verdict.verdict import Verdict


def describe(
    identity: NewIdentity,
    replacements: Replacements,
    verdict: Verdict,
    rtset: RtSet,
    naming: Naming,
    content: str,
    settled: int,
) -> Mapping[str, Any]:
    """Return the record's content on a published set, without any original value.

    It suffices to prove the set again after form and descriptors have changed (`services.proof.prove`).
    """
    options, machine = replacements.policy.options, replacements.machine
    fit = verdict.machine
    return {
        "source": content,
        "identity": {"patient_id": identity.patient_id, "patient_name": identity.patient_name},
        "machine": {"name": machine.name, "manufacturer": machine.manufacturer, "model": machine.model}
        if machine
        else None,
        "policy": {"standard": EDITION, "edition": POLICY_EDITION},
        "method": {"text": list(replacements.method), "codes": [code.value for code in replacements.codes]},
        "options": {
            "dates": options.dates,
            "patient_characteristics": options.patient_characteristics,
            "birth_date": options.birth_date,
            "times": options.times,
            "machine": machine.name if machine else "keep",
            "scanner": replacements.scanner,
        },
        "links": dict(verdict.links),
        "machine_findings": [
            {"beam": finding.beam_number, "code": finding.code, "blocks": blocks}
            for blocks, findings in ((True, fit.blocks), (False, fit.differs))
            for finding in findings
        ]
        if fit
        else [],
        "notes": list(replacements.person.notes),
        "told": [
            *(note for note in verdict.record_notes if note not in verdict.of_names),
            *_of_names(replacements, rtset),
            *_settled(settled),
        ],
        "lost": list(map(english, private_loss.of_plan(rtset.plan.view))),
        "accepted": dict(verdict.accepted),
        "remarks": len(verdict.notes) - len(verdict.record_notes),
        "doubts": [doubt.place for doubt in verdict.doubts],
        "cleaned": dict(replacements.cleaner.replaced),
        "structures": {"list": naming.digest, **replacements.cleaner.coverage.as_json()},
    }


def _of_names(replacements: Replacements, rtset: RtSet) -> list[str]:
    """Return the notes on the structures' new names."""
    names = [replacements.cleaner.clean(name, "roi_name") for name in importability.names_of(rtset.structure_set)]
    return list(map(english, preflight.of_names(names)))


def _settled(count: int) -> list[str]:
    """Return the note on cleared unused bits of pixel cells."""
    return [f"Bits that hold no pixel were cleared in the cells of {counted(count, 'object')}."] if count else []
