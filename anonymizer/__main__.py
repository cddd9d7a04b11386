"""Entry point of `anonymizer`: quick answers first, then the full command line."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import TYPE_CHECKING

from anonymizer import quick
from anonymizer.quick import COMMANDS, Stopped

if TYPE_CHECKING:
    import typer

__all__ = ["COMMANDS", "application", "main"]


def application(*commands: str) -> typer.Typer:
    """Return the command line of some commands, or of all."""
    from anonymizer import command_line  # noqa: PLC0415 - imports take a second

    return command_line.application(*commands)


def main() -> None:
    """Run the command line; Ctrl-C ends it with a message at any time, even during imports."""
    atexit.register(gc.freeze)  # looking for cycles in imported modules would take a tenth of a second at the end
    try:
        _main()
    except (KeyboardInterrupt, Stopped):
        if sys.stderr is not None:
            sys.stderr.write("Stopped.\n")
        sys.exit(130)


def _main() -> None:
    """Run the command line, importing it only if there is no quick answer."""
    if sys.stdout is None:  # closed by the parent process: the next file opened would take its descriptor
        os.open(os.devnull, os.O_WRONLY)
        if sys.stderr is not None:
            sys.stderr.write("Standard output is closed, so results cannot be reported. Nothing was done.\n")
        sys.exit(2)
    code = quick.answer(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    if sys.argv[1:2] == ["run"]:
        from anonymizer import first_look  # noqa: PLC0415 - nothing else needs it
        from anonymizer.embedded import head_start  # noqa: PLC0415 - as above

        first_look.take(sys.argv[2:])
        with head_start.given(sys.argv[2:]):
            _run()
    else:
        _run()


def _run() -> None:
    from services.runtime.garbage import without_garbage_collection  # noqa: PLC0415 - a quick answer needs none of it

    with without_garbage_collection():
        from anonymizer.command_line import run  # noqa: PLC0415 - as above
    run()


if __name__ == "__main__":
    main()
