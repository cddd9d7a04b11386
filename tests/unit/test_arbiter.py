"""One service holds a collection, and a dead one loses it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.runtime import durable_files
from services.store.arbiter import DEAD_AFTER_S, Arbiter
from services.store.collection import Collection

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """A clock set by tests."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection."""
    form = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
    return Collection.create(tmp_path, form, Options(machine=()))


def test_the_second_service_waits_until_the_first_ends(collection: Collection) -> None:
    """It sees that the first is alive."""
    clock = Clock()
    first, second = Arbiter(collection, clock), Arbiter(collection, clock)

    assert first.hold()
    assert (second.hold(), second.other_lives) == (False, False)
    for _ in range(3):
        clock.now += DEAD_AFTER_S - 1
        assert first.hold()
        assert (second.hold(), second.other_lives) == (False, True)
    first.release()
    assert (second.hold(), second.other_lives) == (True, False)
    second.release()
    assert not collection.arbiter.exists()


def test_a_dead_holder_is_replaced_after_a_timeout_on_our_own_clock(collection: Collection) -> None:
    """From the second call on, since two may have acquired it at once; the first, revived, stands by."""
    clock = Clock()
    dead, second, third = (Arbiter(collection, clock) for _ in range(3))
    dead.hold()

    assert [second.hold(), third.hold()] == [False, False]
    clock.now += DEAD_AFTER_S
    assert [second.hold(), third.hold()] == [False, False]
    assert [second.hold(), third.hold(), second.hold(), dead.hold()] == [True, False, True, False]
    dead.release()
    assert second.hold()


def test_a_holder_killed_on_this_host_is_replaced_at_once(collection: Collection) -> None:
    """A killed `run` can be restarted immediately."""
    killed = Arbiter(collection, Clock())
    killed.hold()
    ended = subprocess.Popen(["true"])
    ended.wait()
    stored = durable_files.read(collection.arbiter)
    assert stored is not None
    collection.arbiter.write_bytes(durable_files.encode({**stored, "pid": ended.pid}))

    again = Arbiter(collection, Clock())
    assert [again.hold(), again.hold()] == [False, True]


@pytest.mark.parametrize("pid", [os.getpid(), 1], ids=["here", "another"])
def test_a_running_holder_is_not_replaced(collection: Collection, pid: int) -> None:
    """Process IDs of other hosts mean nothing here."""
    holder = Arbiter(collection, Clock())
    holder.hold()
    stored = durable_files.read(collection.arbiter)
    assert stored is not None
    for change in ({"pid": pid}, {"pid": 2**22 + 1, "host": "another"}, {"pid": None}, {"pid": 2**40}):
        collection.arbiter.write_bytes(durable_files.encode({**stored, **change}))
        other = Arbiter(collection, Clock())
        assert [other.hold(), other.hold()] == [False, False]


def test_an_unreadable_lock_is_taken_over_after_a_while(collection: Collection) -> None:
    """A crash may cause this."""
    clock = Clock()
    arbiter = Arbiter(collection, clock)
    collection.arbiter.touch()

    assert not arbiter.hold()
    clock.now += DEAD_AFTER_S
    assert [arbiter.hold(), arbiter.hold()] == [False, True]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no such command here")
def test_a_container_that_has_its_hosts_name_is_another_host(collection: Collection) -> None:
    """It cannot see its host's processes, and would consider them dead."""
    says_its_host = [sys.executable, "-c", "from services.runtime import processes; print(processes.host())"]
    apart = subprocess.run(
        ["unshare", "--map-root-user", "--pid", "--fork", *says_its_host],
        capture_output=True,
        text=True,
        check=False,
    )
    if apart.returncode:
        pytest.skip("no process numbers of one's own may be had here")
    Arbiter(collection).hold()
    stored = durable_files.read(collection.arbiter) or {}
    assert stored["host"] != apart.stdout.strip()
    assert stored["host"].split()[0] == apart.stdout.split()[0]
