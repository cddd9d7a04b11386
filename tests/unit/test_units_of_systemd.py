"""Units for a host without containers: validity, and what they start."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from anonymizer.command_line import application
from services.runtime.settings import from_environment

UNITS = Path(__file__).parents[2] / "deploy/systemd"
PROGRAM = "/opt/rt-set-anonymizer/bin/anonymizer"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))


def values(unit: str, key: str) -> list[str]:
    """Return a unit's values of a key."""
    return re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text("utf-8"), re.MULTILINE)


def test_systemd_verifies_the_units(tmp_path: Path) -> None:
    """Without a warning, if systemd is installed."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    for path in (*UNITS.glob("*.service"), *UNITS.glob("*.target")):
        (tmp_path / path.name).write_text(path.read_text("utf-8").replace(PROGRAM, sys.executable))
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if str(tmp_path) in line or "anonymizer" in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize("unit", SERVICES)
def test_the_units_start_our_commands_with_our_settings(unit: str) -> None:
    """With the distributed environment, each in its own folder."""
    (command,) = values(unit, "ExecStart")
    program, name, *options = command.split()
    parsed = typer.main.get_command(application(name))
    known = {
        option for parameter in getattr(parsed, "commands", {name: parsed})[name].params for option in parameter.opts
    }
    assert (program, set(options) <= known) == (PROGRAM, True)
    example = re.findall(r"^#?(ANONYMIZER_\w+)=(.*)$", (UNITS / "environment.example").read_text("utf-8"), re.MULTILINE)
    own = [pair.split("=", 1) for pair in values(unit, "Environment")]
    folder = unit.removeprefix("anonymizer-").removesuffix(".service")
    assert (
        dict(own)["ANONYMIZER_HEALTH"] == f"%S/{values(unit, 'StateDirectory')[0]}" == f"%S/rt-set-anonymizer/{folder}"
    )
    secrets = {"ANONYMIZER_REDIS_PASSWORD_FILE"}
    filled = {name: value.replace("%S", "/var/lib") for name, value in (*example, *own) if name not in secrets}
    assert from_environment(filled).health == Path(f"/var/lib/rt-set-anonymizer/{folder}")


def test_nothing_is_kept_in_the_home_of_the_user() -> None:
    """It belongs to root: only the services' own folders below it can be written."""
    (console, sheets) = (
        dict(pair.split("=", 1) for pair in values(f"anonymizer-{name}.service", "Environment"))
        for name in ("console", "sheets")
    )
    assert console["ANONYMIZER_DELIVERY_KEY_FILE"] == f"{console['ANONYMIZER_HEALTH']}/delivery.key"
    assert Path(sheets["ANONYMIZER_TRUSTED_KEYS_FILE"]).parent == Path("/etc/rt-set-anonymizer")


def test_every_service_belongs_to_the_target_and_comes_back() -> None:
    """Units that wait for sets in work have enough time."""
    assert [f"anonymizer-{name}.service" for name in ("console", "sheets", "watch", "worker")] == SERVICES
    for unit in SERVICES:
        assert values(unit, "WantedBy") == values(unit, "PartOf") == ["anonymizer.target"]
        assert values(unit, "Restart") == ["always"]
    assert (values("anonymizer-worker.service", "KillMode"), values("anonymizer-worker.service", "TimeoutStopSec")) == (
        ["mixed"],
        ["330"],
    )
