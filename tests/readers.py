"""Check a delivery with third-party readers, if installed: `make readers`.

Sets of patients who do not exist are published and delivered; each reader gets a delivered set and what it was made of.
It must find every link, and the same CT and dose in both. What a reader complains of is printed, and explained in
docs/readers.md; a complaint that is not explained there is a failure.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from subprocess import DEVNULL
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.request import urlopen

import redis

from anonymizer.embedded.redis_server import redis_server
from services.exchange import deliveries, delivery_key
from services.exchange.deliveries import Wanted
from services.runtime.settings import Settings
from services.store.collection import Collection
from tests.delivered import publish
from tests.judge import assert_same_links, image, objects, pixels
from tests.processes import free_port
from tests.sets import make_collection, make_set
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE: Final = Path(__file__).parents[1]
EXPLAINED: Final = HERE / "docs" / "readers.md"
NAMES: Final = ("Huber Josef", "Maier Anna")
STRUCTURES: Final = ("BODY", "GTV", "CTV", "PTV", "SpinalCord", "Parotid_L")
_UID: Final = re.compile(r"\b\d+(?:\.\d+){2,}\b|<[^>]*/[^>]*>")


class Pair(NamedTuple):
    """A delivered set and its source."""

    source: Path
    anon: Path


@dataclass
class Said:
    """A reader's result for all sets."""

    links: bool | None = None
    """Whether it finds all links; None if it does not check them."""

    equal: bool | None = None
    """Whether it reads the same CT and dose from both."""

    complaints: set[str] = field(default_factory=set)
    """Complaints about delivered sets that do not concern their sources."""


def main() -> int:
    """Run every reader; the exit code is 1 if one found a fault."""
    explained = EXPLAINED.read_text("utf-8")
    wrong = False
    with tempfile.TemporaryDirectory() as place:
        pairs = made(Path(place))
        for name, judge in READERS.items():
            program = _program(name)
            if program is None:
                _print(f"NOT JUDGED by {name}: it is not installed.")
                continue
            said = judge(program, pairs, Path(place))
            unexplained = {one for one in said.complaints if f"`{one}`" not in explained}
            wrong = wrong or said.links is False or said.equal is False or bool(unexplained)
            _print(f"{name}: links {_word(said.links)}, CT and dose {_word(said.equal)}")
            for one in sorted(said.complaints):
                _print(f"    {'NOT EXPLAINED: ' if one in unexplained else ''}{one}")
    return 1 if wrong else 0


def made(place: Path) -> list[Pair]:
    """Publish and deliver sets."""
    root, target = make_collection(place / "BATCH"), place / "delivery"
    with redis_server() as url:
        client = redis.Redis(unix_socket_path=url.removeprefix("redis+socket://"))
        for name in NAMES:
            make_set(root, name=name, seed=name, ct=12, size=64, rois=STRUCTURES)
            publish(root, client, name)
    collection = Collection.open(root)
    key = delivery_key.of_user(collection, Settings(delivery_key_file=place / "delivery.key"))
    deliveries.make(collection, target, key, Wanted(unread_words=True), lambda *_: None)
    return [Pair(root / name, target / f"ANON_{6 + at:03d}") for at, name in enumerate(NAMES)]


def by_pydicom(_: str, pairs: list[Pair], __: Path) -> Said:
    """Compare links, CT and dose of the delivered set with those of its source."""
    for pair in pairs:
        old, new = objects(pair.source), objects(pair.anon)
        assert old.keys() == new.keys()
        assert_same_links(old, new)
        if any(image(old[each]) != pixels(new[each]) for each in old):
            return Said(links=True, equal=False)
    return Said(links=True, equal=True)


def by_dciodvfy(program: str, pairs: list[Pair], _: Path) -> Said:
    """Check every object against its IOD."""
    new = {line for pair in pairs for path in pair.anon.iterdir() for line in _complaints(program, path)}
    old = {line for pair in pairs for path in pair.source.iterdir() for line in _complaints(program, path)}
    return Said(complaints=new - old)


def by_dcentvfy(program: str, pairs: list[Pair], _: Path) -> Said:
    """Check the objects of a set for consistency; this reader cannot read doses of 32 bits."""

    def said(folder: Path) -> Counter[str]:
        return _complaints(program, *sorted(path for path in folder.iterdir() if not path.name.startswith("RD")))

    more = [said(pair.anon) - said(pair.source) for pair in pairs]
    new = {line for each in more for line in each}
    return Said(links=not any("Missing" in one for one in new), complaints=new)


