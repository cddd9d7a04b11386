"""`anonymizer run` with real Redis, workers and watcher, as started by a user."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from services.store.arbiter import Arbiter
from services.store.collection import Collection
from tests import in_process
from tests.judge import judge
from tests.processes import processes
from tests.sets import (
    dose_of_another_plan,
    make_collection,
    make_set,
    second,
    truncated,
    without,
    without_slices,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HEADER = "OrigPatientID, NewPatientID, OrigPlanID, Hospital"


class Ran(NamedTuple):
    """Output of a run."""

    code: int
    sets: Mapping[str, Mapping[str, Any]]
    """By folder."""
    published_before: int


def command(*arguments: object) -> list[str]:
    """Run a command like a user."""
    return [str(Path(sys.executable).with_name("anonymizer")), *map(str, arguments)]


def program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as a program of its own, without a terminal."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def run(
    root: Path, *options: object, start: Callable[..., subprocess.CompletedProcess[str]] = in_process.anonymizer
) -> Ran:
    """Run a root folder."""
    done = start("run", root, "--json", *options)
    assert done.returncode in {0, 1}, done.stderr
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    return Ran(done.returncode, {row["folder"]: row for row in said["sets"]}, said["published_before"])


def states(ran: Ran) -> dict[str, tuple[str, str]]:
    """Return the outcome of each set."""
    return {folder: (row["state"], row["anon"]) for folder, row in ran.sets.items()}


def tracking_lines(root: Path) -> list[str]:
    """Read the tracking files of a root, two if run around midnight, with a single header."""
    paths = sorted(root.glob("VicRapidPlan_trackingFile_*.txt"))
    assert all(re.fullmatch(r"VicRapidPlan_trackingFile_\d{8}\.txt", path.name) for path in paths)
    texts = [path.read_text() for path in paths]
    assert all(text.endswith("\n") for text in texts)
    header, *lines = texts[0].splitlines()
    return [header, *lines, *(line for text in texts[1:] for line in text.splitlines()[1:])]


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Read a folder's contents and times."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def anon_folders(root: Path) -> list[str]:
    """Return the names of what was published."""
    return sorted(path.name for path in root.glob("ANON_*"))


def test_three_sets_in_three_anonymized_sets_out(tmp_path: Path) -> None:
    """Consecutive indices, a tracking file exactly as specified, originals untouched, each set whole and clean."""
    root = make_collection(tmp_path / "BATCH")
    sets = [make_set(root, name=name, seed=name) for name in ("Müller, Hans", "a set  with spaces", "x" * 240)]
    before = [everything(one.folder) for one in sets]

    ran = run(root, start=program)

    assert (ran.code, sorted(states(ran).values())) == (0, [("published", f"ANON_00{n}") for n in (6, 7, 8)])
    assert [everything(one.folder) for one in sets] == before
    for one in sets:
        judge(one.folder, root / ran.sets[one.folder.name]["anon"], one.manifest)
    lines = {
        ran.sets[one.folder.name][
            "anon"
        ]: f"{one.plan.PatientID}, zzz_AnusGE{{}}, {one.plan.RTPlanLabel}, Demo Hospital"
        for one in sets
    }
    assert tracking_lines(root) == [HEADER, *(lines[f"ANON_{n}"].format(n) for n in ("006", "007", "008"))]
    assert not list(root.glob("*_REFUSED.txt"))
    told = [note.read_text("utf-8-sig") for note in root.glob("*_NOTE.txt")]
    assert all("Words that nobody has read" in text for text in told), "a set's own words, and nothing else"
    assert all(row["seconds"] > 0 for row in ran.sets.values())


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    """Sets are recognized by their contents, whatever their names."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a", seed=1)
    make_set(root, name="b", seed=2)
    first = run(root)
    published = {name: everything(root / name) for name in anon_folders(root)}

    (root / "a").rename(root / "renamed")
    make_set(root, name="a", seed=3)  # the name is used for the next patient
    shutil.copytree(root / "b", root / "b again")
    second_run = run(root)

    index_of_a, index_of_b = first.sets["a"]["anon"], first.sets["b"]["anon"]
    assert states(second_run) == {
        "renamed": ("same-set", index_of_a),
        "a": ("published", "ANON_008"),
        "b again": ("same-set", index_of_b),
    }
    assert (second_run.code, second_run.published_before) == (0, 1)
    assert index_of_b in (root / "b again_NOTE.txt").read_text("utf-8-sig")
    assert {name: everything(root / name) for name in published} == published
    assert len(tracking_lines(root)) == 1 + 3


