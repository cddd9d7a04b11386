"""Counts of set states from one check to the next."""

from services.store.set_state import SetState
from watcher.counts import StatusCounts

LOOKS = (
    {"a": SetState.QUEUED, "b": SetState.SETTLING, "c": SetState.PUBLISHED},
    {"a": SetState.QUEUED, "b": SetState.QUEUED, "c": SetState.PUBLISHED},
    {"a": SetState.IN_WORK, "b": SetState.QUEUED, "c": SetState.PUBLISHED, "d": SetState.REFUSED},
)


def test_a_state_begins_when_it_was_first_seen():
    """An unchanged state keeps its start. Concluded states have no age."""
    counts, told = StatusCounts(), []
    for at, states in enumerate(LOOKS, start=100):
        counts = counts.next(states, {}, at)
        told.append(counts.oldest())
    assert told == [{"queued": 100, "settling": 100}, {"queued": 100}, {"in work": 102, "queued": 101}]


def test_removed_sets_are_no_longer_counted():
    """Nor does it return with its old age."""
    counts = StatusCounts().next({"a": SetState.QUEUED}, {}, 100).next({}, {}, 101)
    assert not counts.sets()
    assert counts.next({"a": SetState.QUEUED}, {"no-rt-dose": 1}, 102).oldest() == {"queued": 102}


def test_sets_are_counted_by_state():
    """The numbers for Prometheus."""
    counts = StatusCounts().next(LOOKS[2], {"two-patients": 1}, 100)
    assert (counts.at, counts.codes) == (100, {"two-patients": 1})
    assert counts.sets() == {"in work": 1, "queued": 1, "published": 1, "refused": 1}
