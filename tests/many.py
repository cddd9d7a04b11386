"""How many examples a property is tried with: some in `make test`, `TIMES` as many in `make properties`."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("TIMES", "1"))


def examples(some: int) -> int:
    """Return how many to try, where `some` are enough for each change."""
    return some * TIMES
