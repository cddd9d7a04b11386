"""The README's commands in sequence, as typed by a person, with third-party judges at the end."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from anonymizer.quick import COMMANDS
from phantom.sets import SyntheticSet, build_set, write_set
from tests import in_process
from tests.conformance import told_by
from tests.judge import judge

PAGES = [Path(__file__).parents[2] / page for page in ("README.md", "docs/commands.md")]


def anonymizer(*arguments: object, code: int = 0) -> str:
    """Run a command, and assert its exit code."""
    done = in_process.anonymizer(*arguments)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made() -> SyntheticSet:
    """Build a head-and-neck set; its dose has 16 bits, since dciodvfy cannot read 32."""
    return build_set(seed=7, ct=12, size=64, dose_bits=16)


@pytest.fixture(scope="module")
def root(made: SyntheticSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Process it completely."""
    root = tmp_path_factory.mktemp("e2e") / "BATCH"
    write_set(made, root / made.folder)
    anonymizer(
        *("new", root, "--patient-id", "zzz_AnusGE", "--family-name", "AnusGE", "--first-name", "First"),
        *("--hospital", "Demo Hospital", "--initial-index", 6, "--machine", "VicRapidPlan"),
    )
    assert json.loads(anonymizer("check", root, "--json"))["sets"][0]["verdict"] == "good"
    assert "ANON_006" in anonymizer("run", root)
    return root


def test_the_published_set_is_clean_and_whole(made: SyntheticSet, root: Path) -> None:
    """As judged by independent code."""
    judge(root / made.folder, root / "ANON_006", made.manifest)


def test_it_is_proven_once_more_on_request(made: SyntheticSet, root: Path) -> None:
    """Even years later: only the two folders and the form are needed."""
    assert json.loads(anonymizer("verify", root / made.folder, root / "ANON_006", "--json"))["clean"] is True


def test_status_and_a_second_run_find_it_done(root: Path) -> None:
    """Nothing is made twice."""
    assert "1 published" in anonymizer("status", root)
    again = json.loads(anonymizer("run", root, "--json"))
    assert again == {"sets": [], "published_before": 1, "interrupted": False, "not_taken": []}
    assert len(list(root.glob("ANON_*"))) == 1


def test_neither_originals_nor_the_tracking_file_are_exported(root: Path, tmp_path: Path) -> None:
    """Neither originals nor the tracking file."""
    anonymizer("export", root, tmp_path / "out", "--unread-words")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "ANON_006",
        "delivery.json",
        "delivery.json.sig",
        "sheets",
        "tables",
    ]
    assert {path.stem for path in (tmp_path / "out" / "sheets").iterdir()} <= {"ANON_006", "report"}
    files = {path.name: path.read_bytes() for path in (tmp_path / "out" / "ANON_006").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (root / "ANON_006").iterdir()}
    anonymizer("export", root, tmp_path / "out", "--unread-words")
    anonymizer("export", root, root / "out", "--unread-words", code=2)


@pytest.mark.parametrize("change", ["other bytes", "a link to the same bytes"])
def test_what_was_changed_since_does_not_travel(root: Path, tmp_path: Path, change: str) -> None:
    """A file changed since the proof holds back its set; a link would expose its target."""
    (plan,) = (root / "ANON_006").glob("RP.*")
    elsewhere = shutil.copy(plan, tmp_path / "elsewhere")
    if change == "other bytes":
        plan.write_bytes(plan.read_bytes()[:-1] + b"x")
    else:
        plan.unlink()
        plan.symlink_to(elsewhere)
    try:
        anonymizer("export", root, tmp_path / "out", code=1)
    finally:
        plan.unlink()
        shutil.copy(elsewhere, plan)
    assert list((tmp_path / "out").iterdir()) == []


def test_dciodvfy_finds_no_error_that_was_not_there_before(made: SyntheticSet, root: Path) -> None:
    """In any object."""

    def errors(folder: Path) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path in folder.iterdir():
            lines = told_by("dciodvfy", path)
            found.setdefault(path.name[:2], set()).update(line for line in lines if line.startswith("Error"))
        return found

    none: dict[str, set[str]] = {kind: set() for kind in ("CT", "RS", "RP", "RD")}
    assert [errors(root / made.folder), errors(root / "ANON_006")] == [none, none]


def test_dcentvfy_finds_the_entities_as_consistent_as_before(made: SyntheticSet, root: Path) -> None:
    """Patient, study, series and frame of reference are the same in all objects."""

    def findings(folder: Path) -> int:
        return len([line for line in told_by("dcentvfy", *folder.iterdir()) if line.startswith("Error")])

    assert findings(root / "ANON_006") <= findings(root / made.folder)


def test_the_documents_name_commands_that_there_are() -> None:
    """All commands except those for operators."""
    named = {name for page in PAGES for name in re.findall(r"`anonymizer (\w+)", page.read_text())}
    assert named <= set(COMMANDS)
    assert {"new", "check", "run", "watch", "worker", "status", "verify", "export", "policy", "demo"} <= named
