"""The command line, built from the requested commands only."""

from __future__ import annotations

import io
import os
import sys
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from anonymizer.quick import COMMANDS, Stopped
from anonymizer.terminal import advise_on, say_wrong
from services.runtime import modes
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


def of_any_command() -> None:
    """Accept the options before a command's name."""


def application(*commands: str) -> typer.Typer:
    """Return the command line of some commands, or of all.

    Importing all commands takes a second; importing one takes a fraction of it.
    """
    app = typer.Typer(
        name="anonymizer",
        help="Anonymizes radiotherapy sets (CT, RT Structure Set, RT Plan, RT Dose), each as one connected set.",
        epilog="--debug anywhere shows tracebacks. They may contain file names: keep them confidential.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # typer's tracebacks show the values of variables
    )
    app.callback()(of_any_command)
    for command in commands or COMMANDS:
        module = import_module(f"anonymizer.commands.{command}")
        app.command(cls=getattr(module, "Command", None))(_stoppable(getattr(module, command)))
    return app


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that raises `Stopped` on Ctrl-C."""

    @wraps(command)
    def call(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            raise Stopped from None

    return call


def run() -> None:
    """Run the command line of this process."""
    debug = "--debug" in sys.argv
    advise_on(None)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal in plain ASCII, or a name that is not UTF-8
            stream.reconfigure(errors="backslashreplace")
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        if os.environ.get("ANONYMIZER_UMASK"):
            modes.set_umask(Settings.of_process().umask or 0)
        application(*(argument for argument in arguments[:1] if argument in COMMANDS))(arguments, obj=debug)
    except Exception as error:
        if debug:
            raise
        sys.exit(say_wrong(error))
