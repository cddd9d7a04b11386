"""The profile of a set is based on function names: an outdated name would count as the rest."""

from __future__ import annotations

from benchmarks import where


def test_every_place_of_the_profile_is_a_function_or_a_method() -> None:
    """Renamed functions must be renamed in the profile, too."""
    assert where.gone(where.PLACES) == []


def test_a_place_that_is_no_function_is_reported() -> None:
    """Neither removed functions nor imported names count."""
    renamed = [("services.proof.prove", "_digest"), ("services.verdict.folder_sets", "Sequence")]
    assert where.gone([*where.PLACES, *renamed]) == renamed
