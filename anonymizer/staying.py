"""What the commands that stay have in common: which share they serve, and how they are asked to stop."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from services.errors import SettingsWrong

if TYPE_CHECKING:
    from pathlib import Path


def share_of(named: Path | None, setting: Path | None, command: str) -> Path:
    """Return the share that was named, or else set.

    Raises
    ------
    SettingsWrong
        Neither was.
    """
    place = named or setting
    if place is None:
        raise SettingsWrong(f"Which share? Name it: anonymizer {command} SHARE, or set ANONYMIZER_SHARE.")
    return place.absolute()


def stop_of_signals() -> threading.Event:
    """Return what is set when the process is asked to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
