"""Units for a host without containers: validity, and what they start."""

from __future__ import annotations

import re
import shutil
import socketserver
import subprocess
import sys
import threading
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


def test_the_example_of_a_notification_sends_a_mail() -> None:
    """With the headers that mail servers want: sender, recipient, subject."""
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    mail: list[str] = []

    class Server(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in iter(self.rfile.readline, b"QUIT\r\n"):
                self.wfile.write(b"354 go on\r\n" if line == b"DATA\r\n" else b"250 good\r\n")
                if line == b"DATA\r\n":
                    mail.extend(one.decode().rstrip() for one in iter(self.rfile.readline, b".\r\n"))
                    self.wfile.write(b"250 taken\r\n")
            self.wfile.write(b"221 bye\r\n")

    (command,) = re.findall(
        r"^#ANONYMIZER_NOTIFY_COMMAND='(.*)'$", (UNITS / "environment.example").read_text("utf-8"), re.MULTILINE
    )
    with socketserver.TCPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.handle_request).start()
        here = command.replace("smtp://mail.example.org", f"smtp://127.0.0.1:{server.server_address[1]}")
        subprocess.run(["sh", "-c", here, "sh", "1 refused"], input=b"{}", check=True)

    assert mail == ["From: anonymizer@example.org", "To: physics@example.org", "Subject: 1 refused", "", "{}"]
