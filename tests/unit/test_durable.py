"""A file exists completely or not at all, and nothing is overwritten."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from services.runtime import durable_files


def fail_with(number: int):
    """Make a function that fails as the system would."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def taken_down(tmp_path: Path, monkeypatch) -> list[str]:
    """Record flushes and renames in order, with private names as `new`."""
    done: list[str] = []

    def called(path: object) -> str:
        name = Path(os.fspath(path)).relative_to(tmp_path)
        return "new" if durable_files.is_left_over(name.name) else str(name)

    def flushed(descriptor: int, do=os.fsync) -> None:
        do(descriptor)
        done.append("flush " + called(Path(f"/proc/self/fd/{descriptor}").readlink()))

    def naming(do):
        def named(source: object, target: object, *rest: object) -> object:
            answer = do(source, target, *rest)
            done.append(f"name {called(target)}")
            return answer

        return named

    monkeypatch.setattr(os, "fsync", flushed)
    for name in ("link", "replace"):
        monkeypatch.setattr(os, name, naming(getattr(os, name)))
    monkeypatch.setattr(durable_files, "_rename_noreplace", naming(durable_files._rename_noreplace))
    return done


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="tells files by /proc, which Linux has")
def test_content_is_on_the_disk_before_its_name_and_the_name_before_anything_else(
    tmp_path: Path, taken_down: list[str]
) -> None:
    """Else a power cut leaves a name without content, or takes a name back that others relied on.

    What is renamed is flushed once more: on FAT, its new name has no content before that.
    """
    (tmp_path / "staging").mkdir()

    durable_files.write_exclusively(tmp_path / "claim", b"mine", staging=tmp_path / "staging")
    durable_files.write_atomically(tmp_path / "outcome", b"good", staging=tmp_path / "staging")
    durable_files.write_atomically(tmp_path / "picture", b"drawn again", staging=tmp_path / "staging", lasting=False)
    durable_files.rename_new(tmp_path / "claim", tmp_path / "staging" / "claim")
    durable_files.remove_exactly(tmp_path / "outcome", b"good", staging=tmp_path / "staging")

    assert taken_down == [
        *("flush new", "name claim", "flush ."),
        *("flush new", "name outcome", "flush outcome", "flush ."),
        "name picture",
        *("name staging/claim", "flush staging/claim", "flush staging", "flush ."),
        "flush .",
    ]


@pytest.mark.parametrize("hard_links", [True, False])
def test_of_two_who_create_a_file_one_succeeds(tmp_path: Path, monkeypatch, hard_links: bool) -> None:
    """Even without hard links."""
    if not hard_links:
        monkeypatch.setattr(os, "link", fail_with(errno.EOPNOTSUPP))

    assert durable_files.write_exclusively(tmp_path / "claim", b"mine")
    assert not durable_files.write_exclusively(tmp_path / "claim", b"yours")
    assert (tmp_path / "claim").read_bytes() == b"mine"
    assert durable_files.names(tmp_path) == ["claim"]


