"""The share disappears, returns, is read-only, or gives no events: nothing is deleted or renumbered."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.service import Service

MAY_MOUNT = os.geteuid() == 0 and Path("/dev/fuse").exists()
only_where_it_may_mount = pytest.mark.skipif(
    not MAY_MOUNT, reason="NOT SHOWN HERE: it takes root to mount a file system; CI does"
)


def sets(service: Service, *numbers: int) -> None:
    """Drop some."""
    for number in numbers:
        service.drop(f"Mustermann Erika {number}")


def test_the_root_is_moved_away_and_back(service: Service) -> None:
    """An empty folder takes its place, in full operation, twice."""
    sets(service, *range(12))
    service.start()
    for _ in range(2):
        wait_until(lambda: list(service.root.glob("ANON_*")))
        service.share.rename(service.place / "away")
        service.share.mkdir()
        time.sleep(3)
        assert not list(service.share.iterdir())
        service.share.rmdir()
        (service.place / "away").rename(service.share)

    service.all_published()


def test_the_collection_alone_loses_its_permissions(service: Service) -> None:
    """As by a mistake on the file server; since root is not affected, the state is hidden, too."""
    sets(service, 0, 1)
    service.start()
    service.all_published()
    (service.root / "collection.toml").chmod(0)
    (service.root / ".anonymizer").rename(service.root / ".anonymizer-hidden")
    sets(service, 2)
    time.sleep(3)
    assert "Mustermann Erika 2" not in service.states()

    (service.root / ".anonymizer-hidden").rename(service.root / ".anonymizer")
    (service.root / "collection.toml").chmod(0o644)
    service.all_published()


@pytest.fixture
def mounted(service: Service) -> Iterator[Path]:
    """Provide the share on its own mount: what is written behind it gives no events."""
    behind = service.place / "behind"
    behind.mkdir()
    for path in service.share.iterdir():
        path.rename(behind / path.name)

    def mount() -> None:
        subprocess.run(["bindfs", "--no-allow-other", behind, service.share], check=True, capture_output=True)

    def unmount() -> None:
        subprocess.run(["umount", "-l", service.share], check=True, capture_output=True)

    service.mount, service.unmount = mount, unmount  # type: ignore[attr-defined]
    try:
        mount()
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("NOT SHOWN HERE: bindfs does not mount; CI has it")
    yield behind
    subprocess.run(["umount", "-l", service.share], check=False, capture_output=True)


@only_where_it_may_mount
def test_a_mount_goes_and_comes_back(service: Service, mounted: Path) -> None:
    """FUSE, like bindfs or sshfs: unmounted under running workers, and mounted again."""
    sets(service, *range(10))
    service.start()
    wait_until(lambda: list(service.root.glob("ANON_*")))
    service.unmount()
    time.sleep(4)
    assert not list(service.share.iterdir())
    service.mount()

    service.all_published()


@only_where_it_may_mount
def test_a_mount_without_events_is_rescanned(service: Service, mounted: Path) -> None:
    """Other hosts' writes give no events, as simulated by writes behind the mount. The rescan sees them."""
    service.start()
    assert "polling" in wait_for_log(service)
    root = service.root
    service.root = mounted / root.name
    sets(service, *range(3))
    service.root = root

    service.all_published()


@only_where_it_may_mount
def test_events_are_waited_for_where_there_are_none(service: Service, mounted: Path) -> None:
    """Even if set to use events on such a mount, it finds everything."""
    service.settings |= {"OBSERVER": "events"}
    service.start()
    assert "events" in wait_for_log(service)
    root = service.root
    service.root = mounted / root.name
    sets(service, *range(3))
    service.root = root

    service.all_published()


def wait_for_log(service: Service) -> str:
    """Wait for the watcher's start in the log."""
    wait_until(lambda: b"watch.began" in service.said()[0])
    return service.said()[0].decode()


@only_where_it_may_mount
def test_the_disk_is_full(service: Service) -> None:
    """On a small one, the sets wait with the reason, and continue once there is room."""
    behind = service.place / "behind"
    service.share.rename(behind)
    service.share.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", service.share], check=True)
    try:
        for path in behind.iterdir():
            subprocess.run(["cp", "-a", path, service.share], check=True)
        ballast = service.share / ".ballast"
        sets(service, *range(4))
        free = os.statvfs(service.share)
        ballast.write_bytes(bytes((free.f_bavail - 20) * free.f_bsize))
        service.start()
        wait_until(lambda: b"the disk is full" in b"".join(service.said()))
        time.sleep(2)
        assert service.hold(at_rest=False) is not None
        assert not list(service.root.glob("*_REFUSED.txt"))
        ballast.unlink()

        service.all_published()
    finally:
        for kept in service.kept:
            kept.end()
        subprocess.run(["umount", "-l", service.share], check=True)
