"""The command line for people: messages, files, and exit codes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest
import redis
from kombu.exceptions import OperationalError

from anonymizer import quick
from anonymizer.commands.collection import new as new_command
from anonymizer.commands.sets import check as check_command
from anonymizer.embedded.redis_server import NoServer
from anonymizer.terminal import print_error
from services.errors import Fault, FormatTooNew, SetChanged, SetRefused, SettingsWrong
from services.rtset import folder_listing
from services.store import failures, registry
from services.store.collection import Collection
from services.store.registry import Outcome
from tests.in_process import Said, commands
from tests.logged import logged
from tests.rights import not_all_powerful
from tests.sets import make_collection, make_set, patient, setting, without

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORM = (
    *("--patient-id", "zzz_AnusGE", "--family-name", "AnusGE", "--first-name", "First"),
    *("--hospital", "Demo Hospital", "--initial-index", "6"),
)


@pytest.fixture
def anonymizer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call the command line in this process, with nobody at the terminal."""
    for name in [name for name in os.environ if name.startswith("ANONYMIZER_")]:
        monkeypatch.delenv(name)

    return commands(monkeypatch, capsys)


def names(folder: Path) -> list[str]:
    """Name everything below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_new_writes_the_form_and_says_whom_the_first_set_becomes(
    tmp_path: Path, anonymizer: Callable[..., Said]
) -> None:
    """Like the older program's form."""
    root = tmp_path / "BATCH"  # beside tmp_path there are other tests' collections, which it would warn of
    root.mkdir()
    said = anonymizer("new", root, *FORM)
    assert (said.code, said.err) == (0, "")
    assert "zzz_AnusGE006, AnusGE006^First, in ANON_006" in said.out
    form = tomllib.loads((root / "collection.toml").read_text())
    assert form["identity"] == {
        "patient_id": "zzz_AnusGE",
        "family_name": "AnusGE",
        "first_name": "First",
        "hospital": "Demo Hospital",
        "initial_index": 6,
    }
    assert form["plan"]["machine"] == "VicRapidPlan"


