"""What a kept text is for: names and labels that a planning system needs, and what they name."""

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
"""What a text is for; earlier ones give their stand-in to texts that occur in several."""


TECHNICAL_ROLES: Final[frozenset[Role]] = frozenset(("technical", "product"))
"""What a clinic has configured (trays, couches), and what makers have written (kernels, versions): no free text."""


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
    "coded": "coded value that is no term",
}
"""What texts are, by their role; coded strings that are no terms are shown beside them."""

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
"""What may stay of the person beside texts, by keyword."""


class Text(NamedTuple):
    """One text of the set that is to be cleaned."""

    role: Role
    number: int
    """The number of what it names (ROI Number, Beam Number ...); 0 where there is none."""
    value: str
