"""The wheel is sufficient: in an empty environment it provides `anonymizer` and the machines."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and install it in its own environment, beside what it depends on."""
    place = tmp_path_factory.mktemp("installed")
    build = [*PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", place, PROJECT]
    subprocess.run(build, check=True)
    (wheel,) = place.glob("rt_set_anonymizer-*.whl")
    venv.create(place / "venv", with_pip=False)
    python = place / "venv" / "bin" / "python"
    subprocess.run([*PIP, "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = place / "venv" / "lib" / version / "site-packages"
    # A path of a .pth file is not looked into for further ones: our own sources are not found through it.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert site.PREFIXES
    return place


def ran(place: Path, *command: object) -> str:
    """Run a program of the environment, away from the sources, and return its output."""
    environment = {"PATH": f"{place / 'venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(place)}
    done = subprocess.run(
        list(map(str, command)), cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_is_on_the_path_and_is_the_installed_one(place: Path) -> None:
    """It prints its version, and runs the installed code."""
    assert ran(place, "anonymizer", "--version").strip()
    found = ran(place, place / "venv" / "bin" / "python", "-c", "import services; print(services.__file__)")
    assert found.startswith(str(place / "venv"))


def test_a_set_is_checked_against_a_shipped_machine(place: Path) -> None:
    """The descriptors and their schema are in the wheel, and the console's pages and texts are."""
    ran(place, "anonymizer", "demo", place / "BATCH", "--sets", 1, "--ct", 3)
    assert "VicRapidPlan" in ran(place, "anonymizer", "check", place / "BATCH")
    pages = "import console.app, console.translations as t; print(len(t.catalogue()))"
    assert int(ran(place, place / "venv" / "bin" / "python", "-c", pages)) > 100
