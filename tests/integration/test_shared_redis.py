"""A Redis shared with another Celery application, configured differently, or with an older version's ACL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from celery import Celery

from anonymizer.embedded.redis_server import bundled_server, redis_server
from phantom.sets import write_demo
from services.runtime.settings import Settings
from tests.processes import free_port
from tests.waiting import wait_until
from worker.connection import PREFIX, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

ANONYMIZER = Path(sys.executable).with_name("anonymizer")
BEFORE = "~anonymizer* ~unacked* ~_kombu.* ~*.celery.pidbox* ~celeryev.* resetchannels &/0.celeryev/* &/0.celery.pidbox"
"""Keys and channels of the version before the prefix."""


@pytest.fixture
def url() -> Iterator[str]:
    """Start a Redis."""
    with redis_server() as started:
        yield started


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    """Connect to it."""
    with closing(connect(Settings(redis_url=url))) as connected:
        yield connected


def environment(url: str, share: Path) -> dict[str, str]:
    """Return the settings of a service's process."""
    values = {"REDIS_URL": url, "SHARE": str(share), "QUIET_S": "1", "RESCAN_S": "1", "LOG_FORMAT": "json"}
    return os.environ | {f"ANONYMIZER_{name}": value for name, value in values.items()}


def test_messages_of_another_application_are_never_touched(tmp_path: Path, url: str, client: redis.Redis) -> None:
    """Its running task, far beyond our timeout, is not restarted; all our keys have our prefix."""
    other = Celery("other", broker=url, set_as_current=False)
    other.conf.update(task_ignore_result=True)
    other.send_task("anonymize_set", args=["Meier"], queue="anonymizer")
    with other.connection_for_read() as connection:
        channel = connection.default_channel
        channel.basic_qos(0, 1, False)
        queue = channel.queue_declare("anonymizer").queue
        taken: list[object] = []
        channel.basic_consume(queue, no_ack=False, callback=taken.append, consumer_tag="other")
        while not taken:
            connection.drain_events()
        (tag,) = client.zrange("unacked_index", 0, -1)  # type: ignore[misc]  # the client is no asynchronous one
        client.zadd("unacked_index", {tag: time.time() - 3000})
        before = {key: client.dump(key) for key in client.keys("*")}  # type: ignore[union-attr]  # as above
        with ExitStack() as ending:
            for command in (["worker", "--processes", "1"], ["watch"]):
                process = subprocess.Popen([ANONYMIZER, *command], env=environment(url, tmp_path))
                ending.callback(process.wait)
                ending.callback(process.terminate)
            write_demo(tmp_path / "BATCH", sets=1, ct=10, size=64)
            wait_until((tmp_path / "BATCH/ANON_006").exists)

        assert {key: client.dump(key) for key in before} == before
        ours = set(client.keys("*")) - before.keys()  # type: ignore[arg-type]  # as above
        assert {key for key in ours if not key.startswith(PREFIX.encode())} == set()
        channel.basic_cancel("other")


def test_an_acl_of_an_older_version_is_reported(tmp_path: Path, url: str, client: redis.Redis) -> None:
    """At the start, by watcher and worker, with the remedy; nothing runs half-working."""
    client.execute_command(
        "ACL SETUSER", "default", "reset", "on", "nopass", "resetkeys", *BEFORE.split(), "+@all", "-info"
    )
    for command in ("watch", "worker"):
        done = subprocess.run([ANONYMIZER, command], env=environment(url, tmp_path), capture_output=True, check=False)
        assert done.returncode == 2
        assert b"recreate the ACL" in done.stderr


def test_an_unsuitable_configuration_is_reported_at_the_start(tmp_path: Path, url: str, client: redis.Redis) -> None:
    """A worker that ends because Redis rejects writes ends with an error."""
    client.config_set("maxmemory", "16mb")
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("min-replicas-to-write", "3")
    log = tmp_path / "log"
    with log.open("wb") as written:
        done = subprocess.run(
            [ANONYMIZER, "worker", "--processes", "1"],
            env=environment(url, tmp_path),
            stderr=written,
            check=False,
        )
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    told = [line["waits"] for line in lines if line["event"] == "redis.unfit"]

    assert done.returncode not in {0, 2}
    assert ["noeviction" in told[0], "maxmemory 256mb" in told[1]] == [True, True]
    assert [line["waits"] for line in lines if line["event"] == "redis.away"] == [
        "Redis has too few replicas to write (NOREPLICAS): restore them, or require fewer"
    ]


def test_a_redis_in_cluster_mode_is_refused_at_the_start(tmp_path: Path) -> None:
    """By watcher and worker, in one sentence with the remedy, instead of waiting in vain."""
    socket = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--cluster-enabled", "yes", "--dir", str(tmp_path)]
    server = subprocess.Popen(
        [bundled_server(), *options, "--cluster-port", str(free_port())], stdout=subprocess.DEVNULL
    )
    try:
        wait_until(socket.exists)
        for command in ("watch", "worker"):
            done = subprocess.run(
                [ANONYMIZER, command],
                env=environment(f"redis+socket://{socket}", tmp_path),
                capture_output=True,
                check=False,
            )
            assert done.returncode == 2
            assert b"cluster-enabled no" in done.stderr
    finally:
        server.kill()
        server.wait()