def test_new_asks_at_a_terminal_for_what_was_not_given(
    tmp_path: Path, anonymizer: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With usual answers as defaults."""
    answers = iter(["AnusGE", "First", "Demo Hospital", 6, "keep"])
    monkeypatch.setattr(new_command.sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(new_command.typer, "prompt", lambda *_, **__: next(answers))
    said = anonymizer("new", tmp_path, "--patient-id", "zzz_AnusGE")
    assert (said.code, "AnusGE006^First" in said.out) == (0, True)
    assert tomllib.loads((tmp_path / "collection.toml").read_text())["plan"]["machine"] == "keep"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--patient-id", "x"), "--family-name, --first-name, --hospital"),
        ((*FORM, "--patient-id", "x" * 70), "64 characters"),
        ((*FORM, "--initial-index", "0"), "initial_index is 0"),
        ((*FORM, "--machine", "Nowhere"), "no machine called Nowhere"),
    ],
)
def test_new_refuses_what_cannot_be_used_in_one_sentence(
    tmp_path: Path, anonymizer: Callable[..., Said], arguments: tuple[str, ...], sentence: str
) -> None:
    """And writes nothing."""
    said = anonymizer("new", tmp_path, *arguments)
    assert (said.code, said.out, sentence in said.err, names(tmp_path)) == (2, "", True, [])


def test_new_does_not_write_over_a_form(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """It is changed by hand from then on."""
    anonymizer("new", tmp_path, *FORM)
    before = (tmp_path / "collection.toml").read_text()
    said = anonymizer("new", tmp_path, *FORM, "--hospital", "Another")
    assert (said.code, (tmp_path / "collection.toml").read_text()) == (2, before)


def test_new_continues_behind_the_numbers_of_the_older_program(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Folders and lines count; nothing is adopted without the option."""
    (tmp_path / "ANON_007").mkdir()
    (tmp_path / "VicRapidPlan_trackingFile_20190101.txt").write_text(
        "OrigPatientID, NewPatientID, OrigPlanID, Hospital\n1, zzz_AnusGE009, P, H\n"
    )
    refused = anonymizer("new", tmp_path, *FORM)
    adopted = anonymizer("new", tmp_path, *FORM, "--continue")
    assert (refused.code, "--continue" in refused.err) == (2, True)
    assert (adopted.code, "zzz_AnusGE010" in adopted.out) == (0, True)


def test_check_lists_every_text_that_would_travel(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Cleaned, with unread words marked and patient characteristics; by set if requested."""
    root = make_collection(tmp_path / "BATCH", more='[privacy]\npatient_characteristics = "dose_model"')
    label = setting("RTPLAN", RTPlanLabel="VMAT_JSM")
    make_set(root, patient("Testermann^Anna", "4711023"), label, rois=["PTV", "Parotid_L Testermann"], name="a", seed=1)
    make_set(root, rois=["PTV", "Larynx"], name="b", seed=2)
    before = names(root)
    short, long, told = (anonymizer("check", root, *more) for more in ((), ("--texts",), ("--json",)))
    rows = {row["folder"]: row for row in json.loads(told.out)["sets"]}
    assert names(root) == before
    assert [row["texts"]["roi_name"] for row in rows.values()] == [["PTV", "Parotid_L"], ["Larynx", "PTV"]]
    assert (rows["a"]["texts"]["plan_label"], rows["a"]["unread_words"]) == (["VMAT_JSM"], ["JSM"])
    assert rows["a"]["person"] == {
        "PatientAge": "038Y",
        "PatientSex": "F",
        "PatientBirthDate": "made up",
        "PatientSize": "1.74",
        "PatientWeight": "71",
    }
    assert "name of a structure: Larynx; PTV; Parotid_L\n" in short.out
    assert "VMAT_JSM (not read: JSM)" in short.out
    assert "texts would be kept; of the person: age 038Y, sex F, birth date made up" in short.out
    assert [f"{name}: texts that would be kept" in long.out for name in "ab"] == [True, True]
    assert "Testermann" not in short.out + long.out + told.out


def test_check_tells_a_note_on_several_sets_once(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """With their number; one that a single set has stands beside its name, and `--texts` lists all by set."""
    root = make_collection(tmp_path / "BATCH")
    for name in "abc":
        make_set(root, setting("RTPLAN", RTPlanLabel="HN longer label" if name == "c" else "HN"), name=name, seed=name)
    short, long = anonymizer("check", root).out, anonymizer("check", root, "--texts").out
    note = "No structure is the outline of the body (type EXTERNAL)."
    assert [line for line in short.splitlines() if note in line] == [f"3 of 3 sets: {note}"]
    assert [line for line in long.splitlines() if note in line] == [f"{name}: {note}" for name in "abc"]
    assert [line.partition(":")[0] for line in short.splitlines() if "plan's label" in line] == ["c"]


def test_check_tells_all_and_changes_nothing(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """A row for each set, and all its faults below."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, setting("RTPLAN", RTPlanLabel="VMAT_JSM"), name="good", seed=1)
    make_set(root, without("RTPLAN"), name="no plan", seed=2)
    (root / "letters").mkdir()
    before = names(root)
    said = anonymizer("check", root)
    rows = {row["folder"]: row for row in json.loads(anonymizer("check", root, "--json").out)["sets"]}
    assert (said.code, names(root)) == (1, before)
    assert "no plan: There is no RT Plan here." in said.out
    assert "letters: no DICOM files, not a set." in said.out
    assert "good: words not yet reviewed: JSM" in said.out
    assert {name: row["unread_words"] for name, row in rows.items()} == {"good": ["JSM"], "letters": [], "no plan": []}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "good": "good",
        "letters": "no set",
        "no plan": "incomplete",
    }
    assert rows["good"]["counts"] == {"CT": 3, "RTSTRUCT": 1, "RTPLAN": 1, "RTDOSE": 1}
    assert set(rows["good"]["links"].values()) == {"shown"}
    assert rows["good"]["machine"] == "VicRapidPlan"


def test_check_needs_no_form(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Anyone may check a new folder."""
    made = make_set(tmp_path, name="good", seed=1)
    assert anonymizer("check", tmp_path).code == 0
    assert names(tmp_path) == ["good", *(f"good/{path.name}" for path in sorted(made.folder.iterdir()))]


def test_check_holds_against_the_machine_that_is_named(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Instead of the form's, which is unchanged, to try other machines."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="set", seed=1)
    form = (root / "collection.toml").read_bytes()
    rows = json.loads(anonymizer("check", root, "--machine", "keep", "--json").out)["sets"]
    assert [(row["verdict"], row["machine"]) for row in rows] == [("good", "")]
    rows = json.loads(anonymizer("check", root, "--machine", "VicRapidPlanHD", "--json").out)["sets"]
    assert [(row["verdict"], row["machine"]) for row in rows] == [("refused", "does not fit")]
    assert (root / "collection.toml").read_bytes() == form


@pytest.mark.parametrize("where", ["before it begins", "in a command"])
def test_ctrl_c_ends_a_command_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anonymizer: Callable[..., Said], where: str
) -> None:
    """With the shell's exit code, even during imports."""

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    if where == "in a command":
        monkeypatch.setattr(check_command, "check_collection", stop)
    else:
        monkeypatch.setattr(quick, "answer", stop)
    assert anonymizer("check", tmp_path) == Said(130, "", "Stopped.\n")


def test_run_without_a_form_or_with_two_is_wrong_use(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Identities are defined once."""
    without_form = anonymizer("run", tmp_path)
    make_collection(tmp_path)
    with_two = anonymizer("run", tmp_path, *FORM)
    nowhere = anonymizer("run", tmp_path / "nowhere")
    assert (without_form.code, with_two.code, nowhere.code) == (2, 2, 2)
    assert "--patient-id" in without_form.err
    assert "change it there" in with_two.err
    assert "is not a folder" in nowhere.err


def test_a_wrong_form_is_reported_with_its_line(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Not with a traceback."""
    make_collection(tmp_path, more="on_machine_mismatch = 5")
    said = anonymizer("run", tmp_path)
    assert (said.code, "line 10" in said.err, "Traceback" in said.err) == (2, True, False)


def test_a_wrong_setting_is_reported(
    tmp_path: Path, anonymizer: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name."""
    monkeypatch.setenv("ANONYMIZER_QUIET_S", "soon")
    assert anonymizer("watch", tmp_path).err.startswith("ANONYMIZER_QUIET_S must be")


@pytest.mark.parametrize("command", ["watch", "worker"])
def test_the_service_says_what_it_needs(
    command: str, anonymizer: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis, and a share."""
    monkeypatch.setenv("ANONYMIZER_REDIS_URL", "redis://localhost:1/0")
    assert "ANONYMIZER_SHARE" in anonymizer(command).err
    monkeypatch.delenv("ANONYMIZER_REDIS_URL")
    monkeypatch.setenv("ANONYMIZER_SHARE", "/")
    said = anonymizer(command)
    assert (said.code, "ANONYMIZER_REDIS_URL is not set" in said.err) == (2, True)


def test_an_unexpected_error_is_reported_without_its_text(
    tmp_path: Path, anonymizer: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text may contain a name."""

    def fail(_: object) -> None:
        raise KeyError("Mustermann")

    monkeypatch.setattr(check_command, "check_collection", fail)
    said = anonymizer("check", tmp_path)
    assert (said.code, "KeyError" in said.err, "Mustermann" in said.err) == (2, True, False)


def test_status_tells_the_state_of_each_collection(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Under a share, too; a paused collection has a reason."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="new one", seed=1)
    refused = make_set(root, name="refused one", seed=2)
    collection = Collection.open(root)
    locator = registry.register(collection, "refused one")
    fingerprint = folder_listing.take(refused.folder).fingerprint
    registry.write_outcome(
        collection, locator, Outcome("refused", fingerprint, "2026-11-22T12:00:00Z", text="No plan.")
    )
    broken = make_collection(tmp_path / "broken")
    (broken / "collection.toml").write_text("[identity\n")

    said = anonymizer("status", tmp_path)
    told = {one["root"]: one for one in json.loads(anonymizer("status", tmp_path, "--json").out)}

    assert said.code == 1  # one is refused
    assert {row["folder"]: (row["state"], row["why"]) for row in told[str(root)]["sets"]} == {
        "new one": ("new", ""),
        "refused one": ("refused", "No plan."),
    }
    assert "line 1" in told[str(broken)]["paused"]
    assert "no sets" not in said.out  # those of a broken form were not looked through
    assert anonymizer("status", tmp_path / "BATCH" / "new one").code == 2


def test_a_folder_that_may_not_be_written_is_reported_in_one_sentence(
    tmp_path: Path, anonymizer: Callable[..., Said]
) -> None:
    """By the folder's name, not that of the file to be created, and with the remedy."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="one", seed=1)
    root.chmod(0o555)
    with not_all_powerful():
        said = anonymizer("run", root)
    root.chmod(0o755)

    assert (said.code, "".join(said.err.split())) == (
        2,
        f"Nothingcanbewrittenin{root}:Permissiondenied.Theaccountthatrunsthisneedstherighttowritethere.",
    )


def test_status_tells_of_two_collections_of_one_id(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """The service leaves both alone, so the status explains why."""
    Collection.open(make_collection(tmp_path / "BATCH"))
    shutil.copytree(tmp_path / "BATCH", tmp_path / "copy")
    make_collection(tmp_path / "new")
    make_collection(tmp_path / "newer")

    told = {one["root"]: one["paused"] for one in json.loads(anonymizer("status", tmp_path, "--json").out)}
    assert [bool(told[str(tmp_path / name)]) for name in ("BATCH", "copy", "new", "newer")] == [
        True,
        True,
        False,
        False,
    ]
    assert "Move the copy away" in told[str(tmp_path / "copy")]


def test_collections_that_would_name_two_patients_alike_are_warned_of(
    tmp_path: Path, anonymizer: Callable[..., Said]
) -> None:
    """When creating the second, when checking, and in the status; it is only a warning."""
    make_collection(tmp_path / "first")
    (tmp_path / "second").mkdir()
    made = anonymizer("new", tmp_path / "second", *FORM)
    checked = anonymizer("check", tmp_path / "second", "--json")
    told = json.loads(anonymizer("status", tmp_path, "--json").out)

    assert (made.code, checked.code) == (0, 0)
    for warned in (made.err, checked.err, *(one["warning"] for one in told)):
        assert "Two patients could become zzz_AnusGE006" in warned


def test_retry_has_a_set_looked_at_again(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """Like a new one; a missing folder is reported."""
    root = make_collection(tmp_path / "BATCH")
    made = make_set(root, name="a", seed=1)
    collection = Collection.open(root)
    locator = registry.register(collection, "a")
    registry.write_outcome(
        collection, locator, Outcome("parked", folder_listing.take(made.folder).fingerprint, "2026-11-22T12:00:00Z")
    )
    failures.keep(collection, locator, ["ValueError"])

    assert anonymizer("retry", root, "a").code == 0
    assert (registry.read_outcome(collection, locator), failures.all_of(collection)) == (None, [])
    assert anonymizer("retry", root, "b").code == 2


def test_policy_can_be_read_by_people_pages_and_programs(anonymizer: Callable[..., Said]) -> None:
    """The same rows."""
    table, page, rows = (anonymizer("policy", *how) for how in ((), ("--markdown",), ("--json",)))
    assert "(0010,0010)" in table.out
    assert page.out.startswith("# The action for each attribute")
    assert len(json.loads(rows.out)) > 657


def test_demo_requires_a_new_folder(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """It makes its own folder."""
    made = anonymizer("demo", tmp_path / "demo", "--sets", 1, "--ct", 2, "--rois", 2)
    (root,) = [path for path in (tmp_path / "demo").iterdir() if path.is_dir()]
    assert (made.code, len(list(root.iterdir()))) == (0, 5)
    assert anonymizer("demo", tmp_path / "demo").code == 2


@pytest.mark.parametrize("name", [".lock", "outcome.json", "ANON_006"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_what_cannot_be_written_is_told_with_its_remedy_whatever_it_is(
    number: int, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but writing has these errors."""
    monkeypatch.setenv("COLUMNS", "200")
    assert print_error(OSError(number, os.strerror(number), f"/share/C/.anonymizer/received/{name}")) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith(f"Nothing can be written in /share/C/.anonymizer/received: {os.strerror(number)}. ")
    assert said.endswith((" there.", " for writing."))


def test_nothing_to_compare_is_said(tmp_path: Path, anonymizer: Callable[..., Said]) -> None:
    """An emptied folder, or that of another set, gives no empty page."""
    root = make_collection(tmp_path / "BATCH")
    made = make_set(root, name="Huber", ct=1)
    (root / "ANON_006").mkdir()
    said = anonymizer("compare", made.folder, root / "ANON_006")
    assert (said.code, "ANON_006 holds no object of the set" in " ".join(said.err.split())) == (2, True)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (redis.ConnectionError("to a host with a name"), "Not possible at the moment: Redis is unavailable."),
        (OperationalError("to a host with a name"), "Not possible at the moment: Redis is unavailable."),
        (SetChanged(), "Not possible at the moment: the set changes."),
        (SetRefused(Fault("deep", "CT is in too many folders.", "")), "CT is in too many folders."),
        (FormatTooNew(), "A newer version of this program wrote here: update this one."),
        (NoServer(), NoServer.__doc__),
    ],
)
def test_what_stops_a_command_is_told_in_words(
    error: Exception, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal, and as one log line of a service, with the class alone of what may hold a name."""
    monkeypatch.setenv("COLUMNS", "200")
    assert print_error(error) == 2
    assert " ".join(capsys.readouterr().err.split()) == says
    with logged() as log:
        assert print_error(error) == 2
    line = json.loads(log.getvalue())
    assert (line["event"], line["error"]) == ("service.failed", type(error).__name__)
    assert line.get("reason") == (says if isinstance(error, SettingsWrong) else None)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (None, "No more can be written: Disk quota exceeded. Make room, and repeat the command."),
        ("/out/.a.zip.unfinished/delivery", "Nothing can be written in /out: Disk quota exceeded. Make room there."),
        ("/out/.a.unfinished/ANON_006/CT.dcm", "Nothing can be written in /out: Disk quota exceeded. Make room there."),
    ],
)
def test_a_full_disk_is_told_with_its_remedy_wherever_it_is_noticed(
    path: str | None, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an open file, whose name the system does not say, and in a folder that is removed again."""
    monkeypatch.setenv("COLUMNS", "200")
    assert print_error(OSError(errno.EDQUOT, "Disk quota exceeded", *filter(None, [path]))) == 2
    assert " ".join(capsys.readouterr().err.split()) == says


def test_what_is_denied_is_told_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a collection that another account made, not even the state can be read."""
    for number in (errno.EACCES, errno.EPERM):
        assert print_error(OSError(number, os.strerror(number), "/share/C/.anonymizer/format")) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert (
            said
            == f"{os.strerror(number)}: /share/C/.anonymizer/format. The account that runs this needs access to it."
        )
