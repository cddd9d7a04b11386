"""Waiting for other processes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(
    what: Callable[[], object], why: Callable[[], object] | None = None, *, within_s: float = math.inf
) -> None:
    """Wait until a condition is true.

    Parameters
    ----------
    why
        Told, where the waiting ends otherwise: how things stood.
    within_s
        Only where no timeout of pytest's ends the waiting: machines are slow or busy.
    """
    deadline = time.monotonic() + within_s
    try:
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    except BaseException as ended:
        if why:
            ended.add_note(str(why()))
        raise
