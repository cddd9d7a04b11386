"""Other tools on the same set, each with its defaults in its own environment.

Measured are time, memory, references between the objects, and remaining identifiers. The defaults of a tool may not
promise these; the table shows what a clinic would get.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from benchmarks import sets
from benchmarks.measure import cleared, copied, file_system, into_cache, timed
from benchmarks.tables import Report, table

if TYPE_CHECKING:
    import redis
    from pydicom import Dataset

    from phantom.sets import Manifest

ROUNDS = 3

#: Kinds of planted texts that our defaults keep: a characteristic under option 113108, and words that identify no one.
STAYING = frozenset({"ethnic group", "dose reference", "tolerance table", "procedure meaning", "plan procedure"})

_EACH_FILE = """
import pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir()
"""

_PYDICOM = (
    _EACH_FILE
    + """
import pydicom
for path in sorted(source.iterdir()):
    pydicom.dcmread(path).save_as(target / path.name)
"""
)

_DCMANON = (
    _EACH_FILE
    + """
import dcmanon
anonymizer = dcmanon.Anonymizer()
for path in sorted(source.iterdir()):
    (target / path.name).write_bytes(anonymizer.anonymize(str(path)))
"""
)

_DICOGNITO = """
import sys
from dicognito.__main__ import main
main(["--quiet", "--output-directory", sys.argv[2], sys.argv[1]])
"""


@dataclass(frozen=True)
class Peer:
    """A tool and its command for a folder; `{python}`, `{source}` and `{target}` are filled in."""

    name: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    binary: str = ""
    """Must be on the PATH: part of the system, not installed by pip."""
    into_a_folder: bool = False
    """Does not create its output folder."""


PEERS = (
    Peer(
        "pydicom 3.0.2, read and write, unchanged",
        ("pydicom==3.0.2",),
        ("{python}", "-c", _PYDICOM, "{source}", "{target}"),
    ),
    Peer("dicognito 0.19.0", ("dicognito==0.19.0",), ("{python}", "-c", _DICOGNITO, "{source}", "{target}")),
    Peer(
        "dicom-anonymizer 2.1.0",
        ("dicom-anonymizer==2.1.0",),
        ("{bin}/dicom-anonymizer", "{source}", "{target}"),
        into_a_folder=True,
    ),
    Peer("dcmanon 0.3.1 (Rust)", ("dcmanon==0.3.1",), ("{python}", "-c", _DCMANON, "{source}", "{target}")),
    Peer(
        "gdcmanon of the system (C++)",
        (),
        ("gdcmanon", "-e", "-r", "-c", "{certificate}", "-i", "{source}", "-o", "{target}"),
        "gdcmanon",
    ),
)


@dataclass(frozen=True)
class Outcome:
    """Result of a tool."""

    seconds: float
    peak_mb: float
    links: str
    left: str


def compared(place: Path, store: Path, client: redis.Redis) -> Report:
    """Run every tool on the head-and-neck set."""
    source = cleared(place / "source")
    shutil.copytree(sets.made(sets.HEAD_AND_NECK, "1", store), source)
    into_cache(source)
    manifest = sets.HEAD_AND_NECK.build("1").manifest
    copies = []
    for _ in range(ROUNDS):
        target = cleared(place / "copy")
        began = time.perf_counter()
        copied(source, target)
        copies.append(time.perf_counter() - began)
    copy_s = statistics.median(copies)
    rows, missing = [["`cp -r`", f"{copy_s:.2f}", "1", "", "", ""]], []
    for peer in (_ours(client), *PEERS):
        outcome = _tried(peer, source, place, store, manifest)
        if isinstance(outcome, str):
            missing.append(f"NOT MEASURED: {peer.name}: {outcome}")
        else:
            seconds, times = f"{outcome.seconds:.2f}", f"{outcome.seconds / copy_s:.0f}"
            rows.append([peer.name, seconds, times, f"{outcome.peak_mb:.0f}", outcome.links, outcome.left])
    cleared(source)
    header = ["tool", "s", "x `cp -r`", "peak MB", "links", "texts, dates, UIDs left"]
    remarks = ["Each is one command, including its start; ours checks, proves, syncs and publishes as well.", *missing]
    return Report(f"Other tools on the same set ({file_system(place)})", [], [table(header, rows)], remarks)


def _ours(client: redis.Redis) -> Peer:
    socket = client.connection_pool.connection_kwargs["path"]
    return Peer("this program", (), (sys.executable, "-m", "benchmarks.peers", "{source}", "{target}", socket))


def _tried(peer: Peer, source: Path, place: Path, store: Path, manifest: Manifest) -> Outcome | str:
    if peer.binary and not shutil.which(peer.binary):
        return f"there is no {peer.binary} on the PATH"
    try:
        environment = _environment(peer, store / "peers")
        words = {
            "python": str(environment / "bin" / "python"),
            "bin": str(environment / "bin"),
            "source": str(source),
            "target": str(place / "anonymized"),
            "certificate": str(certificate(store)) if peer.binary else "",
        }
        command = [part if "\n" in part else part.format(**words) for part in peer.command]
        runs = [_once(peer, command, place) for _ in range(ROUNDS)]
    except (subprocess.CalledProcessError, OSError) as error:
        return str(error).partition("\n")[0][:120]
    objects = _objects(place / "anonymized")
    links, left = _links(objects), _left(place / "anonymized", manifest)
    cleared(place / "anonymized")
    return Outcome(statistics.median(run[0] for run in runs), max(run[1] for run in runs), links, left)


def _once(peer: Peer, command: list[str], place: Path) -> tuple[float, float]:
    target = cleared(place / "anonymized")
    if peer.into_a_folder:
        target.mkdir()
    return timed(command)


def _environment(peer: Peer, store: Path) -> Path:
    """Return a virtual environment with only this tool."""
    folder = store / (peer.packages[0] if peer.packages else "none")
    if peer.packages and not folder.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *peer.packages], check=True)
    return folder


def certificate(store: Path) -> Path:
    """Create the certificate with which gdcmanon encrypts removed values."""
    path = store / "peers" / "certificate.pem"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=benchmark"]
        subprocess.run([*request, "-keyout", os.devnull, "-out", str(path)], check=True, capture_output=True)
    return path


def _objects(folder: Path) -> list[Dataset]:
    """Read the output, without pixels."""
    found: list[Dataset] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            try:
                found.append(dcmread(path, stop_before_pixels=True))
            except InvalidDicomError:
                continue
    return found


def _links(objects: list[Dataset]) -> str:
    """Return which of the four references of a set are intact."""
    kinds = {
        kind: [one for one in objects if one.get("Modality") == kind] for kind in ("CT", "RTSTRUCT", "RTPLAN", "RTDOSE")
    }
    if not all(kinds.values()):
        return "objects lost: " + ", ".join(kind for kind, found in kinds.items() if not found)
    structures, plan, dose = (kinds[kind][0] for kind in ("RTSTRUCT", "RTPLAN", "RTDOSE"))
    images = {one.SOPInstanceUID for one in kinds["CT"]}
    referred = [
        image.get("ReferencedSOPInstanceUID")
        for roi in structures.get("ROIContourSequence", [])
        for contour in roi.get("ContourSequence", [])
        for image in contour.get("ContourImageSequence", [])
    ]
    broken = [
        name
        for name, holds in (
            ("dose → plan", _refers(dose, "ReferencedRTPlanSequence", plan)),
            ("plan → structure set", _refers(plan, "ReferencedStructureSetSequence", structures)),
            ("contours → CT", bool(referred) and images.issuperset(referred)),
            ("frame of reference", len({one.get("FrameOfReferenceUID") for one in (*kinds["CT"], dose)}) == 1),
        )
        if not holds
    ]
    names = sum(bool(roi.get("ROIName")) for roi in structures.get("StructureSetROISequence", []))
    return ("broken: " + ", ".join(broken) if broken else "intact") + ("" if names else "; ROI names lost")


def _refers(one: Dataset, sequence: str, other: Dataset) -> bool:
    return other.SOPInstanceUID in {item.get("ReferencedSOPInstanceUID") for item in one.get(sequence, [])}


def _left(folder: Path, manifest: Manifest) -> str:
    """Return the number of the patient's identifiers found in any byte of any file."""
    data = [path.read_bytes().lower() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    texts = {planted.value: planted.spelt for planted in manifest.planted if planted.kind not in STAYING}
    counts = (
        sum(any(_occurs(spelt.lower(), data) for spelt in spellings) for spellings in texts.values()),
        sum(_occurs(day.encode(), data) for day in manifest.dates),
        sum(_occurs(uid.encode(), data) for uid in manifest.uids),
    )
    return ", ".join(
        f"{count} of {of}"
        for count, of in zip(counts, (len(texts), len(manifest.dates), len(manifest.uids)), strict=True)
    )


def _occurs(value: bytes, data: list[bytes]) -> bool:
    return any(value in one for one in data)


def _anonymized(source: Path, target: Path, socket: str) -> None:
    """Process one set like `run`, and put the published folder at `target`."""
    import redis  # noqa: PLC0415

    from benchmarks import one_set  # noqa: PLC0415

    root = target.parent / "BATCH"
    (root / "patient 1").mkdir(parents=True)
    for path in source.iterdir():
        os.link(path, root / "patient 1" / path.name)
    client = redis.Redis(unix_socket_path=socket)
    client.flushall()
    one_set.process(sets.collection(root), "patient 1", client)
    (root / "ANON_006").rename(target)
    shutil.rmtree(root)


if __name__ == "__main__":
    _anonymized(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
