"""The first of a run's two observations of its sets, taken before the main imports.

A set is started when two observations a second apart are equal. Imports, Redis and workers take about that second, so
observing first avoids waiting for both in sequence.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.layout import ANON_NAME, SETTINGS_NAME
from services.rtset import folder_listing
from watcher.settling import Rest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_S: Final = 0.1
"""Time limit in seconds; the watcher observes the remaining sets of a slow or large share."""

_seen: dict[Path, Mapping[str, Rest]] = {}


def take(arguments: Sequence[str]) -> None:
    """Observe the sets of the collection named on the command line, if any."""
    for argument in arguments:
        root = Path(argument)
        with suppress(OSError, ValueError):
            if (root / SETTINGS_NAME).is_file():
                _seen[root] = _look(root)


def seen(root: Path) -> Mapping[str, Rest]:
    """Return observations of a root's folders, with times, as far as the time limit allows."""
    return _seen.get(root, {})


def _look(root: Path) -> Mapping[str, Rest]:
    found: dict[str, Rest] = {}
    until = time.monotonic() + LONGEST_S
    for name in sorted((folder.name for folder in root.iterdir()), key=str.casefold):
        if time.monotonic() > until:
            break
        if not name.startswith(".") and not ANON_NAME.fullmatch(name):
            with suppress(OSError):  # a file, or an unreadable folder
                fingerprint = folder_listing.fingerprint(root / name)
                found[name] = Rest(fingerprint, time.monotonic())
    return found
