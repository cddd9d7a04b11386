"""The command line, built from the requested commands only."""

from __future__ import annotations

import io
import os
import sys
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer

from anonymizer.quick import COMMANDS, Stopped
from anonymizer.terminal import advise_on, print_error
from services.runtime import modes
from services.runtime.garbage import without_garbage_collection
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

LASTING: Final = frozenset(("watch", "worker", "console", "sort"))
"""Commands that are services: their output is a log."""


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
        module = import_module(f"anonymizer.commands.{COMMANDS[command]}.{command}")
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


class _UntilClosed(io.FileIO):
    """A file whose reader may close it: further output is discarded, and the command runs to its normal end."""

    def write(self, data: Any) -> int:
        """Write some bytes, and return the number accepted."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(data)


def _until_closed(stdout: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return standard output with the same settings, but tolerating a reader such as `head` that closes it early."""
    stdout.flush()
    raw = _UntilClosed(stdout.fileno(), "w", closefd=False)
    buffer: Any = raw if stdout.write_through else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        buffer,
        stdout.encoding,
        stdout.errors,
        line_buffering=stdout.line_buffering,
        write_through=stdout.write_through,
    )


def run() -> None:
    """Run the command line of this process."""
    debug = "--debug" in sys.argv
    advise_on(None)
    ends_by_itself = not LASTING.intersection(sys.argv[1:2])
    if ends_by_itself and sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _until_closed(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal in plain ASCII, or a name that is not UTF-8
            stream.reconfigure(errors="backslashreplace")
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        if os.environ.get("ANONYMIZER_UMASK"):
            modes.set_umask(Settings.of_process().umask or 0)
        with without_garbage_collection():  # imports create no cycles
            app = application(*(argument for argument in arguments[:1] if argument in COMMANDS))
        app(arguments, obj=debug)
    except Exception as error:
        if debug:
            raise
        sys.exit(print_error(error))
