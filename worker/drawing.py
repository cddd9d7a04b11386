"""What tells a worker that draws sheets from one that does sets. Whoever starts either imports nothing else for it."""

from __future__ import annotations

from typing import Final

ENDING: Final = ".sheets"
"""Behind the name of the queue of the sets."""

NICE: Final = 10
"""Whoever draws beside the sets takes what they leave over."""
