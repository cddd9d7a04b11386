"""The first of the two looks that a run takes at its sets: before it has imported what it needs for anything else.

A set is begun when two looks, a quiet second apart, saw the same. Imports, Redis and workers take about that second:
who looks first and imports then does not wait for both, one after the other.
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
"""What is not seen by then, of a slow share or of many sets, is seen by the watcher's own looks."""

_seen: dict[Path, Mapping[str, Rest]] = {}


def take(arguments: Sequence[str]) -> None:
    """Look at the sets of the collection that a command line names, if it names one."""
    for argument in arguments:
        root = Path(argument)
        with suppress(OSError, ValueError):
            if (root / SETTINGS_NAME).is_file():
                _seen[root] = _look(root)


def seen(root: Path) -> Mapping[str, Rest]:
    """Return how folders of a root looked, and when; those that could be looked at in so short a time."""
    return _seen.get(root, {})


def _look(root: Path) -> Mapping[str, Rest]:
    found: dict[str, Rest] = {}
    until = time.monotonic() + LONGEST_S
    for name in sorted((folder.name for folder in root.iterdir()), key=str.casefold):
        if time.monotonic() > until:
            break
        if not name.startswith(".") and not ANON_NAME.fullmatch(name):
            with suppress(OSError):  # a file, or a folder that may not be listed
                fingerprint = folder_listing.fingerprint(root / name)
                found[name] = Rest(fingerprint, time.monotonic())
    return found
