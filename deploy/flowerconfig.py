# ruff: noqa: INP001 - Flower runs this file, nobody imports it
"""Flower's settings that no environment variable can hold: read by Flower itself, which runs this file.

Its name and password stand in a file, `name:password`, so that neither the process list nor `docker inspect` shows
them. Without it Flower does not start: it would be open to everybody who can reach its port.
"""

import os
import re
from pathlib import Path
from typing import Any

from services.runtime import logs

basic_auth = [Path(os.environ["FLOWER_BASIC_AUTH_FILE"]).read_text(encoding="utf-8").strip()]
if not all(basic_auth[0].partition(":")):
    raise SystemExit("The file that FLOWER_BASIC_AUTH_FILE names must hold name:password.")

# Before Flower sets up a log of its own, which it does only where there is none: in the form of all other services.
logs.configure(os.environ.get("ANONYMIZER_LOG_FORMAT", "text"))

# The columns of the list of tasks: `args` begin with the set's locator, `result` is what became of the set.
tasks_columns = "name,args,result,state,received,runtime,worker"

# Workers that have been away for five minutes go from the list; those that live are heard every half minute.
purge_offline_workers = 300


def format_task(task: Any) -> Any:
    """Shorten ids, and show as a success only what is one: the state of a refused set's task is REFUSED there."""
    task.args = re.sub(r"'?([0-9a-f]{8})[0-9a-f]{24}'?", r"\1…", task.args or "").strip("[]()")
    result = (task.result or "").strip("'\"")
    task.result = "" if result == "None" else result
    if task.state == "SUCCESS" and task.result not in {"", "published", "same-set"}:
        task.state = task.result.upper()
    return task
