"""One place for set states: every question about a state is answered there, consistently."""

from __future__ import annotations

import pytest

from services.store.set_state import SetState

TABLE = {
    # state: concluded, published, finished, may be retried, busy
    SetState.NEW: (False, False, False, False, True),
    SetState.NOT_STARTED: (False, False, False, False, False),
    SetState.SETTLING: (False, False, False, False, False),
    SetState.QUEUED: (False, False, False, False, True),
    SetState.IN_WORK: (False, False, False, False, True),
    SetState.WAITING: (False, False, False, False, False),
    SetState.PUBLISHED: (True, True, True, False, False),
    SetState.SAME_SET: (True, True, True, False, False),
    SetState.CHANGED: (True, False, False, False, False),
    SetState.REFUSED: (True, False, False, True, False),
    SetState.PARKED: (True, False, False, True, False),
    SetState.UNREAD_WORDS: (True, False, False, False, False),
    SetState.NO_SET: (True, False, False, False, False),
    SetState.NOT_READABLE: (True, False, False, False, False),
    SetState.WITHDRAWN: (True, False, True, False, False),
    SetState.GONE: (False, False, False, False, False),
}


@pytest.mark.parametrize("state", SetState)
def test_each_state_answers_every_question(state: SetState) -> None:
    """A new state must be added here."""
    answers = (state.is_concluded, state.is_published, state.is_finished, state.may_retry, state.is_busy)
    assert answers == TABLE[state]


def test_what_waits_for_a_circumstance_is_tried_again_by_itself() -> None:
    """Permissions may change without the folder."""
    assert [state for state in SetState if state.is_rechecked] == [SetState.WAITING, SetState.NOT_READABLE]


def test_only_refused_sets_depend_on_the_form() -> None:
    """Failed or changed sets do not depend on the form."""
    assert [state for state in SetState if state.is_reopened_by_form] == [SetState.REFUSED]
