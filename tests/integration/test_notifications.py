"""Notifications of sets that are refused, parked or waiting long: counts and opaque ids, not too often."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from services.errors import SettingsWrong
from services.runtime.settings import Settings, from_environment
from services.store.set_state import SetState
from tests.logged import logged
from tests.sets import make_collection, make_set
from watcher.collection_watcher import CollectionWatcher
from watcher.counts import StatusCounts
from watcher.notify import EVERY_S, LONG_S, Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import redis

ID = "c0ffee" + "0" * 26


class Watched:
    """A collection with states set by a test, and the notifications sent."""

    def __init__(self, client: redis.Redis) -> None:
        self.now = 0.0
        self.stands: dict[str, str] = {}
        self.told: list[Mapping[str, Any]] = []
        self.fails = False
        self.client = client
        self.restart()

    def restart(self) -> None:
        """Restart as a new process."""
        settings = Settings(notify_command="told")
        self.notifier = Notifier(self.client, settings, lambda: self.now, self._send)

    def _send(self, word: Mapping[str, Any]) -> None:
        if self.fails:
            raise ConnectionRefusedError
        self.told.append(word)

    def look(self, at: float, **stands: str) -> list[tuple[int, int, int]]:
        """Check at a time; return the numbers notified by then: refused, parked, waiting."""
        self.now = at
        self.notifier.look([SimpleNamespace(collection_id=ID, to_report=lambda _: stands)])
        self.notifier.wait()
        return [(one["refused"], one["parked"], one["waits"]) for one in self.told]


@pytest.fixture
def watched(client: redis.Redis) -> Watched:
    """Watch a collection."""
    return Watched(client)


def test_what_is_new_is_reported_once_and_not_too_often(watched: Watched) -> None:
    """Events within a quarter of an hour form one notification; a set refused again is news."""
    assert watched.look(0) == []
    assert watched.look(1, a="refused") == [(1, 0, 0)]
    assert watched.look(2, a="refused", b="parked", c="refused", d="waits") == [(1, 0, 0)]
    assert watched.look(EVERY_S, a="refused", b="parked") == [(1, 0, 0)]
    assert watched.look(EVERY_S + 1, a="refused", b="parked", c="refused", d="waits") == [(1, 0, 0), (1, 1, 1)]
    assert len(watched.look(3 * EVERY_S, a="refused", b="parked")) == 2
    assert watched.look(4 * EVERY_S, a="refused", c="refused")[2:] == [(1, 0, 0)]


def test_no_restart_tells_it_again_and_what_could_not_be_told_is(watched: Watched) -> None:
    """Sent notifications are noted in Redis."""
    watched.fails = True
    assert watched.look(0, a="refused") == []
    watched.fails = False
    assert watched.look(1, a="refused") == []
    assert watched.look(EVERY_S, a="refused") == [(1, 0, 0)]
    watched.restart()
    assert watched.look(EVERY_S, a="refused") == [(1, 0, 0)]


def test_a_notification_has_only_counts_and_opaque_ids(watched: Watched) -> None:
    """At most twenty ids."""
    watched.look(0, **{f"{number:032x}": "refused" for number in range(30)})
    (word,) = watched.told
    assert word["text"] == ("RT Set Anonymizer, collection c0ffee00: 30 refused. `anonymizer status` lists them.")
    assert word.keys() == {"collection", "refused", "parked", "waits", "sets", "text"}
    assert word["sets"] == [{"set": f"{number:032x}", "state": "refused"} for number in range(20)]


def test_which_sets_are_to_report(tmp_path: Path, client: redis.Redis) -> None:
    """Refused and parked ones, and those waiting for an hour, whatever each attempt makes of their state."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="Huber")
    watched = CollectionWatcher(root, SimpleNamespace(holding=lambda _: {}), client, Settings(), clock=lambda: 10_000.0)
    watched.look()
    now = 10_000.0
    states = {
        "refused": SetState.REFUSED,
        "parked": SetState.PARKED,
        "waits": SetState.WAITING,
        "closed": SetState.NOT_READABLE,
        "held": SetState.QUEUED,
        "queued": SetState.QUEUED,
        "done": SetState.PUBLISHED,
    }
    before = StatusCounts().next(states, {}, now - LONG_S)
    watched.counts = before.next(states, {}, now, held_up={"held": now - LONG_S, "queued": now - 60})
    locator = watched._dispatcher.collection.locator
    assert watched.to_report(LONG_S) == {
        locator("refused"): "refused",
        locator("parked"): "parked",
        locator("waits"): "waits",
        locator("closed"): "waits",
        locator("held"): "waits",
    }
    watched.pause("the share is unavailable")
    assert watched.to_report(LONG_S) is None


@contextmanager
def posted_to() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve an address, and record posts."""
    taken: list[dict[str, Any]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Do nothing."""

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook", taken
        finally:
            server.shutdown()
            thread.join()


def test_a_command_is_run_and_an_address_posted_to(
    tmp_path: Path, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the JSON, and for the command the sentence, but without our passwords."""
    monkeypatch.setenv("ANONYMIZER_REDIS_PASSWORD", "secret")
    out = tmp_path / "out"
    with posted_to() as (url, taken):
        settings = from_environment(
            {
                "ANONYMIZER_NOTIFY_COMMAND": f'cat > {out}; echo "$1 $ANONYMIZER_REDIS_PASSWORD." >> {out}',
                "ANONYMIZER_NOTIFY_URL": url,
            }
        )
        notifier = Notifier(client, settings)
        notifier.look([SimpleNamespace(collection_id=ID, to_report=lambda _: {"5" * 32: "parked"})])
        notifier.wait()
    said = out.read_text()
    word, end = json.JSONDecoder().raw_decode(said)
    assert taken == [word]
    assert word["parked"] == 1
    assert said[end:] == f"{word['text']} .\n"


@pytest.mark.parametrize("answer", [b"", b"not HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"])
def test_an_address_that_answers_nonsense_is_logged_and_tried_again(client: redis.Redis, answer: bytes) -> None:
    """Whatever the answer is, no thread ends with a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listening, logged() as log:

        def take() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=take)
        thread.start()
        port = listening.getsockname()[1]
        notifier = Notifier(client, from_environment({"ANONYMIZER_NOTIFY_URL": f"http://127.0.0.1:{port}/"}))
        notifier.look([SimpleNamespace(collection_id=ID, to_report=lambda _: {"5" * 32: "parked"})])
        notifier.wait()
        thread.join()
    assert "notify.failed" in log.getvalue()
    assert not client.exists(f"anonymizer:told:{ID}")


def test_an_address_that_is_none_is_reported() -> None:
    """At the start, without quoting it."""
    with pytest.raises(SettingsWrong, match="ANONYMIZER_NOTIFY_URL must be"):
        from_environment({"ANONYMIZER_NOTIFY_URL": "file:///etc/passwd"})
