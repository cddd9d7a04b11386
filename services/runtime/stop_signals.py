"""The signals that ask a process to stop."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def on_request(stop: Callable[[], object]) -> None:
    """Call `stop` when this process is asked to end: by Ctrl-C, a service manager, or a terminal that closes.

    Signals that are ignored stay ignored: what was started with `nohup` goes on without its terminal. A closed terminal
    counts once, since both the shell and the system tell of it; later output to that terminal is discarded.
    """
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def hang_up(*_: object) -> None:
        if signal.signal(signal.SIGHUP, signal.SIG_IGN) is signal.SIG_IGN:
            return  # the second signal came during the call, and was handled first
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in terminals:  # writing there would fail
            os.dup2(nowhere, descriptor)
        os.close(nowhere)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hang_up if number == signal.SIGHUP else lambda *_: stop())
