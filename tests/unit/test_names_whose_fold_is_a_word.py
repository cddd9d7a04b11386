"""A name is unknown although folding makes it a word, as the cleaner compares names: Maes and `más`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deidentify import unread_words
from services.vocabulary import anatomy
from services.vocabulary.spelling import fold
from services.vocabulary.word_lists import read_lexicon
from tests import sets
from tests.sets import make_set
from tests.unit.test_check import judge

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [
    *("Ösophagus", "Oesophagus", "OESOPHAGUS", "Parotisdrüse", "Parotisdruese", "Speicheldruesen", "Femurkoepfe"),
    *("Rueckenmark", "Encéphale", "Encephale", "Mølle", "LAG", "Oes", "Mand", "palato molle", "anuskanaal"),
    *("vesiculae", "LKidney", "BrainStem", "PTVopt"),
]


def unknown(text: str) -> list[str]:
    """Return the words of a text that are not in the lexicon."""
    return [text[start:end] for start, end in anatomy.unknown_words(text)]


@pytest.mark.parametrize("name", ["Maes", "Haals", "Moend"])
@pytest.mark.parametrize("text", ["{}", "PTV {}", "PTV_{}", "{} 60Gy", "PTV{}"])
def test_a_name_is_presented_for_review(text: str, name: str) -> None:
    """Alone, beside terms and joined to one."""
    folded = {fold(word) for words in read_lexicon().values() for word in words}
    assert fold(name) in folded
    assert unknown(text.format(name)) == [name]


@pytest.mark.parametrize("text", WORDS)
def test_a_word_is_known_in_each_of_its_spellings(text: str) -> None:
    """With umlauts written out or without accents, in compounds, too."""
    assert unknown(text) == []


def test_no_word_of_the_lexicon_is_unknown() -> None:
    """As it is, in capitals, and as it is written on a keyboard without umlauts."""
    every = {word for words in read_lexicon().values() for word in words}
    assert not [word for word in every if unknown(word)]
    assert not [word for word in every if unknown(word.upper())]
    written_out = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
    assert not [word for word in every if unknown(word.translate(written_out))]


@pytest.mark.parametrize("name", ["Maes", "Loes"])
def test_such_a_name_of_a_folder_is_removed_from_texts(tmp_path: Path, name: str) -> None:
    """A word of the folder's name is evidence of the person unless it is a word as written."""
    made = make_set(tmp_path, sets.setting(PatientName="Ode^Jane"), name=f"{name} Lunge los")
    rtset = judge(made).rtset
    assert rtset is not None
    weak = unread_words.evidence_of(rtset)
    assert weak.reasons(name) == {"the folder's name"}
    assert not weak.reasons("Lunge")
