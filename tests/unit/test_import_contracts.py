"""The rooms of `services` import one way, and the contract can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
PACKAGES = ("services", "sheets", "worker", "watcher", "receiver", "console", "phantom", "anonymizer")


def contracts(folder: Path) -> str:
    """Return the import contracts' result for a checkout."""
    command = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("services/dicom/dates.py", "services.verdict.check", "rooms of services"),
        ("services/proof/search.py", "services.vocabulary.spelling", "the proof shares nothing with the writing"),
        ("services/proof/values.py", "services.rtset.reader", "the proof shares nothing with the writing"),
        ("services/policy/markdown.py", "services.vocabulary.anatomy", None),
    ],
)
def test_one_import_the_wrong_way_breaks_the_contract(
    tmp_path: Path, module: str, imported: str, contract: str | None
) -> None:
    """It is named; an import the right way breaks nothing."""
    for name in PACKAGES:
        shutil.copytree(HERE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    room, _, name = imported.rpartition(".")
    path = tmp_path / module
    path.write_text(f"{path.read_text('utf-8')}\nfrom {room} import {name} as {name}  # noqa: E402\n", "utf-8")
    told = contracts(tmp_path)
    if contract is None:
        assert "0 broken" in told
    else:
        assert f"{contract} BROKEN" in told
        assert f"{module.removesuffix('.py').replace('/', '.')} -> {imported}" in told


def test_every_module_and_room_says_what_it_is_for() -> None:
    """A room is a folder with one sentence, and a limited number of files."""
    rooms = [path.parent for package in PACKAGES for path in (HERE / package).rglob("__init__.py")]
    assert len([room for room in rooms if room.parent == HERE / "services"]) == 15
    for room in rooms:
        assert len([*room.glob("[!_]*.py")]) <= 14, room
        assert (room / "__init__.py").read_text("utf-8").startswith('"""'), room
