"""Workers and their processes are killed before each of their changes on disk, and start again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.store import registry
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.service import Service

LEAST = 40
"""Minimum number of changes on disk for a set of five files."""

CHANGES = 100
"""More than a set ever takes, including the completion of others' unfinished work."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["kill-child", "kill-worker", "orphan"])
def test_killed_before_each_change_on_disk(service: Service, how: str) -> None:
    """One set per change: before it, its process, its whole worker, or the worker's main process dies."""
    for change in range(CHANGES):
        name = f"Mustermann Erika {change}"
        service.drop(name)
        service.faults[service.locator(name)] = [[change, how]]
    service.start(workers=1 if how == "kill-child" else 3)

    service.all_published()
    if how == "kill-child":
        met = service.happened()
        missed = [
            change for change in range(CHANGES) if f"{service.locator(f'Mustermann Erika {change}')}.0" not in met
        ]
        assert missed, "there are more changes than we go through"
        assert missed[0] >= LEAST, "each change that every set makes was met"
    else:
        assert sum(worker.starts for worker in service.kept[1:]) > LEAST // 2


@pytest.mark.timeout(600)
def test_killed_twice_in_a_row(service: Service) -> None:
    """Whoever completes another's work is killed, too: child and worker, in either order."""
    for change in range(0, LEAST, 4):
        for first, then in (("kill-child", "kill-worker"), ("kill-worker", "kill-child")):
            name = f"Mustermann {first} {change}"
            service.drop(name)
            service.faults[service.locator(name)] = [[change, first], [change % 11, then]]
    service.start(workers=2)

    service.all_published()


def test_a_set_that_kills_every_process_is_parked_and_brought_back(service: Service) -> None:
    """After three deaths; its number goes to the next set. A worker's restart does not count."""
    service.drop("Mustermann the poison")
    poison = service.locator("Mustermann the poison")
    service.faults[poison] = [[6, "kill-worker"], *([[6, "kill-child"]] * 3)]
    service.start(processes=1)

    wait_until(lambda: service.states() == {"Mustermann the poison": "parked"})
    service.drop("Mustermann Erika")
    wait_until(service.concluded)
    service.wait()

    assert service.hold() == {"Mustermann the poison": "parked", "Mustermann Erika": "published"}
    assert (service.root / "ANON_006").is_dir()
    assert "retry" in (service.root / "Mustermann the poison_NOTE.txt").read_text("utf-8-sig")
    service.command("retry", service.root, "Mustermann the poison")
    service.all_published()
    assert (service.root / "ANON_007").is_dir()


def test_a_set_that_kills_whole_workers_is_parked(service: Service) -> None:
    """A container out of memory dies completely; only the number of starts shows it."""
    service.inner |= {"together_s": 0.1}
    service.drop("Mustermann the poison")
    service.drop("Mustermann Erika")
    poison = service.locator("Mustermann the poison")
    service.faults[poison] = [[20, "kill-worker"]] * 9
    service.start(processes=1)

    service.wait()

    assert service.hold() == {"Mustermann the poison": "parked", "Mustermann Erika": "published"}
    outcome = registry.read_outcome(service.collection, poison)
    assert outcome is not None
    assert outcome.codes == ("WorkerKilled",) * 3
    assert len([mark for mark in service.happened() if mark.startswith(poison)]) == 7, "killed so many workers"
