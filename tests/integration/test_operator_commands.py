"""`doctor`, `withdraw`, `retry --as-new`, `rebuild`: an operator's actions, done like an operator."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pydicom
import pytest

from tests.in_process import anonymizer
from tests.integration.test_run import HEADER, anon_folders, run, states, tracking_lines
from tests.judge import judge
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sets import MadeSet


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MadeSet, MadeSet]:
    """Publish two sets."""
    root = make_collection(tmp_path_factory.mktemp("published") / "BATCH")
    sets = make_set(root, name="a", seed="a"), make_set(root, name="b", seed="b")
    run(root, "--workers", 1)
    return root, *sets


@pytest.fixture
def two(published: tuple[Path, MadeSet, MadeSet], tmp_path: Path) -> tuple[Path, MadeSet, MadeSet]:
    """Move the two published sets to their own disk."""
    original, *sets = published
    root = shutil.copytree(original, tmp_path / "BATCH")
    return root, *(replace(made, folder=root / made.folder.name) for made in sets)


def findings(root: Path) -> tuple[int, list[tuple[str, str]]]:
    """Return the doctor's findings."""
    done = anonymizer("doctor", root, "--json")
    assert done.stdout, done.stderr
    return done.returncode, sorted((one["code"], one["where"]) for one in json.loads(done.stdout)["findings"])


def darkened(made: MadeSet) -> None:
    """Change one pixel of a slice and nothing else."""
    path = made.path(made.ct[0])
    data = bytearray(path.read_bytes())
    at = data.index(made.ct[0].PixelData)
    data[at] ^= 1
    path.write_bytes(data)


def relabelled(made: MadeSet) -> None:
    """Change a text of the plan, not its UIDs."""
    path = made.path(made.plan)
    plan = pydicom.dcmread(path)
    plan.RTPlanLabel = "Boost"
    plan.save_as(path)


def test_the_doctor_finds_nothing_after_a_run(two) -> None:
    """And the doctor finds nothing."""
    root, *_ = two
    assert findings(root) == (0, [])
    assert "Everything is consistent." in anonymizer("doctor", root).stdout


