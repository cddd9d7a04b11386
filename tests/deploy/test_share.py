"""A share that others write on: mounted so that no event tells of it, and filled over SMB while the watcher runs.

Runs with `make share-test` (about a minute), as root on Debian; else each test says why it is skipped.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anonymizer.embedded import redis_server
from phantom.sets import build_set, write_set
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.store.collection import Collection
from tests.deploy.stack import PROJECT, Batch, run, wait_until
from tests.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)
ANONYMIZER = Path(sys.executable).with_name("anonymizer")
NEEDED = {"bindfs": "bindfs", "fusermount": "fuse", "smbd": "samba", "smbclient": "smbclient", "rclone": "rclone"}


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """Install what is needed, once."""
    if os.geteuid() != 0 or not Path("/dev/fuse").exists() or not shutil.which("apt-get"):
        pytest.skip("SKIPPED: file systems can only be mounted as root on Debian, with /dev/fuse")
    wanted = [f"{program}={package}" for program, package in NEEDED.items()]
    installed = run(PROJECT / "deploy/ci/packages.sh", *wanted, timeout_s=1300)
    if installed.code:
        pytest.skip(f"SKIPPED: what mounts and serves cannot be installed here: {installed.text}")


@contextmanager
def mounted(*command: str | Path, at: Path) -> Iterator[None]:
    """Keep something mounted by a process that stays in the foreground."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.ismount(at), 20, f"{command[0]} has mounted its folder")
        yield
    finally:
        subprocess.run(["fusermount", "-u", "-z", at], check=False)
        process.terminate()
        process.wait()


@contextmanager
def serving(share: Path, log: Path) -> Iterator[None]:
    """Run watcher and worker on a share as the service does, with settings for a test's patience."""
    with redis_server.redis_server() as url, ExitStack() as ending, log.open("wb") as said:
        environment = os.environ | {
            "ANONYMIZER_REDIS_URL": url,
            "ANONYMIZER_SHARE": str(share),
            "ANONYMIZER_QUIET_S": "3",
            "ANONYMIZER_RESCAN_S": "2",
            "ANONYMIZER_RECONCILE_S": "5",
            "ANONYMIZER_LOG_FORMAT": "json",
        }
        for command in (["watch"], ["worker", "--processes", "1"]):
            process = subprocess.Popen([ANONYMIZER, *command], env=environment, stdout=said, stderr=said)
            ending.callback(process.wait)
            ending.callback(process.terminate)
        yield


def new_batch(share: Path) -> Batch:
    """Make a collection on the server's side of a share."""
    root = share / "BATCH"
    root.mkdir(parents=True)
    Collection.create(
        root, Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6), Options(machine=("VicRapidPlan",))
    )
    return Batch(root, [])


def copy_in_slowly(batch: Batch, seed: str) -> None:
    """Write a set into a share file by file, as somebody's export does, with a pause in the middle."""
    made = build_set(seed=seed, ct=10, rois=8)
    ready = batch.root.parent.parent / f"ready {seed}"
    write_set(made, ready)
    target = batch.root / made.folder
    target.mkdir()
    for number, path in enumerate(sorted(ready.iterdir())):
        shutil.copyfile(path, target / path.name)
        time.sleep(1.5 if number == 6 else 0.1)
    batch.sets.append(made)


def judged(batch: Batch) -> None:
    """Judge every set of a batch by its tracking line and its content."""
    for made in batch.sets:
        judge(batch.root / made.folder, batch.anon_of(made), made.manifest)


def test_a_mount_that_delivers_no_events(tmp_path: Path) -> None:
    """What another host writes raises no event here; it is found by looking, and nothing is taken half copied."""
    backing, mount, log = tmp_path / "server", tmp_path / "mount", tmp_path / "log"
    batch = new_batch(backing)
    mount.mkdir()
    with mounted("bindfs", "-f", backing, mount, at=mount), serving(mount, log):
        wait_until(lambda: "watch.began" in log.read_text(), 20, "the watcher has begun")
        copy_in_slowly(batch, "bindfs")
        wait_until(lambda: len(batch.lines()) == 1, 90, "the set is published")
    assert '"observer": "polling"' in log.read_text()
    judged(batch)


