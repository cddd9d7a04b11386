"""Dates in labels that are nobody's stated date: of an earlier treatment, an appointment, or no date at all."""

from __future__ import annotations

import pytest

from services.deidentify.identifiers import Identifiers
from services.deidentify.text_cleaner import Cleaner
from services.deidentify.unread_words import Rule, WeakEvidence, find
from services.forms.word_list import Decisions
from services.policy.text_roles import Text

OWN = Identifiers([("person", "Mustermann^Erika"), ("date", "20210505")])


def listed(text: str) -> list[str]:
    """Return the words of a text that a person is asked about."""
    kept = Cleaner(OWN, [Text("roi_name", 7, text)]).clean(text, "roi_name")
    return [word.word for word in find([Text("roi_name", 7, text)], lambda *_: kept, WeakEvidence())]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("PTV 20.5.21", "20.5.21"),
        ("PTV 1.12.20", "1.12.20"),
        ("PTV 5/20/21", "5/20/21"),
        ("RT 3/2019", "3/2019"),
        ("RT 03.2019", "03.2019"),
        ("RT 2019-03", "2019-03"),
    ],
)
def test_what_may_be_a_date_is_listed(text: str, word: str) -> None:
    """A label keeps it, because it may be a number of another kind, until a person decides."""
    assert listed(text) == [word]


@pytest.mark.parametrize(
    "text", ["PTV 50.4/1.8/28", "66/2/30", "Ring 5-5-10", "Arc 1.2.3", "2000/50", "PTV 50.4", "PTVp_5000-03mm"]
)
def test_doses_and_margins_are_not_listed(text: str) -> None:
    """They are no dates."""
    assert listed(text) == []


@pytest.mark.parametrize("text", ["PTV 20.5.21", "RT 3/2019"])
def test_a_date_is_removed_if_a_person_says_so(text: str) -> None:
    """As a word is."""
    date = text.partition(" ")[2]
    rule = Rule(decisions=Decisions(removed=frozenset((date,))))
    cleaned = Cleaner(OWN, [Text("roi_name", 7, text)], rule).clean(text, "roi_name")
    assert date not in cleaned
