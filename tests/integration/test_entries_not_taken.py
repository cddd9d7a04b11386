"""Everything in a root is taken, or named with the reason; unreadable is never treated as missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests import in_process
from tests.integration.test_run import endless, tracking_lines
from tests.rights import never_all_powerful, not_all_powerful
from tests.sets import make_collection, make_set, patient
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOT_ALL_POWERFUL = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")
"""Root can read everything; a service's user cannot."""


class Said(NamedTuple):
    """Output of a command."""

    code: int
    json: Any
    err: str


def command(*arguments: object) -> list[str]:
    """Return the command line of a user who cannot read everything."""
    limits = NOT_ALL_POWERFUL if os.geteuid() == 0 else ()
    return [*limits, str(Path(sys.executable).with_name("anonymizer")), *map(str, arguments)]


def started(*arguments: object) -> Said:
    """Run a command in its own process, as a user who cannot read everything."""
    return as_said(in_process.in_a_copy(*arguments, limited=never_all_powerful), arguments)


def anonymizer(*arguments: object) -> Said:
    """Do the same in this process if the command starts no other."""
    if arguments[0] in in_process.STARTERS:
        return started(*arguments)
    with not_all_powerful():
        return as_said(in_process.anonymizer(*arguments), arguments)


def as_said(done: subprocess.CompletedProcess[str], arguments: Sequence[object]) -> Said:
    """Return a command's output."""
    read = json.loads(done.stdout) if "--json" in arguments and done.stdout else done.stdout
    return Said(done.returncode, read, done.stderr)


@pytest.fixture
def closed() -> Iterator[list[Path]]:
    """Collect unreadable paths; permissions are restored at the end, so that they can be deleted."""
    paths: list[Path] = []
    yield paths
    for path in paths:
        path.chmod(0o755)


def close(path: Path, closed: list[Path]) -> None:
    """Make a file or folder unreadable."""
    path.chmod(0)
    closed.append(path)


def states(said: Said) -> dict[str, str]:
    """Return each folder's state."""
    return {row["folder"]: row["state"] for row in said.json["sets"]}


def named(said: Said) -> dict[str, str]:
    """Return the entries not taken, with reasons."""
    told = said.json[0] if isinstance(said.json, list) else said.json
    return {one["name"]: one["why"] for one in told["not_taken"]}


def test_a_folder_a_folder_in_it_and_a_file_that_may_not_be_read(tmp_path: Path, closed: list[Path]) -> None:
    """Run, status and doctor report each with its reason, beside a published set; then it is processed."""
    root = make_collection(tmp_path / "BATCH")
    sets = {name: make_set(root, name=name, seed=name) for name in ("folder", "inner", "file", "good")}
    inner = root / "inner" / "CT"
    inner.mkdir()
    for path in sorted((root / "inner").glob("CT*.dcm")):
        path.rename(inner / path.name)
    for path in (root / "folder", inner, sets["file"].path(sets["file"].plan)):
        close(path, closed)

    ran = anonymizer("run", root, "--json")
    expected = {"folder": "not readable", "inner": "not readable", "file": "not readable", "good": "published"}
    assert (ran.code, states(ran)) == (1, expected)
    assert {path.name for path in root.glob("*_NOTE.txt")} == {
        f"{name}_NOTE.txt" for name in ("folder", "inner", "file")
    }
    assert "cannot be read" in (root / "inner_NOTE.txt").read_text("utf-8-sig")
    status = anonymizer("status", root, "--json")
    assert (status.code, {row["folder"]: row["state"] for row in status.json[0]["sets"]}) == (1, expected)
    doctor = anonymizer("doctor", root, "--json")
    found = {one["where"]: one["found"] for one in doctor.json["findings"] if one["code"] == "not-readable"}
    paths = {"folder": "folder", "inner": "inner/CT", "file": f"file/{sets['file'].path(sets['file'].plan).name}"}
    assert doctor.code == 1
    reasons = {row["folder"]: row["reason"] for row in ran.json["sets"]}
    for said in (found, reasons, {row["folder"]: row["why"] for row in status.json[0]["sets"]}):
        assert {name: said[name].partition('" cannot be')[0] for name in paths} == {
            name: f'"{path}' for name, path in paths.items()
        }

    for path in closed:
        path.chmod(0o755)
    ran = anonymizer("run", root, "--json")
    assert (ran.code, set(states(ran).values())) == (0, {"published"})
    assert not [note for note in root.glob("*_NOTE.txt") if "may not be read" in note.read_text("utf-8-sig")]


