"""Kinds of the objects of a set, by SOP class. PS3.4 B.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CT: Final = "CT"
STRUCTURE_SET: Final = "RTSTRUCT"
PLAN: Final = "RTPLAN"
DOSE: Final = "RTDOSE"

KINDS: Final[Mapping[str, str]] = {
    "1.2.840.10008.5.1.4.1.1.2": CT,
    "1.2.840.10008.5.1.4.1.1.2.1": CT,  # enhanced
    "1.2.840.10008.5.1.4.1.1.2.2": CT,  # legacy converted enhanced
    "1.2.840.10008.5.1.4.1.1.481.2": DOSE,
    "1.2.840.10008.5.1.4.1.1.481.3": STRUCTURE_SET,
    "1.2.840.10008.5.1.4.1.1.481.5": PLAN,
    "1.2.840.10008.5.1.4.1.1.481.8": PLAN,  # ion
}
"""Kinds of the objects of a set, by SOP class."""

ENHANCED_CT: Final = frozenset(("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"))
"""SOP classes of CTs with all slices in one object."""

NAMES: Final[Mapping[str, str]] = {CT: "CT", STRUCTURE_SET: "RT Structure Set", PLAN: "RT Plan", DOSE: "RT Dose"}
"""Names of the kinds for people."""
