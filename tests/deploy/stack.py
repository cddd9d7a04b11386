"""The deployed service as seen by the engineer who installed it."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from phantom.sets import build_set, write_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from phantom.sets import SyntheticSet

PROJECT = Path(__file__).parents[2]
HEADER = "OrigPatientID, NewPatientID, OrigPlanID, Hospital"


class Said(NamedTuple):
    """Exit code and outputs of a command."""

    code: int
    text: str


def run(
    *command: str | Path, cwd: Path | None = None, timeout_s: float = 240, told: str | None = None, **environment: str
) -> Said:
    """Run a command to its end; `told` is its standard input."""
    done = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        input=told,
        text=True,
        errors="replace",  # what Redis keeps is not all text
        timeout=timeout_s,
        env=os.environ | environment,
    )
    return Said(done.returncode, done.stdout)


def docker(*arguments: str) -> str:
    """Run a command of the container engine."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Stack:
    """The compose project, installed in its own folder as the operations page says."""

    folder: Path
    share: Path

    def compose(self, *arguments: str, check: bool = True, told: str | None = None, **environment: str) -> str:
        """Run `docker compose`, and return its output and the containers'."""
        command = (os.environ.get("COMPOSE", "docker-compose"), "--ansi", "never", *arguments)
        code, text = run(*command, cwd=self.folder, told=told, **environment)
        assert not check or code == 0, text[-3000:]
        return text

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return the containers of a service."""
        ids = self.compose("ps", "--quiet", service).split()
        return list(json.loads(docker("inspect", *ids)))

    def all_healthy(self) -> bool:
        """Return whether every container reports that it is healthy."""
        states = self.compose("ps", "--all", "--format", "{{.Health}}").split()
        return len(states) >= 4 and set(states) == {"healthy"}

    def secret(self, name: str) -> str:
        """Read a secret, as its owner may."""
        return (self.folder / "secrets" / name).read_text()

    def fetch(self, url: str, login: str = "", *, send: str | None = None) -> tuple[int, str]:
        """Request a page or send a form; return status and text."""
        request = urllib.request.Request(url, None if send is None else send.encode())
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@dataclass(frozen=True)
class Batch:
    """A collection on the share, with the synthetic sets dropped into it."""

    root: Path
    sets: list[SyntheticSet]

    def drop(self, seeds: Iterable[str], *, ct: int) -> None:
        """Copy new patients' sets, each slowly enough to be seen incomplete."""
        for seed in seeds:
            made = build_set(seed=seed, ct=ct, rois=8)
            write_set(made, self.root / made.folder)
            belongs_to_everyone(self.root / made.folder)
            self.sets.append(made)

    def lines(self) -> list[str]:
        """Return the lines of the tracking file, without its header; none if there is no file."""
        lines = []
        for file in sorted(self.root.glob("VicRapidPlan_trackingFile_*.txt")):
            header, *more = file.read_text("utf-8").splitlines()
            assert header == HEADER
            lines += more
        return lines

    def indices(self) -> list[int]:
        """Return the indices that are published."""
        return sorted(int(path.name.removeprefix("ANON_")) for path in self.root.glob("ANON_*"))

    def anon_of(self, made: SyntheticSet) -> Path:
        """Return the ANON folder of a set, by its tracking line."""
        (new_id,) = [line.split(", ")[1] for line in self.lines() if line.split(", ")[0] == made.plan.PatientID]
        return self.root / f"ANON_{new_id[-3:]}"


def belongs_to_everyone(folder: Path) -> None:
    """Open permissions, as on a share of a file server: the service's uid differs from this test's."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


def wait_until(what: Callable[[], bool], within_s: float, why: str) -> float:
    """Wait until a condition is true, and return the seconds."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < within_s, f"after {within_s} s still not: {why}"
        time.sleep(0.5)
    return time.monotonic() - began


def installed(folder: Path, share: Path, **changes: str) -> Stack:
    """Install the service as the operations page says: a checkout, new secrets, an `.env`."""
    for name in ("docker-compose.yml", ".env.example"):
        shutil.copy(PROJECT / name, folder / name)
    shutil.copytree(PROJECT / "deploy", folder / "deploy")
    subprocess.run([folder / "deploy/new-secrets.sh"], check=True, capture_output=True)
    settings = {"SHARE_DIR": str(share), "ANONYMIZER_QUIET_S": "3", "ANONYMIZER_RECONCILE_S": "5", **changes}
    lines = (folder / ".env.example").read_text().splitlines()
    kept = [line for line in lines if line.partition("=")[0] not in settings]
    (folder / ".env").write_text("\n".join([*kept, *(f"{key}={value}" for key, value in settings.items()), ""]))
    return Stack(folder, share)


def identifiers_in(text: str, sets: Iterable[SyntheticSet]) -> set[str]:
    """Return identifiers of these sets' patients found: planted texts, UIDs, folder names; Base64 is decoded."""
    heard = "\n".join([text, *_decoded(text)]).casefold()
    wanted = {value for made in sets for value in (*made.manifest.values, *made.manifest.uids, made.folder)}
    return {value for value in wanted if value.casefold() in heard or json.dumps(value)[1:-1].casefold() in heard}


def _decoded(text: str) -> Iterable[str]:
    """Decode message bodies: Celery's are Base64."""
    for found in re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", text):
        with suppress(ValueError):
            yield base64.b64decode(found + "=" * (-len(found) % 4)).decode("utf-8", "replace")
