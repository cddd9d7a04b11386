"""Hostile contents of a share that everyone can write to: refused with a reason or ignored, without harm."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.unit import test_hostile_files as hostile
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.service import Service


def with_things_in_it(folder: Path) -> None:
    """Add things that are not files; none of them is opened or waited for."""
    os.mkfifo(folder / "pipe.dcm")
    (folder / "link.dcm").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(folder, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/s")
        os.close(here)
    if os.geteuid() == 0:
        os.mknod(folder / "zero.dcm", 0o20666, os.makedev(1, 5))


@pytest.mark.timeout(600)
def test_hostile_folders_harm_no_other(service: Service) -> None:
    """Valid sets are published, the others refused, within the time needed to read them."""
    good = [service.drop(name) for name in ("Mustermann Erika", "Mustermann\nErika\n[[2]]", "Mustermann 'Ä\u202eb'")]
    with_things_in_it(good[0])
    slice_ = next(good[1].glob("*.dcm"))
    slice_.rename(slice_.with_name("a\nb\r\n.dcm"))
    os.link(good[1] / "a\nb\r\n.dcm", service.place / "another name")
    refused = {
        "bomb": hostile.head(hostile.DEFLATED) + hostile.deflated(bytes(300_000_000)),
        "deep": hostile.HOSTILE["nested deep"],
        "deep UN": hostile.HOSTILE["nested deep, coded as UN"],
        "items": hostile.head(hostile.EXPLICIT)
        + hostile.element(0x300A00B0, b"SQ", (hostile.ITEM + bytes(4)) * 2_000_000),
        "unknown": hostile.HOSTILE["a VR that nobody knows"],
    }
    for name, data in refused.items():
        (service.drop(f"Mustermann {name}") / "hostile.dcm").write_bytes(data)
    many = service.root / "Mustermann many"
    many.mkdir()
    for number in range(100_001):
        os.close(os.open(many / f"{number}", os.O_CREAT))
    service.dropped = {}
    service.drop("Mustermann Max")
    service.start()

    wanted = {f"Mustermann {name}" for name in refused} | {many.name}
    wait_until(
        lambda: {path.name for path in service.root.glob("*_REFUSED.txt")} == {f"{w}_REFUSED.txt" for w in wanted}
    )
    wait_until(lambda: len(list(service.root.glob("ANON_*"))) == 4)
    service.all_published()
    codes = {path.name: path.read_text("utf-8-sig") for path in service.root.glob("*_REFUSED.txt")}
    assert "(too-many-files)" in codes.pop("Mustermann many_REFUSED.txt")
    assert all("(file-unreadable)" in text for text in codes.values())


@pytest.mark.parametrize("hospital", ["../..", "/etc", 'a, "b"', "=cmd()"])
def test_a_form_with_tricks_in_it(service: Service, hospital: str) -> None:
    """The hospital is a text for the tracking file, whatever it looks like."""
    form = service.root / "collection.toml"
    written = hospital.replace('"', '\\"')
    form.write_text(form.read_text().replace("Demo Hospital", written))
    service.drop("Mustermann Erika")
    service.start()

    service.all_published()
    assert sorted(path.name for path in service.share.iterdir()) == [service.root.name]