def test_a_full_disk_is_not_taken_for_one_without_hard_links(tmp_path: Path, monkeypatch) -> None:
    """A claim created otherwise and then not written would block its number."""
    monkeypatch.setattr(os, "link", fail_with(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        durable_files.write_exclusively(tmp_path / "claim", b"mine")
    assert durable_files.names(tmp_path) == []


@pytest.mark.parametrize(("step", "number"), [("replace", errno.EACCES), ("fsync", errno.ENOSPC)])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch, step: str, number: int
) -> None:
    """If the disk is full, or the file held open, the caller gets the error."""
    durable_files.write_atomically(tmp_path / "file", b"old")
    monkeypatch.setattr(os, step, fail_with(number))

    with pytest.raises(OSError, match=os.strerror(number)):
        durable_files.write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert durable_files.names(tmp_path) == ["file"]


def test_only_what_was_meant_is_removed(tmp_path: Path) -> None:
    """Someone else's file of that name stays."""
    (tmp_path / "claim").write_bytes(b"yours")

    assert not durable_files.remove_exactly(tmp_path / "claim", b"mine", staging=tmp_path)
    assert not durable_files.remove_exactly(tmp_path / "nothing", b"mine", staging=tmp_path)
    assert durable_files.remove_exactly(tmp_path / "claim", b"yours", staging=tmp_path)
    assert durable_files.names(tmp_path) == []


def test_what_is_not_meant_never_leaves_its_place(tmp_path: Path, monkeypatch) -> None:
    """Not even briefly, since another process could look for it."""
    (tmp_path / "claim").write_bytes(b"yours")
    monkeypatch.setattr(os, "rename", fail_with(errno.EIO))

    assert not durable_files.remove_exactly(tmp_path / "claim", b"mine", staging=tmp_path)


def test_who_was_frozen_while_removing_puts_back_what_came_meanwhile(tmp_path: Path, monkeypatch) -> None:
    """Another process put its own file there between check and move."""
    claim = tmp_path / "claim"
    claim.write_bytes(b"mine")
    rename = os.rename

    def late(source: object, target: object) -> None:
        claim.write_bytes(b"yours")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)

    assert not durable_files.remove_exactly(claim, b"mine", staging=tmp_path)
    assert claim.read_bytes() == b"yours"
    assert durable_files.names(tmp_path) == ["claim"]


@pytest.mark.parametrize("in_one_step", [True, False])
@pytest.mark.parametrize("content", [None, "CT.1.dcm"])
def test_a_folder_is_never_replaced_not_even_an_empty_one(
    tmp_path: Path, monkeypatch, in_one_step: bool, content: str | None
) -> None:
    """rename(2) would do so silently."""
    if not in_one_step:
        monkeypatch.setattr(durable_files, "_rename_noreplace", lambda *_: False)
    (tmp_path / "attempt").mkdir()
    (tmp_path / "ANON_006").mkdir()
    if content:
        (tmp_path / "ANON_006" / content).touch()

    with pytest.raises(FileExistsError):
        durable_files.rename_new(tmp_path / "attempt", tmp_path / "ANON_006")
    durable_files.rename_new(tmp_path / "attempt", tmp_path / "ANON_007")
    assert sorted(durable_files.names(tmp_path)) == ["ANON_006", "ANON_007"]


@pytest.mark.parametrize("in_one_step", [True, False])
def test_what_was_renamed_already_is_not_there_rather_than_in_the_way(
    tmp_path: Path, monkeypatch, in_one_step: bool
) -> None:
    """Recovery distinguishes the two, even on a share (NFS) without an atomic operation."""
    if not in_one_step:
        monkeypatch.setattr(durable_files, "_rename_noreplace", lambda *_: False)
    (tmp_path / "ANON_006").mkdir()

    with pytest.raises(FileNotFoundError):
        durable_files.rename_new(tmp_path / "attempt", tmp_path / "ANON_006")


def test_a_folder_that_cannot_be_flushed_is_no_error_but_a_bad_disk_is(tmp_path: Path, monkeypatch) -> None:
    """Some shares do not support flushing of folders."""
    monkeypatch.setattr(os, "fsync", fail_with(errno.EINVAL))
    durable_files.fsync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", fail_with(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        durable_files.fsync_folder(tmp_path)


def test_what_is_no_record_reads_as_none(tmp_path: Path) -> None:
    """Missing, truncated, something else, or nested too deep for the parser."""
    for name, content in (("cut", b'{"index": 6'), ("list", b"[]"), ("deep", b"[" * 100_000), ("bytes", b"\xff\xfe")):
        (tmp_path / name).write_bytes(content)

    assert [durable_files.read(tmp_path / name) for name in ("nothing", "cut", "list", "deep", "bytes")] == [None] * 5


def test_a_name_that_is_no_utf_8_survives(tmp_path: Path) -> None:
    """Folders may have any name."""
    value = {"folder": os.fsdecode(b"M\xfcller\n")}

    assert durable_files.decode(durable_files.encode(value)) == value
