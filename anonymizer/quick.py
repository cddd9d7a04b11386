"""Answers given without importing the program: `--version`, `--help`, and `health` if all is well.

Four containers run a health check every 30 s. A probe that imports Celery, Redis and the terminal takes a second of CPU
time; this one takes only Python's start-up time. It only reports healthy services: in all other cases, the command
`health` decides.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from anonymizer import __version__
from services.runtime import heartbeat

COMMANDS = {
    "new": "collection",
    "check": "sets",
    "run": "sets",
    "console": "service",
    "watch": "service",
    "worker": "service",
    "sort": "service",
    "health": "service",
    "status": "collection",
    "which": "collection",
    "export": "exchange",
    "key": "exchange",
    "deliveries": "exchange",
    "receive": "exchange",
    "verify": "sets",
    "compare": "sets",
    "sheet": "collection",
    "report": "collection",
    "structures": "collection",
    "choose": "sets",
    "person": "sets",
    "words": "sets",
    "retry": "sets",
    "withdraw": "sets",
    "forget": "sets",
    "doctor": "collection",
    "rebuild": "collection",
    "policy": "collection",
    "demo": "collection",
}
"""Package of each command below `commands`, in the order of the help. Module and function have the command's name."""

WATCHER_SILENT_S = 300.0
"""Scanning a large share over a slow network may take this long; a longer scan hangs."""

WORKER_SILENT_S = 30.0
CONSOLE_SILENT_S = 30.0
SORT_SILENT_S = 300.0
"""One large object over a slow network may take this long."""
WORKER_IDLE_S = 60.0
"""An idle worker that leaves a set waiting for this long is stuck."""


SERVICES = (heartbeat.WATCHER, heartbeat.WORKER, heartbeat.CONSOLE, heartbeat.SORT)


class Stopped(BaseException):
    """Ctrl-C ended a command. Unlike KeyboardInterrupt, it is not handled by the option parser."""


def answer(arguments: list[str]) -> int | None:
    """Answer a command line and return its exit code; None if the full program is needed."""
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments == ["--version"]:
        return _print(f"anonymizer {__version__}{_revision()}\n")
    if arguments in ([], ["--help"], ["-h"]):
        return _print(_help()) or (0 if arguments else 2)
    if arguments[0] == "health" and len(arguments) <= 2:
        return _print_health(arguments[1:])
    return None


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except UnicodeEncodeError:
        sys.stdout.write(text.encode("ascii", "replace").decode())
    return 0


def _revision() -> str:
    """Return the revision from which an image was built, stored beside its packages."""
    try:
        return f" ({Path(sys.prefix, 'revision').read_text('ascii').strip()})"
    except OSError:
        return ""


def _help() -> str:
    width, indent = _width(), max(map(len, COMMANDS)) + 4
    lines = [
        _wrapped(summary, width, f"  {command:{indent - 2}}", " " * indent) for command, summary in _summaries().items()
    ]
    paragraphs = (
        "Usage: anonymizer [--version] [--help] COMMAND ...",
        _wrapped(
            "Anonymizes radiotherapy sets (CT, RT Structure Set, RT Plan, RT Dose), each as one connected set.", width
        ),
        "\n".join(("Commands; each has --help:", *lines)),
        _wrapped("--debug anywhere shows tracebacks. They may contain file names: keep them confidential.", width),
    )
    return "\n\n".join(paragraphs) + "\n"


def _wrapped(text: str, width: int, first: str = "", others: str = "") -> str:
    """Break a text into lines; importing `textwrap` costs as much as everything else here."""
    lines, line = [], first
    for word in text.split():
        if len(line) + len(word) > width and line.strip():
            lines.append(line.rstrip())
            line = others
        line += f"{word} "
    return "\n".join((*lines, line.rstrip()))


def _width() -> int:
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(1).columns)
    except (ValueError, OSError):
        return 120


def _summaries() -> dict[str, str]:
    """Return the first line of each command's docstring, parsed from its file: importing them all takes a second."""
    folder = Path(__file__).with_name("commands")
    return {
        command: _summary((folder / room / f"{command}.py").read_text("utf-8"), command)
        for command, room in COMMANDS.items()
    }


def _summary(source: str, command: str) -> str:
    _, _, after = source.partition(f"\ndef {command}(")
    _, _, text = after.partition('"""')
    return text.partition("\n")[0].removesuffix('"""')


def _print_health(asked: list[str]) -> int | None:
    folder = os.environ.get("ANONYMIZER_HEALTH")
    if not folder or not set(asked) <= set(SERVICES):
        return None
    signs = {service: heartbeat.read(Path(folder), service) for service in asked or SERVICES}
    now, there = time.monotonic(), {service: sign for service, sign in signs.items() if sign}
    if not there or (asked and len(there) < len(asked)) or not all(is_well(*each, now) for each in there.items()):
        return None
    return _print("".join(f"{service}: well\n" for service in there))


def is_well(service: str, sign: heartbeat.Heartbeat, now: float) -> bool:
    """Return whether a service is certainly healthy, according to its last heartbeat.

    Parameters
    ----------
    now
        The time on the clock of the heartbeat.
    """
    if service == heartbeat.WATCHER:
        return now - sign.at <= WATCHER_SILENT_S
    if service == heartbeat.CONSOLE:
        return now - sign.at <= CONSOLE_SILENT_S
    if service == heartbeat.SORT:
        return now - sign.at <= SORT_SILENT_S
    is_idle = sign.free > 0 and now - sign.took_at > WORKER_IDLE_S
    return now - sign.at <= WORKER_SILENT_S and (not is_idle or sign.waiting == 0)
