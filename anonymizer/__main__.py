"""The command `anonymizer`."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Final

import typer

from anonymizer.terminal import say_wrong

COMMANDS: Final = (
    "new",
    "check",
    "run",
    "console",
    "watch",
    "worker",
    "health",
    "status",
    "export",
    "key",
    "deliveries",
    "verify",
    "compare",
    "sheet",
    "report",
    "structures",
    "retry",
    "withdraw",
    "forget",
    "doctor",
    "rebuild",
    "policy",
    "demo",
)
"""Each is the function of its name in a module of its name; in the order of the help."""


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"anonymizer {version('rt-set-anonymizer')}")
        raise typer.Exit


def of_any_command(
    _: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Take what stands before a command's name."""


def application(*commands: str) -> typer.Typer:
    """Build the command line of some commands, or of all.

    Importing what all of them need takes a second, and what one needs, a fraction of it.
    """
    app = typer.Typer(
        name="anonymizer",
        help="Anonymizes radiotherapy sets (CT, RT Structure Set, RT Plan, RT Dose), each as one connected set.",
        epilog="--debug anywhere shows where something went wrong. It may show names of files: keep it to yourself.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # its tracebacks show the values of variables
    )
    app.callback()(of_any_command)
    for command in commands or COMMANDS:
        app.command()(getattr(import_module(f"anonymizer.commands.{command}"), command))
    return app


def main() -> None:
    """Run the command line."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        application(*(argument for argument in arguments[:1] if argument in COMMANDS))(arguments, obj=debug)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        sys.exit(say_wrong(error))


if __name__ == "__main__":
    main()
