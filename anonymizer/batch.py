"""The embedded mode: one process that has Redis, workers and watcher itself, for one collection, to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import redis

from anonymizer.embedded import redis_server
from anonymizer.supervisor import Supervised
from services import failures, registry
from services.errors import SettingsWrong
from services.progress import InWork, read_all
from watcher.watch import Attended
from worker.app import connect, make_app, worker_arguments
from worker.circumstances import reason
from worker.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from services.collection import Collection
    from services.settings import Settings

QUIET_S: Final = 1.0
"""What was complete before need not wait: two looks a second apart that see the same."""

LOOK_S: Final = 0.5
RECONCILE_S: Final = 2.0
GRACE_S: Final = 30.0
"""So long a set in work may take to its end when the run is stopped."""

EARLY_DEATHS: Final = 3
"""So often in a row a worker may die of its start before we say that it does."""

SERVED: Final = (
    "Another service or run has this collection. Wait for it, or stop it: two would only get in each other's way."
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a run stands."""

    stands: Mapping[str, str]
    """By folder: what became of it, or `settling`, `queued`, `in work`, `waiting`."""

    in_work: Mapping[str, InWork]
    """By locator: how far it is, or why it waits."""

    waits: str
    """Why nothing goes on at all; empty while something does."""

    finished: bool


class Batch:
    """A run over one collection."""

    def __init__(
        self, collection: Collection, attended: Attended, queue: Queue, client: redis.Redis, worker: Supervised
    ) -> None:
        self.collection = collection
        self.finished = False
        self._attended = attended
        self._queue = queue
        self._redis = client
        self._worker = worker
        self._last_look = False

    def look(self) -> Look:
        """Look once, and see to it that things go on."""
        self._worker.tend()
        if self._worker.early_deaths >= EARLY_DEATHS:
            raise SettingsWrong("The worker process does not start. Run it again with --debug to see why.")
        attended = self._attended
        if time.monotonic() >= attended.due:
            attended.look()
            self._check_alone()
        self.finished = not attended.paused and not attended.unfinished and self._reconciled()
        try:
            in_work, waits = read_all(self._redis, self.collection.id), attended.paused
        except redis.RedisError as lost:
            in_work, waits = {}, reason(lost)
        return Look(attended.stands, in_work, waits, self.finished)

    def folder_of(self, locator: str) -> str:
        """Name a set's folder."""
        folder = registry.folder_of(self.collection, locator)
        return folder.name if folder else ""

    def seconds(self) -> dict[str, float]:
        """Tell how long each set took, by locator."""
        return self._queue.seconds(self.collection.id)

    def _reconciled(self) -> bool:
        """Reconcile once more when all is concluded: the last lines, and indices that were given back."""
        if not self._last_look:
            self._last_look = True
            self._attended.reconcile_soon()
            self._attended.look()
        return not self._attended.paused and not self._attended.unfinished

    def _check_alone(self) -> None:
        if self._attended.has_other:
            raise SettingsWrong(SERVED)


@contextmanager
def batch(collection: Collection, settings: Settings, *, processes: int, debug: bool) -> Iterator[Batch]:
    """Start everything, and stop it at the end: what is in work may finish, and nothing is left behind."""
    with ExitStack() as stack:
        url = settings.redis_url or stack.enter_context(redis_server())
        settings = replace(
            settings,
            redis_url=url,
            share=collection.root,
            quiet_s=QUIET_S,
            patience_s=0.0,
            rescan_s=LOOK_S,
            reconcile_s=RECONCILE_S,
        )
        client = stack.enter_context(connect(settings))
        name = f"anonymizer.{collection.id}"
        queue = Queue(client, make_app(lambda: settings), name)
        attended = Attended(collection.root, queue, client, settings, by_hand=False)
        while not attended.beat():
            if attended.has_other:
                raise SettingsWrong(SERVED)
            time.sleep(0.1)
        stack.callback(attended.leave)
        start_anew(collection)
        worker = Supervised(
            [sys.executable, "-P", "-m", "celery", "--quiet", "-A", "worker.app", *worker_arguments(name, processes)],
            env=_environment(url, collection.root.absolute()),
            stderr=None if debug else subprocess.DEVNULL,
        )
        going = Batch(collection, attended, queue, client, worker)
        stack.callback(lambda: worker.stop(0 if going.finished else GRACE_S))
        yield going


def _environment(url: str, share: Path) -> dict[str, str]:
    """Give the worker our environment, with its Redis and its share; the address has the password already."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ANONYMIZER_REDIS_")}
    return {**ours, "ANONYMIZER_REDIS_URL": url, "ANONYMIZER_SHARE": str(share)}


def start_anew(collection: Collection) -> None:
    """Try again what was parked, and count from nothing: who starts a run wants to know how it stands now."""
    for locator in failures.all_of(collection):
        outcome = registry.read_outcome(collection, locator)
        if outcome and outcome.state == "parked":
            registry.forget_outcome(collection, locator)
        failures.forget(collection, locator)
