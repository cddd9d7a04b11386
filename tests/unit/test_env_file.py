"""Image and number of workers are in `.env`, so that no later `docker compose up -d` reverts them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "SECURITY.md",
    "docker-compose.yml",
    ".env.example",
    *(str(page.relative_to(PROJECT)) for page in sorted((PROJECT / "docs").glob("*.md"))),
)


def test_no_page_starts_another_image_or_number_than_env_says() -> None:
    """The next plain `up -d` would silently revert it."""
    transient = re.compile(r"ANONYMIZER_IMAGE=\S+ +docker|--scale worker")
    assert {page for page in PAGES if transient.search((PROJECT / page).read_text("utf-8"))} == set()


def test_compose_takes_both_from_env() -> None:
    """`.env.example` names them, as a place to change them."""
    compose, example = (PROJECT / "docker-compose.yml").read_text(), (PROJECT / ".env.example").read_text()
    assert set(re.findall(r"\b(?:image|scale): \$\{(ANONYMIZER_IMAGE|WORKERS)\b", compose)) == {
        "ANONYMIZER_IMAGE",
        "WORKERS",
    }
    assert {"ANONYMIZER_IMAGE", "WORKERS"} <= set(re.findall(r"^(\w+)=", example, re.MULTILINE))


def test_every_page_makes_the_secrets_before_it_starts_the_service() -> None:
    """Without them Compose only reports a missing file."""
    for page in ("README.md", "docs/operations.md", "docs/windows.md"):
        steps = (PROJECT / page).read_text("utf-8")
        first_start = re.search(r"^(?:    |\d\. .*`)?docker compose up -d", steps, re.MULTILINE)
        assert first_start, page
        assert "new-secrets.sh" in steps[: first_start.start()], page


def test_the_secrets_can_be_made_where_there_is_only_a_mounted_folder(tmp_path: Path) -> None:
    """Like the steps for Docker Desktop: with `sh`, another folder, and Linux line ends."""
    shutil.copytree(PROJECT / "deploy", tmp_path / "work" / "deploy")
    command = ["sh", str(tmp_path / "work/deploy/new-secrets.sh")]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "work/secrets").iterdir()) == [
        "flower_login",
        "receiver_password",
        "redis_password",
        "redis_users",
    ]


@pytest.mark.parametrize("name", ["deploy/new-secrets.sh", "deploy/redis/users.acl.in", "deploy/redis/redis.conf"])
def test_git_gives_windows_the_line_ends_that_containers_read(name: str) -> None:
    """With a carriage return in its first line, a script does not run."""
    rules = [line.split() for line in (PROJECT / ".gitattributes").read_text().splitlines() if not line.startswith("#")]
    assert any(Path(name).match(pattern) and "eol=lf" in rest for pattern, *rest in rules)
    assert b"\r" not in (PROJECT / name).read_bytes()
