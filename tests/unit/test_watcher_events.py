"""Events wake the watcher early if reliable, and never for its own reading."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from services.store.arbiter import Arbiter
from services.store.collection import Collection
from tests.sets import make_collection
from tests.waiting import wait_until
from watcher import events
from watcher.events import ChangeEvents, is_remote

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/export /mnt/nfs nfs4 rw 0 0
//server/share /mnt/with\\040space cifs rw 0 0
user@host: /home/me/far fuse.sshfs rw 0 0
/dev/sdb1 /mnt/nfs/local xfs rw 0 0
tmpfs /tmp tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("/data/BATCH", False),
        ("/mnt/nfs/BATCH", True),
        ("/mnt/nfs", True),
        ("/mnt/nfsother", False),
        ("/mnt/nfs/local/BATCH", False),
        ("/mnt/with space/BATCH", True),
        ("/home/me/far/BATCH", True),
        ("/tmp/BATCH", False),
    ],
)
def test_the_file_system_says_whether_others_write_unseen(tmp_path: Path, path: str, remote: bool) -> None:
    """The innermost mount decides, even with spaces in its name."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert is_remote(Path(path), mounts) is remote


def test_where_mounts_are_not_listed_events_are_tried(tmp_path: Path) -> None:
    """On macOS there is no such list."""
    assert not is_remote(tmp_path, tmp_path / "nothing")


def test_a_file_that_is_written_wakes_the_watcher_and_names_its_folder(tmp_path: Path) -> None:
    """At any depth below the root."""
    inner = tmp_path / "set" / "deep"
    inner.mkdir(parents=True)
    with ChangeEvents(tmp_path, watching=True) as hints:
        (inner / "file").write_text("x")
        assert inner in hints.wait(240)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC])
def test_where_the_system_lets_nothing_more_be_watched_the_rescan_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """No instance is left when creating the observer, or no watch when starting it."""

    def none_left() -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(events, "Observer", none_left)
    with ChangeEvents(tmp_path, watching=True) as hints:
        assert (hints.are_noticed, hints.wait(0)) == (False, frozenset())


def test_the_system_is_not_asked_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own scan of a large share would overflow its queue."""
    seen: list[str] = []
    monkeypatch.setattr(events._Handler, "on_any_event", lambda _, event: seen.append(event.event_type))
    (tmp_path / "set").mkdir()
    with ChangeEvents(tmp_path, watching=True):
        list((tmp_path / "set").iterdir())
        (tmp_path / "set" / "file").write_text("x")
        wait_until(lambda: "closed" in seen, lambda: seen)
    assert not {"opened", "closed_no_write"} & set(seen)


def test_reading_does_not_wake_the_watcher(tmp_path: Path) -> None:
    """Otherwise each check would cause the next one."""
    (tmp_path / "file").write_text("x")
    with ChangeEvents(tmp_path, watching=True) as hints:
        (tmp_path / "file").read_text()
        assert hints.wait(0.3) == frozenset()


def test_writing_in_staging_does_not_wake_the_watcher(tmp_path: Path) -> None:
    """Each of a set's files would; the record of a published set does."""
    staging, records = tmp_path / "BATCH/.anonymizer/staging/x", tmp_path / "BATCH/.anonymizer/records"
    for folder in (staging, records):
        folder.mkdir(parents=True)
    with ChangeEvents(tmp_path, watching=True) as hints:
        (staging / "CT.dcm").write_bytes(b"1")
        assert hints.wait(0.3) == frozenset()
        (records / "ANON_006.json").write_bytes(b"1")
        assert records in hints.wait(240)


def test_heartbeats_do_not_wake_the_watcher(tmp_path: Path) -> None:
    """Otherwise each collection would be checked at every heartbeat."""
    root = make_collection(tmp_path / "BATCH")
    arbiter = Arbiter(Collection.open(root))
    with ChangeEvents(tmp_path, watching=True) as hints:
        assert arbiter.hold()
        assert arbiter.hold()
        assert hints.wait(0.3) == frozenset()


def test_without_events_the_wait_just_ends(tmp_path: Path) -> None:
    """Rescans are authoritative."""
    with ChangeEvents(tmp_path, watching=False) as hints:
        (tmp_path / "file").write_text("x")
        assert hints.wait(0.01) == frozenset()


def test_a_root_that_is_unavailable_is_watched_by_rescan_only(tmp_path: Path) -> None:
    """It does not stop the watcher."""
    with ChangeEvents(tmp_path / "away", watching=True) as hints:
        assert hints.wait(0.01) == frozenset()
