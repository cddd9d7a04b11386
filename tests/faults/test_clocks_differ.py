"""Clocks change under running processes, and the file server's differs. Only our monotonic clock counts."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tests.invariants import remember

if TYPE_CHECKING:
    from tests.faults.service import Service


def test_clocks_step_forth_and_back_under_everything(service: Service) -> None:
    """A day forward, a year back, every second, in workers and watcher."""
    service.inner |= {"clock_steps_s": [0, 86_400, -31_536_000, 3_600]}
    for number in range(12):
        service.drop(f"Mustermann Erika {number}")
        service.faults[service.locator(f"Mustermann Erika {number}")] = [[6, "slow:1"]]
    service.start()

    service.all_published()


def test_the_file_server_lives_in_another_time(service: Service) -> None:
    """Files from tomorrow and from 1970: modification times say nothing about completeness."""
    for name, at in (("Mustermann tomorrow", time.time() + 86_400), ("Mustermann 1970", 0.0)):
        folder = service.drop(name)
        for path in (*folder.iterdir(), folder):
            os.utime(path, (at, at))
        service.dropped |= remember(folder)
    service.start()

    service.all_published()
