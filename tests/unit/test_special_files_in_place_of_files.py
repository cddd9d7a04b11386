"""A pipe, device, folder, socket or terabyte instead of a file is reported in one sentence; nothing hangs."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from services import plain_files
from services.errors import SettingsWrong
from services.forms import collection_form, identity_list, structure_list, word_list
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.machines import descriptor
from services.runtime import audit, durable_files
from services.store import arbiter, collection, notes, records, structure_lists, tracking_lines
from services.store.collection import Collection
from watcher.identities import overlaps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORM = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)


def put_pipe(path: Path) -> None:
    """Create a pipe without a writer."""
    os.mkfifo(path)


def put_device(path: Path) -> None:
    """Create a link to an endless device."""
    path.symlink_to("/dev/zero")


def put_folder(path: Path) -> None:
    """Create a non-empty folder."""
    (path / "inner").mkdir(parents=True)


def put_socket(path: Path) -> None:
    """Create a socket without a listener."""
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{here}/{path.name}")  # its path may be too long for a socket's
    finally:
        os.close(here)


def put_huge(path: Path) -> None:
    """Create a sparse file of a terabyte."""
    path.touch()
    os.truncate(path, 1 << 40)


def put_circle(path: Path) -> None:
    """Create a link to itself."""
    path.symlink_to(path.name)


KINDS = [put_pipe, put_device, put_folder, put_socket, put_huge, put_circle]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a collection."""
    return Collection.create(tmp_path, FORM, Options(machine=())).root


def put(kind: Callable[[Path], None], path: Path) -> Path:
    """Replace a file by something else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    kind(path)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("collection.toml", collection_form.read_settings),
        ("structures.csv", structure_list.read),
        ("words.csv", word_list.read),
        ("VicRapidPlan_trackingFile_20200101.txt", lambda root: tracking_lines.numbers_in_files(root, "x")),
        (".anonymizer/format", Collection.open),
        (".anonymizer/key", Collection.open),
        (".anonymizer/format", lambda root: arbiter.migrate(Collection.look(root))),
        (".anonymizer/audit/2026-11-29.jsonl", lambda root: audit.read(root / ".anonymizer")),
        ("machine.xml", lambda root: descriptor.load(root / "machine.xml")),
    ],
)
def test_what_a_person_must_mend_is_reported_in_a_sentence(
    root: Path, kind: Callable[[Path], None], name: str, read: Callable[[Path], object]
) -> None:
    """Form, lists, tracking files, the state's own files, descriptors."""
    put(kind, root / name)

    with pytest.raises(SettingsWrong) as wrong:
        read(root)
    assert str(wrong.value).endswith(".")
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_of_identities_names_it_as_its_fault(root: Path, kind: Callable[[Path], None]) -> None:
    """So that no set is processed before it is repaired."""
    put(kind, root / "identities.csv")
    listed = identity_list.read(root, FORM, numbers_too=False)
    assert [fault.row for fault in listed.faults] == [1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_in_the_place_of_state_is_like_a_torn_record(root: Path, kind: Callable[[Path], None]) -> None:
    """Claims, records, outcomes, lines, the lock: unreadable ones are handled everywhere."""
    path = put(kind, root / ".anonymizer" / "claims" / "000006.json")
    kept = put(kind, root / ".anonymizer" / "collection.json")

    assert durable_files.read(path) is None
    assert not durable_files.remove_exactly(path, b"{}", staging=root)
    assert os.path.lexists(path)
    assert collection.collection_id(kept.parents[1]) is None
    if kind is not put_huge:
        assert records.hash_of(put(kind, root / "CT.1.dcm")) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_note_of_somebody_else_is_left_alone(root: Path, kind: Callable[[Path], None]) -> None:
    """Whatever kind it is."""
    (root / "set").mkdir()
    path = put(kind, root / "set_NOTE.txt")

    assert not notes.write_note(root / "set", "text")
    notes.clear(root / "set")
    assert os.path.lexists(path)


@pytest.mark.parametrize("kind", [put_pipe, put_folder, put_huge])
def test_something_else_named_like_a_tracking_file_is_not_replaced(root: Path, kind: Callable[[Path], None]) -> None:
    """The lines are written once the obstacle is gone."""
    made = Collection.open(root)
    entry = {"schema": 1, "index": 6, "day": "20261122", "line": "a, b, c, d"}
    (made.tracking / "000006.json").write_bytes(durable_files.encode(entry))
    path = put(kind, root / "VicRapidPlan_trackingFile_20261122.txt")
    files = tracking_lines.TrackingFiles(made)

    with pytest.raises(plain_files.NotPlain):
        files.render()

    path.rename(root / "aside")
    assert files.render() == ["20261122"]


def test_a_link_to_a_file_is_a_file(root: Path, tmp_path: Path) -> None:
    """Harmless cases must not be refused, nor an empty file if allowed."""
    (tmp_path / "elsewhere.csv").write_bytes(b"")
    (root / "structures.csv").symlink_to(tmp_path / "elsewhere.csv")

    assert structure_list.read(root).rows == ()
    assert structure_lists.kept(Collection.open(root), "0" * 64).rows == ()


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_in_a_neighbour_holds_nothing_up(root: Path, kind: Callable[[Path], None]) -> None:
    """Collections are compared without reporting the other one's files."""
    other = root / "other"
    other.mkdir()
    Collection.create(other, FORM, Options(machine=()))
    put(kind, other / "VicRapidPlan_trackingFile_20200101.txt")

    assert overlaps.among([root, other]) == {}
