"""The service: watches all collections under a share, including ones that appear later."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from services.runtime import heartbeat
from services.store.arbiter import BEAT_S
from watcher import notify
from watcher.collection_watcher import SHARE_OF_TIME, SHORTEST_PAUSE_S, CollectionWatcher
from watcher.events import ChangeEvents, is_remote
from watcher.identities import overlaps
from worker.transient_errors import describe

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable
    from collections.abc import Collection as Names
    from pathlib import Path, PurePath

    import redis

    from services.runtime.settings import Settings
    from services.store.share import Share
    from worker.queues.set_queue import Queue
    from worker.queues.sheet_queue import Sheets

log = structlog.get_logger()


class Watch:
    """All collections under a share."""

    def __init__(
        self,
        share: Share,
        queue: Queue,
        client: redis.Redis,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        *,
        by_hand: bool | None = None,
        sheets: Sheets | None = None,
    ) -> None:
        self.attended: dict[Path, CollectionWatcher] = {}
        self.share_is_away = False
        """Whether it cannot be listed, or has no collections, like an empty mount point."""
        self._share = share
        self._closed: tuple[Path, ...] = ()
        self._queue = queue
        self._redis = client
        self._settings = settings
        self._clock = clock
        self._by_hand = by_hand
        self._sheets = sheets
        self._search_at = self._compare_at = clock()
        self._searched_s = 0.0
        """Duration of the current search through the share, without pauses."""
        self._notifier = notify.Notifier(client, settings, clock)
        self._changed: set[Path] = set()

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set. Sets being processed continue in their workers."""
        observer = self._settings.observer
        events = observer == "events" or (observer == "auto" and not is_remote(self._share.root))
        with ChangeEvents(self._share.root, watching=events) as hints:
            log.info("watch.began", observer="events" if hints.are_noticed else "polling")
            while not stop.is_set():
                self.step(hints.wait(self._rest()))
                if self._settings.health is not None:
                    heartbeat.write(self._settings.health, heartbeat.WATCHER)
        for attended in self.attended.values():
            attended.leave()
        log.info("watch.ended")

    def _rest(self) -> float:
        if not self.attended and self._searched_s:
            return 0.0  # there is no collection yet: search without pauses
        return SHORTEST_PAUSE_S if self._changed else BEAT_S / 2

    def step(self, changed: Names[Path] = ()) -> None:
        """Check what is due or has changed, and renew the locks of the rest.

        Parameters
        ----------
        changed
            Folders with changes.
        """
        if self._clock() >= self._search_at:
            self._search()
        self._changed |= set(changed)
        for root, attended in self.attended.items():
            here = {path for path in self._changed if path.is_relative_to(root)}
            now = self._clock()
            try:
                if now >= attended.due or (here and now >= attended.rests_until):
                    self._changed -= here
                    attended.look(_sets_around(path.relative_to(root) for path in here))
                else:
                    attended.beat()
            except Exception as error:  # noqa: BLE001 - it is logged
                attended.fail(error)
        self._changed = {path for path in self._changed if any(map(path.is_relative_to, self.attended))}
        if self._clock() >= self._compare_at:
            self._compare()
        self._notifier.look(self.attended.values())

    def _compare(self) -> None:
        """Warn of collections that could give two patients the same new identity."""
        self._compare_at = self._clock() + self._settings.reconcile_s
        found = overlaps.among(self.attended)
        for root, attended in self.attended.items():
            overlap = found.get(root)
            if overlap and overlap != attended.overlap:
                log.warning("collection.overlaps", collection=attended.collection_id)
            attended.overlap = overlap

    def _search(self) -> None:
        """Continue the search for current collections.

        Two with the same id are left alone until a person decides. A large folder beside the collections takes long to
        search: sets are attended to between parts of the search, and a long search is followed by a long pause.
        """
        began = self._clock()
        try:
            ids = self._share.search()
        except OSError as circumstance:
            self._search_at = self._clock() + self._settings.rescan_s
            if not self.share_is_away:
                log.warning("share.away", waits=describe(circumstance))
            self.share_is_away = True
            return
        now = self._clock()
        self._searched_s += now - began
        if ids is None:
            return
        self._search_at = now + max(self._settings.rescan_s, self._searched_s * SHARE_OF_TIME)
        self._searched_s = 0.0
        if self._share.closed != self._closed:
            log.warning("share.not-readable", count=len(self._share.closed))
        self._closed = self._share.closed
        if not ids and not self.share_is_away:
            log.warning("share.empty", waits="there is no collection; is the share mounted?")
        self.share_is_away = not ids
        if self.share_is_away:
            return
        times = Counter(ids.values())
        for root, its_id in ids.items():
            attended = self.attended.get(root)
            if attended is None:
                attended = CollectionWatcher(
                    root,
                    self._queue,
                    self._redis,
                    self._settings,
                    self._clock,
                    by_hand=self._by_hand,
                    sheets=self._sheets,
                )
                self.attended[root] = attended
            attended.is_copied = its_id is not None and times[its_id] > 1
        for root in self.attended.keys() - ids.keys():
            del self.attended[root]


def _sets_around(changed: Iterable[PurePath]) -> frozenset[str]:
    """Return the sets that may have changed: folders in the root, and in hospital folders."""
    return frozenset("/".join(path.parts[:depth]) for path in changed for depth in (1, 2) if len(path.parts) >= depth)
