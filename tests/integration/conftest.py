"""Fixtures of the integration tests: a real Redis, a collection, and kills at any step."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from anonymizer.embedded import redis_server as embedded
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.pipeline.folder_run import process
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from tests.forking import fork
from tests.published import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.store.registry import Outcome
    from tests.published import Published

KILLED = 99


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Start a real Redis, and return the path of its socket."""
    with embedded.redis_server() as url:
        yield url.removeprefix("redis+socket://")


@pytest.fixture
def client(redis_server: str) -> Iterator[redis.Redis]:
    """Connect to the emptied server."""
    connected = redis.Redis(unix_socket_path=redis_server)
    connected.flushall()
    yield connected
    connected.close()


@pytest.fixture(scope="module")
def module_client(redis_server: str) -> Iterator[redis.Redis]:
    """Connect to the server for sets that a module publishes once."""
    connected = redis.Redis(unix_socket_path=redis_server)
    connected.flushall()
    yield connected
    connected.close()


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection whose first index is 6."""
    root = tmp_path / "BATCH"
    root.mkdir()
    return Collection.create(root, Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6), Options(machine=()))


@pytest.fixture
def published(tmp_path: Path, client: redis.Redis) -> Callable[..., Published]:
    """Publish a set, through the whole pipeline."""
    return partial(publish, tmp_path / "BATCH", client)


@pytest.fixture
def take(client: redis.Redis) -> Callable[[Path, str], Outcome]:
    """Process one set of a root completely, in this process."""

    def do(root: Path, name: str) -> Outcome:
        collection = Collection.open(root)
        locator = registry.register(collection, name)
        ledger, progress = Ledger(collection, client), Progress(client, collection.id, locator)
        outcome = process(collection, locator, ledger, progress, Settings(), patience_over=True)
        assert outcome is not None
        return outcome

    return do


@pytest.fixture
def killed_before() -> Callable[[int, Callable[[], object]], bool]:
    """Run something in its own process, killed before its n-th change on disk; false when it came through."""

    def run(step: int, what: Callable[[], object]) -> bool:
        child = fork()
        if child == 0:
            try:
                _count_down(step)
                what()
            except BaseException:  # noqa: BLE001 - a forked process must never return into the tests
                os._exit(1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in {0, KILLED}
        return code == KILLED

    return run


def _count_down(left: int) -> None:
    """End this process, as by kill -9, before its n-th change on disk."""

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def do(*arguments: object, **named: object) -> object:
            nonlocal left
            if left == 0:
                os._exit(KILLED)
            left -= 1
            return change(*arguments, **named)

        return do

    for name in ("link", "rename", "replace", "unlink", "mkdir", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))
    durable_files._rename_noreplace = counted(durable_files._rename_noreplace)
    durable_files._create = counted(durable_files._create)
    Path.write_bytes = counted(Path.write_bytes)
