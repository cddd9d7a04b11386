"""A service is unhealthy if it does not work, but not because Redis is unavailable."""

import pytest
from structlog.testing import capture_logs

from anonymizer.commands.service.health import Service, ailment
from services.runtime import heartbeat
from services.runtime.heartbeat import Heartbeat

NOW = 10_000.0


@pytest.mark.parametrize(
    ("service", "sign", "waiting", "ails"),
    [
        (Service.WATCHER, None, None, "has not scanned the share yet"),
        (Service.WATCHER, Heartbeat(NOW - 200), None, ""),
        (Service.WATCHER, Heartbeat(NOW - 400), 0, "has not scanned the share for too long"),
        (Service.WORKER, None, None, ""),
        (Service.WORKER, None, 0, "does not answer, although Redis does"),
        (Service.WORKER, Heartbeat(NOW - 400), None, ""),
        (Service.WORKER, Heartbeat(NOW - 400), 0, "does not answer, although Redis does"),
        (Service.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 400), 0, ""),
        (Service.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 400), None, ""),
        (Service.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 20), 7, ""),
        (Service.WORKER, Heartbeat(NOW - 3, free=0, took_at=NOW - 400), 7, ""),
        (Service.WORKER, Heartbeat(NOW - 3, free=1, took_at=NOW - 400), 7, "is idle although sets are waiting"),
    ],
)
def test_each_kind_of_unhealthy_service_is_reported(service, sign, waiting, ails):
    """A worker busy with a long set is healthy, one idle beside waiting sets is not."""
    assert ailment(service, sign, NOW, lambda _queue: waiting) == ails


def test_a_heartbeat_is_read_as_written(tmp_path):
    """By another process through a file."""
    assert heartbeat.read(tmp_path, heartbeat.WORKER) is None
    heartbeat.write(tmp_path, heartbeat.WORKER, free=2, took_at=5.0, queue="sets")
    sign = heartbeat.read(tmp_path, heartbeat.WORKER)
    assert sign == Heartbeat(sign.at, 2, 5.0, "sets")
    assert heartbeat.read(tmp_path, heartbeat.WATCHER) is None


def test_the_folder_of_heartbeats_is_made(tmp_path):
    """An operator may start a process by hand with a new folder."""
    heartbeat.write(tmp_path / "run" / "anonymizer", heartbeat.WATCHER)
    assert heartbeat.read(tmp_path / "run" / "anonymizer", heartbeat.WATCHER) is not None


def test_a_service_whose_heartbeat_cannot_be_written_continues(tmp_path):
    """It says so once, not every other second; `health` finds the old heartbeat."""
    (tmp_path / "file").write_text("in its place")
    with capture_logs() as logged:
        for _ in range(3):
            heartbeat.write(tmp_path / "file", heartbeat.SORT)
    assert logged == [{"event": "heartbeat.failed", "reason": "File exists", "log_level": "warning"}]
