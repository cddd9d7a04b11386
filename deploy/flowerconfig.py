# ruff: noqa: INP001 - Flower runs this file, nobody imports it
"""Settings of Flower that cannot be environment variables; Flower runs this file.

Name and password are read from a file, `name:password`, so that neither the process list nor `docker inspect` shows
them. Without this file Flower does not start, because it would be open to everybody who can reach its port.
"""

import os
import re
from pathlib import Path
from typing import Any

from services.runtime import logs

basic_auth = [Path(os.environ["FLOWER_BASIC_AUTH_FILE"]).read_text(encoding="utf-8").strip()]
if not all(basic_auth[0].partition(":")):
    raise SystemExit("The file named by FLOWER_BASIC_AUTH_FILE must contain name:password.")

# In the format of all other services; Flower configures its own log only if there is none yet.
logs.configure(os.environ.get("ANONYMIZER_LOG_FORMAT", "text"))

# The columns of the list of tasks: `args` begin with the set's locator, `result` is the set's outcome.
tasks_columns = "name,args,result,state,received,runtime,worker"

# Workers that were silent for five minutes are removed from the list; live ones send a heartbeat every half minute.
purge_offline_workers = 300


def format_task(task: Any) -> Any:
    """Shorten ids, and replace SUCCESS by the set's outcome, such as REFUSED, unless it was published."""
    task.args = re.sub(r"'?([0-9a-f]{8})[0-9a-f]{24}'?", r"\1…", task.args or "").strip("[]()")
    result = (task.result or "").strip("'\"")
    task.result = "" if result == "None" else result
    if task.state == "SUCCESS" and task.result not in {"", "published", "same-set"}:
        task.state = task.result.upper()
    return task
