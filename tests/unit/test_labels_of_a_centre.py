"""A hundred sets of one centre leave a person few words to read, and none of its labels is changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.names_and_labels import labels_of_centres

PAGE = Path(__file__).parents[2] / "docs/names.md"
"""It is what the program does: `test_documents` shows that."""

MOST_WORDS = 20


@pytest.mark.parametrize("centre", labels_of_centres())
def test_few_words_of_a_centre_are_not_known(centre: str) -> None:
    """The patients' names go from the labels that hold them; every other label stays as it is."""
    row = rf"^\| {re.escape(centre)} \| \d+ \| \d+ \| (\d+) \| (\d+) \| (\d+) \|$"
    ((kept, lost, unread),) = re.findall(row, PAGE.read_text("utf-8"), re.MULTILINE)
    assert (kept, lost) == ("0", "0")
    assert int(unread) <= MOST_WORDS
