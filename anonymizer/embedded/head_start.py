"""Early start of Redis and workers for `run`, in parallel with the command's own imports.

Workers import for most of a second, the command for about two thirds of one; in parallel, both finish before the first
set's quiet period ends. A worker touches no set until it receives a task, which the command sends only once it owns the
collection. If the command refuses to start, Redis and workers are stopped again.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anonymizer.embedded.worker_process import own_service
from services.errors import SettingsWrong
from services.layout import SETTINGS_NAME, STATE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anonymizer.embedded.worker_process import OwnService


@dataclass(frozen=True, slots=True)
class _HeadStart:
    """A started service and the run it is meant for."""

    root: Path
    processes: int
    service: OwnService
    ends: ExitStack


_started: list[_HeadStart] = []


@contextmanager
def given(arguments: Sequence[str]) -> Iterator[None]:
    """Start the service for a `run` command line if its arguments are simple; stop it on exit unless it was claimed."""
    with ExitStack() as ends:
        with suppress(OSError, ValueError, SettingsWrong):  # reported when the command itself tries
            _start(arguments, ends)
        try:
            yield
        finally:
            _started.clear()


def claim(root: Path, processes: int, stack: ExitStack) -> OwnService | None:
    """Return the service started for this run, to be stopped with `stack`; None if there is none."""
    while _started:
        found = _started.pop()
        if (found.root, found.processes) == (root.absolute(), processes):
            stack.enter_context(found.ends.pop_all())
            return found.service
        found.ends.close()
    return None


def _start(arguments: Sequence[str], ends: ExitStack) -> None:
    asked = _asked(arguments)
    if asked is None or _is_set_otherwise():
        return
    root, processes = asked
    if (root / SETTINGS_NAME).is_file() and not os.path.lexists(root / STATE_NAME / "arbiter.json"):
        service = ends.enter_context(own_service(root, processes, debug=False))
        _started.append(_HeadStart(root.absolute(), processes, service, ends))


def _asked(arguments: Sequence[str]) -> tuple[Path, int] | None:
    """Return root and number of workers of a command line that processes sets at once; None for any other."""
    roots, processes, rest = [], os.cpu_count() or 1, iter(arguments)
    for argument in rest:
        name, _, value = argument.partition("=")
        if name in {"--workers", "--only"}:
            value = value or next(rest, "")
            if name == "--workers":
                if not (value.isascii() and value.isdigit() and len(value) <= 4 and int(value)):
                    return None
                processes = int(value)
        elif argument.startswith("-") and argument != "--json":
            return None
        elif argument != "--json":
            roots.append(Path(argument))
    return (roots[0], processes) if len(roots) == 1 else None


def _is_set_otherwise() -> bool:
    """Return whether the environment names a Redis, or a setting that is applied before processes start."""
    return any(
        value and (name.startswith("ANONYMIZER_REDIS_") or name == "ANONYMIZER_UMASK")
        for name, value in os.environ.items()
    )
