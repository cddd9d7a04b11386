"""A capital joined to a capitalized word: `LKidney`, `ZRing`, `ARectangle`."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.deidentify.unread_words import Rule, WeakEvidence, find
from services.policy.text_roles import Text
from services.vocabulary import anatomy

OWN = Identifiers([("person", "Mustermann^Erika")])


def unread(text: str) -> list[str]:
    """Return the words of a text that are not in the lexicon."""
    return [text[start:end] for start, end in anatomy.unknown_words(text)]


@pytest.mark.parametrize("text", ["LKidney", "RLung", "LParotid", "LNiere", "ZRing", "XBody", "ARectangle"])
def test_a_word_of_the_lexicon_is_read_after_a_letter(text: str) -> None:
    """It is kept beside a name, too."""
    assert unread(text) == []
    assert Cleaner(OWN, [Text("roi_name", 7, f"{text} Mustermann")]).clean(f"{text} Mustermann", "roi_name") == text


@pytest.mark.parametrize("text", ["ARhombus", "LImueller", "HNmueller", "LHohenlohe", "OBrien"])
def test_an_unknown_word_is_listed_with_the_letters_before_it(text: str) -> None:
    """Whether it begins at the first or after the second capital is for a person to see."""
    [word] = find([Text("beam_name", 1, text)], lambda value, _: value, WeakEvidence())
    assert word.word == text


@pytest.mark.parametrize("text", ["HNmueller", "ARMueller", "MMueller", "PTVmueller", "LImueller", "OMueller"])
def test_weak_evidence_is_found_after_letters(text: str) -> None:
    """A name known from the folder's name alone is removed after a site, a side or an initial."""
    weak = WeakEvidence({"muller": frozenset(("the folder's name",))})
    cleaned = Cleaner(OWN, [Text("roi_name", 7, text)], Rule(weak)).clean(text, "roi_name")
    assert "ueller" not in cleaned