def flipped(path: Path) -> None:
    """Invert the last byte of a file."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def entry_of_the_set(root: Path) -> Path:
    """Return the file that recognizes the set of ANON_006."""
    claim = json.loads((root / ".anonymizer/claims/000006.json").read_text())
    return root / ".anonymizer/sets" / f"{claim['set_id']}.json"


DISORDERS: dict[str, tuple[Callable[[Path], object], list[tuple[str, str]]]] = {
    "a claim lost": (
        lambda root: (root / ".anonymizer/claims/000006.json").unlink(),
        [("half-a-claim", "ANON_006"), ("no-claim", "ANON_006")],
    ),
    "a set's entry lost": (
        lambda root: entry_of_the_set(root).unlink(),
        [("set-not-recognized", "ANON_006")],
    ),
    "staging left out by a backup": (lambda root: (root / ".anonymizer/staging").rmdir(), []),
    "a claim overwritten": (
        lambda root: shutil.copy(root / ".anonymizer/claims/000007.json", root / ".anonymizer/claims/000006.json"),
        [("claim-of-another", "ANON_006"), ("half-a-claim", "ANON_006")],
    ),
    "an unreadable claim": (
        lambda root: (root / ".anonymizer/claims/000008.json").write_bytes(b""),
        [("claim-unreadable", "ANON_008")],
    ),
    "a record cut off": (
        lambda root: (root / ".anonymizer/records/ANON_006.json").write_bytes(b"{"),
        [("outcome-without-record", "folder"), ("record-unreadable", "ANON_006")],
    ),
    "a line lost": (lambda root: (root / ".anonymizer/tracking/000006.json").unlink(), [("no-line", "ANON_006")]),
    "a line cut off": (
        lambda root: (root / ".anonymizer/tracking/000006.json").write_bytes(b"{"),
        [("line-unreadable", "ANON_006")],
    ),
    "the tracking file deleted": (
        lambda root: [path.unlink() for path in root.glob("VicRapidPlan*")],
        [("not-rendered", "ANON_006"), ("not-rendered", "ANON_007")],
    ),
    "a published file changed": (
        lambda root: flipped(next((root / "ANON_006").glob("RD.*"))),
        [("files-changed", "ANON_006"), ("original-changed", "folder")],
    ),
    "a published file gone": (
        lambda root: next((root / "ANON_006").glob("RS.*")).unlink(),
        [("files-changed", "ANON_006")],
    ),
    "a file added": (lambda root: (root / "ANON_006/x.txt").write_text(""), [("files-changed", "ANON_006")]),
    "a folder made by hand": (lambda root: (root / "ANON_009").mkdir(), [("folder-without-record", "ANON_009")]),
    "a folder taken away": (lambda root: shutil.rmtree(root / "ANON_006"), [("taken-away", "ANON_006")]),
}

HARMLESS = {"a folder taken away", "the tracking file deleted", "staging left out by a backup"}


@pytest.mark.parametrize("disorder", DISORDERS)
def test_the_doctor_finds_what_does_not_agree(two, disorder: str) -> None:
    """With remedies. It repairs nothing: asked again, it reports the same."""
    root, *_ = two
    lines = tracking_lines(root)
    do, expected = DISORDERS[disorder]
    do(root)

    code, found = findings(root)

    first = "a" if "ANON_006" in dict(states_of(root)).get("a", "") else "b"
    assert found == sorted((code, first if where == "folder" else where) for code, where in expected)
    assert code == (0 if disorder in HARMLESS else 1)
    assert findings(root) == (code, found)
    if disorder == "the tracking file deleted":
        run(root)
        assert (findings(root), tracking_lines(root)) == ((0, []), lines)


def test_a_lost_entry_is_mended_as_the_doctor_says(two) -> None:
    """A copy of the set is then recognized, and not published a second time."""
    root, *_ = two
    entry_of_the_set(root).unlink()
    shutil.copy(root / ".anonymizer/claims/000006.json", entry_of_the_set(root))
    shutil.copytree(root / {anon: folder for folder, anon in states_of(root)}["ANON_006"], root / "copy")

    run(root)

    assert (dict(states_of(root))["copy"], anon_folders(root)) == ("ANON_006", ["ANON_006", "ANON_007"])


def states_of(root: Path) -> list[tuple[str, str]]:
    """Return the ANON folder of each folder."""
    (told,) = json.loads(anonymizer("status", root, "--json").stdout)
    return [(row["folder"], row["anon"]) for row in told["sets"]]


@pytest.mark.parametrize("change", [darkened, relabelled])
def test_a_changed_set_waits_for_a_person_and_is_then_a_set_of_its_own(two, change) -> None:
    """The same UIDs with other bytes need a decision. Taken as new it gets new UIDs, and stays known."""
    root, one, _ = two
    anon = dict(states_of(root))["a"]
    before = {path.name: path.read_bytes() for path in (root / anon).iterdir()}
    change(one)
    (root / "a").touch()

    assert findings(root) == (1, [("original-changed", "a")])
    (root / "a").rename(root / "c")
    assert states(run(root)) == {"c": ("changed", anon)}
    assert "--as-new" in (root / "c_NOTE.txt").read_text("utf-8-sig")

    assert anonymizer("retry", root, "c", "--as-new").returncode == 0
    assert states(run(root)) == {"c": ("published", "ANON_008")}
    assert not (root / "c_NOTE.txt").exists()
    judge(root / "c", root / "ANON_008", one.manifest)
    assert {path.name for path in (root / "ANON_008").iterdir()}.isdisjoint(before)
    assert {path.name: path.read_bytes() for path in (root / anon).iterdir()} == before

    (root / "c").rename(root / "d")
    assert states(run(root)) == {"d": ("same-set", "ANON_008")}
    assert findings(root) == (0, [("original-gone", "a"), ("original-gone", "c")])
    told = " ".join(anonymizer("doctor", root).stdout.split())
    assert "Everything is consistent. The entries are for information only." in told
    assert told.count("Nothing: d holds the same set.") == 1
    assert told.count("Nothing, if that was intended.") == 1


@pytest.mark.parametrize("beside", ["", "read me.txt"])
def test_originals_that_were_cleared_away_are_for_information_only(two, beside: str) -> None:
    """Emptied folders are as good as removed ones; one of which a part is left was changed."""
    root, one, other = two
    shutil.rmtree(other.folder)
    made = sorted(one.folder.iterdir())
    kept = [(path, path.read_bytes()) for path in made]
    for path in made:
        path.unlink()
    if beside:
        (one.folder / beside).write_text("moved to the archive")
    assert findings(root) == (0, [("original-gone", "a"), ("original-gone", "b")])
    assert "Nothing, if that was intended." in " ".join(anonymizer("doctor", root).stdout.split())

    path, content = kept[0]
    path.write_bytes(content)
    assert findings(root) == (1, [("original-changed", "a"), ("original-gone", "b")])
    for path, content in kept:
        path.write_bytes(content)
    assert findings(root) == (0, [("original-gone", "b")])


def test_a_withdrawn_set_is_out_of_the_collection_and_its_number_is_not_given_again(two) -> None:
    """Its line is removed, its folder moved but not deleted; dropped again it is recognized."""
    root, _, other = two
    before = dict(states_of(root))
    anon, kept = before["a"], before["b"]
    files = sorted(path.name for path in (root / anon).iterdir())
    (root / "sheets").mkdir(exist_ok=True)
    (root / "sheets" / f"{anon}.pdf").write_bytes(b"what was a sheet")

    done = anonymizer("withdraw", root, root / anon)
    assert (done.returncode, done.stderr) == (0, "")
    assert anon_folders(root) == [kept]
    assert sorted(path.name for path in (root / ".anonymizer" / "withdrawn" / anon).iterdir()) == files
    assert not (root / "sheets" / f"{anon}.pdf").exists()
    exported = json.loads(anonymizer("export", root, root.parent / "copy", "--json").stdout)
    assert [(one["folder"], one["state"]) for one in exported] == [(kept, "copied")]
    (line,) = tracking_lines(root)[1:]
    assert line.startswith(other.plan.PatientID)
    assert "withdrawn" in (root / "a_NOTE.txt").read_text("utf-8-sig")
    assert findings(root) == (0, [])
    (root / "sheets" / f"{anon}.pdf").write_bytes(b"as it stands when the withdrawal was cut off before it")
    assert anonymizer("withdraw", root, anon).returncode == 0
    assert not (root / "sheets" / f"{anon}.pdf").exists()

    (root / "a").rename(root / "once more")
    make_set(root, name="c", seed="c")
    assert states(run(root)) == {"once more": ("withdrawn", anon), "c": ("published", "ANON_008")}
    assert len(tracking_lines(root)) == 1 + 2
    assert anonymizer("retry", root, "once more", "--as-new").returncode == 0
    assert states(run(root)) == {"once more": ("published", "ANON_009")}


@pytest.mark.parametrize("retried", [False, True])
def test_what_was_published_before_is_not_denied_when_its_folder_is_refused_later(two, *, retried: bool) -> None:
    """After a second dose was added, the number is named as long as it is published."""
    root, made, _ = two
    anon = dict(states_of(root))["a"]
    shutil.copyfile(made.path(made.dose), made.folder / "a second dose.dcm")
    if retried:
        anonymizer("retry", root, "a")
    assert states(run(root))["a"] == ("refused", anon)
    assert f"{anon}, which was published from it before, stays as it is." in (root / "a_REFUSED.txt").read_text(
        "utf-8-sig"
    )
    assert findings(root)[0] == 0

    anonymizer("withdraw", root, anon)
    anonymizer("retry", root, "a")
    assert states(run(root))["a"] == ("refused", "")
    assert "None of it was published." in (root / "a_REFUSED.txt").read_text("utf-8-sig")


def test_what_was_never_published_cannot_be_withdrawn(two) -> None:
    """A wrong name, an unused number, one of the older program."""
    root, *_ = two
    for name in ("ANON_042", "a"):
        done = anonymizer("withdraw", root, name)
        assert (done.returncode, done.stdout) == (2, "")
        assert name in done.stderr


def test_the_tracking_header_alone_is_left(tmp_path: Path) -> None:
    """When the only set was withdrawn."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a", seed="a")
    run(root)
    anonymizer("withdraw", root, "ANON_006")
    assert tracking_lines(root) == [HEADER]


