"""A hostile and careless user of the share: whatever they drop, under any name, every folder gets an answer.

Random trees of sets, half sets, odd names, archives, rights, links, nested exports and pipes; compared with a checker
that knows *Not taken* and nothing of the product's own code, and fails on silence.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.pipeline.folder_run import process
from services.publication.index_ledger import Ledger
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from services.store.tracking_lines import TrackingFiles
from tests.invariants import hold, nothing_is_passed_over
from tests.rights import not_all_powerful, open_all
from tests.sets import make_collection, make_set
from watcher.set_states import SetStatuses
from watcher.status.reader import StatusReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from watcher.status.collection_status import CollectionStatus

NAMES = (
    *("Huber Josef", "Anon_Prostate_01", "~Meier", "Nguyen.temp", "sheets", "SHEETS", "anonymizer-sheets", "anon_12"),
    *(".hidden", "Müller, Änne", "日本", "-rf", "$(id)", "line\nbreak", "[b]bold[b]", "Export.zip", "x" * 120),
    *("ANON_CT", "ANON_012", "collection.toml.old", "@eaDir", "a'b\"c", "CON", "trailing. "),
)


def _drop(kept: Path, place: Path, name: str, seed: int, change: Callable[[Path], object]) -> None:
    if not os.path.lexists(place / name):
        shutil.copytree(kept / str(seed), place / name)
        change(place / name)


def _into_folders(folder: Path) -> None:
    """Drop an export with a folder for each modality."""
    for path in sorted(folder.iterdir()):
        (folder / path.name[:2]).mkdir(exist_ok=True)
        path.rename(folder / path.name[:2] / path.name)


def _nested(folder: Path) -> None:
    """Drop two patients' folders inside one."""
    inner = [folder / "P1", folder / "P2"]
    for place, seed in zip(inner, ("1", "2"), strict=True):
        shutil.copytree(folder.parent.parent / "kept" / seed, place)
    for path in folder.glob("*.dcm"):
        path.unlink()


def _zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(next(folder.glob("CT*")), "CT.dcm")


def _only_zip(folder: Path) -> None:
    _zipped(folder)
    for path in folder.glob("*.dcm"):
        path.unlink()


def _hidden_within(folder: Path) -> None:
    (folder / ".old").mkdir()
    shutil.copy(next(folder.glob("CT*")), folder / ".old" / "CT.dcm")


def _cut(folder: Path) -> None:
    path = next(folder.glob("RD*"))
    path.write_bytes(path.read_bytes()[:-100])


def _closed_part(folder: Path) -> None:
    _into_folders(folder)
    (folder / "CT").chmod(0)


def _loose(folder: Path) -> None:
    shutil.copy(next(folder.glob("RP*")), folder.parent / f"loose {folder.name[:9]}.dcm")


CHANGES: dict[str, Callable[[Path], object]] = {
    "whole": lambda _: None,
    "no plan": lambda folder: next(folder.glob("RP*")).unlink(),
    "no structures": lambda folder: next(folder.glob("RS*")).unlink(),
    "cut off": _cut,
    "empty files": lambda folder: [path.write_bytes(b"") for path in folder.glob("*.dcm")],
    "in folders": _into_folders,
    "nested": _nested,
    "with an archive": _zipped,
    "an archive alone": _only_zip,
    "hidden within": _hidden_within,
    "a link to a set": lambda folder: (folder.parent / f"link {folder.name[:9]}").symlink_to(folder),
    "a link within": lambda folder: (folder / "more").symlink_to(folder.parent.parent / "kept" / "1"),
    "a circle": lambda folder: (folder / "again").symlink_to(folder),
    "a pipe": lambda folder: os.mkfifo(folder / "pipe.dcm"),
    "a collection within": lambda folder: (
        make_collection(folder / "inner")
        and shutil.copytree(folder.parent.parent / "kept" / "2", folder / "inner" / "set")
    ),
    "loose beside": _loose,
    "closed": lambda folder: folder.chmod(0),
    "a part closed": _closed_part,
    "a file closed": lambda folder: next(folder.glob("RP*")).chmod(0),
    "a file beside closed": lambda folder: (
        (shutil.copy(next(folder.glob("RP*")), folder.parent / "scan")) and (folder.parent / "scan").chmod(0)
    ),
    "texts": lambda folder: (folder / "read me.txt").write_text("Dear Sir"),
    "other names": lambda folder: [path.rename(path.with_name(f"ANON_{path.stem}")) for path in folder.glob("*.dcm")],
    "temporary names": lambda folder: [path.rename(f"{path}.tmp") for path in folder.glob("CT*")],
}

DROPPED = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from("123"), st.sampled_from(sorted(CHANGES))),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one[0].casefold(),
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide three patients' sets."""
    place = tmp_path_factory.mktemp("kept")
    for seed in "123":
        make_set(place, name=seed, seed=seed, ct=2, size=16)
    return place


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Provide a folder for all examples."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def serve(root: Path, client: redis.Redis) -> CollectionStatus:
    """Process every set like watcher and workers, and return what a person is told."""
    collection = Collection.open(root)
    for status in SetStatuses(collection).take():
        if not status.can_be_listed:
            continue  # told as it is, and tried when it can be
        locator = registry.register(collection, status.folder)
        ledger, progress = Ledger(collection, client), Progress(client, collection.id, locator)
        process(collection, locator, ledger, progress, Settings(), patience_over=True)
    TrackingFiles(collection).render()
    return StatusReader(root, Settings()).read()


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(dropped=DROPPED)
def test_every_folder_that_is_dropped_is_answered(
    dropped: list[tuple[str, str, str]], kept: Path, place: Path, module_client: redis.Redis
) -> None:
    """Published, refused, or named as not taken; all invariants of a collection hold."""
    with tempfile.TemporaryDirectory(dir=place) as here:
        (Path(here) / "kept").symlink_to(kept)
        root = make_collection(Path(here) / "BATCH")
        Collection.open(root)  # else numbers of folders that are named so would have to be continued
        for name, seed, change in dropped:
            _drop(kept, root, name, int(seed), CHANGES[change])
        with not_all_powerful():
            told = serve(root, module_client)
        open_all(root)
        states = {row.folder: str(row.state) for row in told.sets}
        not_taken = {one.name for one in told.not_taken}
        nothing_is_passed_over(root, states, not_taken)
        hold(root, {}, client=module_client, not_taken=not_taken)


def test_the_checker_fails_on_silence(tmp_path: Path, kept: Path) -> None:
    """About a folder, an archive, a link, a loose file, and hidden contents of a set."""
    drops: dict[str, Callable[[], object]] = {
        "folder": lambda: shutil.copytree(kept / "1", tmp_path / "folder/set"),
        "archive": lambda: (tmp_path / "archive/a.zip").write_bytes(b"PK"),
        "link": lambda: (tmp_path / "link/a").symlink_to(kept / "1"),
        "loose": lambda: shutil.copy(next((kept / "1").glob("CT*")), tmp_path / "loose/a.dcm"),
        "hidden": lambda: shutil.copytree(kept / "1", tmp_path / "hidden/set/.old"),
    }
    answers = {"folder": "set", "archive": "a.zip", "link": "a", "loose": ".", "hidden": "set/.old"}
    for kind, drop in drops.items():
        root = tmp_path / kind
        root.mkdir()
        drop()
        states = {"set": "refused"} if kind == "hidden" else {}
        with pytest.raises(AssertionError, match="passed over"):
            nothing_is_passed_over(root, states, ())
        nothing_is_passed_over(root, states, {answers[kind]})