def test_faulty_sets_burn_no_index_and_harm_no_other(tmp_path: Path) -> None:
    """Each is refused with a reason beside it; once repaired it is published, and the reason removed."""
    root = make_collection(tmp_path / "BATCH")
    faulty: dict[str, Callable[..., None]] = {
        "no plan": without("RTPLAN"),
        "slice missing": without_slices(1),
        "two doses": second("RTDOSE"),
        "other dose": dose_of_another_plan,
        "cut off": truncated("RTSTRUCT"),
    }
    for number, (name, edit) in enumerate(faulty.items()):
        make_set(root, edit, name=name, seed=f"faulty {number}")
    make_set(root, name="good", seed="good")
    (root / "no set").mkdir()
    (root / "no set" / "notes.txt").write_text("not DICOM")

    ran = run(root)

    assert ran.code == 1
    assert states(ran) == {"good": ("published", "ANON_006"), **dict.fromkeys(faulty, ("refused", ""))}
    refused = {name: (root / f"{name}_REFUSED.txt").read_text("utf-8-sig") for name in faulty}
    assert "RT Plan" in refused["no plan"]
    assert "RT Dose" in refused["two doses"]
    assert all("What to do: " in text for text in refused.values())
    assert sorted(path.name for path in root.glob("*_REFUSED.txt")) == sorted(f"{name}_REFUSED.txt" for name in faulty)

    shutil.rmtree(root / "no plan")
    make_set(root, name="no plan", seed="faulty 0")
    again = run(root)

    assert again.sets["no plan"]["state"] == "published"
    assert anon_folders(root) == ["ANON_006", "ANON_007"]
    assert not (root / "no plan_REFUSED.txt").exists()
    assert len(list(root.glob("*_REFUSED.txt"))) == len(faulty) - 1


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """Loose DICOM files are reported, links out of a set not followed, and sources may be read-only."""
    root = make_collection(tmp_path / "BATCH")
    one = make_set(root, name="read-only", seed=1)
    elsewhere = make_set(tmp_path / "elsewhere", name="other patient", seed=2)
    shutil.copy(elsewhere.path(elsewhere.plan), root / "loose.dcm")
    (one.folder / "link").symlink_to(elsewhere.folder)
    (one.folder / "link.dcm").symlink_to(elsewhere.path(elsewhere.dose))
    for path in (*one.folder.iterdir(), one.folder):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)

    done = in_process.anonymizer("run", root)

    one.folder.chmod(0o755)
    for link in ("link", "link.dcm"):
        (one.folder / link).unlink()
    assert (done.returncode, anon_folders(root)) == (0, ["ANON_006"])
    assert "1 DICOM file lies in" in done.stdout
    judge(one.folder, root / "ANON_006", one.manifest)


def test_forty_sets_through_eight_workers_get_forty_numbers_in_a_row(tmp_path: Path) -> None:
    """Without duplicates or gaps, and with a line for each."""
    root = make_collection(tmp_path / "BATCH")
    for number in range(40):
        make_set(root, name=f"set {number}", seed=number, ct=2, size=16)

    ran = run(root, "--workers", 8)

    expected = [f"ANON_{number:03d}" for number in range(6, 46)]
    assert sorted(row["anon"] for row in ran.sets.values()) == anon_folders(root) == expected
    assert [line.split(", ")[1] for line in tracking_lines(root)[1:]] == [f"zzz_AnusGE{n:03d}" for n in range(6, 46)]


@pytest.fixture
def hangups() -> Iterator[None]:
    """Let started processes receive SIGHUP, which they ignore if the tests were started with `nohup`."""
    earlier = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, earlier)


