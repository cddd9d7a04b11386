"""Asking a process to stop: by Ctrl-C, by a service manager, by closing its terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

WAITING = """
import signal, sys, threading
from services.runtime import stop_signals
asked = threading.Semaphore(0)
if "nohup" not in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests were started with
stop_signals.on_request(asked.release)
print("ready", file=sys.stderr, flush=True)
asked.acquire()
print("asked", flush=True)
sys.exit(5 if asked.acquire(timeout=0.3) else 3)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_asked_to_stop_ends_in_order(how: signal.Signals) -> None:
    """The three mean the same."""
    asked = subprocess.Popen([sys.executable, "-c", WAITING], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    assert asked.stderr
    asked.stderr.readline()
    asked.send_signal(how)

    assert (asked.wait(), asked.communicate()[0]) == (3, b"asked\n")


def test_a_terminal_that_closes_counts_once_and_is_not_written_to() -> None:
    """The shell and the system both send the signal, and writing to the terminal would end the process."""
    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    said = b""
    while not said.endswith(b"\n"):  # the line may come in pieces, and the last one must not fail
        said += os.read(ours, 8)
    os.close(ours)
    asked.send_signal(signal.SIGHUP)
    asked.send_signal(signal.SIGHUP)

    assert asked.wait() == 3


def test_what_was_started_with_nohup_goes_on() -> None:
    """It ignores that signal, as its user wanted, and still stops when asked."""
    asked = subprocess.Popen(
        ["nohup", sys.executable, "-c", WAITING, "nohup"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert asked.stderr
    asked.stderr.readline()
    asked.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        asked.wait(0.3)
    asked.terminate()

    assert asked.wait() == 3
