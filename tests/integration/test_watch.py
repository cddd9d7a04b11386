"""The service as in a clinic: share, Redis, worker process, watcher, and people dropping folders."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from anonymizer.embedded.supervisor import Supervised
from services.publication import attempts
from services.publication.index_ledger import Ledger
from services.runtime import durable_files
from services.runtime.settings import Settings
from services.store import failures
from services.store.collection import Collection
from services.store.share import Share
from tests.judge import judge
from tests.processes import processes
from tests.sets import make_collection, make_set, without
from tests.waiting import wait_until
from watcher.service import Watch
from worker.app import make_app, worker_arguments
from worker.connection import connect, key_of
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

QUEUE = "test-watch"


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the share on which all tests of this file have a folder."""
    return tmp_path_factory.mktemp("share")


@pytest.fixture(scope="module")
def settings(redis_server: str, share: Path) -> Settings:
    """Return settings with short delays."""
    return Settings(
        redis_url=f"redis+socket://{redis_server}",
        share=share,
        quiet_s=0.4,
        patience_s=2.0,
        rescan_s=0.2,
        reconcile_s=0.3,
        observer="polling",
    )


@pytest.fixture(scope="module")
def worker(settings: Settings, share: Path) -> Iterator[Supervised]:
    """Start a real worker of two processes."""
    process = Supervised(
        [sys.executable, "-P", "-m", "celery", "--quiet", "-A", "worker.app", *worker_arguments(QUEUE, 2)],
        env={**os.environ, "ANONYMIZER_REDIS_URL": str(settings.redis_url), "ANONYMIZER_SHARE": str(share)},
    )
    yield process
    process.stop(grace_s=math.inf)


