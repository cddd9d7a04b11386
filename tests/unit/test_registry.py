"""Folders of locators, and outcomes of their sets."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.runtime import durable_files
from services.store import registry
from services.store.collection import Collection
from services.store.registry import Outcome


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Make a collection."""
    form = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
    return Collection.create(tmp_path, form, Options(machine=()))


@pytest.mark.parametrize("name", ["Müller, Hans", "two\nlines", os.fsdecode(b"\xfc"), "a/b"])
def test_a_locator_leads_back_to_its_folder(collection: Collection, name: str) -> None:
    """Whatever its name, which the locator does not reveal."""
    locator = registry.register(collection, name)

    assert locator == registry.register(collection, PurePosixPath(name)) == collection.locator(name)
    assert len(locator) == 32
    assert registry.folder_of(collection, locator) == collection.root / name
    assert list(registry.registered(collection)) == [(locator, PurePosixPath(name))]


def test_an_unregistered_or_forged_locator_is_refused(collection: Collection) -> None:
    """A message must not lead a worker outside the collection."""
    forged = {"schema": 1, "folder": "../../etc"}
    (collection.folders / f"{'a' * 32}.json").write_bytes(durable_files.encode(forged))
    (collection.folders / f"{collection.locator('../../etc')}.json").write_bytes(durable_files.encode(forged))

    for locator in ("b" * 32, "a" * 32, collection.locator("../../etc"), "../key", "", "../../../../etc/passwd"):
        assert registry.folder_of(collection, locator) is None
    assert list(registry.registered(collection)) == []


def test_an_outcome_comes_back_as_it_was(collection: Collection) -> None:
    """The last one applies until it is removed."""
    full = Outcome(
        state="published",
        fingerprint="f" * 32,
        at="2026-11-22T12:00:00+00:00",
        codes=("relinked",),
        set_id="1" * 32,
        index=6,
        folders={".": 1, "CT": 2},
        text="Published.",
    )
    registry.write_outcome(collection, "0" * 32, Outcome("waiting", "e" * 32, "2026-11-22T11:00:00+00:00"))
    registry.write_outcome(collection, "0" * 32, full)

    assert registry.read_outcome(collection, "0" * 32) == full


def test_what_was_published_stays_known_when_a_set_is_looked_at_again(collection: Collection) -> None:
    """But not for the current contents; nothing is kept of a refused set."""
    for index, kept in ((None, None), (6, ("published", 6, ""))):
        registry.write_outcome(
            collection, "0" * 32, Outcome("published", "f" * 32, "2026-11-22T12:00:00Z", index=index)
        )
        registry.reopen(collection, "0" * 32)
        registry.reopen(collection, "0" * 32)
        found = registry.read_outcome(collection, "0" * 32)
        assert (found and (found.state, found.index, found.fingerprint)) == kept


def test_an_unreadable_outcome_counts_as_missing(collection: Collection) -> None:
    """The set is then checked again."""
    for content in (b"", b"{}", b'{"state": "published"}'):
        (collection.outcomes / f"{'0' * 32}.json").write_bytes(content)
        assert registry.read_outcome(collection, "0" * 32) is None


def test_a_folder_that_is_gone_for_good_is_forgotten(collection: Collection) -> None:
    """With its outcome."""
    locator = registry.register(collection, "gone")
    registry.write_outcome(collection, locator, Outcome("waiting", "e" * 32, "2026-11-22T11:00:00+00:00"))
    registry.forget(collection, locator)

    assert (registry.folder_of(collection, locator), registry.read_outcome(collection, locator)) == (None, None)


def test_a_folder_whose_note_a_power_cut_emptied_is_noted_again(collection: Collection) -> None:
    """Recomputable data are written without waiting for the disk, so truncated ones must be replaced."""
    locator = registry.register(collection, "patient 1")
    (collection.folders / f"{locator}.json").write_bytes(b"")

    assert registry.folder_of(collection, locator) is None
    assert registry.register(collection, "patient 1") == locator
    assert registry.folder_of(collection, locator) == collection.root / "patient 1"