def test_a_file_in_the_root_and_a_part_of_the_state_that_may_not_be_read(tmp_path: Path, closed: list[Path]) -> None:
    """Whether they hold DICOM is unknown; an unreadable state is an inconsistency."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="good")
    (root / "scan").write_bytes(b"\0" * 128 + b"DICM")
    (root / ".moved").mkdir()
    (root / "lost+found").mkdir()
    for name in ("scan", ".moved", "lost+found"):
        close(root / name, closed)
    assert anonymizer("run", root, "--json").code == 0
    expected = {"scan": "a file that may not be read", ".moved": "hidden"}
    assert named(anonymizer("status", root, "--json")) == expected
    for name in ("outcomes", "folders", "sets"):
        close(root / ".anonymizer" / name, closed)
        assert anonymizer("doctor", root, "--json").code != 0, name
        closed[-1].chmod(0o755)


def test_a_collection_that_may_not_be_looked_into(tmp_path: Path, closed: list[Path]) -> None:
    """It is reported beside a readable one; alone it is a usage error. It never counts as empty."""
    make_set(make_collection(tmp_path / "open"), name="A")
    make_set(make_collection(tmp_path / "closed"), name="B")
    close(tmp_path / "closed", closed)
    status = anonymizer("status", tmp_path)
    assert (status.code, f"{tmp_path / 'closed'} cannot be read" in " ".join(status.json.split())) == (1, True)
    for name in ("run", "check", "doctor", "status"):
        said = started(name, tmp_path / "closed")  # for access(2) root may read all, whatever a thread may
        assert (said.code, "is not readable" in " ".join(said.err.replace("│", " ").split())) == (2, True), name


def test_only_the_programs_own_names_are_left_out(tmp_path: Path) -> None:
    """Sets and files may otherwise have any name."""
    root = make_collection(tmp_path / "BATCH", sheets=True)
    names = ["Anon_Prostate_01", "Nguyen.temp", "sheets", "x.part", "~Meier"]
    for number, name in enumerate(names):
        made = make_set(root, name=name, seed=number)
        for path in made.folder.glob("CT*.dcm"):
            path.rename(path.with_name("ANON_" + path.name))
    ran = anonymizer("run", root, "--json")
    assert (ran.code, states(ran)) == (0, dict.fromkeys(names, "published"))
    assert (named(ran), list((root / "sheets").glob("*.pdf"))) == ({}, [])
    assert len(list((root / "anonymizer-sheets").glob("ANON_*.pdf"))) == len(names)
    again = anonymizer("run", root, "--json")
    assert (again.code, again.json["sets"], again.json["published_before"]) == (0, [], len(names))


def everything_else(root: Path) -> dict[str, str]:
    """Add everything that is not taken to a root, and return the expected names."""
    spare = make_set(root.parent, name="spare", seed="spare")
    plan = spare.path(spare.plan)
    shutil.copy(plan, root / "loose")
    for folder in (".hidden", "other", "in a set/inner", "in a set/.hidden"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(plan, root / folder / "x.dcm")
    shutil.copy(root / "collection.toml", root / "other" / "collection.toml")
    shutil.copy(root / "collection.toml", root / "in a set" / "inner" / "collection.toml")
    shutil.copy(plan, root / "in a set" / "plan.part")
    for place in (root, root / "in a set"):
        with zipfile.ZipFile(place / "P3.zip", "w") as file:
            file.write(plan, "P3/plan.dcm")
        (place / "link").symlink_to(spare.folder)
    return {
        ".": "1 DICOM file lies in the root itself, in no set's folder",
        ".hidden": "hidden",
        "ANON_099": "named like an anonymized set, but not recorded",
        "anon_006": "named like an anonymized set, but not recorded",
        "P3.zip": "an archive",
        "in a set/.hidden": "hidden",
        "in a set/P3.zip": "an archive",
        "in a set/inner": "a collection of its own",
        "in a set/link": "a link",
        "in a set/plan.part": "a temporary name",
        "link": "a link",
        "other": "a collection of its own",
    }


def test_what_is_not_taken_is_named_everywhere_with_the_reason(tmp_path: Path) -> None:
    """By check, run, status and doctor; beside a processed set this is not a failure."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="in a set")
    (root / "no set").mkdir()
    (root / "no set" / "letter.txt").write_text("Dear colleague")
    (root / "list.xlsx").write_bytes(b"PK")
    expected = everything_else(root)
    assert anonymizer("new", root, "--continue").code == 0
    for name in ("ANON_099", "anon_006"):  # the other one is about to be published
        shutil.copytree(root / ".hidden", root / name)
    for name in ("check", "run", "status", "doctor"):
        said = anonymizer(name, root, "--json")
        assert (said.code, named(said)) == (int(name == "doctor"), expected), name  # it wants ANON_099 moved away
        assert "Not taken" in anonymizer(name, root).json


