"""The disk is full, read-only or broken at any write for a set, which then waits and completes."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.dicom import part10
from services.pipeline.folder_run import process
from services.publication import publish
from services.publication.attempts import ABANDONED_AFTER_S, AbandonedWork
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.runtime.progress import Progress
from services.runtime.settings import Settings
from services.store import registry
from services.store.collection import Collection
from services.store.tracking_lines import TrackingFiles
from tests.invariants import hold, remember
from tests.sets import make_collection, make_set
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the share is read-only",
    errno.EIO: "the share answers with an error",
    errno.EDQUOT: "the disk quota is used up",
}


def go(root: Path, client: redis.Redis) -> None:
    """Process the only set of a collection completely, like a worker and then the watcher."""
    collection = Collection.open(root)
    locator = registry.register(collection, "Mustermann Erika")
    progress = Progress(client, collection.id, locator)
    process(collection, locator, Ledger(collection, client), progress, Settings(), patience_over=False)
    publish.recover(collection)
    TrackingFiles(collection).render()


@pytest.mark.parametrize("number", WORDS)
def test_each_write_fails(tmp_path: Path, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """At its first try. The error keeps its class, and is described in words."""
    step = failures = 0
    while True:
        root = make_collection(tmp_path / f"{step}" / "BATCH of Mustermann")
        originals = remember(make_set(root, name="Mustermann Erika", ct=1, size=8).folder)
        Collection.open(root)
        with monkeypatch.context() as patched:
            failed = fail_once(patched, step, number)
            try:
                go(root, client)
            except CIRCUMSTANCES as circumstance:
                assert describe(circumstance) == WORDS[number]  # noqa: PT017 - some are overcome without a word
        failures += len(failed)
        go(root, client)
        tidy_up(root, client)
        assert hold(root, originals, client=client) == {"Mustermann Erika": "published"}, step
        assert [path.name for path in root.glob("ANON_*")] == ["ANON_006"]
        if not failed:
            break
        step += 1
    assert failures == step > 40


def fail_once(patched: pytest.MonkeyPatch, step: int, number: int) -> list[int]:
    """Make the n-th change on disk fail once; the returned list shows whether it did."""
    left, failed = [step], []

    def failing(change: Callable[..., object]) -> Callable[..., object]:
        def do(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == -1:
                failed.append(step)
                raise OSError(number, os.strerror(number))
            return change(*arguments, **named)

        return do

    for name in ("link", "rename", "replace", "mkdir", "fsync"):
        patched.setattr(os, name, failing(getattr(os, name)))
    patched.setattr(durable_files, "_rename_noreplace", failing(durable_files._rename_noreplace))
    patched.setattr(durable_files, "_create", failing(durable_files._create))
    patched.setattr(part10, "_write_all", failing(part10._write_all))
    patched.setattr(Path, "write_bytes", failing(Path.write_bytes))
    return failed


def tidy_up(root: Path, client: redis.Redis) -> None:
    """Do what the reconciler does, until ten minutes have passed."""
    collection, now = Collection.open(root), [0.0]
    still = AbandonedWork(collection, lambda: now[0])
    ledger = Ledger(collection, client)
    for _ in range(3):
        ledger.audit()
        still.clear(lambda _: False)
        now[0] += ABANDONED_AFTER_S
