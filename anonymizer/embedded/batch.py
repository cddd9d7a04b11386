"""The embedded mode: Redis, workers and watcher in one command that processes one collection to its end."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import redis

from anonymizer.embedded import head_start
from anonymizer.embedded.redis_server import wait_for
from anonymizer.embedded.run_steps import GRACE_S, Batch, take_over
from anonymizer.embedded.worker_process import drawing_process, own_service, worker_process
from services.publication import publish
from services.rtset import folder_listing
from services.store import again, registry
from services.store.tracking_lines import TrackingFiles
from watcher.collection_watcher import CollectionWatcher
from worker.app import make_app
from worker.connection import connect
from worker.queues.set_queue import Queue
from worker.queues.sheet_queue import Sheets
from worker.transient_errors import CIRCUMSTANCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from anonymizer.embedded.supervisor import Supervised
    from services.runtime.settings import Settings
    from services.store.collection import Collection
    from watcher.settling import Rest

QUIET_S: Final = 1.0
"""Quiet period for sets that are already complete: two equal observations a second apart."""

LOOK_S: Final = 0.5
RECONCILE_S: Final = 2.0


@contextmanager
def batch(
    collection: Collection,
    settings: Settings,
    *,
    processes: int,
    debug: bool,
    only: Sequence[str] = (),
    seen: Mapping[str, Rest] | None = None,
) -> Iterator[Batch]:
    """Start all processes, and stop them at the end after finishing the sets in work.

    Parameters
    ----------
    only
        Folders of the sets to process; all by default.
    seen
        Earlier observations of folders, with their `time.monotonic` times.
    """
    with ExitStack() as stack:
        name, url, own = f"anonymizer.{collection.id}", settings.redis_url, None
        if url is None:
            own = head_start.claim(collection.root, processes, stack) or stack.enter_context(
                own_service(collection.root, processes, debug=debug)
            )
            wait_for(own.server)
            name, url = own.queue, own.server.url
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
        app = make_app(lambda: settings)
        queue, sheets = Queue(client, app, name), Sheets.beside(client, app, name)
        attended = CollectionWatcher(collection.root, queue, client, settings, by_hand=bool(only), seen=seen)
        take_over(attended)
        stack.callback(attended.leave)
        stack.callback(_update_tracking_file, collection)
        again.retry_parked(collection)
        with suppress(*CIRCUMSTANCES):  # the first message to be sent reports the reason
            queue.connect()
        for folder in only:
            locator = registry.register(collection, folder)
            registry.start(collection, locator, folder_listing.fingerprint(collection.root / folder))
        if own is None:  # with a shared Redis, only the holder of the collection may take its messages
            worker = worker_process(name, url, collection.root, processes=processes, debug=debug)
            stack.callback(worker.stop, 0)
        else:
            worker = own.worker
        stack.callback(_clear, queue, sheets, collection)

        def start_drawing() -> Supervised:
            drawing = drawing_process(name, url, collection.root, debug=debug)
            stack.callback(drawing.stop, 0)  # incomplete sheets are drawn by the next run
            return drawing

        going = Batch(
            collection,
            attended,
            client,
            [own.server.process, worker] if own else [worker],
            sheets,
            start_drawing,
            at_once=processes,
            of_some=bool(only),
        )
        stack.callback(lambda: worker.stop(0 if going.finished else GRACE_S, going.is_in_work))
        yield going


def _update_tracking_file(collection: Collection) -> None:
    """Bring the tracking file up to date, also after an interrupted run."""
    with suppress(OSError):  # done by the next run
        publish.recover(collection)
        TrackingFiles(collection).render()


def _clear(queue: Queue, sheets: Sheets, collection: Collection) -> None:
    """Remove our data from a Redis that keeps running."""
    with suppress(redis.RedisError, OSError):
        queue.clear()
        sheets.clear(collection)
