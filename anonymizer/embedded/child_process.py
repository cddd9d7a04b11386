"""Run a command that must not outlive the process that started it.

A killed `anonymizer run` must leave neither its Redis nor its workers behind. The operating system closes the pipes of
a killed process: this small intermediate process has the reading end of a pipe as its standard input and ends its whole
process group when the pipe ends. This works on Linux and macOS.

It also ends its group if the command itself died, including the children of a killed Celery worker.

Run as a script, by its path, so that only the standard library is imported.
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
    """Start `command` so that it ends with this process; SIGTERM to the returned process is passed on."""
    return subprocess.Popen(  # noqa: S603 - our own command, made of paths we looked up
        [sys.executable, "-I", "-S", __file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=env,
        cwd="/",  # Python and Celery import from the working directory, which must not shadow our modules
        start_new_session=True,  # Ctrl-C at the terminal reaches only our process, which stops the others in order
    )


def hold(command: list[str]) -> int:
    """Run `command` until it ends or standard input does.

    SIGTERM is passed on, even if it arrives while the command is being started: it must not end this process alone.
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
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - given by `start_tied`
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