class Clinic:
    """A watched share, or a folder of it."""

    def __init__(self, place: Path, settings: Settings, worker: Supervised) -> None:
        self.place = place
        self.settings = settings
        self.worker = worker
        self.redis: redis.Redis = connect(settings)
        self.watch = self.another_watch()

    def another_watch(self, **changes: float) -> Watch:
        """Start another watcher of the same share, with other settings."""
        queue = Queue(self.redis, make_app(lambda: self.settings), QUEUE)
        return Watch(Share(self.place), queue, self.redis, replace(self.settings, **changes))

    def until(self, what: Callable[[], object], watch: Watch | None = None) -> None:
        """Watch until a condition is true."""

        def holds() -> object:
            if what():
                return True
            (watch or self.watch).step()
            self.worker.tend()
            return False

        wait_until(holds, self.states)

    def let_the_worker_end(self) -> None:
        """Wait until the worker is idle, including unreported published sets."""

        def idle() -> bool:
            self.worker.tend()
            return not list(self.redis.scan_iter("anonymizer:lease:*"))

        self.redis.delete(key_of(QUEUE))
        wait_until(idle)

    def watch_for(self, seconds: float) -> None:
        """Watch for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def states(self) -> dict[str, dict[str, str]]:
        """Return the state of every set, by collection."""
        return {root.name: attended.states for root, attended in self.watch.attended.items()}

    def paused(self, root: Path) -> str:
        """Return why a collection is paused."""
        return self.watch.attended[root].paused


@pytest.fixture
def clinic(request: pytest.FixtureRequest, share: Path, settings: Settings, worker: Supervised) -> Iterator[Clinic]:
    """Watch a new folder of the share."""
    place = share / request.node.name
    place.mkdir()
    clinic = Clinic(place, settings, worker)
    clinic.redis.flushall()
    yield clinic
    for attended in clinic.watch.attended.values():
        attended.leave()
    clinic.let_the_worker_end()
    clinic.redis.close()
    shutil.rmtree(place)


def published(root: Path) -> list[str]:
    """Return the published sets with lines."""
    lines = "".join(path.read_text() for path in root.glob("VicRapidPlan_trackingFile_*.txt"))
    return sorted(path.name for path in root.glob("ANON_*") if f"zzz_AnusGE{path.name[5:]}, " in lines)


def test_a_new_collection_is_processed(clinic: Clinic) -> None:
    """At any depth; its sets are anonymized as they arrive."""
    clinic.watch_for(0.3)
    root = make_collection(clinic.place / "physics" / "BATCH")
    one = make_set(root, name="first")
    clinic.until(lambda: published(root) == ["ANON_006"])
    make_set(root, name="second", seed=2)
    clinic.until(lambda: published(root) == ["ANON_006", "ANON_007"])
    judge(one.folder, root / "ANON_006", one.manifest)
    clinic.until(lambda: clinic.states() == {"BATCH": {"first": "published", "second": "published"}})


def test_a_line_follows_its_set_within_seconds(clinic: Clinic) -> None:
    """Lines and the word list do not wait for the reconciliation every minute."""
    watch = clinic.another_watch(reconcile_s=3600.0)
    root = make_collection(clinic.place / "BATCH")
    clinic.until(lambda: root in watch.attended and watch.attended[root].counts.at, watch)
    make_set(root, name="first", rois=("PTV", "PTV Hohenlohe"))
    clinic.until(lambda: published(root) == ["ANON_006"] and (root / "words.csv").exists(), watch)
    make_set(root, name="second", seed=2)
    clinic.until(lambda: published(root) == ["ANON_006", "ANON_007"], watch)
    watch.attended[root].leave()


def test_a_half_saved_form_pauses_its_collection_only(clinic: Clinic) -> None:
    """With the line number; once complete, it continues automatically."""
    root, other = make_collection(clinic.place / "a"), make_collection(clinic.place / "b")
    form = (root / "collection.toml").read_text()
    (root / "collection.toml").write_text(form.replace("= 6", "="))
    for place in (root, other):
        make_set(place, name="set", seed=place.name)
    clinic.until(lambda: published(other))
    assert "line 6" in clinic.paused(root)
    assert not (root / ".anonymizer").exists()
    (root / "collection.toml").write_text(form)
    clinic.until(lambda: published(root))
    assert clinic.paused(root) == ""


def test_a_machine_that_nobody_described_pauses_its_collection(clinic: Clinic) -> None:
    """With a sentence that names it, until the machine exists."""
    root = make_collection(clinic.place / "a", machine="NoSuchMachine")
    make_set(root, name="set")
    clinic.until(lambda: root in clinic.watch.attended and clinic.paused(root))
    assert "no machine called NoSuchMachine" in clinic.paused(root)

    form = root / "collection.toml"
    form.write_text(form.read_text().replace("NoSuchMachine", "VicRapidPlan"))
    clinic.until(lambda: published(root) == ["ANON_006"])


@pytest.mark.parametrize("disorder", ["its id cannot be read", "an outcome makes no sense"])
def test_a_broken_collection_does_not_delay_the_others(clinic: Clinic, disorder: str) -> None:
    """Nor later ones."""
    broken = make_collection(clinic.place / "a")
    state = Collection.open(broken).state
    if disorder == "its id cannot be read":
        (state / "collection.json").unlink()
        (state / "collection.json").mkdir()
    else:
        (broken / "set").mkdir()
        nonsense = {"state": "published", "fingerprint": "", "at": "", "folders": ["."]}
        locator = Collection.open(broken).locator("set")
        (state / "outcomes" / f"{locator}.json").write_bytes(durable_files.encode(nonsense))
    clinic.until(lambda: broken in clinic.watch.attended and clinic.paused(broken))

    root = make_collection(clinic.place / "b")
    make_set(root, name="set")
    clinic.until(lambda: published(root) == ["ANON_006"])
    assert not clinic.watch.share_is_away
    assert clinic.paused(broken)


def test_what_a_person_wrote_into_a_form_does_not_get_into_the_log(clinic: Clinic) -> None:
    """The sentence quoting it is for users of the share; the log names the collection's id."""
    root = make_collection(clinic.place / "a")
    its_id = Collection.open(root).id
    form = root / "collection.toml"
    clinic.until(lambda: root in clinic.watch.attended)
    form.write_text(form.read_text() + '\nMustermann = "Erika"')
    with capture_logs() as logged:
        clinic.until(lambda: "Mustermann is unknown" in clinic.paused(root))

    assert [(line["event"], line["collection"]) for line in logged] == [("collection.paused", its_id)]
    assert "Mustermann" not in str(logged)


