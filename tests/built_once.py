"""What tests build again and again, built once by all processes of a run in parallel."""

from __future__ import annotations

import hashlib
import os
import pickle
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path


class Kept:
    """Where the processes keep for each other what they built."""

    folder: ClassVar[Path | None] = None


def built_once(build: Callable[..., bytes]) -> Callable[..., bytes]:
    """Decorate a function whose result is determined by its arguments, so that it is called once for each."""

    @lru_cache(maxsize=100)
    @wraps(build)
    def once(*arguments: Hashable) -> bytes:
        if not Kept.folder:
            return build(*arguments)
        key = pickle.dumps((build.__module__, build.__name__, arguments))
        kept = Kept.folder / hashlib.sha256(key).hexdigest()
        if kept.exists():
            return kept.read_bytes()
        built = build(*arguments)
        half = kept.with_suffix(f".{os.getpid()}")
        half.write_bytes(built)
        half.rename(kept)
        return built

    return once