@pytest.mark.usefixtures("hangups")
def test_a_run_that_is_stopped_or_killed_is_continued(tmp_path: Path) -> None:
    """Ctrl-C and a closed terminal let sets in work finish, SIGKILL does not; the next run completes them all.

    No process remains.
    """
    root = make_collection(tmp_path / "BATCH")
    held = endless(root)

    codes = []
    for how in (signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
        for number in range(4):
            make_set(root, name=f"{how.name} {number}", seed=f"{how.name} {number}", ct=20, size=128)
        done = len(anon_folders(root))
        going = subprocess.Popen(
            command("run", root, "--workers", 1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_until(lambda done=done: len(anon_folders(root)) > done)
        assert running(root)
        going.send_signal(how)
        going.communicate()
        codes.append(going.returncode)
        wait_until(lambda: not running(root))
    held.let_go()
    last = run(root)

    assert codes == [130, 130, -signal.SIGKILL]
    assert last.code == 0
    assert anon_folders(root) == [f"ANON_{number:03d}" for number in range(6, 18)]
    assert len(tracking_lines(root)) == 1 + 12


def test_a_redis_that_dies_under_a_run_is_started_again(tmp_path: Path) -> None:
    """It is then empty, and nothing is lost or duplicated."""
    root = make_collection(tmp_path / "BATCH")
    held = endless(root)
    for number in range(5):
        make_set(root, name=f"set {number}", seed=number, ct=20, size=128)
    going = subprocess.Popen(command("run", root, "--workers", 1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_until(lambda: anon_folders(root))
    (server,) = children(going.pid, "redis.sock")
    os.kill(server, signal.SIGKILL)
    held.let_go()
    _, told = going.communicate()
    assert (going.returncode, told) == (0, b"")
    assert anon_folders(root) == [f"ANON_{number:03d}" for number in range(6, 11)]
    assert len(tracking_lines(root)) == 1 + 5


def test_a_tracking_file_that_may_not_be_written_is_reported_and_written_next_time(tmp_path: Path) -> None:
    """A person made it read-only, or holds it open."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a", seed=1)
    run(root)
    paths = list(root.glob("VicRapidPlan_trackingFile_*.txt"))
    for path in paths:
        path.chmod(0o444)
    make_set(root, name="b", seed=2)
    done = in_process.anonymizer("run", root)
    before = tracking_lines(root)
    for path in paths:
        path.chmod(0o644)
    run(root)
    assert (done.returncode, "The next run completes it." in done.stderr) == (0, True)
    assert (len(before), len(tracking_lines(root))) == (2, 3)


def test_a_run_names_every_tracking_file(tmp_path: Path) -> None:
    """Each day has its own: somebody who takes only the newest one lacks the earlier patients."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a", seed=1)
    run(root)
    (entry,) = (root / ".anonymizer" / "tracking").glob("*.json")
    (today,) = root.glob("VicRapidPlan_trackingFile_*.txt")
    entry.write_text(entry.read_text().replace(today.name[-12:-4], "20261122"))
    today.rename(root / "VicRapidPlan_trackingFile_20261122.txt")
    make_set(root, name="b", seed=2)

    said = " ".join(in_process.anonymizer("run", root).stdout.split())

    assert "they must not leave the hospital" in said
    assert f"{today.name}, VicRapidPlan_trackingFile_20261122.txt." in said
    assert len(tracking_lines(root)) == 1 + 2


def test_a_root_that_a_living_process_has_is_refused(tmp_path: Path) -> None:
    """Two would disturb each other."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a", seed=1)
    arbiter = Arbiter(Collection.open(root))
    assert arbiter.hold()
    going = subprocess.Popen(command("run", root), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def beats() -> bool:
        arbiter.hold()
        return going.poll() is not None

    wait_until(beats)
    _, told = going.communicate()
    assert (going.returncode, anon_folders(root)) == (2, [])
    assert "is processing this collection" in told


def test_a_run_that_refuses_to_begin_leaves_nothing_running(tmp_path: Path) -> None:
    """Redis and workers were started before the form was read."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a", seed=1)
    form = (root / "collection.toml").read_text()
    (root / "collection.toml").write_text(form.replace("initial_index = 6", "initial_index = 0"))
    done = in_process.anonymizer("run", root)
    assert (done.returncode, "initial_index" in done.stderr, anon_folders(root)) == (2, True, [])
    assert running(root) == []


def test_a_run_that_is_killed_while_it_starts_leaves_nothing_running(tmp_path: Path) -> None:
    """Its workers end with it, and the next run processes the set."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a", seed=1)
    going = subprocess.Popen(command("run", root), stdout=subprocess.DEVNULL)
    wait_until(lambda: running(root))
    going.kill()
    going.wait()
    wait_until(lambda: not running(root))
    assert states(run(root)) == {"a": ("published", "ANON_006")}


class endless:  # noqa: N801 - used as a function
    """A set whose outcome cannot be stored, so that a run continues until the test ends it."""

    def __init__(self, root: Path) -> None:
        self._folder = make_set(root, without("RTDOSE"), name="endless", seed="endless").folder
        collection = Collection.open(root)
        self._in_its_way = collection.outcomes / f"{collection.locator('endless')}.json" / "something"
        self._in_its_way.mkdir(parents=True)

    def let_go(self) -> None:
        """Remove it."""
        shutil.rmtree(self._folder)
        shutil.rmtree(self._in_its_way.parent)


def children(pid: int, of: str) -> list[int]:
    """Return a process's descendants whose command line contains `of`."""
    shown = processes()
    family = {pid}
    for _ in range(3):
        family |= {one.pid for one in shown if one.parent in family}
    descendants = [one for one in shown if one.pid in family - {pid}]
    return [one.pid for one in descendants if of in one.command and "child_process.py" not in one.command]


def running(root: Path) -> list[str]:
    """Return the running processes started for a root: workers, which are told where their share is."""
    wanted = f"ANONYMIZER_SHARE={root}".encode()
    return [one.command for one in processes() if one.state != "Z" and wanted in environment_of(one.pid)]


def environment_of(pid: int) -> list[bytes]:
    """Return a process's environment; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
