"""What a kept text is for: names and labels that a planning system needs, and what they name."""

from __future__ import annotations

from typing import Literal, NamedTuple

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
]
"""What a text is for; earlier ones give their stand-in to texts that occur in several."""


class Text(NamedTuple):
    """One text of the set that is to be cleaned."""

    role: Role
    number: int
    """The number of what it names (ROI Number, Beam Number ...); 0 where there is none."""
    value: str
