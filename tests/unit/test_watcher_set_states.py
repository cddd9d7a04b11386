"""Recognition of sets and collections, and the cost of a rescan."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from services.errors import SettingsWrong
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.rtset import folder_listing
from services.store import registry
from services.store.collection import Collection, ShareAway
from services.store.registry import Outcome
from services.store.share import Share
from watcher.folders import loose_dicom, set_folders
from watcher.set_states import SetStatuses

if TYPE_CHECKING:
    from pathlib import Path

FORM = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
DICM = bytes(128) + b"DICM"


def collection_in(root: Path) -> Collection:
    """Turn a new folder into a collection."""
    root.mkdir(parents=True)
    return Collection.create(root, FORM, Options(machine=()))


def drop(collection: Collection, folder: str) -> Path:
    """Drop a set of one file in a subfolder."""
    inner = collection.root / folder / "CT"
    inner.mkdir(parents=True)
    (inner / "slice.dcm").write_bytes(DICM)
    return inner


def conclude(
    collection: Collection,
    folder: str,
    state: registry.SetState,
    *,
    at: str = "2026-11-22T12:00:00+00:00",
    **more: Any,
) -> None:
    """Store a set's outcome like a worker."""
    seen = folder_listing.take(collection.root / folder)
    folders = {str(one.path): one.mtime_ns for one in seen.folders}
    locator = registry.register(collection, folder)
    registry.write_outcome(collection, locator, Outcome(state, seen.fingerprint, at, folders=folders, **more))


def states(statuses: SetStatuses, suspects: tuple[str, ...] = ()) -> dict[str, str | None]:
    """Return the states by folder."""
    return {one.folder: one.outcome.state if one.outcome else None for one in statuses.take(suspects)}


def test_only_a_persons_folders_are_sets(tmp_path: Path) -> None:
    """Not ours, the older program's, hidden or linked folders, or collections, whatever their names."""
    collection = collection_in(tmp_path / "BATCH")
    root = collection.root
    for name in ("Müller, Hans", "anon_me", "b" * 200, "ANON_006", "anon_7", ".hidden", "~Meier", "x.temp", "sheets"):
        (root / name).mkdir()
    collection_in(root / "inner")
    (root / "link").symlink_to(tmp_path)
    (root / "file").write_text("no folder")
    assert set_folders(root) == ["anon_me", "b" * 200, "Müller, Hans", "sheets", "x.temp", "~Meier"]
    (root / "sheets" / "ANON_006.pdf").touch()
    assert set_folders(root) == ["anon_me", "b" * 200, "Müller, Hans", "x.temp", "~Meier"]


def test_dicom_lying_loose_in_the_root_is_seen(tmp_path: Path) -> None:
    """By prefix or name; other files are ignored."""
    (tmp_path / "one").write_bytes(DICM)
    (tmp_path / "two.DCM").write_bytes(b"no preamble")
    (tmp_path / "VicRapidPlan_trackingFile_20261122.txt").write_text("a line")
    assert loose_dicom(tmp_path) == 2


def test_an_outcome_holds_until_the_folder_changes(tmp_path: Path) -> None:
    """By a new, removed or replaced file."""
    collection = collection_in(tmp_path / "BATCH")
    inner = {name: drop(collection, name) for name in ("new", "done", "added to", "refused", "repaired")}
    statuses = SetStatuses(collection)
    for name in ("done", "added to"):
        conclude(collection, name, "published")
    for name in ("refused", "repaired"):
        conclude(collection, name, "refused")
    (inner["added to"] / "late.dcm").write_bytes(DICM)
    (inner["repaired"] / "slice.dcm").write_bytes(DICM + b"whole")
    assert states(statuses) == {
        "added to": None,
        "done": "published",
        "new": None,
        "refused": "refused",
        "repaired": None,
    }


def test_a_file_overwritten_in_a_finished_set_is_found_where_an_event_pointed(tmp_path: Path) -> None:
    """The folder's time does not show it; the event does."""
    collection = collection_in(tmp_path / "BATCH")
    inner = drop(collection, "done")
    conclude(collection, "done", "published")
    (inner / "slice.dcm").write_bytes(DICM + b"other")
    statuses = SetStatuses(collection)
    assert [states(statuses), states(statuses, ("done",))] == [{"done": "published"}, {"done": None}]


def test_what_a_hint_found_is_looked_at_until_it_is_known_what_became_of_it(tmp_path: Path) -> None:
    """An event applies to one check, and settling needs two."""
    collection = collection_in(tmp_path / "BATCH")
    inner = drop(collection, "done")
    conclude(collection, "done", "published")
    (inner / "slice.dcm").write_bytes(DICM + b"other")
    statuses = SetStatuses(collection)
    assert [states(statuses, ("done",)), states(statuses), states(statuses)] == [{"done": None}] * 3
    conclude(collection, "done", "changed")
    assert states(statuses) == {"done": "changed"}


def test_files_of_young_sets_are_looked_at_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few at a time in turns; those of old sets never."""
    collection = collection_in(tmp_path / "BATCH")
    now = datetime.now(UTC).isoformat()
    for number in range(12):
        drop(collection, f"young {number:02}")
        conclude(collection, f"young {number:02}", "published", at=now)
    drop(collection, "old")
    conclude(collection, "old", "published")
    clock = iter(range(1000))
    statuses = SetStatuses(collection, young_s=86_400, clock=lambda: float(next(clock)))
    looked: list[str] = []
    take = folder_listing.take
    monkeypatch.setattr(folder_listing, "take", lambda folder: looked.append(folder.name) or take(folder))
    turns = []
    for _ in range(3):
        statuses.take()
        turns.append(len(looked))
    assert turns == [5, 10, 15]
    assert set(looked) == {f"young {number:02}" for number in range(12)}


def test_a_rescan_looks_at_no_file_of_a_finished_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cost depends on folders and unfinished sets."""
    collection = collection_in(tmp_path / "BATCH")
    for number in range(20):
        drop(collection, f"done {number}")
        conclude(collection, f"done {number}", "published")
    drop(collection, "new")
    statuses = SetStatuses(collection)
    statuses.take()
    listed: list[str] = []
    take = folder_listing.take
    monkeypatch.setattr(folder_listing, "take", lambda folder: listed.append(folder.name) or take(folder))
    monkeypatch.setattr(registry, "read_outcome", lambda *_: pytest.fail("an outcome that did not change was read"))
    statuses.take()
    assert listed == ["new"]


