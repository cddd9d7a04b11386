"""Processes of this machine, read from `/proc` (a minimal system has no `ps`), and its free ports."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """One process."""

    pid: int
    parent: int
    state: str
    """One letter: `Z` zombie, `T` stopped."""
    command: str
    """Its arguments, separated by blanks."""


def processes() -> list[Process]:
    """Return all processes; one that ends meanwhile is left out."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (place / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
            arguments = (place / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            command = b" ".join(arguments).decode("utf-8", "replace")
            found.append(Process(int(place.name), int(parent), state, command))
    return found


def free_port() -> int:
    """Return a free port of this host; other test runs may be going on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
