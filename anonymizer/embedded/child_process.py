"""Run a command that must not outlive the process that asked for it.

A killed `anonymizer run` may leave behind neither its Redis nor its workers. A process that was killed can say nothing,
but the system closes its pipes: this small process stands between the two, has the reading end of a pipe as its
standard input, and takes its whole process group down when the pipe ends. That works the same on Linux and macOS.

It also sweeps its group when the command itself died: the children of a killed Celery worker go with it.

Run as a script, by its path, so that nothing but the standard library is imported.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def start_tied(
    command: list[str], *, env: dict[str, str] | None = None, stderr: int | None = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start `command` so that it ends with this process; SIGTERM to what is returned reaches the command."""
    return subprocess.Popen(  # noqa: S603 - our own command, made of paths we looked up
        [sys.executable, "-I", "-S", __file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=env,
        cwd="/",  # Python and Celery import from where they stand: nothing of the user's may be taken for ours
        start_new_session=True,  # Ctrl-C at the terminal reaches only this process, which then stops things in order
    )


def hold(command: list[str]) -> int:
    """Run `command` until it ends or the standard input does.

    SIGTERM is passed on, one that came while the command was being started, too: it must not end this process alone.
    """
    child: subprocess.Popen[bytes] | None = None
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        if child:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=_sweep_at_end_of_input, daemon=True).start()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - given by `tethered`
    if stopping:
        child.terminate()
    code = child.wait()
    if code != 0:
        os.killpg(0, signal.SIGKILL)
    return code


def _sweep_at_end_of_input() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(hold(sys.argv[1:]))
