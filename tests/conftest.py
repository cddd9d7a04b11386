"""Configuration of all tests."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.built_once import Kept
from tests.many import examples

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# The programs that tests start compile each module once, not each time, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A slow machine is no fault of the code: pytest's own timeout bounds every test.
settings.register_profile("without deadline", deadline=None, max_examples=examples(50))
settings.load_profile("without deadline")


MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free there: several times the space used by a test run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `make test`, whose tests do not depend on disks and wait for one thousands of times."""
    parser.addoption("--in-memory", action="store_true", help="temporary folders in memory, where it has room")


def pytest_configure(config: pytest.Config) -> None:
    """Put temporary folders where requested, and make Ctrl-C work however pytest was started."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background of a shell without job control
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("in_memory") and _has_room(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _has_room(folder: Path) -> bool:
    """Return whether programs can be started from it, and enough of it is free."""
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return False
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC and shutil.disk_usage(folder).free >= ROOM


def pytest_xdist_auto_num_workers() -> int:
    """Return the default number of test processes: half of the time a test waits for other processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + min(cores, 4)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the files whose tests wait for other processes evenly over a run in parallel, so that others compute."""
    if not hasattr(config, "workerinput"):
        return
    places: dict[Path, float] = {}
    for are_units in (True, False):
        some = [item for item in items if (item.path.parent.name == "unit") == are_units]
        for number, item in enumerate(some):
            places.setdefault(item.path, number / len(some))
    items.sort(key=lambda item: places[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are collected, which is a third of that time, nor what stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Restore pytest's umask for each test: commands called in its process change it."""
    before = os.umask(0o077)
    os.umask(before)
    try:
        return (yield)
    finally:
        os.umask(before)


@pytest.fixture(scope="session", autouse=True)
def _built_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let the processes of a run in parallel build each set of the tests only once."""
    if hasattr(request.config, "workerinput"):
        Kept.folder = tmp_path_factory.getbasetemp().parent / "built once"
        Kept.folder.mkdir(exist_ok=True)


@pytest.fixture(scope="session", autouse=True)
def _configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' delivery keys out of the user's configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("configuration")))
        yield
