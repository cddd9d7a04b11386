"""Roles of kept texts: names and labels that a planning system needs, and the objects that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Role = Literal[
    "roi_name",
    "roi_label",
    "structure_set_label",
    "plan_label",
    "beam_name",
    "tolerance_label",
    "dose_reference",
    "code_meaning",
    "text",
    "technical",
    "product",
]
"""Role of a text; a text that occurs in several gets its replacement from the earliest."""


TECHNICAL_ROLES: Final[frozenset[Role]] = frozenset(("technical", "product"))
"""Texts configured by a clinic (trays, couches) or written by manufacturers (kernels, versions), not free text."""


CALLED: Final[Mapping[str, str]] = {
    "roi_name": "name of a structure",
    "roi_label": "label of a structure",
    "structure_set_label": "label of the structure set",
    "plan_label": "label of the plan",
    "beam_name": "name of a beam",
    "tolerance_label": "label of a tolerance table",
    "dose_reference": "description of a dose reference",
    "code_meaning": "meaning of a code",
    "text": "other text",
    "technical": "tray, couch, accessory, code",
    "product": "maker, product, version",
    "coded": "coded value that is no term, name of equipment",
}
"""Names of the kinds of text by role; coded strings that are not defined terms are listed with them."""

OF_PERSON: Final[Mapping[str, str]] = {
    "PatientAge": "Age",
    "PatientSex": "Sex",
    "PatientBirthDate": "Birth date, made up",
    "PatientSize": "Size in m",
    "PatientWeight": "Weight in kg",
    "EthnicGroup": "Ethnic group",
    "EthnicGroups": "Ethnic groups",
    "SmokingStatus": "Smoking status",
    "PregnancyStatus": "Pregnancy status",
    "PatientSexNeutered": "Sex neutered",
}
"""Statements about the person that may remain besides texts, by keyword."""


class Text(NamedTuple):
    """One text of the set to be cleaned."""

    role: Role
    number: int
    """Number of the named object (ROI Number, Beam Number ...); 0 if there is none."""
    value: str
