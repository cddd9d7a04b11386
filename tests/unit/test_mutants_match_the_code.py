"""`make mutants` removes steps of the protocol, each of which must be in the current code."""

from __future__ import annotations

from pathlib import Path

from tests import mutants


def test_each_step_occurs_once_in_its_file_and_has_tests() -> None:
    """An outdated mutant would be skipped, or change something else."""
    found = mutants.read()
    assert len(found) >= 60
    assert len({one.name for one in found}) == len(found)
    assert not {test for one in found for test in one.tests if not (mutants.PROJECT / test).exists()}
    assert all(Path(one.file).parts[0] in {"services", "watcher", "worker"} for one in found)
