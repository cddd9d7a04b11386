"""Written files are no more accessible than the collection's folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from services.runtime import audit, modes
from services.store import releases
from services.store.collection import Collection
from sheets import set_sheet
from tests.delivered import collected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis


@pytest.fixture(autouse=True)
def _umask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start with the usual umask, and restore the previous one."""
    before = os.umask(0o022)
    monkeypatch.setattr(modes, "_at_start", [])
    yield
    os.umask(before)


def wider(root: Path, than: int) -> list[str]:
    """Return files of a run with wider permissions; originals and the form belong to a person."""
    a_person_s = ("Müller Anna 4711", "collection.toml")
    made = [path for path in root.rglob("*") if path.relative_to(root).parts[0] not in a_person_s]
    return sorted(str(path.relative_to(root)) for path in made if path.stat().st_mode & 0o077 & ~than)


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_nothing_is_wider_than_the_folder_it_lies_in(tmp_path: Path, client: redis.Redis, mode: int) -> None:
    """State, published set, sheet, tracking file, release and audit."""
    root = tmp_path / "BATCH"
    root.mkdir()
    root.chmod(mode)
    collected(root, client, "Müller Anna 4711")
    collection = Collection.open(root)
    releases.release(collection, 6, user="anna", role="Medical physicist")
    audit.note(collection.state, "released", anon="ANON_006")
    set_sheet.make(collection, 6)
    assert {path.name for path in root.iterdir()} >= {"ANON_006", ".anonymizer", "sheets"}
    assert wider(root, than=mode) == []
    assert (root / "ANON_006").stat().st_mode & 0o777 == mode


def test_the_umask_of_the_settings_closes_more(tmp_path: Path, client: redis.Redis) -> None:
    """It never allows more than the folder."""
    root = tmp_path / "BATCH"
    root.mkdir()
    root.chmod(0o755)
    modes.set_umask(0o027)
    collected(root, client, "Müller Anna 4711")
    assert wider(root, than=0o750) == []
    assert (root / "ANON_006").stat().st_mode & 0o777 == 0o750
