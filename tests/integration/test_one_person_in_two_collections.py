"""One person in two collections of a share, reported only there, and only if enabled by an operator."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from services.errors import SettingsWrong
from services.maintenance.forget import forget_set
from services.maintenance.withdraw import withdraw_set
from services.pipeline.folder_run import process
from services.publication import share_persons
from services.publication.index_ledger import Ledger
from services.runtime.progress import Progress
from services.runtime.settings import Settings, from_environment
from services.store import notes, registry
from services.store.collection import Collection
from tests.sets import make_collection, make_set, setting

if TYPE_CHECKING:
    from pathlib import Path

    import redis

SECRET = "f" * 64


def publish(client: redis.Redis, settings: Settings, root: Path, name: str, born: str = "19600203") -> str:
    """Publish a set of the patient A1, and return the note beside its folder."""
    if not (root / "collection.toml").exists():
        make_collection(root)
    made = make_set(root, setting(PatientID="A1", PatientBirthDate=born), name=name, seed=f"{root.name}{name}")
    collection = Collection.open(root)
    locator = registry.register(collection, name)
    ledger, progress = Ledger(collection, client), Progress(client, collection.id, locator)
    outcome = process(collection, locator, ledger, progress, settings, patience_over=False)
    assert outcome is not None
    assert outcome.index is not None
    note = notes.beside(made.folder, notes.NOTE)
    return note.read_text("utf-8-sig") if note.exists() else ""


def test_a_person_in_two_collections_is_reported_only_there(tmp_path: Path, client: redis.Redis) -> None:
    """By collection and number; different birth dates are mentioned; withdrawn or forgotten sets are not."""
    share = tmp_path / "share"
    settings = Settings(share=share, share_secret=SECRET)
    prostate, breast = share / "Prostate", share / "deep" / "Breast"
    same = "It is the same person as Prostate/ANON_006, in another collection of this share."
    assert "another collection" not in publish(client, settings, prostate, "a")
    assert same in publish(client, settings, breast, "b")
    assert "birth date or sex differ" in publish(client, settings, breast, "c", born="19610203")
    assert "Breast/ANON_006" in publish(client, settings, share / "Lung", "d")
    withdraw_set(Collection.open(prostate), 6)
    assert "Prostate" not in publish(client, settings, share / "Liver", "e")
    texts = [path.read_text("utf-8") for path in (breast / ".anonymizer" / share_persons.NAME).rglob("*.json")]
    assert len(texts) == 2
    assert not any("A1" in text or "19600203" in text for text in texts)


def test_nothing_is_noted_unless_it_was_turned_on(tmp_path: Path, client: redis.Redis) -> None:
    """Without the secret; with another secret nobody is recognized."""
    share = tmp_path / "share"
    assert "another collection" not in publish(client, Settings(share=share), share / "Prostate", "a")
    assert not (share / "Prostate" / ".anonymizer" / share_persons.NAME).exists()
    assert "another collection" not in publish(
        client, Settings(share=share, share_secret=SECRET), share / "Breast", "b"
    )
    assert "another collection" not in publish(
        client, Settings(share=share, share_secret="0" * 64), share / "Lung", "c"
    )


def test_a_forgotten_person_is_not_recognized_by_other_collections(tmp_path: Path, client: redis.Redis) -> None:
    """Whatever the other collections search for."""
    share = tmp_path / "share"
    settings = Settings(share=share, share_secret=SECRET)
    publish(client, settings, share / "Prostate", "a")
    shutil.rmtree(share / "Prostate" / "a")
    forget_set(Collection.open(share / "Prostate"), 6)
    assert "another collection" not in publish(client, settings, share / "Breast", "b")
    assert not [*(share / "Prostate" / ".anonymizer" / share_persons.NAME).rglob("*.json")]


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    """Patient IDs could otherwise be guessed; the secret is in a file."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert from_environment({"ANONYMIZER_SHARE_SECRET_FILE": str(file)}).share_secret == SECRET
    file.write_text("secret")
    with pytest.raises(SettingsWrong, match="ANONYMIZER_SHARE_SECRET must be at least 32"):
        from_environment({"ANONYMIZER_SHARE_SECRET_FILE": str(file)})
