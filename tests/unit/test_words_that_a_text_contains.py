"""Unknown words in a text, for pages that mark them."""

from __future__ import annotations

import pytest

from services.vocabulary import anatomy


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("Philips", ["PS"], []),
        ("PS2", ["PS"], ["PS"]),
        ("PTVHohenlohe", ["Hohenlohe"], ["Hohenlohe"]),
        ("ptvhohenlohe", ["HOHENLOHE"], ["HOHENLOHE"]),
        ("PTV Hohenlohe neu", ["Hohenlohe", "Ada"], ["Hohenlohe"]),
        ("Adapted", ["Ada"], []),
        ("aml_23456", ["aml", "23456"], ["aml", "23456"]),
    ],
)
def test_a_word_occurs_as_a_word_and_not_inside_another(text: str, words: list[str], found: list[str]) -> None:
    """A sheet marks only words to be reviewed."""
    assert anatomy.occurring(text, words) == found
