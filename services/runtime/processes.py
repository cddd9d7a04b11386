"""Identity of processes on a share: whose temporary work it is, and whether that process is gone.

Only processes of this host are known to be gone. Those of others, and of another container, may be alive.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final
from uuid import uuid4

_HOST_DIGITS: Final = 12
_TOKEN: Final = re.compile(rf"([0-9a-f]{{{_HOST_DIGITS}}})([0-9a-f]{{8}})[0-9a-f]{{12}}")


def host() -> str:
    """Return an identifier of this host until its next boot, and of the process namespace within it.

    Containers may share their host's name without seeing its processes.
    """
    started = processes = ""
    with suppress(OSError):
        started = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        processes = str(Path("/proc/self/ns/pid").readlink())
    return f"{platform.node()} {started} {processes}".rstrip()


def is_gone(on_host: object, pid: object) -> bool:
    """Return whether a process ran on this host and no longer exists."""
    if on_host != host() or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # another user's, or no number of a process
        return False
    return False


def token() -> str:
    """Return 32 hexadecimal digits for the name of temporary work: unique, and telling which process it is of."""
    return f"{_digest_of_host()}{os.getpid():08x}{uuid4().hex[:12]}"


def is_orphaned(token: str) -> bool:
    """Return whether the process that made a token ran on this host and no longer exists."""
    found = _TOKEN.fullmatch(token)
    return found is not None and found[1] == _digest_of_host() and is_gone(host(), int(found[2], 16))


@cache
def _digest_of_host() -> str:
    return hashlib.sha256(host().encode("utf-8", "surrogateescape")).hexdigest()[:_HOST_DIGITS]
