"""Keep a process running: restart it when it dies, with increasing delays if it dies early.

Celery 5.7's worker exits when Redis disappears during a task, so restarting it is part of the design; the service uses
the container's restart policy, `run` uses this module.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from anonymizer.embedded.child_process import start_tied

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
IDLE_S: Final = 0.5
"""A stopping process is ended after being idle for this long; a task may have been received but not started."""
LOOK_S: Final = 0.05
#: A process that has run for this long did not die early.
GOOD_RUN_S = 20.0


class Supervised:
    """A command that is kept running until `stop`, with a temporary folder that is removed with it.

    A killed process leaves its temporary files behind: each Celery worker has some, and idle workers are killed at the
    end.
    """

    def __init__(
        self,
        command: list[str],
        *,
        env: dict[str, str],
        stderr: int | None = subprocess.DEVNULL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._env = env
        self._stderr = stderr
        self._clock = clock
        self._pause_s = FIRST_PAUSE_S
        self._again_at = 0.0
        #: Number of consecutive early deaths.
        self.early_deaths = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start()

    def tend(self) -> None:
        """Restart it if it died and its delay is over; to be called regularly."""
        now = self._clock()
        if self._process is None:
            if now >= self._again_at:
                self._start()
        elif self._process.poll() is not None:
            self._clear()
            if now - self._started < GOOD_RUN_S:
                self.early_deaths += 1
                self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            else:
                self.early_deaths, self._pause_s = 0, FIRST_PAUSE_S
            self._process, self._again_at = None, now + self._pause_s

    def stop(self, grace_s: float, is_busy: Callable[[], bool] = lambda: True) -> None:
        """Ask it to finish and exit; kill it when the grace period is over.

        Parameters
        ----------
        is_busy
            Whether it is doing work that it should finish; if not, it is killed after `IDLE_S`.
        """
        if self._process is None:
            return
        self._process.terminate()
        deadline = self._clock() + grace_s
        idle_since: float | None = None
        try:
            while (now := self._clock()) < deadline and (idle_since is None or now < idle_since + IDLE_S):
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(LOOK_S)
                    break
                idle_since = None if is_busy() else now if idle_since is None else idle_since
        except KeyboardInterrupt:
            pass  # a second Ctrl-C: stop at once
        finally:
            self._clear()
            self._process = None

    def _start(self) -> None:
        self._temporary = tempfile.mkdtemp(prefix="anonymizer-")
        env = {**self._env, "TMPDIR": self._temporary}
        self._process = start_tied(self._command, env=env, stderr=self._stderr)
        self._started = self._clock()

    def _clear(self) -> None:
        """End the process, and remove its temporary files."""
        assert self._process is not None
        self._process.communicate()
        shutil.rmtree(self._temporary, ignore_errors=True)
