"""The console in a real browser, before the real service: Redis, watcher, workers and console, each its own process.

`make console-test` brings what is needed. Without a browser all of it is skipped, and says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anonymizer.embedded.redis_server import redis_server
from console.auth import users
from tests.processes import free_port
from tests.waiting import wait_until
from tests.window import Service, Window, open_window

if TYPE_CHECKING:
    from collections.abc import Iterator


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
AXE = Path(sys.prefix, "axe", "node_modules", "axe-core", "axe.min.js")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option to keep pictures of the pages."""
    parser.addoption("--pictures", type=Path, default=None, help="Where pictures of every page are put.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests for which there is no browser."""
    if BROWSER is None or DRIVER is None:
        why = pytest.mark.skip(
            reason="NO BROWSER: chromium and chromedriver are not installed, the console is not tried"
        )
        for item in items:
            item.add_marker(why)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start the service as a clinic does: its parts know each other by their settings only."""
    place = tmp_path_factory.mktemp("clinic")
    share, user_file = place / "share", place / "users"
    share.mkdir()
    users.add(user_file, Service.USER, Service.PASSWORD)
    with ExitStack() as stack:
        port = free_port()
        environment = {
            **os.environ,
            "ANONYMIZER_REDIS_URL": stack.enter_context(redis_server()),
            "ANONYMIZER_SHARE": str(share),
            "ANONYMIZER_QUIET_S": "0.5",
            "ANONYMIZER_PATIENCE_S": "2",
            "ANONYMIZER_RESCAN_S": "0.5",
            "ANONYMIZER_RECONCILE_S": "1",
            "ANONYMIZER_LOG_FORMAT": "json",
            "ANONYMIZER_CONSOLE": f"127.0.0.1:{port}",
            "ANONYMIZER_CONSOLE_USERS": str(user_file),
        }
        log = place / "console.log"
        processes = {
            " ".join(what): stack.enter_context(
                _running(what, environment, log if what == ["console"] else place / f"{what[0]}.log")
            )
            for what in (["watch"], ["worker", "--processes", "2"], ["worker", "--sheets"], ["console"])
        }
        wait_until(lambda: _answers(port), log.read_text)
        yield Service(share, f"http://127.0.0.1:{port}", log, processes["worker --processes 2"])


@pytest.fixture(scope="session")
def _window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    assert BROWSER
    assert DRIVER
    with open_window(BROWSER, DRIVER, tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture
def window(_window: Window) -> Iterator[Window]:
    """Open a window without a login."""
    _window.forget()
    yield _window
    assert _window.complaints() == []


@pytest.fixture
def member(window: Window, service: Service) -> Window:
    """Open a window, and log in."""
    window.log_in(service)
    return window


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the accessibility checker."""
    if not AXE.exists():
        pytest.skip("NO AXE: npm could not install axe-core, accessibility is not tried")
    return AXE.read_text("utf-8")


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder for pictures."""
    place: Path = request.config.getoption("--pictures") or tmp_path
    place.mkdir(parents=True, exist_ok=True)
    return place


class _running:  # noqa: N801 - a context manager
    """A command of ours, from here to the end."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log.open("wb")
        command = [str(Path(sys.executable).with_name("anonymizer")), *arguments]
        self._process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)

    def __enter__(self) -> int:
        return self._process.pid

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait()
        finally:
            self._process.kill()
            self._log.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
