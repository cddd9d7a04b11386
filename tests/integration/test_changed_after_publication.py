"""A file of a published set is overwritten in place: the service notices, however changes are detected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.store.collection import Collection
from tests.in_process import anonymizer
from tests.sets import make_collection, make_set
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

PROGRAM = str(Path(sys.executable).with_name("anonymizer"))


@contextmanager
def service(share: Path, redis_server: str, observer: str) -> Iterator[None]:
    """Run the watcher and a worker, as an operator does."""
    more = {
        "ANONYMIZER_REDIS_URL": f"redis+socket://{redis_server}",
        "ANONYMIZER_SHARE": str(share),
        "ANONYMIZER_OBSERVER": observer,
        "ANONYMIZER_QUIET_S": "1",
        "ANONYMIZER_RESCAN_S": "1",
    }
    with ExitStack() as stack:
        for arguments in (("watch",), ("worker", "--processes", "1")):
            process = subprocess.Popen(
                [PROGRAM, *arguments], env={**os.environ, **more}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield


@pytest.mark.parametrize("observer", ["events", "polling"])
def test_a_file_overwritten_in_place_is_reported(
    tmp_path: Path, client: redis.Redis, redis_server: str, observer: str
) -> None:
    """A touched file is not reported; the doctor gives the first difference."""
    del client  # its server is empty
    root = make_collection(tmp_path / "share" / "BATCH")
    made, other = make_set(root, name="A", seed=1), make_set(root, name="B", seed=2)
    dose, outcomes = made.path(made.dose), root / ".anonymizer" / "outcomes"
    with service(tmp_path / "share", redis_server, observer):
        wait_until(lambda: len(list((root / ".anonymizer" / "records").glob("*.json"))) == 2)
        wait_until(lambda: len(list(outcomes.glob("*.json"))) == 2)
        looked_at = outcomes / f"{Collection.look(root).locator('B')}.json"
        before = looked_at.stat().st_mtime_ns
        os.utime(other.path(other.dose))
        wait_until(lambda: looked_at.stat().st_mtime_ns != before)
        assert not list(root.glob("*_NOTE.txt"))
        data = bytearray(dose.read_bytes())
        data[-1000] ^= 1
        with dose.open("r+b") as file:
            file.write(data)
        wait_until((root / "A_NOTE.txt").exists)
    assert "but they have changed" in (root / "A_NOTE.txt").read_text("utf-8-sig")
    said = anonymizer("doctor", root, "--json")
    (found,) = (one for one in json.loads(said.stdout)["findings"] if one["is_wrong"])
    assert (said.returncode, found["code"], found["where"]) == (1, "original-changed", "A")
    assert "withdraw it first" in found["remedy"]
