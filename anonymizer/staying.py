"""Common parts of the long-running commands: their settings and logs, the share they serve, stopping by signals."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from services.errors import SettingsWrong
from services.runtime import logs, stop_signals
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def settings_of_service() -> Settings:
    """Return the settings of the process, and log as they say from here on.

    Raises
    ------
    SettingsWrong
        A setting is invalid.
    """
    settings = Settings.of_process()
    logs.configure(settings.log_format, settings.log_level)
    return settings


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
    stop_signals.on_request(stop.set)
    return stop
