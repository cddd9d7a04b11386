"""Slow, paused, preallocated and truncated copies, and files that come late or are replaced."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.invariants import remember
from tests.sets import make_set
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.service import Service
    from tests.sets import MadeSet

OLD = 1_000_000_000
"""An old modification time, as preserved by copies."""


@pytest.fixture
def made(service: Service) -> MadeSet:
    """Provide a set beside the share, and a service that waits for it."""
    service.settings |= {"PATIENCE_S": 6}
    service.start()
    return make_set(service.place / "scanner", name="Mustermann Erika", seed=1, ct=12, size=32)


def slowly(files: list[Path], place: Path) -> None:
    """Copy file by file, each after a pause longer than a set needs to settle."""
    for path in files:
        shutil.copy(path, place)
        os.utime(place / path.name, (OLD, OLD))
        time.sleep(0.45)


def paused(files: list[Path], place: Path) -> None:
    """Copy half, and seconds later the rest, for which the set waits."""
    slowly(files[:6], place)
    time.sleep(2)
    slowly(files[6:], place)


def preallocated(files: list[Path], place: Path) -> None:
    """Create every file with its full size of zeros, then fill it without changing size or time."""
    for path in files:
        (place / path.name).write_bytes(bytes(path.stat().st_size))
        os.utime(place / path.name, (OLD, OLD))
    time.sleep(2)
    for path in files:
        with (place / path.name).open("r+b") as file:
            file.write(path.read_bytes())
        os.utime(place / path.name, (OLD, OLD + files.index(path)))


def piece_by_piece(files: list[Path], place: Path) -> None:
    """Let each file grow, ending in the middle of an element meanwhile."""
    for path in files:
        data = path.read_bytes()
        (place / path.name).write_bytes(data[: len(data) // 3])
    time.sleep(1.5)
    for path in files:
        (place / path.name).write_bytes(path.read_bytes())


def under_other_names(files: list[Path], place: Path) -> None:
    """Copy each to `.part` and rename it, the last one after a pause."""
    for path in files:
        part = place / (path.name + ".part")
        shutil.copy(path, part)
        if path == files[-1]:
            time.sleep(2)
        part.rename(place / path.name)


def nested(files: list[Path], place: Path) -> None:
    """Copy into subfolders that appear in sequence."""
    for number, path in enumerate(files):
        inner = place / "DICOM" / f"{number % 3}"
        inner.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, inner)
        time.sleep(0.2)


def moved_in(files: list[Path], place: Path) -> None:
    """Rename a complete copy into the share."""
    aside = place.with_name(".aside")
    place.rename(aside)
    for path in files:
        shutil.copy(path, aside)
    aside.rename(place)


@pytest.mark.parametrize("copy", [slowly, paused, preallocated, piece_by_piece, under_other_names, nested, moved_in])
def test_a_set_is_taken_when_it_is_whole(service: Service, made: MadeSet, copy: Callable) -> None:
    """Published once, with all its slices, and not earlier."""
    place = service.root / "Mustermann Erika"
    place.mkdir()
    copy(sorted(made.folder.iterdir()), place)
    service.dropped |= remember(place)

    service.all_published()
    assert len(list((service.root / "ANON_006").iterdir())) == 12 + 3
    assert [path.name[:12] for path in service.root.glob("*.txt")] == ["VicRapidPlan"]


def test_it_says_what_it_waits_for_and_is_refused_when_patience_is_over(service: Service) -> None:
    """`12 of 15`; a file that arrives later reopens it."""
    service.settings |= {"PATIENCE_S": 3600}
    service.start()
    made = make_set(service.place / "scanner", name="Mustermann Erika", seed=1, ct=12, size=32)
    place = service.root / "Mustermann Erika"
    place.mkdir()
    last = made.path(made.ct[-1])
    moved_in([path for path in made.folder.iterdir() if path != last], place)
    note, refused = (service.root / f"Mustermann Erika_{kind}.txt" for kind in ("NOTE", "REFUSED"))
    wait_until(note.exists)
    assert "11 of 12" in note.read_text("utf-8-sig"), note.read_text("utf-8-sig")
    service.kept.pop(0).end()
    service.start_watcher(PATIENCE_S=1)
    wait_until(refused.exists)
    wait_until(lambda: not note.exists())
    assert not list(service.root.glob("ANON_*"))

    shutil.copy(last, place)
    service.dropped |= remember(place)
    wait_until((service.root / "ANON_006").is_dir)
    service.all_published()
    assert not refused.exists()


def test_a_file_is_replaced_while_the_set_is_done(service: Service) -> None:
    """The work is discarded and restarted with the current contents."""
    place = service.drop("Mustermann Erika")
    plan = next(place.glob("RP*"))
    service.faults[service.locator("Mustermann Erika")] = [[6, "until:go"]]
    service.start(processes=1)
    wait_until(service.happened)
    data = plan.read_bytes()
    plan.unlink()
    plan.write_bytes(data)
    service.dropped |= remember(place)
    service.let_go()

    service.all_published()


def test_a_folder_is_renamed_while_it_is_read_and_its_name_used_for_the_next_patient(service: Service) -> None:
    """Each is published once, whatever the folder's name is then."""
    place = service.drop("Mustermann Erika")
    service.faults[service.locator("Mustermann Erika")] = [[6, "until:go"]]
    service.start(processes=2)
    wait_until(service.happened)
    place.rename(service.root / "Mustermann Max")
    del service.dropped["Mustermann Erika"]
    service.drop("Mustermann Erika", seed="the next patient")
    service.dropped |= remember(service.root / "Mustermann Max")
    service.let_go()

    service.wait()
    assert set(service.hold().values()) <= {"published", "same-set"}
    assert len(list(service.root.glob("ANON_*"))) == 2


def test_a_set_is_taken_away_while_it_is_done(service: Service) -> None:
    """Its number becomes free, and the next set gets it."""
    place = service.drop("Mustermann Erika")
    service.faults[service.locator("Mustermann Erika")] = [[6, "until:go"]]
    service.start(processes=1)
    wait_until(service.happened)
    place.rename(service.place / "away")
    service.dropped.clear()
    service.let_go()
    wait_until(lambda: not list((service.root / ".anonymizer" / "claims").iterdir()))
    service.drop("Mustermann Max")

    service.all_published()
    assert [path.name for path in service.root.glob("ANON_*")] == ["ANON_006"]
