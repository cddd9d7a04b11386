"""Differences between workers of sheets and of sets, in a module that takes no time to import."""

from __future__ import annotations

from typing import Final

ENDING: Final = ".sheets"
"""Suffix of the name of a queue of sets that gives the queue of their sheets."""

NICE: Final = 10
"""Niceness of drawing, which yields the processors to the sets."""
