"""Where the time of a set goes is told by functions: a name that is none any more would hide it in the rest."""

from __future__ import annotations

from benchmarks import where


def test_every_place_of_the_profile_is_a_function_or_a_method() -> None:
    """What was renamed must be renamed in the profile, too."""
    assert where.gone(where.PLACES) == []


def test_a_place_that_is_no_function_is_told() -> None:
    """Neither one that is gone nor a name that is imported counts."""
    renamed = [("services.proof.prove", "_digest"), ("services.verdict.folder_sets", "Sequence")]
    assert where.gone([*where.PLACES, *renamed]) == renamed
