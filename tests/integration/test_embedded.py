"""Processes started by a command end with it, however it ends."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from anonymizer.embedded.child_process import start_tied
from anonymizer.embedded.redis_server import redis_server
from anonymizer.embedded.supervisor import Supervised
from tests.waiting import wait_until

STARTS_REDIS_AND_WAITS = """
import time
from anonymizer.embedded.redis_server import redis_server
with redis_server() as url:
    print(url, flush=True)
    time.sleep(60)
"""


def client(url: str) -> redis.Redis:
    """Connect to the embedded server."""
    return redis.Redis(unix_socket_path=url.removeprefix("redis+socket://"), retry=Retry(NoBackoff(), 0))


def answers(url: str) -> bool:
    """Return whether a server answers."""
    try:
        return bool(client(url).ping())
    except redis.exceptions.ConnectionError:
        return False


def test_the_server_is_there_while_it_is_needed_and_gone_after() -> None:
    """So is its folder."""
    with redis_server() as url:
        assert answers(url)
        assert client(url).config_get("port")["port"] in ("0", b"0")
        folder = Path(url.removeprefix("redis+socket://")).parent
        assert folder.stat().st_mode & 0o077 == 0
    wait_until(lambda: not answers(url))
    assert not folder.exists()


def test_a_long_temporary_folder_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Socket paths have a length limit, and macOS' temporary folders are long."""
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with redis_server() as url:
        assert answers(url)


def test_the_server_ends_with_its_killed_owner() -> None:
    """SIGKILL leaves no time to stop anything."""
    owner = subprocess.Popen([sys.executable, "-c", STARTS_REDIS_AND_WAITS], stdout=subprocess.PIPE, text=True)
    url = owner.stdout.readline().strip()
    assert answers(url)
    owner.kill()
    wait_until(lambda: not answers(url))
    owner.communicate()


def test_the_children_of_a_dead_command_end(tmp_path: Path) -> None:
    """As a killed worker does its processes."""
    note = tmp_path / "pid"
    held = start_tied(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"])
    wait_until(lambda: note.exists() and note.read_text().strip() != "")
    child = int(note.read_text())
    shell = int(Path(f"/proc/{child}/stat").read_text().split()[3]) if sys.platform == "linux" else None
    if shell is None:
        pytest.skip("the parent's id is read from /proc")
    os.kill(shell, signal.SIGKILL)
    held.wait()
    wait_until(lambda: not _runs(child))
    held.communicate()


def test_whoever_is_stopped_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    """At any instant."""
    for number in range(25):
        note = tmp_path / f"pid {number}"
        held = start_tied(["sh", "-c", f"echo $$ > '{note}'; exec sleep 60"])
        time.sleep(0.003 * number)
        held.terminate()
        held.communicate()
        if note.exists() and (pid := note.read_text().strip()):
            wait_until(lambda pid=int(pid): not _runs(pid))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_stopped_command_may_finish(tmp_path: Path) -> None:
    """It receives SIGTERM, and its end is awaited."""
    note = tmp_path / "said"
    kept = Supervised(
        ["sh", "-c", f"trap 'echo finished >> {note}; exit 0' TERM; echo ready > {note}; while :; do sleep 0.01; done"],
        env=dict(os.environ),
    )
    wait_until(note.exists)
    kept.stop(grace_s=math.inf)
    assert note.read_text() == "ready\nfinished\n"


def test_a_dead_command_is_started_again_later_each_time(tmp_path: Path) -> None:
    """Early deaths are counted."""
    now = [0.0]
    note = tmp_path / "starts"
    kept = Supervised(["sh", "-c", f"echo x >> {note}; exit 1"], env=dict(os.environ), clock=lambda: now[0])
    starts = []
    for _ in range(3):
        wait_until(lambda: kept._process is None or kept._process.poll() is not None)
        kept.tend()
        pause = kept._again_at - now[0]
        kept.tend()
        starts.append((pause, kept.early_deaths))
        now[0] += pause
        kept.tend()
    kept.stop(grace_s=1)
    assert starts == [(1.0, 1), (2.0, 2), (4.0, 3)]
    assert note.read_text().count("x") >= 3


def test_a_stopped_command_that_is_idle_is_not_waited_for(tmp_path: Path) -> None:
    """The next run draws the sheets; work in progress may finish."""
    note = tmp_path / "said"
    kept = Supervised(
        ["sh", "-c", f"trap 'echo asked >> {note}' TERM; echo ready > {note}; while :; do sleep 0.01; done"],
        env=dict(os.environ),
    )
    wait_until(note.exists)
    kept.stop(grace_s=math.inf, is_busy=lambda: "asked" not in note.read_text())
    assert note.read_text() == "ready\nasked\n"


def test_no_temporary_file_of_a_command_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a killed command, nor of one that died and was restarted."""
    temporary, note, now = tmp_path / "tmp", tmp_path / "starts", [0.0]
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    command = (
        f'touch "$TMPDIR/kept"; echo x >> {note}; [ $(wc -l < {note}) = 1 ] && exit 1; while :; do sleep 0.01; done'
    )
    kept = Supervised(["sh", "-c", command], env=dict(os.environ), clock=lambda: now[0])

    wait_until(lambda: kept._process is None or kept._process.poll() is not None)
    kept.tend()
    assert list(temporary.iterdir()) == []
    now[0] = kept._again_at
    kept.tend()
    wait_until(lambda: note.read_text().count("x") == 2)
    assert [one.name for folder in temporary.iterdir() for one in folder.iterdir()] == ["kept"]

    kept.stop(grace_s=0)
    assert list(temporary.iterdir()) == []
