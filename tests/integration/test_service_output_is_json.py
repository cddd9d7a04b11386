"""Every output line of a worker and of Flower is a JSON object, including deaths and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from celery import Celery

from services.runtime.settings import Settings
from services.store import registry
from tests.processes import free_port, processes
from tests.sets import make_set
from tests.waiting import wait_until
from worker.app import celery_settings
from worker.connection import connect
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    import redis

    from services.store.collection import Collection

HERE = Path(__file__).parents[2]


def test_every_line_is_json_and_the_way_of_a_set_is_followed_by_its_id(
    tmp_path: Path, collection: Collection, client: redis.Redis, redis_server: str
) -> None:
    """Including lines of Celery and its process pool."""
    assert client.ping()
    settings = Settings(redis_url=f"redis+socket://{redis_server}")
    locator = registry.register(collection, make_set(collection.root).folder.name)
    said = tmp_path / "said"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANONYMIZER_")},
        "ANONYMIZER_REDIS_URL": str(settings.redis_url),
        "ANONYMIZER_SHARE": str(collection.root.parent),
        "ANONYMIZER_LOG_FORMAT": "json",
    }

    def heard(text: str) -> bool:
        return text in said.read_text()

    with said.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "anonymizer", "worker", "--processes", "1"], env=environment, stdout=out, stderr=out
        )
    try:
        wait_until(lambda: heard("ready."), said.read_text)
        (child,) = [one.pid for one in processes() if one.parent == worker.pid]
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: heard("exited with"), said.read_text)
        app = Celery("test", set_as_current=False)
        app.add_defaults(lambda: celery_settings(settings))
        with closing(connect(settings)) as connected:
            Queue(connected, app).put(SetKey(collection.id, locator))
            wait_until(lambda: heard("set.published"), said.read_text)
    finally:
        worker.terminate()
        worker.wait()
    lines = [json.loads(line) for line in said.read_text().splitlines()]
    assert [line["event"] for line in lines if line.get("set") == locator] == ["set.begun", "set.published"]
    assert "worker.stops" in {line["event"] for line in lines}
    assert all(line["timestamp"] and line["level"] for line in lines)


def test_a_worker_that_cannot_begin_says_so_in_its_log() -> None:
    """With the sentence on its settings, as a JSON object."""
    ended = subprocess.run(
        [sys.executable, "-m", "anonymizer", "worker"],
        env={**os.environ, "ANONYMIZER_REDIS_URL": "redis://nowhere", "ANONYMIZER_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = map(json.loads, (ended.stdout + ended.stderr).splitlines())
    assert (ended.returncode, line["event"], "ANONYMIZER_SHARE" in line["reason"]) == (2, "service.failed", True)


def test_every_line_of_flower_is_json(tmp_path: Path, client: redis.Redis, redis_server: str) -> None:
    """From its start, when it names the broker and all tasks, to its end."""
    assert client.ping()
    login, said = tmp_path / "login", tmp_path / "said"
    login.write_text("anna:secret")
    environment = os.environ | {
        "ANONYMIZER_REDIS_URL": f"redis+socket://{redis_server}",
        "ANONYMIZER_LOG_FORMAT": "json",
        "FLOWER_BASIC_AUTH_FILE": str(login),
    }
    options = ["--conf=deploy/flowerconfig.py", f"--port={free_port()}", "--address=127.0.0.1"]
    with said.open("wb") as out:
        flower = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app=worker.app:app", "flower", *options],
            cwd=HERE,
            env=environment,
            stdout=out,
            stderr=out,
        )
    try:
        wait_until(lambda: "Connected to" in said.read_text(), said.read_text)
    finally:
        flower.terminate()
        flower.wait()
    lines = [json.loads(line) for line in said.read_text().splitlines()]

    assert {"flower.command", "kombu.mixins"} <= {line["logger"] for line in lines}
    assert redis_server not in said.read_text()
