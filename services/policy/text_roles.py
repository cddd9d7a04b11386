"""What a kept text is for: names and labels that a planning system needs, and what they name."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

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


class Text(NamedTuple):
    """One text of the set that is to be cleaned."""

    role: Role
    number: int
    """The number of what it names (ROI Number, Beam Number ...); 0 where there is none."""
    value: str
