"""A name in letters that look like its own: in circles, bold, full width, partly Cyrillic, with unseen characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import sets
from tests.anonymized import anonymized

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sets import MadeSet


def alphabet(capital_a: str, small_a: str) -> str:
    """Return the name in other letters, given where their alphabets begin."""
    return "".join(
        chr(ord(char) - ord("A") + ord(capital_a)) if char.isupper() else chr(ord(char) - ord("a") + ord(small_a))
        for char in "Hohenlohe"
    )


SPELLINGS = {
    "circles": alphabet("\N{CIRCLED LATIN CAPITAL LETTER A}", "\N{CIRCLED LATIN SMALL LETTER A}"),
    "full width": alphabet("\N{FULLWIDTH LATIN CAPITAL LETTER A}", "\N{FULLWIDTH LATIN SMALL LETTER A}"),
    "bold": alphabet("\N{MATHEMATICAL BOLD CAPITAL A}", "\N{MATHEMATICAL BOLD SMALL A}"),
    "Cyrillic vowels": "H\N{CYRILLIC SMALL LETTER O}h\N{CYRILLIC SMALL LETTER IE}nlohe",
    "a soft hyphen": "Hohen\N{SOFT HYPHEN}lohe",
    "a word joiner": "Hohen\N{WORD JOINER}lohe",
    "a space of no width": "Hohen\N{ZERO WIDTH SPACE}lohe",
    "written from right to left": "\N{RIGHT-TO-LEFT OVERRIDE}Hohenlohe",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_name_in_letters_that_look_alike_is_removed(tmp_path: Path, spelling: str) -> None:
    """The set is published, and neither name nor unseen characters are left."""

    def edit(made: MadeSet) -> None:
        sets.patient("Hohenlohe^Friederike", "88123456", charset="ISO_IR 192")(made)
        made.structure_set.StructureSetROISequence[0].ROIName = f"PTV {spelling}"

    assert anonymized(tmp_path, edit).roi_names[0] == "PTV_2"  # the other structure is a PTV