def test_an_outcome_is_read_again_when_it_was_written_again(tmp_path: Path) -> None:
    """By a worker on any host."""
    collection = collection_in(tmp_path / "BATCH")
    drop(collection, "a")
    statuses = SetStatuses(collection)
    seen = []
    for state in ("waiting", "published"):
        conclude(collection, "a", state)
        seen.append(states(statuses))
    registry.reopen(collection, collection.locator("a"))
    assert [*seen, states(statuses)] == [{"a": "waiting"}, {"a": "published"}, {"a": None}]


def test_a_refused_set_is_checked_again_when_the_form_changed(tmp_path: Path) -> None:
    """It may be accepted now. Published sets stay published."""
    collection = collection_in(tmp_path / "BATCH")
    for name, state in (("a", "refused"), ("b", "published")):
        drop(collection, name)
        conclude(collection, name, state)
    statuses = SetStatuses(collection)
    before = states(statuses)
    form = collection.root / "collection.toml"
    form.write_text(form.read_text().replace("accept = []", 'accept = ["relative-dose"]'))
    assert [before, states(statuses)] == [{"a": "refused", "b": "published"}, {"a": None, "b": "published"}]


@pytest.mark.parametrize(
    ("state", "codes"), [("refused", ()), ("waiting", ("unlisted",)), ("waiting", ("choose-plans",))]
)
def test_form_and_list_decide_by_their_contents_not_by_the_clock(
    tmp_path: Path, state: str, codes: tuple[str, ...]
) -> None:
    """A clock set back would have a set checked for ever, or never again."""
    root = collection_in(tmp_path / "BATCH").root
    (root / "identities.csv").write_text("original_id,patient_id\nA1,T-1\n")
    drop(Collection.open(root), "a")

    def concluded(year: int) -> SetStatuses:
        collection = Collection.open(root)
        conclude(collection, "a", registry.SetState(state), codes=codes, settings=collection.settings)
        at = datetime(year, 1, 1, tzinfo=UTC).timestamp()
        os.utime(collection.outcomes / f"{collection.locator('a')}.json", (at, at))
        return SetStatuses(collection)

    before_the_form = concluded(1999)
    assert [states(before_the_form), states(before_the_form)] == [{"a": state}] * 2
    for name, text in (("collection.toml", "# another remark\n"), ("identities.csv", "X9,T-9\n")):
        after_it_is_changed = concluded(2099)
        assert states(after_it_is_changed) == {"a": state}
        with (root / name).open("a") as file:
            file.write(text)
        assert states(after_it_is_changed) == {"a": None}
    assert states(concluded(1999)) == {"a": state}


def test_a_set_with_too_many_files_is_for_the_worker_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has settled, whatever its contents."""
    monkeypatch.setattr(folder_listing, "MOST_FILES", 1)
    collection = collection_in(tmp_path / "BATCH")
    drop(collection, "a")
    statuses = SetStatuses(collection)
    assert statuses.take()[0].fingerprint == statuses.take()[0].fingerprint == "too-many-files"


def test_collections_are_found_at_any_depth_but_never_inside_a_set(tmp_path: Path) -> None:
    """Nor in hidden folders or behind links."""
    for place in ("a", "far/down/b", "a/inner", "a/patient/never", ".hidden/c"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "collection.toml").touch()
    (tmp_path / "linked").symlink_to(tmp_path / "far")
    (tmp_path / "locked").mkdir(mode=0)
    assert Share(tmp_path).roots() == [tmp_path / "a", tmp_path / "a/inner", tmp_path / "far/down/b"]


def test_a_collection_is_found_by_its_id_wherever_it_moves(tmp_path: Path) -> None:
    """Messages contain no path."""
    share = Share(tmp_path)
    wanted = collection_in(tmp_path / "a" / "BATCH").id
    before = share.find(wanted)
    (tmp_path / "a").rename(tmp_path / "b")
    assert (before, share.find(wanted)) == (tmp_path / "a" / "BATCH", tmp_path / "b" / "BATCH")


def test_a_collection_that_is_unavailable_is_waited_for(tmp_path: Path) -> None:
    """It may return."""
    with pytest.raises(ShareAway):
        Share(tmp_path).find("0" * 32)


def test_a_collection_that_was_copied_with_its_state_is_refused(tmp_path: Path) -> None:
    """Both would give the same numbers to different sets."""
    wanted = collection_in(tmp_path / "a").id
    shutil.copytree(tmp_path / "a", tmp_path / "copy of a")
    with pytest.raises(SettingsWrong, match="same id"):
        Share(tmp_path).find(wanted)


def test_a_share_that_is_unavailable_is_no_share_without_collections(tmp_path: Path) -> None:
    """It gives an error, not an empty result."""
    with pytest.raises(OSError, match="No such file"):
        Share(tmp_path / "away").roots()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_skipped(tmp_path: Path) -> None:
    """The others are found."""
    (tmp_path / "locked").mkdir(mode=0)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "collection.toml").touch()
    assert Share(tmp_path).roots() == [tmp_path / "a"]
