"""The command `anonymizer`."""

from __future__ import annotations

import sys

import typer

from anonymizer import (
    check,
    compare,
    console,
    demo,
    export,
    health,
    new,
    policy,
    repair,
    run,
    serve,
    sheets,
    status,
    structures,
)
from anonymizer.screen import say_wrong

app = typer.Typer(
    name="anonymizer",
    help="Anonymizes radiotherapy sets (CT, RT Structure Set, RT Plan, RT Dose), each as one connected set.",
    epilog="--debug anywhere shows where something went wrong. It may show names of files: keep it to yourself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show the values of variables
)
for group in (
    new,
    check,
    run,
    console,
    serve,
    health,
    status,
    export,
    compare,
    sheets,
    structures,
    repair,
    policy,
    demo,
):
    for command in group.COMMANDS:
        app.command()(command)


def main() -> None:
    """Run the command line."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(arguments, obj=debug)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        sys.exit(say_wrong(error))


if __name__ == "__main__":
    main()
