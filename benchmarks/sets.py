"""The sets used by the benchmarks: generated, kept between runs, identical on every machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from phantom.sets import SyntheticSet, build_set, write_set
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.store.collection import Collection

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
OPTIONS = Options(machine=("VicRapidPlan",), sheets=False)
"""Without sheets, which are drawn in a separate queue after publication and measured separately."""


@dataclass(frozen=True)
class Kind:
    """A kind of set by size."""

    name: str
    ct: int
    pixels: int = 512
    rois: int = 20
    points_per_contour: int = 153
    dense: bool = True
    control_points: int = 178

    def build(self, seed: str) -> SyntheticSet:
        """Return a set in memory."""
        return build_set(
            seed=seed,
            ct=self.ct,
            size=self.pixels,
            rois=self.rois,
            points_per_contour=self.points_per_contour,
            dense=self.dense,
            control_points=self.control_points,
        )


HEAD_AND_NECK = Kind("head and neck", ct=180)
GIGABYTE = Kind("1 GB", ct=480, pixels=1024)
TEN_FILES = Kind("10 files", ct=7, pixels=64, rois=8, points_per_contour=64, dense=False, control_points=20)
SIX_FILES = Kind("6 files", ct=3, pixels=32, rois=3, points_per_contour=32, dense=False, control_points=4)


def size_of(folder: Path) -> tuple[int, int]:
    """Return the number of files in a folder and their total size in bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def made(kind: Kind, seed: str, store: Path) -> Path:
    """Return the folder of a set, creating it unless an earlier run did."""
    folder = store / f"{kind.name} {seed}".replace(" ", "-")
    if not folder.exists():
        unfinished = folder.with_name(f".{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_set(kind.build(seed), unfinished)
        unfinished.rename(folder)
    return folder


def many(kind: Kind, count: int, store: Path, target: Path) -> None:
    """Make many sets from one: copies in which every UID is replaced by one of the same length.

    Only UIDs contain an eight-digit number between dots in a synthetic set, and each contains exactly one.
    """
    template = made(kind, "template", store)
    files = [(path.name, path.read_bytes()) for path in sorted(template.iterdir())]
    number = next(part for part in files[0][0].split(".") if len(part) == 8 and part.isdigit())
    for index in range(count):
        folder = target / f"set-{index:05d}"
        folder.mkdir(parents=True)
        other = f"{10_000_000 + index}"
        for name, data in files:
            new = data.replace(f".{number}.".encode(), f".{other}.".encode())
            (folder / name.replace(f".{number}.", f".{other}.")).write_bytes(new)


def folders(root: Path) -> list[Path]:
    """Return the folders that `many` made, without the notes beside them."""
    return sorted(path for path in root.glob("set-*") if path.is_dir())


def collection(root: Path) -> Collection:
    """Turn a root folder into a collection, or reset it."""
    for path in root.iterdir():
        if path.name.startswith(("ANON_", "VicRapidPlan_")) or path.name.endswith("_NOTE.txt"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(root / ".anonymizer", ignore_errors=True)
    (root / "collection.toml").unlink(missing_ok=True)
    return Collection.create(root, IDENTITY, OPTIONS)
