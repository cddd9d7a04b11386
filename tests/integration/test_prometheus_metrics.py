"""The metrics for Prometheus: correct, complete, and without names."""

import json
import socket
import time
import urllib.request
from contextlib import closing
from types import SimpleNamespace

import pytest
import redis

from anonymizer.embedded.redis_server import redis_server
from anonymizer.metrics import answering_prometheus
from services.errors import SettingsWrong
from services.runtime import metrics
from services.runtime.settings import Address
from services.store.set_state import SetState
from tests.processes import free_port
from watcher.collection_watcher import STANDS_BY
from watcher.counts import StatusCounts

LONGEST_S = 300
"""Time limit of a test, on any machine."""


@pytest.fixture
def client():
    """Start a Redis."""
    with redis_server() as url, closing(redis.Redis.from_url(url.replace("redis+socket", "unix"))) as client:
        yield client


def attended(collection_id, states, codes, *, paused=""):
    """Return a collection watcher with these states."""
    now = time.monotonic()
    before = StatusCounts().next(states, codes, now - 100)
    counts = before.next(states, codes, now, held_up={"Meier": now - 50}, sheets={"missing": 3, "failed": 0})
    return SimpleNamespace(collection_id=collection_id, counts=counts, paused=paused, is_copied=False)


def told(watch, share, client):
    """Query like Prometheus; return the values by name and labels."""
    port = free_port()
    address = Address("127.0.0.1", port)
    with (
        answering_prometheus(address, watch, share, client),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_an_address_that_is_taken_is_reported_with_the_setting(tmp_path, client):
    """In one sentence, the only text in a service's log."""
    watch, share = SimpleNamespace(attended={}, share_is_away=False), SimpleNamespace(root=tmp_path, closed=())
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = Address("127.0.0.1", other.getsockname()[1])
        with (
            pytest.raises(SettingsWrong, match=rf"127.0.0.1:{address.port} \(.*in use.*\). Set ANONYMIZER_METRICS"),
            answering_prometheus(address, watch, share, client),
        ):
            pass


def test_everything_is_reported(tmp_path, client):
    """States, cost, share and Redis; the backlog counts waiting and running sets, without sheets."""
    client.rpush("anonymizer:anonymizer", "message", "message")
    for queue in ("anonymizer", "anonymizer.sheets"):
        client.hset("anonymizer:unacked", queue, json.dumps([{}, "", queue]))
    metrics.add(client, "published", {"read": 0.2, "written": 7.0}, size_bytes=1000)
    metrics.add(client, "refused", {"read": 0.05})
    states = {"Müller Anna": SetState.PUBLISHED, "Huber": SetState.REFUSED, "Meier": SetState.QUEUED}
    collections = {
        tmp_path / "A": attended("c0ffee", states, {"two-patients": 1}),
        tmp_path / "B": SimpleNamespace(collection_id="", counts=StatusCounts(), paused="no form", is_copied=False),
        tmp_path / "C": attended("decade", states, {}, paused=STANDS_BY),
    }
    watch = SimpleNamespace(attended=collections, share_is_away=False)

    metrics.heard(client, "sheets")
    metrics.heard(client, "console")
    metrics.ended(client, "console")

    numbers = told(watch, SimpleNamespace(root=tmp_path, closed=(tmp_path / "C",)), client)

    assert 0 <= numbers['anonymizer_service_silent_seconds{service="sheets"}'] <= LONGEST_S
    assert 'anonymizer_service_silent_seconds{service="console"}' not in numbers  # it was ended on purpose
    assert numbers["anonymizer_redis_memory_bytes"] > numbers["anonymizer_redis_memory_max_bytes"] == 0
    assert numbers['anonymizer_collection_paused{collection="c0ffee"}'] == 0
    assert 50 <= numbers['anonymizer_held_up_seconds{collection="c0ffee"}'] <= 50 + LONGEST_S
    assert numbers['anonymizer_held_up_sets{collection="c0ffee"}'] == 1
    assert numbers['anonymizer_sheets{collection="c0ffee",state="missing"}'] == 3
    assert numbers['anonymizer_sets{collection="c0ffee",state="published"}'] == 1
    assert numbers['anonymizer_faults{code="two-patients",collection="c0ffee"}'] == 1
    assert 100 <= numbers['anonymizer_oldest_set_seconds{collection="c0ffee",state="queued"}'] <= 100 + LONGEST_S
    assert abs(numbers['anonymizer_last_rescan_timestamp_seconds{collection="c0ffee"}'] - time.time()) <= LONGEST_S
    assert (numbers["anonymizer_collections"], numbers["anonymizer_collections_paused"]) == (3, 1)
    of_another = {name for name in numbers if "decade" in name}
    assert of_another == {'anonymizer_collection_paused{collection="decade"}'}  # whoever has it tells the rest
    assert numbers[of_another.pop()] == 0
    assert (numbers["anonymizer_share_up"], numbers["anonymizer_redis_up"]) == (1, 1)
    assert numbers["anonymizer_folders_not_readable"] == 1
    assert numbers["anonymizer_backlog"] == 3
    assert numbers['anonymizer_outcomes_total{outcome="refused"}'] == 1
    assert numbers["anonymizer_published_bytes_total"] == 1000
    assert numbers['anonymizer_step_seconds_bucket{le="0.1",step="read"}'] == 1
    assert numbers['anonymizer_step_seconds_bucket{le="0.3",step="read"}'] == 2
    assert numbers['anonymizer_step_seconds_sum{step="written"}'] == 7
    assert not [name for name in numbers if any(folder in name for folder in states)]


def test_redis_and_share_may_be_away(tmp_path):
    """Then this is reported, with the watcher's own data."""
    gone = redis.Redis(unix_socket_path=str(tmp_path / "none.sock"))
    watch = SimpleNamespace(attended={}, share_is_away=True)

    numbers = told(watch, SimpleNamespace(root=tmp_path / "none", closed=()), gone)

    assert numbers["anonymizer_redis_up"] == 0
    assert numbers["anonymizer_share_up"] == 0
    assert "anonymizer_backlog" not in numbers
