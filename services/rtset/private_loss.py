"""Information lost with private elements of a planning system for which there is no standard attribute.

Eclipse writes (3253,xx00) *Extended Interface Data*, an XML text with the order of the fields, and with arcs that begin
or end beyond 180° (*extended* gantry angles). Like all private elements it is removed; if it says more than the plan
itself, the person who imports the plan must know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from services.language import gettext

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.dicom.dataset import View

CREATOR: Final = "Varian Medical Systems VISION 3253"
GROUP: Final = 0x3253

_BEAM: Final = re.compile(r"<Beam[ >].*?</Beam>", re.DOTALL)
_NUMBER: Final = re.compile(r"<ReferencedBeamNumber>\s*(\d{1,9})\s*<", re.ASCII)
_ORDER: Final = re.compile(r"<FieldOrder>\s*(\d{1,9})\s*<", re.ASCII)
_EXTENDED: Final = re.compile(r"<GantryRtnExt\w*>\s*(?!false\b|0\b)\w", re.ASCII | re.IGNORECASE)


class _Said(NamedTuple):
    """Statements of the interface data on one beam."""

    beam: int
    order: int | None
    is_extended: bool


def of_plan(plan: View) -> list[str]:
    """Return what is lost of a plan, in sentences without names or labels."""
    numbers = [number for beam in plan.items("BeamSequence") if (number := beam.number("BeamNumber")) is not None]
    block = next(
        (
            tag & 0xFF
            for tag, _, _, value, end, _ in plan.elements
            if tag >> 16 == GROUP
            and 0x10 <= tag & 0xFFFF <= 0xFF
            and plan.data[value:end].strip(b"\0 ") == CREATOR.encode()
        ),
        0,
    )
    return list(lost(plan.raw_at(GROUP << 16 | block << 8) or b"", list(map(int, numbers)))) if block else []


def lost(interface: bytes, beams: Sequence[int]) -> Iterator[str]:
    """Yield statements of the interface data that are not in the plan.

    Parameters
    ----------
    interface
        The value of (3253,xx00).
    beams
        The plan's beam numbers, in order.
    """
    by_beam = {one.beam: one for one in _read(interface)}
    extended = [str(beam) for beam in beams if beam in by_beam and by_beam[beam].is_extended]
    if extended:
        yield (
            gettext(
                "Beam {numbers}: the gantry goes beyond 180° (extended angles). Only private elements of the "
                "planning system state this, and these are removed: check the gantry angles after import.",
                numbers=", ".join(extended),
            )
        )
    orders = [order for beam in beams if beam in by_beam and (order := by_beam[beam].order) is not None]
    if orders != sorted(orders):
        yield (
            gettext(
                "The fields are treated in a different order than in the plan. Only private elements of "
                "the planning system say so, and these are removed."
            )
        )


def _read(interface: bytes) -> Iterator[_Said]:
    # Its text is ASCII; a program that wrote UTF-16 put a NUL beside each letter.
    text = interface.replace(b"\0", b"").decode("ascii", "replace")
    for found in _BEAM.finditer(text):
        number, order = _NUMBER.search(found[0]), _ORDER.search(found[0])
        if number:
            yield _Said(int(number[1]), int(order[1]) if order else None, _EXTENDED.search(found[0]) is not None)
