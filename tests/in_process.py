"""The command line, called in a test's process: starting Python and importing the program takes a second."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from anonymizer import __main__ as cli
from tests.forking import fork

if TYPE_CHECKING:
    from collections.abc import Callable


STARTERS = {"run", "console", "watch", "worker"}
"""Commands that start processes, and run in a copy of this one."""

PROGRAM = Path(sys.executable).with_name("anonymizer")


def anonymizer(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Call the command line like a shell, without a terminal."""
    said = [*map(str, arguments)]
    if said[0] in STARTERS:
        return in_a_copy(*said)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["anonymizer", *said])
        patch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            cli.main()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(said, int(ended.value.code or 0), *texts)


def in_a_copy(*arguments: object, limited: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command line in a copy of this process, which need not import the program again.

    Parameters
    ----------
    limited
        What takes rights from the copy.
    """
    said = [*map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        copied = fork()
        if copied == 0:
            code = 1
            try:
                code = _as_a_program(said, out.fileno(), err.fileno(), limited)
            except BaseException:  # noqa: BLE001 - a forked process must never return into the tests
                traceback.print_exc()
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(copied, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(said, code, *texts)


def _as_a_program(said: list[str], out: int, err: int, limited: Callable[[], None] | None) -> int:
    """Call the command line with the streams, name and signal handling of a program."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, standard in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(ours, standard)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - they are open until the end
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    sys.argv = [str(PROGRAM), *said]
    if limited:
        limited()
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that calls the command line like a shell."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["anonymizer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call
