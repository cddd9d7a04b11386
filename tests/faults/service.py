"""A complete service in real processes, to be killed, frozen and starved: share, Redis, workers, watchers.

with Service(tmp_path) as service:
    service.redis.start(); service.start_watcher(); service.start_worker(processes=2)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from anonymizer.embedded.redis_server import server_command
from services.runtime import durable_files
from services.store.collection import Collection
from tests.invariants import Original, hold, remember
from tests.processes import processes
from tests.sets import make_collection, make_set
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parents[2]
QUEUE = "anonymizer"
CONCLUDED = {"published", "same-set", "changed", "refused", "parked"}


class Redis:
    """A Redis server that can fail in every way."""

    def __init__(self, *, keeps: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fault-"))
        self.keeps = keeps
        self.url = f"redis+socket://{self.folder}/redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it with its persisted data, if `keeps`."""
        keeping = ["--appendonly", "yes", "--appendfsync", "always"] if self.keeps else ["--appendonly", "no"]
        self._process = subprocess.Popen(
            [
                *(*server_command(), "--port", "0", "--unixsocket", f"{self.folder}/redis.sock"),
                *("--dir", str(self.folder), "--save", "", *keeping, "--maxmemory-policy", "noeviction"),
            ],
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        """Connect to it."""
        return redis.Redis(unix_socket_path=f"{self.folder}/redis.sock", socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def signal(self, number: int) -> None:
        """Send it a signal: kill, stop, continue."""
        assert self._process
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()
            (self.folder / "redis.sock").unlink(missing_ok=True)

    def end(self) -> None:
        """End it, and delete its data."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        rmtree(self.folder, ignore_errors=True)


class Kept:
    """A process that is restarted when it dies, like a container."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.starts = 0
        self._command, self._env, self._log = command, env, log
        self._stopped = False
        self._start()

    def _start(self) -> None:
        self.starts += 1
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._env, cwd=HERE, stdout=log, stderr=log, start_new_session=True
            )

    def tend(self) -> None:
        """Start it again if it died."""
        if not self._stopped and self.process.poll() is not None:
            self._start()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to it and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def children(self) -> list[int]:
        """Return the processes of its pool."""
        return [one.pid for one in processes() if one.parent == self.process.pid]

    def end(self) -> None:
        """End it permanently, with the rest of its process group."""
        self._stopped = True
        self.kill(signal.SIGCONT)
        self.kill()
        self.process.wait()


class Service:
    """The service over one share with one collection."""

    def __init__(self, place: Path, *, keeps: bool = False, **settings: object) -> None:
        self.place = place
        self.share = place / "share"
        self.root = self.share / "BATCH of Mustermann"
        self.redis = Redis(keeps=keeps)
        self.plan = place / "plan"
        self.plan.mkdir()
        self.faults: dict[str, list[list[Any]]] = {}
        self.settings = {"QUIET_S": 0.3, "PATIENCE_S": 3, "RESCAN_S": 0.2, "RECONCILE_S": 0.5, **settings}
        self.inner: dict[str, Any] = {"lease_s": 1.0, "stands_still_s": 2.0, "visibility_s": 3}
        self.kept: list[Kept] = []
        self.dropped: dict[str, Original] = {}
        self.events: list[bytes] = []
        self._tending = threading.Event()
        make_collection(self.root)
        self.collection = Collection.open(self.root)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=what, daemon=True) for what in (self._tend, self._listen)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tending.set()
        for thread in self._threads:
            thread.join()
        for kept in self.kept:
            kept.end()
        self.redis.end()

    def _tend(self) -> None:
        while not self._tending.wait(0.1):
            for kept in list(self.kept):
                kept.tend()

    def drop(self, name: str, *edits: Any, **what: Any) -> Path:
        """Drop a set, small by default, and remember its contents."""
        made = make_set(self.root, *edits, **{"name": name, "seed": name, "ct": 2, "size": 16, **what})
        self.dropped |= remember(made.folder)
        return made.folder

    def locator(self, name: str) -> str:
        """Return the locator of a set."""
        return self.collection.locator(name)

    def write_plan(self) -> None:
        """Write the planned faults; to be called before the processes concerned are started."""
        (self.plan / "plan.json").write_text(json.dumps({"faults": self.faults, **self.inner}))

    def happened(self) -> set[str]:
        """Return the faults that have happened: `<locator>.<number>`."""
        return {path.name for path in self.plan.iterdir()} - {"plan.json", "go"}

    def let_go(self) -> None:
        """Release processes held by `until:go`."""
        (self.plan / "go").touch()

    def start(self, *, workers: int = 1, processes: int = 2) -> None:
        """Start everything."""
        self.redis.start()
        self.write_plan()
        self.start_watcher()
        for _ in range(workers):
            self.start_worker(processes)

    def start_watcher(self, **settings: object) -> Kept:
        """Start a watcher."""
        return self._keep(["anonymizer", "watch", str(self.share)], settings)

    def start_worker(self, processes: int = 2, **settings: object) -> Kept:
        """Start a worker."""
        options = ["--queues", QUEUE, "--concurrency", str(processes), "--hostname", f"w{len(self.kept)}@test"]
        options += ["--without-mingle", "--without-gossip", "--without-heartbeat"]
        return self._keep(["celery", "--quiet", "-A", "worker.app", "worker", *options], settings)

    def _keep(self, command: list[str], settings: Mapping[str, object]) -> Kept:
        env = {name: value for name, value in os.environ.items() if not name.startswith("ANONYMIZER_")}
        ours = {"REDIS_URL": self.redis.url, "SHARE": self.share, "LOG_FORMAT": "json", **self.settings, **settings}
        env |= {f"ANONYMIZER_{name}": str(value) for name, value in ours.items()}
        start = [sys.executable, "-m", "tests.faults.with_faults", str(self.plan), *command]
        kept = Kept(start, env, self.place / f"{len(self.kept)}.log")
        self.kept.append(kept)
        return kept

    def command(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command, as an operator of this service does."""
        program = Path(sys.executable).with_name("anonymizer")
        env = {**os.environ, "ANONYMIZER_REDIS_URL": self.redis.url}
        return subprocess.run([program, *map(str, arguments)], env=env, capture_output=True, text=True, check=True)

    def _listen(self) -> None:
        """Record every event that the workers send, as Flower would see them."""
        while not self._tending.is_set():
            with suppress(redis.RedisError), self.redis.client() as client, client.pubsub() as heard:
                heard.psubscribe("*")
                while not self._tending.is_set():
                    message = heard.get_message(timeout=0.5)
                    if message and message["type"] == "pmessage":
                        self.events.append(message["data"])
            time.sleep(0.1)

    def states(self) -> dict[str, str]:
        """Return the states of the dropped sets, according to the share."""
        states = {name: self.state_of(name) for name in self.dropped}
        return {name: state for name, state in states.items() if state}

    def state_of(self, name: str) -> str | None:
        """Return the state of a set, according to the share."""
        path = self.root / ".anonymizer" / "outcomes" / f"{self.locator(name)}.json"
        with suppress(FileNotFoundError, ValueError):
            return str(json.loads(path.read_bytes())["state"])
        return None

    def concluded(self) -> bool:
        """Whether every dropped set is."""
        states = self.states()
        return states.keys() == self.dropped.keys() and set(states.values()) <= CONCLUDED

    def at_rest(self) -> bool:
        """Whether nothing is left to do: all sets concluded, nothing staged, every line written."""
        state = self.root / ".anonymizer"
        records, lines = durable_files.names(state / "records"), durable_files.names(state / "tracking")
        rendered = sum(
            len(path.read_text().splitlines()) - 1 for path in self.root.glob("VicRapidPlan_trackingFile_*.txt")
        )
        claims = durable_files.names(state / "claims")
        return (
            self.concluded()
            and not durable_files.names(state / "staging")
            and len(records) == len(lines) == rendered == len(claims)
        )

    def wait(self) -> None:
        """Wait until nothing is left to do."""
        wait_until(self.at_rest, lambda: (self.states(), self.left()))

    def left(self) -> object:
        """Return what is unfinished, for diagnosis."""
        state = self.root / ".anonymizer"
        return {
            name: sorted(durable_files.names(state / name)) for name in ("staging", "claims", "records", "tracking")
        }

    def said(self) -> list[bytes]:
        """Return all log lines of each process, and all events."""
        return [*(path.read_bytes() for path in sorted(self.place.glob("*.log"))), *self.events]

    def hold(self, *, at_rest: bool = True) -> dict[str, str]:
        """Assert that the collection keeps every promise."""
        client = None
        with suppress(redis.RedisError):
            client = self.redis.client()
            client.ping()
        return hold(self.root, self.dropped, client=client, said=self.said(), at_rest=at_rest)

    def all_published(self) -> None:
        """Wait until nothing is left to do, and assert that every set was published and all invariants hold."""
        self.wait()
        states = self.hold()
        assert set(states.values()) == {"published"}, states
