"""What is answered without importing the program: `--version`, `--help`, and `health` where all is well.

Four containers ask for their health every 30 s. A probe that imports Celery, Redis and a terminal for it takes a second
of a core each time; this one takes what Python needs to start. It only ever says that all is well: whatever it is not
sure of, the command `health` looks at.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from anonymizer import __version__
from services.runtime import heartbeat

COMMANDS = (
    "new",
    "check",
    "run",
    "console",
    "watch",
    "worker",
    "sort",
    "health",
    "status",
    "which",
    "export",
    "key",
    "deliveries",
    "receive",
    "verify",
    "compare",
    "sheet",
    "report",
    "structures",
    "choose",
    "person",
    "words",
    "retry",
    "withdraw",
    "forget",
    "doctor",
    "rebuild",
    "policy",
    "demo",
)
"""Each is the function of its name in a module of its name; in the order of the help."""

WATCHER_SILENT_S = 300.0
"""A look at a large share over a slow network takes its time; one that takes longer hangs."""

WORKER_SILENT_S = 30.0
CONSOLE_SILENT_S = 30.0
SORT_SILENT_S = 300.0
"""One large object over a slow network takes its time."""
WORKER_IDLE_S = 60.0
"""Who could take a set, and lets it wait for so long, does not take any more."""


SERVICES = (heartbeat.WATCHER, heartbeat.WORKER, heartbeat.CONSOLE, heartbeat.SORT)


class Stopped(BaseException):
    """Ctrl-C ended a command; the parser of options, which takes a KeyboardInterrupt for its own, lets it pass."""


def answer(arguments: list[str]) -> int | None:
    """Answer a command line and return its exit code; None where the program has to."""
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments == ["--version"]:
        return _say(f"anonymizer {__version__}{_revision()}\n")
    if arguments in ([], ["--help"], ["-h"]):
        return _say(_help()) or (0 if arguments else 2)
    if arguments[0] == "health" and len(arguments) <= 2:
        return _say_if_well(arguments[1:])
    return None


def _say(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except UnicodeEncodeError:
        sys.stdout.write(text.encode("ascii", "replace").decode())
    return 0


def _revision() -> str:
    """Return the revision that an image was built of, which is written beside its packages."""
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
        _wrapped(
            "--debug anywhere shows where something went wrong. It may show names of files: keep it to yourself.", width
        ),
    )
    return "\n\n".join(paragraphs) + "\n"


def _wrapped(text: str, width: int, first: str = "", others: str = "") -> str:
    """Break a text into lines; `textwrap` costs as much as all of this."""
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
    """Return the first line of each command's docstring, read from its file: to import them all takes a second."""
    folder = Path(__file__).with_name("commands")
    return {command: _summary((folder / f"{command}.py").read_text("utf-8"), command) for command in COMMANDS}


def _summary(source: str, command: str) -> str:
    _, _, after = source.partition(f"\ndef {command}(")
    _, _, text = after.partition('"""')
    return text.partition("\n")[0].removesuffix('"""')


def _say_if_well(asked: list[str]) -> int | None:
    folder = os.environ.get("ANONYMIZER_HEALTH")
    if not folder or not set(asked) <= set(SERVICES):
        return None
    signs = {service: heartbeat.read(Path(folder), service) for service in asked or SERVICES}
    now, there = time.monotonic(), {service: sign for service, sign in signs.items() if sign}
    if not there or (asked and len(there) < len(asked)) or not all(is_well(*each, now) for each in there.items()):
        return None
    return _say("".join(f"{service}: well\n" for service in there))


def is_well(service: str, sign: heartbeat.Heartbeat, now: float) -> bool:
    """Return whether a service is well for sure, by what it said of itself last.

    Parameters
    ----------
    now
        On the clock of its sign.
    """
    if service == heartbeat.WATCHER:
        return now - sign.at <= WATCHER_SILENT_S
    if service == heartbeat.CONSOLE:
        return now - sign.at <= CONSOLE_SILENT_S
    if service == heartbeat.SORT:
        return now - sign.at <= SORT_SILENT_S
    is_idle = sign.free > 0 and now - sign.took_at > WORKER_IDLE_S
    return now - sign.at <= WORKER_SILENT_S and (not is_idle or sign.waiting == 0)
