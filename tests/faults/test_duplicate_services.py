"""Two watchers, two reconcilers, a `run` on a served collection, and services restarted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_run import tracking_lines
from tests.sets import without
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.faults.service import Service


def test_of_two_watchers_one_stands_by_and_takes_over(service: Service) -> None:
    """The first is killed, and not started again."""
    for number in range(6):
        service.drop(f"Mustermann Erika {number}")
    service.start()
    other = service.start_watcher()
    service.all_published()
    first = service.kept[0]
    first.end()
    service.kept.remove(first)

    for number in range(6, 9):
        service.drop(f"Mustermann Erika {number}")
    service.all_published()
    assert other.starts == 1


def test_two_watchers_that_both_believe_they_hold_the_lock_do_no_harm(service: Service) -> None:
    """The lock is taken from them repeatedly: for moments both act, and do no harm."""
    for number in range(20):
        service.drop(f"Mustermann Erika {number}")
    service.start()
    service.start_watcher()
    seat = service.root / ".anonymizer" / "arbiter.json"
    for _ in range(30):
        seat.unlink(missing_ok=True)
        time.sleep(0.1)

    service.all_published()


def test_a_run_against_a_served_collection_is_refused(service: Service) -> None:
    """Nothing is harmed."""
    service.drop("Mustermann Erika")
    service.start()
    wait_until((service.root / ".anonymizer" / "arbiter.json").exists)
    program = Path(sys.executable).with_name("anonymizer")
    done = subprocess.run([program, "run", str(service.root)], capture_output=True, text=True, check=False)

    assert (done.returncode, "is processing this collection" in done.stderr) == (2, True)
    service.all_published()


def test_workers_are_restarted_one_after_the_other(service: Service) -> None:
    """After ten rolling restarts, no failure is counted and nothing is parked."""
    for number in range(16):
        service.drop(f"Mustermann Erika {number}")
        service.faults[service.locator(f"Mustermann Erika {number}")] = [[10, "slow:0.5"]]
    service.start(workers=2, processes=1)
    for turn in range(10):
        time.sleep(0.7)
        service.kept[1 + turn % 2].process.send_signal(signal.SIGTERM)

    service.all_published()
    wait_until(lambda: not list((service.root / ".anonymizer" / "attempts").iterdir()))


def test_a_worker_that_is_asked_to_stop_finishes_its_set(service: Service) -> None:
    """SIGTERM, then time to end."""
    service.drop("Mustermann Erika")
    service.faults[service.locator("Mustermann Erika")] = [[10, "slow:2"]]
    service.start(processes=1)
    wait_until(service.happened)
    worker = service.kept.pop(1)
    worker.process.send_signal(signal.SIGTERM)
    worker.process.wait()

    service.all_published()
    worker.end()


@pytest.mark.parametrize("running", [False, True])
def test_a_collection_copied_with_its_state_is_worked_on_nowhere(service: Service, running: bool) -> None:
    """Both would assign the same numbers and UIDs. This is reported until one of them is moved away."""
    service.drop("Mustermann Erika")
    if running:
        service.start()
        service.all_published()
    copytree(service.root, service.place / "copy")
    (service.place / "copy").rename(service.share / "Copy of BATCH")  # at once: half of it would be a new collection
    if not running:
        service.start()
    wait_until(lambda: b"same id" in b"".join(service.said()))
    service.drop("Mustermann Max")
    time.sleep(3)
    assert service.states().keys() <= {"Mustermann Erika"}

    rmtree(service.share / "Copy of BATCH")
    service.all_published()


def test_a_newer_state_is_handed_back(service: Service) -> None:
    """Mixed versions: the older one leaves it alone, says so, and continues once updated."""
    service.drop("Mustermann Erika")
    form = service.root / ".anonymizer" / "format"
    own = form.read_text()
    form.write_text(f"{int(own) + 1}\n")
    service.start()
    wait_until(lambda: b"newer version" in b"".join(service.said()))
    time.sleep(1)
    assert not service.states()

    form.write_text(own)
    service.all_published()


def test_a_form_is_half_saved_and_then_changed(service: Service) -> None:
    """It pauses with the line; a changed identity applies to sets without a number."""
    service.drop("Mustermann Erika")
    service.start()
    service.all_published()
    form = service.root / "collection.toml"
    whole = form.read_text()
    form.write_text(whole[: whole.index("AnusGE", whole.index("family_name")) + 3])
    service.drop("Mustermann Max")
    wait_until(lambda: b"at line 3" in b"".join(service.said()))
    assert "Mustermann Max" not in service.states()

    form.write_text(whole.replace("zzz_AnusGE", "zzz_Other"))
    service.wait()
    assert [line.split(", ")[1] for line in tracking_lines(service.root)[1:]] == ["zzz_AnusGE006", "zzz_Other007"]
    form.write_text(whole.replace("initial_index = 6", "initial_index = 40"))
    service.drop("Mustermann Moritz")
    wait_until(lambda: service.states().get("Mustermann Moritz") == "published")
    told = json.loads(service.command("status", service.root, "--json").stdout)[0]
    assert {row["folder"]: row["anon"] for row in told["sets"]}["Mustermann Moritz"] == "ANON_040"


def test_what_was_taken_away_by_hand_comes_back(service: Service) -> None:
    """The REFUSED file and the tracking file are restored."""
    service.drop("Mustermann Erika")
    service.drop("Mustermann Max", without("RTPLAN"))
    service.start()
    service.wait()
    taken = [service.root / "Mustermann Max_REFUSED.txt", *service.root.glob("VicRapidPlan*")]
    before = [path.read_bytes() for path in taken]
    for path in taken:
        path.unlink()

    wait_until(lambda: all(path.exists() for path in taken))
    assert [path.read_bytes() for path in taken] == before
    service.wait()
    assert service.hold() == {"Mustermann Erika": "published", "Mustermann Max": "refused"}