def test_a_collection_that_was_copied_is_left_alone_like_its_original(clinic: Clinic) -> None:
    """Until a person has decided between the two."""
    root = make_collection(clinic.place / "a")
    make_set(root, name="first", seed=1)
    clinic.until(lambda: published(root))
    copy = clinic.place / "copy of a"
    shutil.copytree(root, copy)
    clinic.until(lambda: copy in clinic.watch.attended)
    for place in (root, copy):
        make_set(place, name="second", seed=2)
    clinic.watch_for(1.5)
    assert (published(root), published(copy)) == (["ANON_006"], ["ANON_006"])
    assert "same id" in clinic.paused(root)
    shutil.rmtree(copy)
    clinic.until(lambda: published(root) == ["ANON_006", "ANON_007"])


def test_a_second_watcher_stands_by_and_takes_over(clinic: Clinic) -> None:
    """One arbiter per collection."""
    root = make_collection(clinic.place / "a")
    clinic.until((root / ".anonymizer" / "arbiter.json").exists)
    second = clinic.another_watch()
    make_set(root, name="set")
    clinic.until(lambda: root in second.attended and second.attended[root].paused, second)
    end = time.monotonic() + 1
    clinic.until(lambda: time.monotonic() > end, second)
    assert (second.attended[root].paused, published(root)) == ("another service, or a run, has this collection", [])
    clinic.watch.attended[root].leave()
    clinic.until(lambda: published(root), watch=second)
    second.attended[root].leave()


def test_an_incomplete_set_waits_is_refused_and_is_opened_again(clinic: Clinic) -> None:
    """As its files arrive; a note lists what is missing."""
    root = make_collection(clinic.place / "a")
    made = make_set(root, without("RTDOSE"), name="set")
    patient = clinic.another_watch(patience_s=3600.0)
    clinic.until((root / "set_NOTE.txt").exists, patient)
    assert "RT Dose" in (root / "set_NOTE.txt").read_text("utf-8-sig")
    patient.attended[root].leave()
    clinic.watch = clinic.another_watch(patience_s=0.0)
    clinic.until((root / "set_REFUSED.txt").exists)
    clinic.until(lambda: not (root / "set_NOTE.txt").exists())
    make_set(root, name="set")
    clinic.until(lambda: published(root) == ["ANON_006"])
    clinic.until(lambda: not list(root.glob("*_REFUSED.txt")))
    judge(made.folder, root / "ANON_006", made.manifest)


def test_a_share_that_goes_away_is_waited_for(clinic: Clinic) -> None:
    """Nothing is deleted and nothing numbered again."""
    root = make_collection(clinic.place / "a")
    make_set(root, name="first", seed=1)
    clinic.until(lambda: published(root))
    away = clinic.place.with_name("away")
    clinic.place.rename(away)
    make_set(away / "a", name="second", seed=2)
    clinic.watch_for(1)
    away.rename(clinic.place)
    clinic.until(lambda: published(root) == ["ANON_006", "ANON_007"])
    assert Collection.open(root).id == Collection.open(root).id


def test_an_empty_mount_point_is_not_a_share_without_collections(clinic: Clinic) -> None:
    """The collections stay known, and nothing is created in the empty place."""
    root = make_collection(clinic.place / "a")
    make_set(root, name="first", seed=1)
    clinic.until(lambda: published(root))
    away = clinic.place.with_name("unmounted")
    clinic.place.rename(away)
    clinic.place.mkdir()
    clinic.watch_for(1)
    left = list(clinic.place.iterdir())
    clinic.place.rmdir()
    away.rename(clinic.place)
    make_set(root, name="second", seed=2)
    clinic.until(lambda: published(root) == ["ANON_006", "ANON_007"])
    assert left == []


def test_an_emptied_redis_loses_no_set(clinic: Clinic) -> None:
    """Neither messages nor claims, since the share has them."""
    root = make_collection(clinic.place / "a")
    for number in range(6):
        make_set(root, name=f"set {number}", seed=number)
        if number % 2:
            clinic.until(lambda: "queued" in clinic.states().get("a", {}).values())
            clinic.redis.flushall()
    clinic.until(lambda: len(published(root)) == 6)
    assert published(root) == [f"ANON_{number:03d}" for number in range(6, 12)]