def test_redis_is_made_again_from_the_share(two, client, redis_server, monkeypatch) -> None:
    """On request, as the service does by itself."""
    root, *_ = two
    monkeypatch.setenv("ANONYMIZER_REDIS_URL", f"redis+socket://{redis_server}")
    its_id = json.loads((root / ".anonymizer" / "collection.json").read_text())["id"]
    client.hset(f"anonymizer:ledger:{its_id}", mapping={"generation": "wrong", "i:99": ""})

    assert anonymizer("rebuild", root).returncode == 0
    stored = client.hgetall(f"anonymizer:ledger:{its_id}")
    assert {name for name in stored if name.startswith(b"i:")} == {b"i:6", b"i:7"}


@pytest.mark.parametrize("arguments", [("export", "ROOT", "to"), ("which", "ANON_006", "ROOT"), ("deliveries", "ROOT")])
def test_a_collection_of_which_nothing_is_begun_has_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """It is said in a sentence, and nothing is written."""
    root = make_collection(tmp_path / "BATCH")
    there = {"ROOT": root, "to": tmp_path / "to"}
    done = anonymizer(*(there.get(one, one) for one in arguments))
    assert re.fullmatch(
        r"(No set of|Nothing under|There are no deliveries from) [^\n]+\.[^\n]*\n", done.stdout + done.stderr
    )
    assert [path.name for path in root.iterdir()] == ["collection.toml"]
