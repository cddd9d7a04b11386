"""State of version 0.1.0 is migrated by the holder of the collection."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from services.store import arbiter, registry
from services.store.collection import Collection
from tests.sets import make_collection
from watcher.set_states import SetStatuses

if TYPE_CHECKING:
    from pathlib import Path

KEY = "5f" * 32
ID = "0a" * 16
SET_ID = "1b" * 16


def state_of_0_1_0(root: Path) -> dict[str, str]:
    """Write 0.1.0's state of a published, a refused and a waiting set; return their locators by folder."""
    state = make_collection(root) / ".anonymizer"
    for name in ("folders", "outcomes", "claims", "sets", "staging", "records", "tracking", "attempts"):
        (state / name).mkdir(parents=True)
    (state / "format").write_text("1\n")
    (state / "key").write_text(KEY + "\n")
    (state / "collection.json").write_text(json.dumps({"id": ID, "initial_index": 6}))
    collection = Collection.look(root)
    locators = {}
    for folder, outcome in {
        "published": {"state": "published", "codes": [], "set_id": SET_ID, "index": 6, "text": ""},
        "refused": {"state": "refused", "codes": ["no-rt-dose"], "set_id": None, "index": None, "text": "No dose."},
        "waiting": {"state": "waiting", "codes": ["no-rt-plan"], "set_id": None, "index": None, "text": "No plan."},
    }.items():
        (root / folder).mkdir()
        locator = locators[folder] = collection.locator(folder)
        fingerprint = "e" * 32
        folders = {".": (root / folder).stat().st_mtime_ns}
        stored = {**outcome, "fingerprint": fingerprint, "at": "2026-11-22T12:00:00+00:00", "folders": folders}
        (state / "folders" / f"{locator}.json").write_text(json.dumps({"schema": 1, "folder": folder}))
        path = state / "outcomes" / f"{locator}.json"
        path.write_text(json.dumps({**stored, "schema": 1}))
        os.utime(path, ns=(1_700_000_000_000_000_000,) * 2)
    claim = {"schema": 1, "index": 6, "set_id": SET_ID, "locator": locators["published"], "token": "2c" * 16}
    (state / "claims" / "000006.json").write_text(json.dumps(claim))
    (state / "sets" / f"{SET_ID}.json").write_text(json.dumps(claim))
    record = {"schema": 1, "index": 6, "set": SET_ID, "plan": "RP.2.25.1.dcm", "at": "2026-11-22T12:00:00+00:00"}
    (state / "records" / "ANON_006.json").write_text(json.dumps(record))
    return locators


def everything(root: Path) -> dict[str, bytes]:
    """Read all files of the state."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.json")}


def test_the_state_is_migrated_once_without_loss(tmp_path: Path) -> None:
    """Outcomes get an entry for their set and keep their times; the format is raised; the rest is unchanged."""
    root = tmp_path / "BATCH"
    locators = state_of_0_1_0(root)
    collection = Collection.open(root)
    before, known = everything(root), {one: registry.read_outcome(collection, one) for one in locators.values()}
    stood = SetStatuses(collection).take()

    assert arbiter.migrate(collection)
    assert not arbiter.migrate(collection)

    assert (collection.state / "format").read_text() == "2\n"
    assert {one: registry.read_outcome(collection, one) for one in locators.values()} == known
    assert SetStatuses(collection).take() == stood
    after = everything(root)
    outcomes = {f".anonymizer/outcomes/{locator}.json" for locator in locators.values()}
    assert {name: data for name, data in after.items() if name not in outcomes} == {
        name: data for name, data in before.items() if name not in outcomes
    }
    for name in outcomes:
        old, new = json.loads(before[name]), json.loads(after[name])
        entry = {key: old[key] for key in ("state", "codes", "set_id", "index", "text")}
        assert new == {**new, **old, "schema": 2, "sets": [{**entry, "plan": "", "ordinal": 0}]}
        assert (root / name).stat().st_mtime_ns == 1_700_000_000_000_000_000


def test_a_migration_that_was_cut_off_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The format is raised last; until then both kinds of outcomes are readable."""
    root = tmp_path / "BATCH"
    locators = state_of_0_1_0(root)
    collection = Collection.open(root)
    write, written = registry.write_outcome, []

    def once(*args: object) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(args)
        write(*args)

    with monkeypatch.context() as patch:
        patch.setattr(registry, "write_outcome", once)
        with pytest.raises(KeyboardInterrupt):
            arbiter.migrate(collection)
    assert (collection.state / "format").read_text() == "1\n"
    assert len([one for one in locators.values() if registry.read_outcome(collection, one)]) == 3
    assert arbiter.migrate(collection)
    schemas = {json.loads(path.read_bytes())["schema"] for path in collection.outcomes.iterdir()}
    assert schemas == {2}
