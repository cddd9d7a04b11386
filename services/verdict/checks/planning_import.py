"""What planning systems would make of a set: refuse it, have its users misread it, or lose something of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.verdict.checks import contradictions, importability, impossible_values, preflight, required_attributes

if TYPE_CHECKING:
    from services.forms.collection_form import Options
    from services.rtset.references import Objects
    from services.verdict.findings import Findings


def judge(found: Findings, objects: Objects, options: Options, *, machine_replaced: bool) -> None:
    """Add what these checks find, except faults that the collection accepts."""
    meant = importability.judge(objects, machine_replaced=machine_replaced)
    impossible = impossible_values.find(objects)
    faults = [*meant.faults, *impossible.faults]
    found.faults += [fault for fault in faults if fault.code not in options.accept]
    found.accept([fault for fault in faults if fault.code in options.accept])
    found.add_file_notes(note for note in meant.notes if note not in meant.of_names)
    found.notes += meant.of_names
    found.faults += required_attributes.faults(objects)
    found.record_notes += required_attributes.notes(objects)
    found.record_notes += impossible.notes
    found.record_notes += contradictions.notes(objects)
    found.record_notes += preflight.notes(objects)
    if objects.structure_set:
        found.of_names += preflight.of_names(importability.names_of(objects.structure_set))
