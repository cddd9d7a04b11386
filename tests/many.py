"""Numbers of examples for properties: some in `make test`, `TIMES` as many in `make properties`."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("TIMES", "1"))


def examples(some: int) -> int:
    """Return the number of examples, given the number for `make test`."""
    return some * TIMES
