"""The queue is a hint: lost messages are repeated, and duplicates processed once."""

from __future__ import annotations

import os
import signal
import time

from celery import Celery

from services.runtime.settings import Settings
from tests.faults.service import QUEUE, Service
from tests.processes import processes
from tests.waiting import wait_until
from worker.app import celery_settings
from worker.connection import key_of
from worker.queues.set_queue import TASK


def test_messages_are_lost_between_taking_and_noting(service: Service) -> None:
    """As when a worker is killed in between: gone from the queue, noted nowhere."""
    for number in range(6):
        service.drop(f"Mustermann Erika {number}")
    service.redis.start()
    service.write_plan()
    service.start_watcher()
    client = service.redis.client()
    wait_until(lambda: client.llen(key_of(QUEUE)) == 6)
    for _ in range(6):
        client.brpop(key_of(QUEUE))
    service.start_worker()

    service.all_published()
    assert len(service.events) > 6, "no events were heard that could tell a name"


def test_the_same_message_fifty_times_on_eight_workers(service: Service) -> None:
    """One folder and one line result."""
    service.drop("Mustermann Erika", ct=20, size=64)
    service.drop("Mustermann Max")
    service.redis.start()
    service.inner |= {"lease_s": 0.001}  # nothing keeps them from doing it all at once
    service.write_plan()
    service.start_watcher()
    client = service.redis.client()
    wait_until(lambda: client.llen(key_of(QUEUE)) >= 2)
    app = Celery("test", set_as_current=False)
    app.add_defaults(lambda: celery_settings(Settings(redis_url=service.redis.url)))
    its_id = service.collection.id
    for _ in range(50):
        for name in service.dropped:
            app.send_task(TASK, args=[its_id, service.locator(name)], queue=QUEUE)
    for _ in range(4):
        service.start_worker(processes=2)

    wait_until(lambda: service.concluded() and client.llen(key_of(QUEUE)) == 0 and not client.hlen(key_of("unacked")))
    service.all_published()
    assert sorted(path.name for path in service.root.glob("ANON_*")) == ["ANON_006", "ANON_007"]


def test_messages_come_back_while_they_are_worked_on(service: Service) -> None:
    """Their visibility timeout ends before the set is done, and another worker gets them, too."""
    for number in range(3):
        name = f"Mustermann Erika {number}"
        service.drop(name)
        service.faults[service.locator(name)] = [[15, "slow:5"], [15, "slow:5"]]
    service.inner |= {"visibility_s": 1, "lease_s": 0.001}
    service.start(workers=2, processes=3)

    service.all_published()
    assert any(mark.endswith(".1") for mark in service.happened()), "no message came back"


def test_workers_are_frozen_past_every_lease(service: Service) -> None:
    """Others process their sets meanwhile. When they wake up, nothing published changes."""
    for change in range(4, 50, 3):
        name = f"Mustermann Erika {change}"
        service.drop(name)
        service.faults[service.locator(name)] = [[change, "freeze"]]
    service.start(processes=18)
    service.start_worker(processes=2)
    service.all_published()
    before = everything(service)
    frozen = processes_in_state("T", service)
    assert len(frozen) >= 10

    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    time.sleep(4)

    service.all_published()
    assert everything(service) == before
    assert not processes_in_state("T", service)


def everything(service: Service) -> dict[str, bytes]:
    """Read all that is published."""
    return {
        str(path.relative_to(service.root)): path.read_bytes()
        for path in service.root.rglob("*")
        if path.is_file() and (path.name[:7] == "VicRapi" or path.parent.name[:5] in {"ANON_", "recor", "claim"})
    }


def processes_in_state(state: str, service: Service) -> list[int]:
    """Find our processes that are frozen."""
    ours = {pid for kept in service.kept for pid in kept.children()}
    return [one.pid for one in processes() if one.state == state and one.pid in ours]
