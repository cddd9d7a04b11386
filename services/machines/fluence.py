"""Fluence of a beam: flattened as usual, or not.

Older planning systems wrote it only as a private equivalent, (3285,xx00) > (xx01), (xx02), of the standard's
(3002,0050) *Primary Fluence Mode Sequence*. Private elements are removed, so code that moves or writes a beam reads the
fluence here first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom.dataset import View
from services.dicom.elements import Malformed, Parser, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

_CREATOR: Final = b"Varian Medical Systems VISION 3285"
_GROUP: Final = 0x3285
_PRIMARY_FLUENCE_MODE_SEQUENCE: Final = 0x30020050


class Fluence(NamedTuple):
    """PS3.3 C.8.8.14, (3002,0050) *Primary Fluence Mode Sequence*."""

    mode: str
    """(3002,0051) *Fluence Mode*: `STANDARD` or `NON_STANDARD`."""

    mode_id: str
    """(3002,0052) *Fluence Mode ID* of a non-standard one: `FFF`, `SRS`; '' if not stated."""

    @property
    def is_standard(self) -> bool:
        """Return whether the beam has its usual flattening filter."""
        return self.mode == "STANDARD"


STANDARD: Final = Fluence("STANDARD", "")


def fluence_of(beam: View) -> Fluence:
    """Return the fluence of a beam: the standard attribute, else the private one; standard if neither is stated."""
    for item in beam.items("PrimaryFluenceModeSequence"):
        return _fluence(item.text("FluenceMode"), item.text("FluenceModeID"))
    return private_fluence(beam) or STANDARD


def private_fluence(beam: View) -> Fluence | None:
    """Return the private equivalent; None if there is none.

    An unreadable one is a non-standard fluence of unknown kind: taking it for standard would change the dose.
    """
    block = _private_block(beam)
    if block is None or (value := beam.raw_at(_element(block, 0x00))) is None:
        return None
    for item in beam.items_at(_element(block, 0x00)) or _unknown_vr_items(value):
        inner = _private_block(item) or block
        return _fluence(*(_ascii(item.raw_at(_element(inner, number))) for number in (0x01, 0x02)))
    return Fluence("NON_STANDARD", "") if value else None


def _fluence(mode: str, mode_id: str) -> Fluence:
    """Prefer the mode ID over a missing mode; an unknown mode is not assumed to be standard."""
    if mode == "STANDARD" or not (mode or mode_id):
        return STANDARD
    return Fluence("NON_STANDARD", mode_id)


def _private_block(data_set: View) -> int | None:
    """Return the block reserved by the creator in this data set. PS3.5 7.8.1."""
    for tag, _, _, value, end, _ in data_set.elements:
        if tag >> 16 == _GROUP and 0x10 <= tag & 0xFFFF <= 0xFF and data_set.data[value:end].strip(b"\0 ") == _CREATOR:
            return tag & 0xFF
    return None


def _element(block: int, number: int) -> int:
    return _GROUP << 16 | block << 8 | number


def _unknown_vr_items(value: bytes) -> Sequence[View]:
    """Parse a sequence of VR UN and known length, whose content is implicit VR. PS3.5 6.2.2."""
    data = encode(_PRIMARY_FLUENCE_MODE_SEQUENCE, b"SQ", value, implicit=True)
    try:
        elements = Parser(data, implicit=True).top_level(0)
    except Malformed:
        return ()
    return View(data, elements, ()).items_at(_PRIMARY_FLUENCE_MODE_SEQUENCE)


def _ascii(value: bytes | None) -> str:
    return (value or b"").decode("ascii", "replace").strip("\0 ")
