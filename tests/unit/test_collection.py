"""The form and the state, and messages if either is unusable."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.errors import FormatTooNew, SettingsWrong
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.store import collection as collections
from services.store import records
from services.store.collection import FORMAT, Collection, ShareAway, collection_id

if TYPE_CHECKING:
    from pathlib import Path

FORM = Identity("zzz_AnusGE", "AnusGE", "First", 'St. "Demo" \\ Hospital', 6)
OPTIONS = Options(machine=("VicRapidPlan_TB",))
SMALLEST = """
[identity]
patient_id = "zzz_AnusGE"
family_name = "AnusGE"
first_name = "First"
hospital = "Demo Hospital"
initial_index = 6
[plan]
machine = "keep"
"""


def write_form(root: Path, text: str) -> None:
    """Write `collection.toml` by hand."""
    (root / "collection.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        Options(machine=()),
        Options(("A", "B"), "warn", "SCANNER 1", "remove", "age_sex", "relink", frozenset({"relative-dose"}), "refuse"),
    ],
)
def test_what_new_writes_is_what_is_read(tmp_path: Path, options: Options) -> None:
    """Reopening gives the same collection."""
    made = Collection.create(tmp_path, FORM, options)

    assert (made.identity, made.options) == (FORM, options)
    assert Collection.open(tmp_path) == Collection.look(tmp_path) == made
    assert "zzz_AnusGE006, AnusGE006^First" in (tmp_path / "collection.toml").read_text()


def test_a_form_written_by_hand_is_enough(tmp_path: Path) -> None:
    """Even with a byte order mark and Windows line ends; other keys have defaults."""
    (tmp_path / "collection.toml").write_bytes(SMALLEST.replace("\n", "\r\n").encode("utf-8-sig"))

    assert Collection.open(tmp_path).options == Options(machine=())
    assert stat.S_IMODE((tmp_path / ".anonymizer" / "key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [".anonymizer", "collection.toml"]


def test_ids_depend_on_the_collections_key(tmp_path: Path) -> None:
    """Equal folder names and UIDs give other ids in another collection; their order does not matter."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a, b = (Collection.create(tmp_path / name, FORM, OPTIONS) for name in "ab")

    assert a.set_id(["1.2", "1.3"]) == a.set_id(["1.3", "1.2"]) != a.set_id(["1.2"])
    assert a.set_id(["1.2"]) != b.set_id(["1.2"])
    assert a.locator("x") != b.locator("x")
    assert a.id != b.id
    assert len(a.set_key("0" * 32)) == 32
    assert a.set_key("0" * 32) != a.set_key("1" * 32)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"patient_id is missing in \[identity\]"),
        (SMALLEST.replace("= 6", "= "), "line 7"),
        (SMALLEST + 'colour = "red"', r"line 10: colour is unknown in \[plan\]"),
        (SMALLEST + "[plna]", r"unknown table \[plna\]"),
        ("identity = 1", "identity must be a table"),
        (SMALLEST.replace("= 6", '= "6"'), "line 7: initial_index must be a whole number"),
        (SMALLEST.replace("= 6", "= true"), "a whole number"),
        (SMALLEST.replace('"keep"', '"../../etc/passwd"'), "line 9: machine must be the name of a machine descriptor"),
        (SMALLEST.replace('"keep"', "[]"), "a machine descriptor"),
        (SMALLEST.replace('"keep"', '["A", "keep"]'), "a machine descriptor"),
        (SMALLEST + '[privacy]\ndates = "none"', 'line 11: dates must be "shift" or "remove" or "keep"'),
        (SMALLEST + "[privacy]\ndates = []", '"shift" or "remove"'),
        (SMALLEST + '[privacy]\nscanner = "a\\\\b"', "at most 16 English letters"),
        ('[identity]\npatient_id = "zzz', "at line 2, where it ends"),
        (SMALLEST + '[check]\naccept = "relative-dose"', "accept must be a list in"),
        (
            SMALLEST + '[check]\naccept = ["relativ-dose"]',
            "line 11: accept must be .* from: relative-dose, ",
        ),
        (SMALLEST + '[check]\naccept = [["relative-dose"]]', "accept must be a list in"),
        (SMALLEST.replace('"zzz_AnusGE"', '""'), "collection.toml: patient_id is empty"),
        (SMALLEST.replace("= 6", "= 0"), "initial_index is 0"),
        ("[" * 5000, "cannot be read"),
        ("x = " + "[" * 5000, "cannot be read"),
    ],
)
def test_a_wrong_form_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    """Nothing is created."""
    write_form(tmp_path, text)

    with pytest.raises(SettingsWrong, match=says):
        Collection.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["collection.toml"]


