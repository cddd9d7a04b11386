"""Explorer and Finder leave files in viewed folders: these are harmless, and not delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.layout import published_in
from services.maintenance import doctor
from services.publication.attempts import ABANDONED_AFTER_S, UNCLAIMED_AFTER_S, AbandonedWork, Attempt
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.store.collection import Collection
from tests.delivered import anonymizer, collected
from tests.sets import make_collection

if TYPE_CHECKING:
    from pathlib import Path

    import redis

LEFT = ("Thumbs.db", "desktop.ini", ".DS_Store", "._CT.dcm", "ehthumbs.db")


def look_into(folder: Path) -> None:
    """Add the files left by Windows' and macOS' file managers."""
    for name in LEFT:
        (folder / name).write_bytes(b"\0\5\x16\7")


def test_file_manager_files_are_no_damage_and_are_not_delivered(tmp_path: Path, client: redis.Redis) -> None:
    """For verify, doctor, export and receive; other additions are reported as before."""
    root = collected(tmp_path / "BATCH", client, "Huber Josef")
    anon, delivered = root / "ANON_006", tmp_path / "delivered"
    look_into(anon)

    assert anonymizer("verify", root / "Huber Josef", anon).code == 0
    assert [one for one in doctor.examine(Collection.look(root)) if one.is_wrong] == []
    assert anonymizer("export", root, delivered).code == 0
    assert not [path for path in delivered.rglob("*") if path.name in LEFT]
    look_into(delivered / "ANON_006")
    key = anonymizer("key", root).text.partition("Fingerprint: ")[2].strip()
    centre = make_collection(tmp_path / "CENTRE")
    assert anonymizer("receive", delivered, centre, "--trust", key).code == 0
    look_into(centre / "ANON_006")
    assert anonymizer("receive", delivered, centre, "--trust", key).code == 0  # it is there already
    assert anonymizer("export", root, delivered).code == 0

    (anon / "Notes.txt").write_text("added")
    assert [one.code for one in doctor.examine(Collection.look(root)) if one.is_wrong] == ["files-changed"]
    assert anonymizer("verify", root / "Huber Josef", anon).code == 1


def test_only_files_are_passed_over(tmp_path: Path) -> None:
    """Not a folder or a link of that name."""
    (tmp_path / "Thumbs.db").mkdir()
    (tmp_path / "desktop.ini").symlink_to(tmp_path)
    (tmp_path / ".DS_Store").write_bytes(b"")
    (tmp_path / "CT.1.dcm").write_bytes(b"")
    assert published_in(tmp_path) == ["CT.1.dcm", "Thumbs.db", "desktop.ini"]


@pytest.mark.parametrize("is_claimed", [True, False])
def test_what_no_set_needs_goes_from_the_staging_within_minutes(
    collection: Collection, client: redis.Redis, *, is_claimed: bool
) -> None:
    """A killed process's files, and attempts without a claim; those with a claim have more time."""
    now = [0.0]
    still = AbandonedWork(collection, lambda: now[0])
    set_id = "5" * 32
    index = Ledger(collection, client).claim(set_id, "0" * 32)
    attempt = Attempt.begin(collection, set_id, index)
    if not is_claimed:
        for path in (*collection.claims.iterdir(), *collection.sets.iterdir()):
            path.unlink()
    left = durable_files.aside(collection.staging)
    left.write_bytes(b"half")
    still.clear(lambda _: False)
    now[0] += UNCLAIMED_AFTER_S
    still.clear(lambda _: False)
    assert (left.exists(), attempt.path.exists()) == (False, is_claimed)
    now[0] += ABANDONED_AFTER_S
    still.clear(lambda _: False)
    assert not attempt.path.exists()
