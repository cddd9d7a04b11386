"""A hundred sets of one centre leave a person few words to read, and none of its labels is changed."""

from __future__ import annotations

import pytest

from tests.names_and_labels import count_of_centre, labels_of_centres

MOST_WORDS = 20


@pytest.mark.parametrize("centre", labels_of_centres())
def test_few_words_of_a_centre_are_not_known(centre: str) -> None:
    """The patients' names go from the labels that hold them; every other label stays as it is."""
    _, kept, lost, unread = count_of_centre(centre)
    assert (kept, lost) == (0, 0)
    assert len(unread) <= MOST_WORDS