def test_a_process_that_is_killed_in_its_work_counts_and_the_set_is_done(clinic: Clinic) -> None:
    """Its worker survives, and notices its death."""
    root = make_collection(clinic.place / "a")
    collection, dropped = Collection.open(root), 0

    def kill_who_works() -> bool:
        nonlocal dropped
        if len(list(root.glob("ANON_*"))) == dropped:  # also where the last one was done before it could be killed
            make_set(root, name=f"set {dropped}", seed=dropped, ct=150, size=256)
            dropped += 1
        if not attempts.all_of(collection):
            return False
        processes = processes_of_worker()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        in_work = bool(attempts.all_of(collection)) and len(list(root.glob("ANON_*"))) < dropped
        for process in processes:
            os.kill(process, signal.SIGKILL if in_work else signal.SIGCONT)
        return in_work

    clinic.until(kill_who_works)
    clinic.until(lambda: failures.all_of(collection))
    clinic.until(lambda: len(published(root)) == dropped)
    clinic.until(lambda: failures.all_of(collection) == [])
    clinic.until(lambda: not any(map(attempts.is_half_published, attempts.all_of(collection))))


def processes_of_worker() -> list[int]:
    """Return a worker's task processes, those whose parent is the worker, too."""
    ours = [one for one in processes() if f"--queues {QUEUE}" in one.command and "child_process.py" not in one.command]
    pids = {one.pid for one in ours}
    return [one.pid for one in ours if one.parent in pids]


def test_an_index_comes_back_when_its_set_goes_away(clinic: Clinic) -> None:
    """If the set was refused or removed after getting one."""
    root = make_collection(clinic.place / "a")
    clinic.until((root / ".anonymizer").exists)
    collection = Collection.open(root)
    assert Ledger(collection, clinic.redis).claim("0" * 32, "1" * 32) == 6
    clinic.until(lambda: not list(collection.claims.iterdir()))
    make_set(root, name="set")
    clinic.until(lambda: published(root) == ["ANON_006"])


def test_no_name_is_sent_to_redis(clinic: Clinic, settings: Settings) -> None:
    """Nothing readable there, including by Flower, names a folder or a patient."""
    monitor = subprocess.Popen(
        [sys.executable, "-c", MONITOR, str(settings.redis_url).removeprefix("redis+socket://")],
        stdout=subprocess.PIPE,
    )
    try:
        assert monitor.stdout is not None
        assert monitor.stdout.readline() == b"listening\n"
        root = make_collection(clinic.place / "a")
        made = make_set(root, name="Mustermann Erika 4711")
        # It is read as it comes: a full pipe would stop it, and Redis with it.
        with ThreadPoolExecutor(1) as reader:
            told = reader.submit(monitor.stdout.read)
            clinic.until(lambda: published(root))
            monitor.send_signal(signal.SIGINT)
            heard = told.result()
    finally:
        monitor.kill()
        monitor.communicate()
    assert b"anonymizer:ledger:" in heard
    for secret in ("Mustermann", "BATCH", str(clinic.place), *made.manifest.values):
        assert secret.encode() not in heard


MONITOR = """
import redis, sys
with redis.Redis(unix_socket_path=sys.argv[1]).monitor() as monitor:
    print("listening", flush=True)
    try:
        for command in monitor.listen():
            print(command, flush=True)
    except KeyboardInterrupt:
        pass
"""


def test_a_file_that_has_its_size_before_its_bytes_is_waited_for(clinic: Clinic) -> None:
    """It is named although unchanged; once the rest has arrived, the set is published completely."""
    root = make_collection(clinic.place / "BATCH")
    made = make_set(clinic.place / "elsewhere", name="half", ct=5, size=256)
    path = made.path(made.ct[2])
    whole = path.read_bytes()
    path.write_bytes(whole[:65_536] + bytes(len(whole) - 65_536))
    made.folder.rename(root / "half")
    note = root / "half_NOTE.txt"
    clinic.watch = clinic.another_watch(patience_s=3600.0)

    clinic.until(note.exists)
    assert path.name in note.read_text("utf-8-sig")
    assert not (root / "ANON_006").exists()

    (root / "half" / path.name).write_bytes(whole)
    clinic.until((root / "ANON_006").exists)

    judge(root / "half", root / "ANON_006", made.manifest)