@pytest.mark.parametrize("command", ["withdraw", "forget"])
def test_a_folder_in_the_place_of_a_removed_one_is_named(tmp_path: Path, command: str) -> None:
    """Its number has a record, so it would never be processed."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="Huber")
    assert anonymizer("run", root, "--json").code == 0
    shutil.rmtree(root / "Huber")
    assert anonymizer(command, root, "ANON_006").code == 0
    assert named(anonymizer("status", root, "--json")) == {}
    make_set(root, name="ANON_006", seed=2)
    why = "named like an anonymized set, but not recorded"
    assert named(anonymizer("status", root, "--json")) == {"ANON_006": why}


def test_several_patients_folders_in_one_are_to_be_moved_up(tmp_path: Path) -> None:
    """The refusal and the list of entries not taken agree."""
    root = make_collection(tmp_path / "BATCH")
    for number in (1, 2):
        (root / "Export").mkdir(exist_ok=True)
        make_set(root / "Export", patient(f"Doe^{number}", str(number)), name=f"P{number}", seed=number)
    ran = anonymizer("run", root, "--json")
    assert (ran.code, states(ran)) == (1, {"Export": "refused"})
    assert named(ran) == {"Export": "several patients' folders, inside one"}
    assert "Move the inner folders up one level" in (root / "Export_REFUSED.txt").read_text("utf-8-sig")


FORM = ("--patient-id", "zzz_A", "--family-name", "A", "--first-name", "First", "--hospital", "H", "--machine", "keep")


@pytest.mark.parametrize("name", ["new", "run", "console"])
def test_one_patients_folder_is_no_root(tmp_path: Path, name: str) -> None:
    """The folder to name is given, and nothing is written."""
    made = make_set(tmp_path, name="Doe")
    before = sorted(path.name for path in made.folder.iterdir())
    said = anonymizer(name, made.folder, *(() if name == "console" else FORM))
    assert (said.code, "Name the folder above it" in " ".join(said.err.split())) == (2, True)
    assert sorted(path.name for path in made.folder.iterdir()) == before


def test_an_empty_root_is_an_error(tmp_path: Path) -> None:
    """An empty root, and one without DICOM."""
    root = make_collection(tmp_path / "BATCH")
    assert anonymizer("run", root, "--json").code == 1
    (root / "letters").mkdir()
    (root / "letters" / "one.txt").write_text("Dear colleague")
    assert anonymizer("run", root, "--json").code == 1


def test_the_end_of_a_run_says_where_everything_is(tmp_path: Path) -> None:
    """Sets, tracking file, sheets, and the next steps."""
    root = make_collection(tmp_path / "BATCH", sheets=True)
    make_set(root, name="A")
    said = " ".join(anonymizer("run", root).json.split())
    *_, tracking = sorted(root.glob("VicRapidPlan_trackingFile_*.txt"))
    for part in (f"The sets are in {root}: ANON_006.", str(tracking), f"The sheets are in {root / 'sheets'}.", "Next:"):
        assert part in said


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_the_lines_and_says_how_it_continues(tmp_path: Path, how: signal.Signals) -> None:
    """Sets in work are finished; the next run does the rest."""
    root = make_collection(tmp_path / "BATCH")
    held = endless(root)
    for number in range(3):
        make_set(root, name=f"set {number}", seed=number)
    running = subprocess.Popen(
        command("run", root, "--workers", 1), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: list((root / ".anonymizer").glob("records/*.json")))
    running.send_signal(how)
    out, _ = running.communicate()
    assert running.returncode == 130
    assert len(tracking_lines(root)) == 1 + len(list(root.glob("ANON_*")))
    assert ("Stopped." in out, "the next run continues" in " ".join(out.split())) == (True, True)
    held.let_go()
    assert anonymizer("run", root, "--json").code == 0
    assert len(list(root.glob("ANON_*"))) == 3


BLOCKED = {
    "numbers": "--continue",
    "list": "identities.csv",
    "machine": "Nobody",
}


@pytest.mark.parametrize(("why", "says"), BLOCKED.items())
def test_a_collection_that_cannot_be_begun_says_why(tmp_path: Path, why: str, says: str) -> None:
    """The service pauses, and refers to `status`."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="Huber")
    if why == "numbers":
        (root / "ANON_007").mkdir()
    elif why == "list":
        (root / "identities.csv").write_text("OrigPatientID, NewIndex\n, x\n")
    else:
        form = root / "collection.toml"
        form.write_text(form.read_text().replace('"VicRapidPlan"', '"Nobody"'))
    there = sorted(root.rglob("*"))
    status, doctor = (anonymizer(name, root, "--json") for name in ("status", "doctor"))
    (told,) = status.json
    assert (status.code, says in told["paused"], [row["state"] for row in told["sets"]]) == (1, True, ["new"])
    assert (doctor.code, [says in one["found"] for one in doctor.json["findings"]]) == (1, [True])
    assert sorted(root.rglob("*")) == there


def test_a_collection_without_sets_is_consistent(tmp_path: Path) -> None:
    """Its share is available, too."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="Huber")
    doctor = anonymizer("doctor", root)
    assert (doctor.code, doctor.json) == (0, "Everything is consistent.\n")
