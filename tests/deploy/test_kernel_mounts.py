"""The share as servers mount it, with the kernel's own clients for SMB and NFS: in a guest, which may.

The guest is a kernel of Debian's that runs as a process (user-mode-linux). Its root file system is this machine's, on
which it may not write. The servers are on this machine, in a network that nobody else is on. Part of `make share-test`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.deploy.stack import PROJECT, run, wait_until
from tests.deploy.test_share import copy_in_slowly, judged, new_batch, smb_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(400)
NEEDED = {
    "linux.uml": "user-mode-linux",
    "modprobe": "kmod",
    "ip": "iproute2",
    "smbd": "samba",
    "mount.cifs": "cifs-utils",
    "ganesha.nfsd": "nfs-ganesha",
    "/usr/lib/x86_64-linux-gnu/ganesha/libfsalvfs.so": "nfs-ganesha-vfs",
    "mount.nfs4": "nfs-common",
}
SERVER, GUEST = "192.0.2.1", "192.0.2.2"
MOUNTS = {
    "cifs": f"//{SERVER}/sets -o guest,vers=3.1.1,actimeo=1,noperm",
    "nfs4": f"{SERVER}:/sets -o vers=4.1,hard,actimeo=1,sec=sys",
}
DRIVERS = {"cifs": "cifs", "nfs4": "nfsv4"}
# The root file system of the guest is this machine's, which it cannot write on.
INIT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run
echo "A guest runs."; mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs run /run
grep -q ' /dev ' /proc/mounts || mount -t devtmpfs dev /dev; mkdir -p /dev/shm; mount -t tmpfs shm /dev/shm
mkdir -p /run/modules/lib /run/share; ln -s /usr/lib/uml/modules /run/modules/lib/modules
printf '#!/bin/sh\\nexec modprobe -d /run/modules "$@"\\n' >/run/modprobe; chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
modprobe -d /run/modules {driver}
ip link set lo up; ip addr add {guest}/24 dev eth0; ip link set eth0 up
cd {project}
mount -t {kind} {mount},port={port},nosuid,nodev,noexec /run/share
grep " /run/share " /proc/mounts && {python} -B - <<'PYTHON'
import time
from pathlib import Path
from tests.deploy.test_share import serving
with serving(Path("/run/share"), Path("/run/log")):
    while not Path("/run/share/stop").exists():
        time.sleep(1)
PYTHON
cat /run/log
umount /run/share
{python} -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)'
"""


@contextmanager
def network_of_its_own() -> Iterator[list[str]]:
    """Make a network that nothing but the servers and the guest is on, and give the words that run something in it."""
    name = f"anonymizer-{os.getpid()}"
    inside = ["ip", "netns", "exec", name]
    try:
        for words in (
            f"ip netns add {name}",
            f"ip -n {name} link set lo up",
            f"ip -n {name} tuntap add tap0 mode tap",
            f"ip -n {name} addr add {SERVER}/24 dev tap0",
            f"ip -n {name} link set tap0 up",
        ):
            made = run(*words.split())
            if made.code:
                pytest.skip(f"SKIPPED: no network can be made here for a guest to mount over: {made.text}")
        yield inside
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@contextmanager
def nfs_server(folder: Path, state: Path, *inside: str) -> Iterator[int]:
    """Serve a folder over NFS 4.1, and tell on which port."""
    state.mkdir()
    (state / "ganesha.conf").write_text(f"""
NFS_CORE_PARAM {{ Protocols = 4; Bind_addr = {SERVER}; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }}
NFSv4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = {state}; Minor_Versions = 1; }}
EXPORT {{
    Export_Id = 1; Path = {folder}; Pseudo = /sets; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
    Protocols = 4; Attr_Expiration_Time = 1; FSAL {{ Name = VFS; }}
}}
""")
    log = state / "log"
    log.touch()
    places = ["-L", log, "-f", state / "ganesha.conf", "-p", state / "pid"]
    server = subprocess.Popen([*inside, "ganesha.nfsd", "-F", *places], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: "NFS SERVER INITIALIZED" in log.read_text(), 60, "the NFS server serves")
        yield 2049
    finally:
        server.terminate()
        server.wait()


@contextmanager
def running(init: Path, told: Path, inside: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the guest with a script as its first process; it ends when that does, or here."""
    root = "root=/dev/root rootfstype=hostfs rootflags=/ ro"
    machine = f"linux.uml mem=768M {root} init={init} eth0=tuntap,tap0 con=null con0=null,fd:1 quiet"
    with told.open("wb") as said:
        command = [*inside, *machine.split()]
        guest = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, process_group=0)
    try:
        yield guest
    finally:
        with suppress(ProcessLookupError):
            os.killpg(guest.pid, signal.SIGKILL)
        guest.wait()


@pytest.mark.parametrize("kind", MOUNTS)
def test_what_the_kernel_mounts(tmp_path: Path, kind: str) -> None:
    """A guest mounts the share as servers do, with the kernel's own client; the service in it publishes what comes."""
    installed = run(PROJECT / "deploy/ci/packages.sh", *(f"{a}={b}" for a, b in NEEDED.items()), timeout_s=1300)
    if installed.code or not Path("/dev/net/tun").exists():
        pytest.skip(f"SKIPPED: no guest can be made here that mounts with the kernel's own clients: {installed.text}")
    backing, init, told = tmp_path / "server", tmp_path / "init", tmp_path / "told"
    batch = new_batch(backing)
    with ExitStack() as around:
        inside = around.enter_context(network_of_its_own())
        if kind == "cifs":
            port = around.enter_context(smb_server(backing, tmp_path / "smbd", *inside, also=f"{SERVER}/24"))
        else:
            port = around.enter_context(nfs_server(backing, tmp_path / "nfsd", *inside))
        words = {"kind": kind, "driver": DRIVERS[kind], "mount": MOUNTS[kind], "port": port, "guest": GUEST}
        init.write_text(INIT.format(**words, project=PROJECT, python=sys.executable))
        init.chmod(0o755)
        with running(init, told, inside) as guest:
            copy_in_slowly(batch, kind)
            wait_until(lambda: len(batch.lines()) == 1 or guest.poll() is not None, 200, "the set is published")
            (backing / "stop").touch()
            guest.wait()
    said = told.read_text(errors="replace")
    if "A guest runs." not in said:
        pytest.skip(f"SKIPPED: this machine lets no guest run: {said}")
    assert f" /run/share {kind} " in said, said
    assert '"observer": "polling"' in said, said
    assert '"event": "set.published"' in said, said
    assert '"event": "set.failed"' not in said, said
    judged(batch)
