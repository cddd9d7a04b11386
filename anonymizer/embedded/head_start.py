"""Redis and workers of a run, started before the command has imported what it needs itself.

Workers import for most of a second, and the command for two thirds of one. Beside each other they are done before the
sets have been quiet for long enough. A worker touches nothing before it is asked to do a set, which the command does
when it has the collection: where it refuses to begin, they end as they came.
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
    """What was started, and for what."""

    root: Path
    processes: int
    service: OwnService
    ends: ExitStack


_started: list[_HeadStart] = []


@contextmanager
def given(arguments: Sequence[str]) -> Iterator[None]:
    """Start what a command line of `run` is going to need, if that is plain; end at last what was not claimed."""
    with ExitStack() as ends:
        with suppress(OSError, ValueError, SettingsWrong):  # whoever does it in its turn says what is wrong
            _start(arguments, ends)
        try:
            yield
        finally:
            _started.clear()


def claim(root: Path, processes: int, stack: ExitStack) -> OwnService | None:
    """Return what was started for just this, which then ends with `stack`; None where nothing was."""
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
    """Return the root of a command line that begins sets at once, and how many at a time; None of any other one."""
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
    """Return whether the environment names a Redis, or something that is set before processes are started."""
    return any(
        value and (name.startswith("ANONYMIZER_REDIS_") or name == "ANONYMIZER_UMASK")
        for name, value in os.environ.items()
    )
