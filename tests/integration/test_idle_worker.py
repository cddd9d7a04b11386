"""An idle worker checks whether anything waits, and takes what comes then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from anonymizer.embedded.redis_server import redis_server
from services.runtime import heartbeat
from services.runtime.settings import Settings
from tests.waiting import wait_until
from worker.app import make_app
from worker.connection import QUEUE, connect
from worker.queues.set_key import SetKey
from worker.queues.set_queue import Queue

if TYPE_CHECKING:
    from pathlib import Path

IDLE_AT_ONCE = f"""
import worker.heartbeat
from worker.__main__ import main
worker.heartbeat.EVERY_S, worker.heartbeat.ASK_AFTER_S = 0.05, 0.0
main("{QUEUE}", "1")
"""


def test_an_idle_worker_checks_the_queue_and_continues(tmp_path: Path) -> None:
    """The check affects no message: none is lost, nothing fails, and the same process takes the next one."""
    with ExitStack() as ending:
        settings = Settings(redis_url=ending.enter_context(redis_server()))
        values = {"REDIS_URL": settings.redis_url, "SHARE": tmp_path, "HEALTH": tmp_path, "LOG_FORMAT": "json"}
        environment = os.environ | {f"ANONYMIZER_{name}": str(value) for name, value in values.items()}
        log = ending.enter_context((tmp_path / "log").open("wb"))
        client = ending.enter_context(closing(connect(settings)))
        queue = Queue(client, make_app(lambda: settings))
        process = subprocess.Popen([sys.executable, "-c", IDLE_AT_ONCE], env=environment, stderr=log, stdout=log)
        ending.callback(process.wait)
        ending.callback(process.terminate)

        def said() -> str:
            return (tmp_path / "log").read_text()

        def has_asked(since: float) -> bool:
            sign = heartbeat.read(tmp_path, heartbeat.WORKER)
            return sign is not None and sign.at > since and sign.waiting == 0

        for number in range(3):
            before = heartbeat.read(tmp_path, heartbeat.WORKER)
            wait_until(lambda at=before.at if before else 0.0: has_asked(at), said)
            queue.put(SetKey("c" * 32, f"{number:032x}"))
            wait_until(lambda number=number: said().count('"set.begun"') > number, said)
        assert process.poll() is None
    logged = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    assert [line for line in logged if line["level"] in {"error", "critical"}] == []
