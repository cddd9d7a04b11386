"""Help, version and health are answered without importing the program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anonymizer import __version__, quick
from anonymizer.command_line import application
from services.runtime import heartbeat
from services.runtime.heartbeat import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAVY = {
    "typer",
    "rich",
    "celery",
    "redis",
    "kombu",
    "pydicom",
    "numpy",
    "structlog",
    "logging",
    "asyncio",
    "json.tool",
}


def asked(*arguments: str, **environment: str) -> tuple[int, str, set[str]]:
    """Run a command line; return exit code, output, and imported modules."""
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "anonymizer", *arguments],
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    modules = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines() if line.startswith("import time:")}
    return found.returncode, found.stdout, modules


def light(modules: set[str]) -> bool:
    """Return whether nothing expensive was imported, and only the modules of ours that answer."""
    ours = {name for name in modules if name.partition(".")[0] in {"anonymizer", "services", "worker", "watcher"}}
    return not {name.partition(".")[0] for name in modules} & HEAVY and ours <= {
        "anonymizer",
        "anonymizer.quick",
        "services",
        "services.runtime",
        "services.runtime.heartbeat",
    }


@pytest.mark.parametrize(
    ("arguments", "says"), [(["--version"], __version__), (["--help"], "withdraw"), (["--debug", "--help"], "withdraw")]
)
def test_version_and_help_import_nothing(arguments: Sequence[str], says: str) -> None:
    """A second for a list of commands would be too long."""
    code, said, modules = asked(*arguments)
    assert (code, says in said, light(modules)) == (0, True, True)


def test_the_help_names_every_command_with_its_first_sentence() -> None:
    """It is read from the files, and must equal the command's own help."""
    _, said, _ = asked("--help")
    listed = dict(re.findall(r"^  (\w+) +(.+)$", said, re.MULTILINE))
    told = {
        str(command.name or command.callback.__name__): str(command.callback.__doc__).splitlines()[0]
        for command in application().registered_commands
        if command.callback
    }
    assert listed == told


def test_the_help_fits_a_narrow_terminal() -> None:
    """No word is lost, and no line is too long."""
    _, narrow, _ = asked("--help", COLUMNS="60")
    _, wide, _ = asked("--help")
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == wide.split()


@pytest.mark.parametrize("named", [[], ["worker"]])
def test_a_probe_of_a_healthy_worker_imports_nothing(tmp_path: Path, named: list[str]) -> None:
    """Four containers check every 30 s, at the cost of Python's start only."""
    heartbeat.write(tmp_path, heartbeat.WORKER, free=2, took_at=0.0, queue="anonymizer", waiting=0)
    code, said, modules = asked("health", *named, ANONYMIZER_HEALTH=str(tmp_path))
    assert (code, said, light(modules)) == (0, "worker: well\n", True)


NOW = 1000.0


@pytest.mark.parametrize(
    ("service", "sign", "well"),
    [
        (heartbeat.WATCHER, Heartbeat(NOW - 200), True),
        (heartbeat.WATCHER, Heartbeat(NOW - 400), False),
        (heartbeat.CONSOLE, Heartbeat(NOW - 20), True),
        (heartbeat.CONSOLE, Heartbeat(NOW - 40), False),
        (heartbeat.WORKER, Heartbeat(NOW - 3, free=0, took_at=NOW - 400), True),
        (heartbeat.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 20), True),
        (heartbeat.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 400, waiting=0), True),
        (heartbeat.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 400, waiting=3), False),
        (heartbeat.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 400), False),
        (heartbeat.WORKER, Heartbeat(NOW - 40, free=0, took_at=NOW - 40), False),
    ],
)
def test_what_is_not_well_for_sure_is_left_to_the_command(service: str, sign: Heartbeat, *, well: bool) -> None:
    """It queries Redis, and reports the problem."""
    assert quick.is_well(service, sign, NOW) is well


def test_an_unhealthy_process_is_reported_by_the_full_command(tmp_path: Path) -> None:
    """An unavailable Redis does not make a waiting worker unhealthy; a watcher without a scan is."""
    environment = {"ANONYMIZER_HEALTH": str(tmp_path), "ANONYMIZER_REDIS_URL": "redis://127.0.0.1:1/0"}
    assert asked("health", "worker", **environment)[:2] == (0, "worker: well\n")
    assert asked("health", "watcher", **environment)[:2] == (1, "watcher: has not scanned the share yet\n")


def test_the_version_is_in_one_place() -> None:
    """The image, the manifests and the documents name the version of the package."""
    root = Path(__file__).parents[2]
    places = ["Dockerfile", "docker-compose.yml", ".env.example", "docs/operations.md", *_manifests(root)]
    told = {
        place: set(re.findall(r"rt-set-anonymizer:(\d[\w.]*)|ARG VERSION=(.*)", _text(root / place)))
        for place in places
    }
    wrong = {
        place: found for place, found in told.items() if {"".join(each) for each in found} - {__version__, "0.2.0"}
    }
    assert wrong == {}


def _manifests(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in sorted((root / "k8s").rglob("*.yaml"))]


def _text(path: Path) -> str:
    return path.read_text("utf-8")
