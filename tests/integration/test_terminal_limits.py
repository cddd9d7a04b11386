"""Commands at a narrow, limited or closed terminal, and requests for missing things."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from anonymizer.terminal import command
from services.layout import quoted
from tests.in_process import anonymizer
from tests.sets import make_collection, make_set, setting

NAMES = ("Müller Anna 4711", "Huber Josef 1938", "Weber Paula 1950")


@pytest.fixture(autouse=True)
def _program_that_a_shell_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the program on the PATH, so that suggested commands begin the same everywhere."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a collection of three sets in a folder whose name needs quoting."""
    root = make_collection(tmp_path / "The batch's folder")
    for seed, name in enumerate(NAMES):
        make_set(root, name=name, seed=seed)
    return root


def said(*arguments: object, **environment: str) -> tuple[int, str, str]:
    """Run a command, in its own process if the environment differs; return exit code and output."""
    if not environment:
        told = anonymizer(*arguments)
        return told.returncode, told.stdout, told.stderr
    done = subprocess.run(
        [sys.executable, "-m", "anonymizer", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def published(root: Path) -> dict[str, str]:
    """Return the ANON folder of each set."""
    told = json.loads(said("status", root, "--json")[1])
    return {one["folder"]: one["anon"] for one in told[0]["sets"] if one["state"] == "published"}


def test_only_the_sets_that_are_named_are_done(root: Path) -> None:
    """The others wait without counting as failed; `--dry-run` changes nothing, `status --all` lists all."""
    before = sorted(root.rglob("*"))
    assert said("run", root, "--dry-run")[0] == 0
    assert said("run", root, "--dry-run", "--json")[1] == said("check", root, "--json")[1]
    assert sorted(root.rglob("*")) == before
    code, out, _ = said("run", root, "--only", NAMES[1])
    assert code == 0
    assert published(root) == {NAMES[1]: "ANON_006"}
    assert NAMES[1] not in said("status", root)[1]
    assert NAMES[1] in said("status", root, "--all")[1]
    (root / "nothing in it").mkdir()
    assert "no set" in said("run", root, "--only", "nothing in it")[1]
    (root / "nothing in it").rmdir()
    assert f"{command('export', root)} DEST" in " ".join(out.split())
    assert said("run", root, "--only", "nobody")[0] == 2

    code, out, err = said("retry", root, NAMES[1])
    assert (code, "neither refused nor parked: it is published as ANON_006" in " ".join(err.split())) == (2, True)
    assert said("retry", root, NAMES[1], "--as-new")[0] == 2, "it would be published twice"
    for other in ("ANON_006", "sheets", ".anonymizer", "..", "collection.toml"):
        assert said("retry", root, other)[0] == 2, other
        assert said("run", root, "--only", other)[0] == 2, other
    assert said("retry", root, NAMES[0])[0] == 0


@pytest.mark.parametrize("environment", [{"LANG": "C", "LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_names_and_tables_are_printed_in_plain_ascii(root: Path, environment: dict[str, str]) -> None:
    """Unsupported characters are escaped, without tracebacks."""
    make_set(root, name=os.fsdecode(b"Sch\xe4fer"), seed=7)
    for arguments in (("check", root), ("status", root), ("--help",)):
        code, out, err = said(*arguments, **environment)
        assert (code, "Traceback" in err) == (0, False), err
        assert out


def test_a_closed_output_is_reported_in_one_sentence(root: Path) -> None:
    """Closed from the start, or by the reader."""
    python = f"{shlex.quote(sys.executable)} -m anonymizer"
    closed = subprocess.run(
        ["sh", "-c", f'{python} status "$0" >&-', str(root)], capture_output=True, text=True, check=False
    )
    assert (closed.returncode, closed.stderr.count("\n"), "Standard output is closed" in closed.stderr) == (2, 1, True)
    for asked in ("status", "check", "run"):
        left = subprocess.run(
            ["sh", "-c", f'{{ {python} {asked} "$0"; echo $? >&2; }} | true', str(root)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert left.stderr == "0\n"
    assert len(list(root.glob("ANON_*"))) == len(NAMES)


def test_hints_are_quoted_for_a_shell() -> None:
    """So that they can be copied."""
    assert command("run", "/mnt/Müller, Anna's") == "anonymizer run '/mnt/Müller, Anna'\"'\"'s'"
    assert command("run", "/srv/BATCH") == "anonymizer run /srv/BATCH"
    for name in ("a", "Müller, Anna", "Anna's", 'a "b" $HOME `id` \\', "'", "-x"):
        assert shlex.split(f"retry ROOT {quoted(name)} --as-new") == ["retry", "ROOT", name, "--as-new"]


def test_a_program_that_no_shell_finds_is_advised_by_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a clone it is in `.venv/bin`; if on the PATH, its name suffices."""
    program = tmp_path / "a clone" / "anonymizer"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", "/usr/bin")
    assert command("run", "R") == f"'{program}' run R"
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin")
    assert command("run", "R") == "anonymizer run R"


@pytest.mark.parametrize("name", ["The batch's folder", 'Größe "2" $HOME'])
def test_every_command_that_is_advised_can_be_run_unchanged(tmp_path: Path, name: str) -> None:
    """ROOT in a sentence is replaced by the command's folder, quoted."""
    root = make_collection(tmp_path / name)
    make_set(root, setting("RTPLAN", RTPlanLabel="VMAT_JSM"), name="Anna's", seed=1)
    make_set(root, setting("RTPLAN", PlanIntent="VERIFICATION"), name="Huber", seed=2)
    told = [said("run", root)[1], said("words", root)[1], said("export", root, tmp_path / "out")[1]]
    slice_ = min((root / "Anna's").glob("CT.*"))
    slice_.write_bytes(slice_.read_bytes()[:-1] + b"x")
    told += [said("run", root)[1], said("which", "ANON_006", root)[1]]

    sentences = (line for text in told for line in text.splitlines() if "│" not in line)
    advised = re.findall(r"(?=anonymizer ([a-z]+) (.*))", "\n".join(sentences))
    assert {verb for verb, _ in advised} == {"words", "export", "retry", "withdraw"}
    assert [said for said in advised if not said[1].startswith(shlex.quote(str(root)))] == []


def seen(columns: int, *arguments: object) -> str:
    """Return the display of a terminal of this width."""
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("SKIPPED: this system gives no terminal (devpts is not mounted)")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    started = subprocess.Popen(
        [sys.executable, "-m", "anonymizer", *map(str, arguments)],
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"},
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert started.wait() in {0, 1}
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


@pytest.mark.parametrize("columns", [40, 60])
def test_a_narrow_terminal_cuts_no_word(root: Path, columns: int) -> None:
    """If a table does not fit, its rows become blocks; headings and names are complete."""
    table = seen(columns, "check", root)
    assert "…" not in table
    for word in (
        "RTSTRUCT",
        "RTPLAN",
        "RTDOSE",
        "Links",
        "Machine",
        "Verdict",
        "VicRapidPlan",
        "linked",
        "Müller Anna 4711",
    ):
        assert word in table


def test_control_characters_in_names_are_not_printed(tmp_path: Path) -> None:
    """C0 and C1 control characters and changes of text direction in names of folders, sets and files."""
    nasty = "\x1b]0;owned\x07\x9b31m\u202eon\x7f"
    root = make_collection(tmp_path / f"batch {nasty}")
    made = make_set(root, name=f"Meier {nasty}")
    (made.folder / f"more {nasty}.zip").write_bytes(b"PK")
    make_set(tmp_path, name=f"one {nasty}")
    asked = [
        ("check", root),
        ("run", root),
        ("status", root, "--all"),
        ("status", root, "--json"),
        ("doctor", root),
        ("doctor", root, "--json"),
        ("retry", root, f"gone {nasty}"),
        ("run", tmp_path / f"one {nasty}"),
        ("compare", made.folder, root / "ANON_006"),
    ]

    for arguments in asked:
        _, *texts = said(*arguments)
        shown = "".join(texts)
        assert shown
        assert [letter for letter in "\x1b\x07\x9b\u202e\x7f" if letter in shown] == [], arguments


@pytest.mark.parametrize("name", ["structures.csv", "identities.csv", "words.csv"])
def test_a_pipe_in_place_of_a_list_is_reported(root: Path, name: str) -> None:
    """Nor do an endless device or an oversized file: one sentence names the file."""
    os.mkfifo(root / name)
    code, out, error = said("run", root)
    assert (code, name in out + error) == (2, True)

    (root / name).unlink()
    (root / name).symlink_to("/dev/zero")
    code, out, error = said("check", root)
    assert code in {1, 2}
    assert name in out + error
