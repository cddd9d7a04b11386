"""A dropped folder is processed once copying has stopped, by our own clock."""

from __future__ import annotations

from watcher.settling import Settling


class Clock:
    """A clock set by tests."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def looks(*at: tuple[float, str]) -> list[bool]:
    """Check one folder at these times with these fingerprints."""
    clock = Clock()
    settling = Settling(quiet_s=10, clock=clock)
    answers = []
    for clock.now, fingerprint in at:
        answers.append(settling.look("a", fingerprint))
    return answers


def test_one_observation_is_not_enough_to_settle() -> None:
    """However old the files, since copies keep old times."""
    assert looks((1000, "x")) == [False]


def test_a_folder_that_stays_the_same_for_the_quiet_time_has_settled() -> None:
    """At every later check, too."""
    assert looks((0, "x"), (5, "x"), (10, "x"), (99, "x")) == [False, False, True, True]


def test_each_change_starts_the_quiet_time_again() -> None:
    """A pause shorter than the quiet time is not the end of copying."""
    assert looks((0, "x"), (9, "y"), (18, "y"), (19, "y")) == [False, False, False, True]


def test_a_folder_changed_and_changed_back_has_changed() -> None:
    """A file added and removed again makes two changes."""
    assert looks((0, "x"), (5, "y"), (6, "x"), (15, "x"), (16, "x")) == [False, False, False, False, True]


def test_a_folder_that_went_and_came_back_is_new() -> None:
    """What was known of a folder is forgotten with it."""
    clock = Clock()
    settling = Settling(quiet_s=10, clock=clock)
    settling.look("a", "x")
    settling.look("b", "x")
    settling.forget_all_but(["b"])
    clock.now = 20
    assert (settling.look("a", "x"), settling.look("b", "x")) == (False, True)


def test_the_next_folder_to_settle_is_known_beforehand() -> None:
    """There is no need to check earlier; settled or missing folders are not waited for."""
    clock = Clock()
    settling = Settling(quiet_s=10, clock=clock)
    found = [settling.next_at()]
    for clock.now, folder in ((0.0, "a"), (3.0, "b"), (4.0, "c")):
        settling.look(folder, "x")
        found.append(settling.next_at())
    clock.now = 10.0
    found.append(settling.next_at())
    settling.forget_all_but(["a", "c"])
    found.append(settling.next_at())
    assert found == [float("inf"), 10.0, 10.0, 10.0, 13.0, 14.0]
