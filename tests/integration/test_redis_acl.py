"""The service under the ACL of deploy/redis/users.acl.in; `make compose-test` includes Flower."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import redis

from anonymizer.embedded.redis_server import redis_server
from phantom.sets import write_demo
from tests.waiting import wait_until

USERS = Path(__file__).parents[2] / "deploy/redis/users.acl.in"
ANONYMIZER = Path(sys.executable).with_name("anonymizer")
COURTESY = "client|setinfo"
"""The library sends newer servers its name; older ones do not know that permission."""


def test_the_acl_permits_everything_the_service_needs(tmp_path: Path) -> None:
    """A set is published and its sheet drawn with only the service user's permissions."""
    (rights,) = [line.split()[4:] for line in USERS.read_text().splitlines() if line.startswith("user anonymizer ")]
    share = tmp_path / "share"
    with redis_server() as url, ExitStack() as ending:
        path = url.removeprefix("redis+socket://")
        with closing(redis.Redis(unix_socket_path=path)) as first:
            first.execute_command("ACL SETUSER", "test", "on", "nopass", "~*", "&*", "+@all")
            first.execute_command("ACL SETUSER", "default", "reset", "on", "nopass", *rights)
        test = ending.enter_context(
            closing(redis.Redis(unix_socket_path=path, username="test", password="any", decode_responses=True))
        )
        test.acl_log_reset()
        write_demo(share / "BATCH", sets=1, ct=10, size=64)
        settings = {"REDIS_URL": url, "SHARE": str(share), "QUIET_S": "1", "RESCAN_S": "1", "RECONCILE_S": "1"}
        environment = os.environ | {f"ANONYMIZER_{name}": value for name, value in settings.items()}
        for command in (["watch"], ["worker", "--processes", "1"], ["worker", "--sheets"]):
            process = subprocess.Popen([ANONYMIZER, *command], env=environment)
            ending.callback(process.wait)
            ending.callback(process.terminate)
        wait_until((share / "BATCH/sheets/ANON_006.pdf").exists, lambda: denied(test))
        assert denied(test) == set()


def denied(test: redis.Redis) -> set[str]:
    """Return the denied requests: commands, keys, channels."""
    return {entry["object"] for entry in test.acl_log()} - {COURTESY}
