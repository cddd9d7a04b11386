"""Notification of a person when sets are refused, parked or waiting long, by running a command or posting to a URL.

Both are settings of the process, never of a file on the share, which anyone who may drop sets may edit. Notifications
contain counts and opaque ids; `anonymizer which` finds the folders on the share.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final, cast

import redis
import structlog

from services.store.set_state import SetState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from services.runtime.settings import Settings
    from watcher.collection_watcher import CollectionWatcher

LONG_S: Final = 3600.0
"""Seconds after which a set has been waiting long."""

EVERY_S: Final = 900.0
"""Minimum seconds between notifications."""

MOST_NAMED: Final = 20
TIMEOUT_S: Final = 30.0

TOLD: Final = {SetState.REFUSED: "refused", SetState.PARKED: "parked"}
WAITS: Final = "waits"

_FAILS: Final = (OSError, http.client.HTTPException, subprocess.SubprocessError, redis.RedisError, ValueError)
"""What sending raises; an answer that is not HTTP is no OSError."""

log = structlog.get_logger()


class Notifier:
    """Sends news since the last notification; what was sent is noted in Redis, so that restarts do not repeat it.

    Parameters
    ----------
    clock
        Monotonic clock, in seconds.
    send
        Function that sends a notification, replaceable in tests.
    """

    def __init__(
        self,
        client: redis.Redis,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        send: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._redis = client
        self._command = settings.notify_command or ""
        self._url = settings.notify_url or ""
        self._clock = clock
        self._send = send or self._run_and_post
        self._not_before = 0.0
        self._thread: threading.Thread | None = None

    def look(self, collections: Iterable[CollectionWatcher]) -> None:
        """Send a notification of news, unless one was sent recently or is being sent."""
        if not (self._command or self._url) or self._clock() < self._not_before or self._is_busy():
            return
        try:
            news = [one for attended in collections if (one := self._new_in(attended))]
        except redis.RedisError:
            return  # the next check reports it
        if news:
            self._not_before = self._clock() + EVERY_S
            self._thread = threading.Thread(target=self._post, args=(news,), daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait for the current notification to be sent."""
        if self._thread is not None:
            self._thread.join()

    def _is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _new_in(self, attended: CollectionWatcher) -> tuple[str, dict[str, str]] | None:
        """Return a collection's sets not yet reported, by locator, and forget those that have progressed since."""
        now = attended.to_report(LONG_S)
        if now is None:
            return None
        noted = {entry.decode() for entry in cast("set[bytes]", self._redis.smembers(_key(attended.collection_id)))}
        stand = {f"{what}:{locator}": locator for locator, what in now.items()}
        if gone := noted - stand.keys():
            self._redis.srem(_key(attended.collection_id), *gone)
        new = {locator: now[locator] for entry, locator in stand.items() if entry not in noted}
        return (attended.collection_id, new) if new else None

    def _post(self, news: list[tuple[str, dict[str, str]]]) -> None:
        for collection_id, new in news:
            try:
                self._send(_word(collection_id, new))
                self._redis.sadd(_key(collection_id), *(f"{what}:{locator}" for locator, what in new.items()))
            except _FAILS as error:
                log.warning("notify.failed", collection=collection_id, error=type(error).__name__)
            else:
                log.info("notify.sent", collection=collection_id, count=len(new))

    def _run_and_post(self, word: Mapping[str, Any]) -> None:
        body = json.dumps(word).encode("ascii")
        if self._command:
            ours = ("ANONYMIZER_", "FLOWER_")  # prefixes of variables with passwords
            environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
            command = ["/bin/sh", "-c", self._command, "notify", str(word["text"])]
            null = subprocess.DEVNULL
            subprocess.run(  # noqa: S603 - a setting of whoever runs the service
                command, input=body, env=environment, timeout=TIMEOUT_S, check=True, stdout=null, stderr=null
            )
        if self._url:
            request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310 - settings take http and https only
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
                pass


def _word(collection_id: str, new: Mapping[str, str]) -> dict[str, Any]:
    """Return a notification: counts and opaque ids, and a sentence."""
    kinds = (*TOLD.values(), WAITS)
    counts = {kind: sum(what == kind for what in new.values()) for kind in kinds}
    summary = ", ".join(
        f"{count} {'waiting long' if kind == WAITS else kind}" for kind, count in counts.items() if count
    )
    return {
        "collection": collection_id,
        **counts,
        "sets": [{"set": locator, "state": new[locator]} for locator in sorted(new)[:MOST_NAMED]],
        "text": f"RT Set Anonymizer, collection {collection_id[:8]}: {summary}. `anonymizer status` lists them.",
    }


def _key(collection_id: str) -> str:
    return f"anonymizer:told:{collection_id}"
