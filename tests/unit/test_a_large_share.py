"""Tens of thousands of folders beside the collections: the search is bounded, pauses, and is remembered."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from services.runtime.settings import Settings
from services.store import share as share_module
from services.store.collection import Collection
from services.store.share import Share
from tests.sets import make_collection
from watcher.service import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOREIGN = 60


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a collection beside a folder of many old folders."""
    monkeypatch.setattr(share_module, "AT_ONCE", 10)
    monkeypatch.setattr(share_module, "SETTLED_NS", -1)
    for number in range(FOREIGN):
        (tmp_path / "foreign" / f"{number:03d}" / "inner").mkdir(parents=True)
    make_collection(tmp_path / "BATCH")
    return tmp_path


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the listed folders."""
    seen: list[str] = []
    scandir = os.scandir

    def noted(folder: Any) -> Any:
        seen.append(os.fspath(folder))
        return scandir(folder)

    monkeypatch.setattr(share_module.os, "scandir", noted)
    return seen


def parts(share: Share) -> tuple[int, list[Path]]:
    """Search completely; return the number of parts and the collections found."""
    count = 1
    while (found := share.search()) is None:
        count += 1
    return count, sorted(found)


def test_the_share_is_searched_in_bounded_parts(place: Path) -> None:
    """With the same result as in one part."""
    share = Share(place)

    count, found = parts(share)

    assert found == share.roots() == [place / "BATCH"]
    assert count > FOREIGN * 2 // 10


def test_what_did_not_change_is_not_listed_again(place: Path, listed: list[str]) -> None:
    """Changed ones are: those with a new form, and all occasionally, as not every share updates times."""
    share = Share(place)
    parts(share)
    first = len(listed)
    listed.clear()
    make_collection(place / "foreign" / "007" / "NEW")

    assert parts(share)[1] == [place / "BATCH", place / "foreign/007/NEW"]
    assert len(listed) < 10
    for _ in range(share_module.REMEMBERED):
        parts(share)
    assert len(listed) > first


def test_a_folder_that_was_closed_or_gone_is_noticed(place: Path) -> None:
    """Permissions are part of the remembered state."""
    share = Share(place)
    parts(share)
    (place / "BATCH" / "collection.toml").unlink()
    (place / "foreign" / "001" / "inner").rmdir()

    assert parts(share)[1] == []


def test_a_collection_above_is_found_without_looking_below(place: Path, listed: list[str]) -> None:
    """A worker's first set does not wait for a search of deeper levels."""
    wanted = Collection.open(place / "BATCH").id
    listed.clear()

    assert Share(place).find(wanted) == place / "BATCH"
    assert len(listed) < 10


def test_sets_are_processed_between_two_parts_of_a_search(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long search there is a long pause."""
    now = [100.0]
    looks: list[float] = []
    settings = Settings(rescan_s=1.0)
    watch = Watch(Share(place), SimpleNamespace(), SimpleNamespace(), settings, lambda: now[0])  # type: ignore[arg-type]
    attend(monkeypatch, looks, lambda: now[0])
    scandir = os.scandir

    def slow(folder: Any) -> Any:
        now[0] += 0.1
        return scandir(folder)

    monkeypatch.setattr(share_module.os, "scandir", slow)
    while not watch.attended:
        watch.step()
    took = now[0] - 100
    rests_until = watch._search_at
    assert rests_until - now[0] > took
    looks.clear()
    now[0] = rests_until
    before = now[0]
    while watch._search_at == rests_until:
        watch.step()

    assert len(looks) > FOREIGN * 2 // 10
    assert max(b - a for a, b in zip([before, *looks], looks, strict=False)) <= 10 * 0.1 + 0.2


def attend(monkeypatch: pytest.MonkeyPatch, looks: list[float], clock: Callable[[], float]) -> None:
    """Replace collection watchers by ones that only record the time."""

    class Attended:
        due = rests_until = 0.0
        overlap = None
        is_copied = False

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def look(self, _: object) -> None:
            looks.append(clock())

    monkeypatch.setattr("watcher.service.CollectionWatcher", Attended)
    monkeypatch.setattr("watcher.service.overlaps.among", lambda _: {})