def test_a_form_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """UTF-16, oversized, a folder, or missing."""
    form = tmp_path / "collection.toml"
    with pytest.raises(SettingsWrong, match="anonymizer new"):
        Collection.open(tmp_path)
    form.write_text(SMALLEST, encoding="utf-16")
    with pytest.raises(SettingsWrong, match="UTF-8"):
        Collection.open(tmp_path)
    form.write_bytes(b"#" * 2_000_000)
    with pytest.raises(SettingsWrong, match="not a settings file"):
        Collection.open(tmp_path)
    form.unlink()
    form.mkdir()
    with pytest.raises(SettingsWrong, match="not a settings file"):
        Collection.open(tmp_path)


def test_a_path_as_a_hospital_is_a_text_like_any(tmp_path: Path) -> None:
    """It is written to the tracking file only."""
    write_form(tmp_path, SMALLEST.replace("Demo Hospital", "../.."))

    assert Collection.open(tmp_path).identity.hospital == "../.."


def test_check_changes_nothing_on_disk(tmp_path: Path) -> None:
    """With or without a form, even on a root of the older program."""
    (tmp_path / "ANON_001").mkdir()
    looked = Collection.look(tmp_path, FORM, OPTIONS)
    assert (looked.identity, looked.options) == (FORM, OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["ANON_001"]

    write_form(tmp_path, SMALLEST)
    assert Collection.look(tmp_path, FORM, OPTIONS).options == Options(machine=())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ANON_001", "collection.toml"]


def test_a_second_form_is_refused(tmp_path: Path) -> None:
    """A person's form is not overwritten."""
    Collection.create(tmp_path, FORM, OPTIONS)

    with pytest.raises(SettingsWrong, match="already"):
        Collection.create(tmp_path, replace(FORM, patient_id="other"), OPTIONS)
    assert Collection.open(tmp_path).identity == FORM


def test_a_state_without_a_form_is_kept(tmp_path: Path) -> None:
    """A deleted form is rewritten; numbers, key and id stay."""
    before = Collection.create(tmp_path, FORM, OPTIONS)
    (tmp_path / "collection.toml").unlink()

    assert Collection.create(tmp_path, FORM, OPTIONS) == before


@pytest.mark.parametrize("trace", ["folder", "line"])
def test_numbers_without_a_state_stop_the_collection_until_they_are_adopted(tmp_path: Path, trace: str) -> None:
    """For the older program's folders, or its tracking file alone: nothing is guessed or reassigned."""
    if trace == "folder":
        (tmp_path / "ANON_011").mkdir()
        (tmp_path / "ANON_003").mkdir()
    else:
        line = "77, zzz_AnusGE011, Plan A, Demo Hospital"
        (tmp_path / "VicRapidPlan_trackingFile_20200101.txt").write_text(
            f"{collections.tracking_lines.HEADER}\n{line}\n"
        )
    with pytest.raises(SettingsWrong, match=r"up to 11 .*--continue"):
        Collection.create(tmp_path, FORM, OPTIONS)

    adopted = Collection.adopt(tmp_path, FORM, OPTIONS)

    assert adopted.identity.initial_index == 12
    found = records.read(adopted, 11)
    assert found is not None
    assert (found.set_id, found.content) == (None, {"adopted": True})
    assert records.read(adopted, 4) is None
    with pytest.raises(SettingsWrong, match="already has state"):
        Collection.adopt(tmp_path, FORM, OPTIONS)


def test_a_lost_state_is_adopted_with_the_form_that_is_there(tmp_path: Path) -> None:
    """If it begins above the numbers given."""
    Collection.create(tmp_path, FORM, OPTIONS)
    (tmp_path / "ANON_006").mkdir()
    shutil.rmtree(tmp_path / ".anonymizer")
    with pytest.raises(SettingsWrong, match="--continue"):
        Collection.open(tmp_path)
    with pytest.raises(SettingsWrong, match=r"initial_index = 7 in collection.toml, line \d+"):
        Collection.adopt(tmp_path)
    form = tmp_path / "collection.toml"
    form.write_text(form.read_text().replace("initial_index = 6", "initial_index = 7"))

    assert Collection.adopt(tmp_path).identity.initial_index == 7


def test_an_empty_root_needs_an_identity_to_be_adopted(tmp_path: Path) -> None:
    """Neither from a form nor from the command line."""
    with pytest.raises(SettingsWrong, match="new identity is missing"):
        Collection.adopt(tmp_path)


def test_the_initial_index_may_rise_at_any_time_and_fall_until_a_number_is_given(tmp_path: Path) -> None:
    """Lower numbers than the first do not belong to the collection."""
    collection = Collection.create(tmp_path, FORM, OPTIONS)
    form = tmp_path / "collection.toml"
    text = form.read_text()

    form.write_text(text.replace("initial_index = 6", "initial_index = 3"))
    assert Collection.open(tmp_path).identity.initial_index == 3
    (collection.claims / "000003.json").touch()
    form.write_text(text.replace("initial_index = 6", "initial_index = 9"))
    assert Collection.open(tmp_path).identity.initial_index == 9
    form.write_text(text.replace("initial_index = 6", "initial_index = 2"))
    with pytest.raises(SettingsWrong, match=r"initial_index is 2.*begin at 3"):
        Collection.open(tmp_path)


def test_a_newer_state_is_not_touched(tmp_path: Path) -> None:
    """An older worker returns its work."""
    Collection.create(tmp_path, FORM, OPTIONS)
    (tmp_path / ".anonymizer" / "format").write_text(f"{FORMAT + 1}\n")

    with pytest.raises(FormatTooNew, match="newer version of this program wrote here"):
        Collection.open(tmp_path)


@pytest.mark.parametrize("lost", ["format", "key", "collection.json"])
def test_a_state_with_a_piece_missing_is_not_mended(tmp_path: Path, lost: str) -> None:
    """A new key would give every set new UIDs."""
    Collection.create(tmp_path, FORM, OPTIONS)
    (tmp_path / ".anonymizer" / lost).unlink()

    with pytest.raises(SettingsWrong, match="backup"):
        Collection.open(tmp_path)


@pytest.mark.parametrize("lost", ["folders", "outcomes", "claims", "sets", "records", "tracking"])
def test_a_state_without_a_folder_decides_nothing(tmp_path: Path, lost: str) -> None:
    """Numbers given could be given again; even reading says so."""
    Collection.create(tmp_path, FORM, OPTIONS)
    (tmp_path / ".anonymizer" / lost).rmdir()

    for opened in (Collection.open, Collection.look):
        with pytest.raises(SettingsWrong, match="backup"):
            opened(tmp_path)


@pytest.mark.parametrize("empty", ["staging", "attempts"])
def test_an_empty_folder_that_a_backup_left_out_is_made_again(tmp_path: Path, empty: str) -> None:
    """When the collection is opened to work; reading changes nothing."""
    Collection.create(tmp_path, FORM, OPTIONS)
    (tmp_path / ".anonymizer" / empty).rmdir()

    Collection.look(tmp_path)
    assert not (tmp_path / ".anonymizer" / empty).exists()
    Collection.open(tmp_path)
    assert (tmp_path / ".anonymizer" / empty).is_dir()


def test_a_share_that_is_unavailable_is_a_circumstance(tmp_path: Path) -> None:
    """An empty mount point, another collection in its place, and its return."""
    root = tmp_path / "BATCH"
    root.mkdir()
    collection = Collection.create(root, FORM, OPTIONS)
    collection.check_there()

    root.rename(tmp_path / "elsewhere")
    with pytest.raises(ShareAway):
        collection.check_there()
    root.mkdir()
    with pytest.raises(OSError, match="unavailable"):
        collection.check_there()
    Collection.create(root, FORM, OPTIONS)
    with pytest.raises(ShareAway):
        collection.check_there()
    shutil.rmtree(root)
    (tmp_path / "elsewhere").rename(root)
    collection.check_there()


def test_a_copied_folder_shows_by_its_id(tmp_path: Path) -> None:
    """At the cost of reading one small file."""
    (tmp_path / "a").mkdir()
    made = Collection.create(tmp_path / "a", FORM, OPTIONS)
    shutil.copytree(tmp_path / "a", tmp_path / "b")

    assert collection_id(tmp_path / "a") == collection_id(tmp_path / "b") == made.id
    assert collection_id(tmp_path) is None


def test_a_partially_created_state_does_not_count(tmp_path: Path, monkeypatch) -> None:
    """A crash before the rename leaves nothing visible."""

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(collections.durable_files, "rename_new", crash)
    with pytest.raises(KeyboardInterrupt):
        Collection.create(tmp_path, FORM, OPTIONS)
    monkeypatch.undo()

    made = Collection.create(tmp_path, FORM, OPTIONS)
    assert json.loads((made.state / "collection.json").read_text())["id"] == made.id


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    """Neither in a log nor in a traceback."""
    made = Collection.create(tmp_path, FORM, OPTIONS)

    assert made.key.hex() not in repr(made)
    assert repr(made.key) not in repr(made)
