"""The command `anonymizer`: quick answers first, and the command line for the rest."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from anonymizer import quick
from anonymizer.quick import COMMANDS, Stopped

if TYPE_CHECKING:
    import typer

__all__ = ["COMMANDS", "application", "main"]


def application(*commands: str) -> typer.Typer:
    """Build the command line of some commands, or of all."""
    from anonymizer import command_line  # noqa: PLC0415 - imports take a second

    return command_line.application(*commands)


def main() -> None:
    """Run the command line; Ctrl-C ends it with a sentence whenever it comes, while the program is imported, too."""
    try:
        _main()
    except (KeyboardInterrupt, Stopped):
        if sys.stderr is not None:
            sys.stderr.write("Stopped.\n")
        sys.exit(130)


def _main() -> None:
    """Run the command line, and import it only where no quick answer will do."""
    if sys.stdout is None:  # closed by whoever started us: what we open next would take its place
        os.open(os.devnull, os.O_WRONLY)
        if sys.stderr is not None:
            sys.stderr.write("Standard output is closed: there is nowhere to say what was done. Nothing was done.\n")
        sys.exit(2)
    code = quick.answer(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    if sys.argv[1:2] == ["run"]:
        from anonymizer import first_look  # noqa: PLC0415 - nothing else needs it

        first_look.take(sys.argv[2:])
    from anonymizer.command_line import run  # noqa: PLC0415 - as above

    run()


if __name__ == "__main__":
    main()
