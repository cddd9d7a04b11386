"""Common parts of the long-running commands: the share they serve, and stopping by signals."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from services.errors import SettingsWrong

if TYPE_CHECKING:
    from pathlib import Path


def share_of(named: Path | None, setting: Path | None, command: str) -> Path:
    """Return the share given on the command line, or else in the settings.

    Raises
    ------
    SettingsWrong
        Neither is given.
    """
    place = named or setting
    if place is None:
        raise SettingsWrong(f"Which share? Name it: anonymizer {command} SHARE, or set ANONYMIZER_SHARE.")
    return place.absolute()


def stop_of_signals() -> threading.Event:
    """Return an event that is set when the process is asked to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