def by_plastimatch(program: str, pairs: list[Pair], place: Path) -> Said:
    """Read CT, structures and dose as its volumes."""
    found = []
    for pair in pairs:
        read = []
        for folder in pair:
            out = place / "plastimatch"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            command = [program, "convert", "--input", str(folder), "--output-img", str(out / "ct.mha")]
            command += ["--output-dose-img", str(out / "dose.mha"), "--output-prefix", str(out / "structures")]
            subprocess.run(command, check=True, capture_output=True)
            read.append({path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()})
        found.append(read[0] == read[1] and len(read[0]) == len(STRUCTURES) + 2)
    return Said(equal=all(found))


def by_dicom_discovery(program: str, pairs: list[Pair], place: Path) -> Said:
    """Follow the chain from dose to plan, structures and CT."""
    out = place / "verdicts.json"
    command = [program, "rt-check", "--root", str(pairs[0].anon.parent), "--json", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    patients = json.loads(out.read_bytes())["patients"]
    return Said(links=[one["verdict"] for one in patients] == ["OK"] * len(pairs))


def by_dicomqc(program: str, pairs: list[Pair], place: Path) -> Said:
    """Search for data that should not be delivered."""
    out = place / "findings.json"
    command = [program, "scan", "--uid-checks", "--json", str(out), *(str(pair.anon) for pair in pairs)]
    subprocess.run(command, check=False, capture_output=True)
    return Said(complaints={one["message"] for one in json.loads(out.read_bytes())["findings"]})


def by_orthanc(program: str, pairs: list[Pair], place: Path) -> Said:
    """Store both in an archive, which must sort them alike, and read the same frames of CT and dose."""
    with _orthanc(program, place / "orthanc") as url:
        kept = [(_stored(url, pair.source), _stored(url, pair.anon)) for pair in pairs]
    patients = {one.patient for pair in kept for one in pair}
    whole = all(old.series == new.series and new.studies == 1 for old, new in kept)
    return Said(
        links=whole and len(patients) == 2 * len(pairs),
        equal=all(bool(old.frames) and old.frames == new.frames for old, new in kept),
    )


class _Stored(NamedTuple):
    """A set as stored by an archive."""

    patient: str
    studies: int
    series: list[tuple[str, int]]
    """Modality and number of objects."""

    frames: Counter[str]
    """Digests of the pixels as decoded by the archive."""


@contextmanager
def _orthanc(program: str, place: Path) -> Iterator[str]:
    """Run Orthanc with an empty store, accessible from this machine only."""
    place.mkdir()
    port = free_port()
    settings = {"HttpPort": port, "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "Plugins": []}
    settings |= {"DicomServerEnabled": False, "StorageDirectory": str(place), "IndexDirectory": str(place)}
    (place / "orthanc.json").write_text(json.dumps(settings))
    with subprocess.Popen([program, str(place / "orthanc.json")], stdout=DEVNULL, stderr=DEVNULL) as running:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _is_up(url), running.poll)
            yield url
        finally:
            running.terminate()


def _is_up(url: str) -> bool:
    try:
        return bool(_asked(f"{url}/system"))
    except OSError:
        return False


def _asked(url: str, data: bytes | None = None) -> bytes:
    with urlopen(url, data) as answer:
        return bytes(answer.read())


def _stored(url: str, folder: Path) -> _Stored:
    """Send a set to an archive, and return what it stored."""
    objects = [json.loads(_asked(f"{url}/instances", path.read_bytes())) for path in sorted(folder.iterdir())]
    (patient,) = {one["ParentPatient"] for one in objects}
    series = [json.loads(_asked(f"{url}/series/{each}")) for each in {one["ParentSeries"] for one in objects}]
    kinds = [(str(one["MainDicomTags"]["Modality"]), one["Instances"]) for one in series]
    shown = [f"{url}/instances/{one}/frames" for kind, them in kinds if kind in {"CT", "RTDOSE"} for one in them]
    frames = [f"{each}/{number}/raw" for each in shown for number in json.loads(_asked(each))]
    return _Stored(
        patient,
        len({one["ParentStudy"] for one in objects}),
        sorted((kind, len(them)) for kind, them in kinds),
        Counter(sha256(_asked(each)).hexdigest() for each in frames),
    )


READERS: Final[dict[str, Callable[[str, list[Pair], Path], Said]]] = {
    "pydicom": by_pydicom,
    "dciodvfy": by_dciodvfy,
    "dcentvfy": by_dcentvfy,
    "plastimatch": by_plastimatch,
    "dicom-discovery": by_dicom_discovery,
    "dicomqc": by_dicomqc,
    "Orthanc": by_orthanc,
}


def _complaints(program: str, *paths: Path) -> Counter[str]:
    """Return a program's complaints, without file-specific details."""
    done = subprocess.run([program, *map(str, paths)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return Counter(_UID.sub("…", line).strip() for line in lines if line.startswith(("Error", "Warning")))


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def _word(good: bool | None) -> str:
    return {True: "good", False: "NOT GOOD", None: "not examined"}[good]


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the output


if __name__ == "__main__":
    sys.exit(main())