def test_a_share_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    """An empty mount point deletes nothing, gives no number twice, and is waited for."""
    backing, mount, log = tmp_path / "server", tmp_path / "share/mount", tmp_path / "log"
    batch = new_batch(backing)
    mount.mkdir(parents=True)
    with serving(mount.parent, log):
        with mounted("bindfs", "-f", backing, mount, at=mount):
            copy_in_slowly(batch, "before")
            wait_until(lambda: len(batch.lines()) == 1, 90, "the first set is published")
        wait_until(lambda: "share.empty" in log.read_text(), 30, "the log says that the share is unavailable")
        copy_in_slowly(batch, "meanwhile")
        with mounted("bindfs", "-f", backing, mount, at=mount):
            wait_until(lambda: len(batch.lines()) == 2, 90, "the second set is published")
            assert batch.indices() == [6, 7]
            wait_until(lambda: len(batch.indices()) == 2, 10, "nothing else is published")
    judged(batch)


@contextmanager
def smb_server(folder: Path, state: Path, *inside: str, also: str = "") -> Iterator[int]:
    """Serve a folder over SMB on this host alone, to anybody, and tell on which port.

    Parameters
    ----------
    inside, also
        The words that run something in another network, and the server's address there.
    """
    state.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = "\n".join(
        f"{name} = {state}"
        for name in (
            "lock directory",
            "state directory",
            "cache directory",
            "pid directory",
            "private dir",
            "ncalrpc dir",
        )
    )
    (state / "smb.conf").write_text(f"""[global]
smb ports = {port}
bind interfaces only = yes
interfaces = 127.0.0.1/8 {also}
server role = standalone server
map to guest = Bad User
guest account = root
disable spoolss = yes
load printers = no
{places}
[sets]
path = {folder}
guest ok = yes
read only = no
force user = root
""")
    command = [*inside, "smbd", "--foreground", "--no-process-group", "-s", state / "smb.conf", "-l", state]
    # At its end it ends its whole process group: it gets one of its own.
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
    try:
        wait_until(lambda: smb_client(port, "ls", *inside).returncode == 0, 30, "smbd answers")
        yield port
    finally:
        server.terminate()
        server.wait()


def smb_client(port: int, say: str, *inside: str) -> subprocess.CompletedProcess[bytes]:
    """Do something on the share as another host's user does."""
    command = [*inside, "smbclient", "//127.0.0.1/sets", "--no-pass", "--port", str(port), "--command", say]
    return subprocess.run(command, capture_output=True, check=False)


def test_a_set_is_uploaded_over_smb_and_published_over_smb(tmp_path: Path) -> None:
    """A client uploads a set to smbd; the service, which has the same share mounted over SMB, publishes it there."""
    backing, mount, log = tmp_path / "server", tmp_path / "mount", tmp_path / "log"
    batch = new_batch(backing)
    mount.mkdir()
    made = build_set(seed="smb", ct=10, rois=8)
    write_set(made, tmp_path / "export" / made.folder)
    with smb_server(backing, tmp_path / "smbd") as port:
        remote = f":smb,host=127.0.0.1,port={port},user=guest:sets"
        cache = ("--vfs-cache-mode", "writes", "--dir-cache-time", "1s", "--cache-dir", str(tmp_path / "cache"))
        with mounted("rclone", "mount", remote, mount, *cache, at=mount), serving(mount, log):
            wait_until(lambda: "watch.began" in log.read_text(), 20, "the watcher has begun")
            uploaded = smb_client(port, f'cd BATCH; recurse; prompt; lcd "{tmp_path / "export"}"; mput *')
            assert uploaded.returncode == 0, uploaded.stdout
            batch.sets.append(made)
            wait_until(lambda: len(batch.lines()) == 1, 150, "the set is published")
    judged(batch)
