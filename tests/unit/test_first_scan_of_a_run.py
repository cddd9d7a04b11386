"""A run observes its sets before importing anything: what it sees, and what it leaves to the watcher."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from anonymizer import first_look
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.rtset import folder_listing
from services.store.collection import Collection

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a collection of two sets, with other entries."""
    found = tmp_path / "BATCH"
    for name in ("b", "a", ".hidden"):
        (found / name).mkdir(parents=True)
        (found / name / "slice.dcm").write_bytes(b"1")
    (found / "loose.dcm").write_bytes(b"1")
    Collection.create(found, Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6), Options(machine=()))
    (found / "ANON_006").mkdir()
    (found / "ANON_006" / "slice.dcm").write_bytes(b"1")
    return found


def test_every_folder_that_may_be_a_set_is_seen_as_the_watcher_sees_it(root: Path) -> None:
    """With the time of observation."""
    began = time.monotonic()
    first_look.take(["--workers", "2", str(root), "no such folder"])
    seen = first_look.seen(root)
    assert {name: rest.fingerprint for name, rest in seen.items()} == {
        name: folder_listing.fingerprint(root / name) for name in ("a", "b")
    }
    assert all(began <= rest.since <= time.monotonic() for rest in seen.values())


def test_a_scan_out_of_time_leaves_the_rest_to_the_watcher(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For example on a slow share."""
    monkeypatch.setattr(first_look, "LONGEST_S", -1.0)
    first_look.take([str(root)])
    assert first_look.seen(root) == {}


def test_what_is_no_collection_is_not_looked_at(tmp_path: Path) -> None:
    """A form may be added later."""
    (tmp_path / "a").mkdir()
    first_look.take([str(tmp_path), "", "\0"])
    assert first_look.seen(tmp_path) == {}


def test_the_first_scan_imports_nothing_slow() -> None:
    """Otherwise starting early would be pointless."""
    heavy = {"numpy", "pydicom", "celery", "redis", "typer", "structlog"}
    code = f"import sys; from anonymizer import first_look; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
