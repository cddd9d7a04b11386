"""Contents of a set's folder, and ignored entries."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from services import layout
from services.errors import SetRefused
from services.rtset import folder_listing


def paths(found: folder_listing.Listing) -> list[str]:
    """Return the file names of a listing."""
    return [str(entry.path) for entry in found.entries]


def test_files_at_any_depth_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Listings are equal regardless of the file system's order."""
    for name in ("b/2", "a", "b/1", "b/c/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"xy")

    found = folder_listing.take(tmp_path)

    assert paths(found) == ["a", "b/1", "b/2", "b/c/3"]
    assert {entry.size for entry in found.entries} == {2}
    assert [str(folder.path) for folder in found.folders] == [".", "b", "b/c"]
    assert found == folder_listing.take(tmp_path)


def test_what_is_never_looked_at_is_named_with_its_reason(tmp_path: Path) -> None:
    """Links are not followed, pipes not opened, our folders and other collections not entered."""
    (tmp_path / "CT.1.dcm").touch()
    (tmp_path / "link").symlink_to(tmp_path / "CT.1.dcm")
    (tmp_path / "linked folder").symlink_to("/")
    os.mkfifo(tmp_path / "pipe")
    for name in (".hidden", "copy.PART", "~$open", "ANON_006", "ANON_CT.1"):
        (tmp_path / name).touch()
    for name in ("Nguyen.temp", "~Meier", ".trash", "@eaDir"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "CT.2.dcm").touch()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "collection.toml").touch()

    found = folder_listing.take(tmp_path)

    assert paths(found) == ["ANON_006", "ANON_CT.1", "CT.1.dcm", "Nguyen.temp/CT.2.dcm", "~Meier/CT.2.dcm"]
    assert {str(one.path): one.why for one in found.skipped} == {
        ".hidden": "hidden",
        ".trash": "hidden",
        "@eaDir": "a folder of the system's own",
        "copy.PART": "a temporary name",
        "inner": "a collection of its own",
        "link": "a link",
        "linked folder": "a link",
        "pipe": "neither file nor folder",
        "~$open": "a temporary name",
    }


def test_a_replaced_file_shows_and_the_fingerprint_is_the_same_on_every_host(tmp_path: Path) -> None:
    """Replacement by a file of the same size and time shows only in the listing, as inode numbers differ by host."""
    file = tmp_path / "CT.1.dcm"
    file.write_bytes(b"old")
    os.utime(file, ns=(0, 0))
    before = folder_listing.take(tmp_path)
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(file)
    os.utime(file, ns=(0, 0))
    replaced = folder_listing.take(tmp_path)

    assert replaced != before
    assert replaced.fingerprint == before.fingerprint


@pytest.mark.parametrize(("content", "changed_ns"), [(b"longer", 0), (b"old", 1)])
def test_a_folder_looks_otherwise_by_the_size_of_a_file_and_by_its_time(
    tmp_path: Path, content: bytes, changed_ns: int
) -> None:
    """Each alone, since copies may keep times, and overwriting may keep the size."""
    file = tmp_path / "CT.1.dcm"
    file.write_bytes(b"old")
    os.utime(file, ns=(0, 0))
    before = folder_listing.fingerprint(tmp_path)

    file.write_bytes(content)
    os.utime(file, ns=(changed_ns, changed_ns))

    assert folder_listing.fingerprint(tmp_path) != before


def test_a_hundred_thousand_files_are_refused(tmp_path: Path, monkeypatch) -> None:
    """With a sentence, before memory is exhausted."""
    monkeypatch.setattr(folder_listing, "MOST_FILES", 3)
    for name in range(4):
        (tmp_path / str(name)).touch()

    with pytest.raises(SetRefused) as refused:
        folder_listing.take(tmp_path)
    assert [fault.code for fault in refused.value.faults] == ["too-many-files"]


def test_folders_inside_each_other_without_end_are_left_out(tmp_path: Path, monkeypatch) -> None:
    """A mount may contain itself."""
    monkeypatch.setattr(folder_listing, "DEEPEST", 2)
    (tmp_path / "1" / "2" / "3").mkdir(parents=True)

    assert folder_listing.take(tmp_path).skipped == (folder_listing.Skipped(PurePosixPath("1/2/3"), "nested too deep"),)


def test_what_disappears_while_it_is_listed_is_not_in_it_but_a_folder_that_is_gone_is_an_error(
    tmp_path: Path, monkeypatch
) -> None:
    """Files may be moved during the listing."""
    (tmp_path / "gone").mkdir()
    (tmp_path / "stays").touch()
    scan = folder_listing._scan

    def scan_late(place: str, *, must_exist: bool) -> list:
        found = scan(place, must_exist=must_exist)
        if (tmp_path / "gone").exists():
            (tmp_path / "gone").rmdir()
        return found

    monkeypatch.setattr(folder_listing, "_scan", scan_late)

    assert paths(folder_listing.take(tmp_path)) == ["stays"]
    with pytest.raises(FileNotFoundError):
        folder_listing.take(tmp_path / "gone")


def test_names_may_be_anything(tmp_path: Path) -> None:
    """Invalid UTF-8, line ends, umlauts, very long names."""
    names = [os.fsdecode(b"M\xfcller"), "two\nlines", "Größe", "x" * 255]
    for name in names:
        (tmp_path / name).touch()

    assert sorted(paths(folder_listing.take(tmp_path))) == sorted(names)


@pytest.mark.parametrize("name", ["~copy", "copy~", "x.part", "x.TMP", ".x", "x.crdownload"])
def test_files_that_are_being_copied_or_hidden_are_left_alone(name: str) -> None:
    """By name only."""
    assert layout.why_file_left(name)
    assert not layout.why_file_left("x" + name + "x")


@pytest.mark.parametrize("name", [".anonymizer", ".x", "lost+found", "$RECYCLE.BIN", "@eaDir"])
def test_hidden_folders_and_those_of_the_system_are_left_alone(name: str) -> None:
    """Other folder names are allowed."""
    assert layout.why_folder_left(name)
    assert not layout.why_folder_left("x" + name + "x")
    for taken in ("~Meier", "Nguyen.temp", "Anon_Prostate_01", "sheets", "x.part"):
        assert layout.why_folder_left(taken) is None
