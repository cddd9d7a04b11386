"""The bundle for hosts without a network, installed by its page's commands into a bare Debian, and used.

Runs with `make bundle-test`, as root on Debian; else it says why it is skipped.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from phantom.sets import write_demo
from tests.deploy.stack import PROJECT, run
from tests.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy.stack import Said

pytestmark = pytest.mark.timeout(480)
BUNDLE = PROJECT / "dist/bundle"
BASE = Path(os.environ.get("DEPLOY_TEST_CACHE", "/tmp/anonymizer-ci")) / "base.tar"
PLACE = "/srv/a bundle"
"""Destination of the bundle: a folder with a blank in its name."""

INSIDE = """
set -eu
mount -t proc proc "$1/proc"
mount -t tmpfs shm "$1/dev/shm"
exec chroot "$1" env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 bash -euc "cd '$2'; $3"
"""


@dataclass(frozen=True)
class BareRoot:
    """A Debian with Python and nothing of ours, in its own namespaces, without network or remaining mounts."""

    root: Path

    def run(self, command: str) -> Said:
        """Run a command line of the page there."""
        (self.root / "dev/shm").mkdir(exist_ok=True)
        apart = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child")
        return run(*apart, "bash", "-c", INSIDE, "inside", self.root, PLACE, command)

    def does(self, command: str) -> str:
        """Run a command line there, requiring success."""
        code, text = self.run(command)
        assert code == 0, f"{command}\n{text[-3000:]}"
        return text


def page() -> dict[str, list[str]]:
    """Return the command lines of the bundle's page, by the heading under which they stand."""
    parts = re.split(r"^## (.*)$", (BUNDLE / "INSTALL.md").read_text("utf-8"), flags=re.MULTILINE)
    headings = ["", *parts[1::2]]
    return {
        heading: [line.strip() for line in part.splitlines() if line.startswith("    ")]
        for heading, part in zip(headings, parts[::2], strict=True)
    }


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareRoot]:
    """Create the root, and copy the bundle into it."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("SKIPPED: a root of its own can only be made as root on Debian")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("SKIPPED: this bundle is for another Python than bookworm's 3.11")
    made = run(PROJECT / "deploy/ci/base.sh", BASE, timeout_s=300)
    if made.code != 0:
        assert os.environ.get("CI") != "true", made.text
        pytest.skip("SKIPPED: Debian's packages for a bare root cannot be had here")
    root = tmp_path_factory.mktemp("bare")
    assert run("tar", "-xf", BASE, "-C", root).code == 0
    shutil.copytree(BUNDLE, root / PLACE.lstrip("/"))
    yield BareRoot(root)
    shutil.rmtree(root)


def test_what_it_is_made_of_is_listed(bare: BareRoot) -> None:
    """Every package with version and hash in CycloneDX form; every file with its checksum."""
    told = {path.name: json.loads(path.read_text("utf-8")) for path in (BUNDLE / "sbom").iterdir()}
    assert {name: (each["bomFormat"], each["specVersion"]) for name, each in told.items()} == dict.fromkeys(
        ("requirements.cdx.json", "requirements-service.cdx.json"), ("CycloneDX", "1.6")
    )
    for each in told.values():
        assert [part["name"] for part in each["components"] if not part.get("externalReferences")] == []
    (check,) = page()[""]
    bare.does(check)
    bare.does("echo >>INSTALL.md")
    assert bare.run(check).code != 0, "what was changed on the way is noticed"
    shutil.copy(BUNDLE / "INSTALL.md", bare.root / PLACE.lstrip("/"))
    listed = {line.partition("  ")[2] for line in (BUNDLE / "SHA256SUMS").read_text().splitlines()}
    there = {f"./{path.relative_to(BUNDLE)}" for path in BUNDLE.rglob("*") if path.is_file()}
    assert there - listed == {"./SHA256SUMS"}


def test_it_is_installed_without_a_network_and_does_the_main_job(bare: BareRoot, tmp_path: Path) -> None:
    """By the page's commands; demonstration sets are anonymized, as judged by independent code."""
    assert bare.run("python3 -c 'import socket; socket.create_connection((\"192.0.2.1\", 9), 2)'").code != 0
    install = page()["Without containers"]
    for command in install:
        bare.does(command)
    root = bare.root / "tmp/BATCH"
    made = write_demo(tmp_path / "BATCH")
    lines = [line.split(", ") for file in root.glob("VicRapidPlan_*.txt") for line in file.read_text().splitlines()[1:]]
    numbers = {original: new[-3:] for original, new, *_ in lines}
    assert sorted(numbers.values()) == ["006", "007", "008"]
    for each in made:
        judge(root / each.folder, root / f"ANON_{numbers[each.plan.PatientID]}", each.manifest)
    assert "3" in bare.does("anonymizer status /tmp/BATCH")
    assert bare.does("anonymizer --version").startswith("anonymizer ")

    again = [line for line in install if "pip install" in line]
    for command in again:  # an upgrade, or a roll-back: the same lines with another bundle
        bare.does(command)
    bare.does("anonymizer run /tmp/BATCH")
    (uninstall,) = re.findall(r"`(rm -r\s[^`]*)`", (BUNDLE / "INSTALL.md").read_text("utf-8"))
    bare.does(" ".join(shlex.split(uninstall)))
    assert bare.run("anonymizer --version").code == 127
    assert (root / "ANON_006").is_dir()
