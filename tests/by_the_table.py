"""The policy table applied to pydicom's data sets: slowly, plainly, and unlike `services.deidentify.writer`.

What takes the place of old values comes from the same `Replacements`, which has tests of its own; here is the other
opinion on *where* each value goes, at every depth. (A fluence mode that only a private element states is left out.)
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword

from services.dicom import dates
from services.policy import table
from services.policy.table import PUBLIC_SCHEMES, Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import DataElement

    from services.deidentify.replacements import Replacements
    from services.policy.table import Decision

BEAMS = {tag_for_keyword(keyword) for keyword in ("BeamSequence", "IonBeamSequence")}


def anonymized_data_set(source: Dataset, replacements: Replacements) -> Dataset:
    """Return the expected output of an object; `source` is not changed."""
    made = _items_judged(deepcopy(source), replacements, ())
    for tag in table.ADDITIONS:
        decision = replacements.policy.decision(tag)
        if decision.action is Action.METHOD:
            continue
        value = _stated(replacements, decision.argument) if decision.action is Action.IDENTITY else decision.argument
        made.add_new(tag, dictionary_VR(tag), value)
    if not _stated(replacements, "age"):
        made.pop("PatientAge", None)
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = list(replacements.method)
    made.LongitudinalTemporalInformationModified = table.temporal_information(replacements.policy.options)
    made.DeidentificationMethodCodeSequence = [_code(*code) for code in replacements.codes]
    if made.Modality == "CT" and replacements.scanner:
        made.StationName = replacements.scanner
    return made


def _items_judged(data: Dataset, replacements: Replacements, within: tuple[int, ...]) -> Dataset:
    """Judge each element of a data set by itself, and then what is inside it."""
    made = Dataset()
    for element in data:
        if element.tag.is_private or element.tag.element == 0:
            continue
        decision = replacements.policy.decision(element.tag, within)
        if element.VR == "SQ" and decision.action is Action.KEEP:
            items = [_items_judged(item, replacements, (*within, element.tag)) for item in element.value]
            made.add_new(element.tag, "SQ", items)
        else:
            _become(made, element, decision, replacements, data)
    if replacements.machine and within and within[-1] in BEAMS:
        made.TreatmentMachineName = replacements.machine.name
        made.Manufacturer = replacements.machine.manufacturer
        made.ManufacturerModelName = replacements.machine.model
    return made


def _become(
    made: Dataset, element: DataElement, decision: Decision, replacements: Replacements, siblings: Dataset
) -> None:
    """Put the expected output of an element into `made`; nothing if it is dropped."""

    def each(change: Callable[[str], str]) -> None:
        values = element.value if element.VM > 1 else [element.value]
        new = [change(str(value)) if value else "" for value in values]
        made.add_new(element.tag, element.VR, new if len(new) > 1 else new[0])

    action, argument = decision.action, decision.argument
    machine = replacements.machine
    if action is Action.KEEP:
        made[element.tag] = element
    elif action is Action.EMPTY:
        made.add_new(element.tag, element.VR, [] if element.VR == "SQ" else "")
    elif action is Action.DUMMY:
        made.add_new(element.tag, element.VR, argument)
    elif action is Action.UID:
        each(replacements.uids)
    elif action is Action.DATE:
        shift = dates.shift_da if element.VR == "DA" else dates.shift_dt
        each(lambda value: shift(value, replacements.shift))
    elif action is Action.CLEAN:
        public = argument == "code_meaning" and siblings.get("CodingSchemeDesignator", "") in PUBLIC_SCHEMES
        each(lambda value: value if public or not value.strip() else replacements.cleaner.clean(value, argument))  # type: ignore[arg-type]
    elif action is Action.IDENTITY:
        made.add_new(element.tag, element.VR, _stated(replacements, argument))
    elif action is Action.MACHINE and machine:
        made.add_new(element.tag, element.VR, getattr(machine, argument))
    elif action is Action.APPROVAL:
        made.add_new(element.tag, element.VR, "UNAPPROVED")
    else:
        assert action in {Action.DROP, Action.SCANNER, Action.METHOD}


def _stated(replacements: Replacements, part: str) -> str:
    person = replacements.person
    return {
        "patient_id": replacements.identity.patient_id,
        "patient_name": replacements.identity.patient_name,
        "birth_date": f"{person.birth_date:%Y%m%d}" if person.birth_date else "",
        "sex": person.sex,
        "age": person.age.statement if person.age else "",
    }[part]


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code
