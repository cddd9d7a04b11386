"""`.ci/run`: its time limits fit into the total, and available tools are not skipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"
LONGEST_MIN = 90


def program(path: Path, text: str) -> None:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project whose stages all pass, on a simulated Debian without packages."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(RUN, tmp_path / ".ci" / "run")
    program(tmp_path / "deploy/ci/packages.sh", "exit 1")
    program(tmp_path / "bin/make", 'echo "made $*"')
    program(tmp_path / "bin/apt-get", "exit 0")
    program(tmp_path / "bin/id", "echo 0")
    return tmp_path


def ran(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the checks."""
    variables = {**os.environ, "CI": "", "PATH": f"{project / 'bin'}:{os.environ['PATH']}", **environment}
    return subprocess.run([project / ".ci/run"], env=variables, capture_output=True, text=True, check=False)


def test_all_bounds_fit_into_the_time_of_a_run() -> None:
    """Limits of all stages and downloads; restarts do not exceed the total."""
    text = RUN.read_text("utf-8")
    first = [int(minutes) for minutes in re.findall(r"^stage (\d+) ", text, re.MULTILINE)]
    fetched = [int(re.findall(r"kill-after=60 (\d+)m", text)[0])] * len(re.findall(r"^fetch ", text, re.MULTILINE))
    whole = re.findall(r"WHOLE=\$\(\((\d+) \* 60\)\)", text)
    assert len(first) == 10
    assert sum(first + fetched) <= int(whole[0]) <= LONGEST_MIN


def test_what_cannot_be_fetched_is_skipped_on_a_desk_and_fails_in_ci(project: Path) -> None:
    """It fails with CI=true as root on Debian; elsewhere a sentence is printed."""
    desk = ran(project)
    assert (desk.returncode, desk.stderr.count("SKIPPED: tests")) == (0, 2)
    ci = ran(project, CI="true")
    assert (ci.returncode, "FAILED to install" in ci.stderr) == (1, True)
    program(project / "bin/id", "echo 1000")
    assert ran(project, CI="true").returncode == 0


def fails_once(project: Path, stage: str) -> None:
    """Make a stage fail the first time."""
    program(project / "bin/make", f'case "$*" in {stage}) echo try >>tries; test $(wc -l <tries) -gt 1;; esac')


@pytest.mark.parametrize("stage", ["test", "test-faults", "console-test"])
def test_a_stage_that_fails_fails_the_run_and_is_not_tried_again(project: Path, stage: str) -> None:
    """Otherwise flaky tests would never be fixed."""
    fails_once(project, stage)
    failed = ran(project)
    assert (failed.returncode, f"make {stage}" in failed.stderr) == (1, True)
    assert (project / "tries").read_text() == "try\n"


def test_a_container_engine_is_started_again_once_and_that_is_reported(project: Path) -> None:
    """Its machine fails more often than the code."""
    fails_once(project, "compose-test")
    again = ran(project)
    assert (again.returncode, "AGAIN, with a new container engine" in again.stderr) == (0, True)
    program(project / "bin/make", 'test "$*" != compose-test')
    assert ran(project).returncode == 1


def test_a_stage_for_which_no_time_is_left_fails(project: Path) -> None:
    """It is not started."""
    script = project / ".ci" / "run"
    script.write_text(script.read_text("utf-8").replace("WHOLE=$((88 * 60))", "WHOLE=0"))
    late = ran(project)
    assert (late.returncode, "no time left for it" in late.stderr, "made" in late.stdout) == (1, True, False)
