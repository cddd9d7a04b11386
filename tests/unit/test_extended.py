"""Information found only in private elements is reported before these are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.rtset import private_loss
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import Edit, MadeSet

EXTENDED = "Beam 2: the gantry goes beyond 180° (extended angles)."
ORDER = "The fields are treated in a different order than in the plan."


def interface(*beams: str) -> str:
    """Write a planning system's private text for each beam."""
    said = "".join(
        f"<Beam><ReferencedBeamNumber>{number}</ReferencedBeamNumber><Extensions>{says}</Extensions></Beam>"
        for number, says in enumerate(beams, start=1)
    )
    return f'<?xml version="1.0"?><ExtendedVAPlanInterface Version="1"><Beams>{said}</Beams></ExtendedVAPlanInterface>'


PLAIN = "<FieldOrder>{}</FieldOrder><GantryRtnExtendedStart>false</GantryRtnExtendedStart>"
BEYOND = "<FieldOrder>{}</FieldOrder><GantryRtnExtendedStop>true</GantryRtnExtendedStop>"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (interface(PLAIN.format(1), PLAIN.format(2)), []),
        (interface(PLAIN.format(1), BEYOND.format(2)), [EXTENDED]),
        (interface(PLAIN.format(2), BEYOND.format(1)), [EXTENDED, ORDER]),
        (interface(PLAIN.format(2), PLAIN.format(1)), [ORDER]),
        (interface("", ""), []),
        ("<no XML", []),
        ("", []),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_what_a_plan_itself_does_not_say_is_reported(written: str, told: list[str], encoding: str) -> None:
    """And nothing else: most plans state all of it in standard attributes."""
    says = list(private_loss.lost(written.encode(encoding), [1, 2, 3]))
    assert len(says) == len(told)
    assert all(sentence.startswith(beginning) for sentence, beginning in zip(says, told, strict=True))


def beyond(vr: str = "OB") -> Edit:
    """Make the second arc end beyond 180°, in a block that is not the first of its group."""

    def edit(made: MadeSet) -> None:
        made.plan.private_block(0x3253, private_loss.CREATOR)[0x00].value = b""
        del made.plan[0x32530010], made.plan[0x32531000]
        block = made.plan.private_block(0x3253, "SOMEBODY ELSE", create=True)
        block.add_new(0x00, "LO", "of no matter")
        text = interface(PLAIN.format(1), BEYOND.format(2))
        block = made.plan.private_block(0x3253, private_loss.CREATOR, create=True)
        block.add_new(0x00, vr, text if vr == "LT" else text.encode() + b" " * (len(text) % 2))

    return edit


@pytest.mark.parametrize("vr", ["OB", "UN", "LT"])
def test_private_information_is_a_note_of_the_set(tmp_path: Path, vr: str) -> None:
    """Whatever its VR. The elements themselves are removed."""
    done = anonymized(tmp_path, beyond(vr))
    assert [note for note in done.verdict.notes if note.startswith(EXTENDED)]
    assert not [element for element in done.plan if element.tag.is_private]
