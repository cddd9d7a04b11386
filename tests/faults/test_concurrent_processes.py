"""Eight processes claim, publish and release the same sets, killed and frozen at random; Redis is emptied."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import date
from multiprocessing import get_context
from typing import TYPE_CHECKING

import redis

from anonymizer.embedded.redis_server import redis_server
from services.errors import SetChanged
from services.forms.collection_form import Options
from services.forms.identity import Identity
from services.publication import publish
from services.publication.attempts import AbandonedWork, Attempt
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.store import records
from services.store.collection import Collection
from services.store.tracking_lines import TrackingFiles, TrackingLine

if TYPE_CHECKING:
    from pathlib import Path

SETS = [f"{number:032x}" for number in range(1, 401)]
FORM = Identity("zzz_AnusGE", "AnusGE", "First", "Demo Hospital", 6)
STORM_S = float(os.environ.get("STORM_S", "10"))


def do(collection: Collection, ledger: Ledger, set_id: str, for_s: float = 0) -> None:
    """Process a set; a pause stands for its work."""
    if publish.find(collection, set_id) is not None:
        return
    index = ledger.claim(set_id, "0" * 32)
    attempt = Attempt.begin(collection, set_id, index)
    for name in (f"CT.{set_id}.dcm", f"RP.{set_id}.dcm"):
        (attempt.folder / name).write_text(collection.identity.numbered(index).patient_id)
    time.sleep(for_s)
    line = TrackingLine(set_id, collection.identity.numbered(index).patient_id, "Plan", "Hospital", date(2026, 11, 22))
    publish.publish(attempt, {}, line, f"RP.{set_id}.dcm")


def work(root: Path, socket: str, seed: int) -> None:
    """Process, release or reconcile at random, until killed."""
    chance = random.Random(seed)
    collection, client = Collection.open(root), redis.Redis(unix_socket_path=socket)
    ledger, now = Ledger(collection, client), [0.0]
    still = AbandonedWork(collection, lambda: now[0])
    while True:
        set_id = chance.choice(SETS)
        try:
            if (deed := chance.random()) < 0.55:
                do(collection, ledger, set_id, for_s=chance.random() / 4)
            elif deed < 0.9:
                ledger.release(set_id)
            elif deed < 0.97:
                publish.recover(collection)
                ledger.audit()
                now[0] += chance.choice([1, 400])
                still.clear(lambda _: False)
                TrackingFiles(collection).render()
            else:
                client.flushall()
        except (OSError, SetChanged, redis.RedisError):
            continue  # circumstances


def test_each_set_is_published_once_under_a_number_of_its_own(tmp_path: Path) -> None:
    """Each number from the initial one on is published, or is the next free one."""
    root = tmp_path / "BATCH"
    root.mkdir()
    collection = Collection.create(root, FORM, Options(machine=()))
    seed = random.randrange(1 << 30)
    print("seed", seed)  # noqa: T201 - pytest shows it when the test fails
    chance, fork = random.Random(seed), get_context("fork")
    with redis_server() as url:
        socket = url.removeprefix("redis+socket://")
        running: list = []
        frozen: list = []
        deadline = time.monotonic() + STORM_S
        while time.monotonic() < deadline:
            while len(running) < 8:
                running.append(fork.Process(target=work, args=(root, socket, chance.randrange(1 << 30)), daemon=True))
                running[-1].start()
            time.sleep(chance.random() * 0.05)
            process = running.pop(chance.randrange(8))
            if chance.random() < 0.3:
                os.kill(process.pid, signal.SIGSTOP)
                frozen.append(process)
            else:
                process.kill()
            if frozen and chance.random() < 0.3:
                os.kill(frozen[0].pid, signal.SIGCONT)
                running.append(frozen.pop(0))
                running.pop(0).kill()
        for process in running + frozen:
            process.kill()
            process.join()

        ledger = Ledger(collection, redis.Redis(unix_socket_path=socket))
        publish.recover(collection)
        for _ in range(2):
            ledger.audit()
        for set_id in SETS:
            do(collection, ledger, set_id)
        TrackingFiles(collection).render()
        found = published(collection)
        free = [index for index in range(6, max(found.values()) + 2) if index not in found.values()]
        assert [ledger.claim(f"{number:032x}", "0" * 32) for number in range(1000, 1000 + len(free))] == free

    assert sorted(found) == SETS
    (tracking,) = root.glob("VicRapidPlan*")
    assert tracking.read_text().splitlines()[1:] == [
        f"{set_id}, {FORM.numbered(index).patient_id}, Plan, Hospital"
        for set_id, index in sorted(found.items(), key=lambda item: item[1])
    ]


def published(collection: Collection) -> dict[str, int]:
    """Check every published folder: complete, of one set only, and each set in one folder only."""
    found: dict[str, int] = {}
    for folder in collection.root.glob("ANON_*"):
        index = int(folder.name.removeprefix("ANON_"))
        proof = records.read(collection, index)
        assert proof is not None
        assert proof.set_id not in found
        found[proof.set_id] = index
        assert sorted(durable_files.names(folder)) == [f"CT.{proof.set_id}.dcm", f"RP.{proof.set_id}.dcm"]
        assert {path.read_text() for path in folder.iterdir()} == {FORM.numbered(index).patient_id}
    return found
