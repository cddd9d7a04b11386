"""The command line, called in the process of a test: to start Python and import the program takes a second."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from anonymizer import __main__ as cli

if TYPE_CHECKING:
    from collections.abc import Callable


STARTERS = {"run", "console", "watch", "worker"}
"""They start processes, and are processes here, too."""


def anonymizer(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Call the command line to its end as a shell does; nobody sits at a terminal."""
    said = [*map(str, arguments)]
    if said[0] in STARTERS:
        command = [str(Path(sys.executable).with_name("anonymizer")), *said]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["anonymizer", *said])
        patch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            cli.main()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(said, int(ended.value.code or 0), *texts)


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return what calls the command line as a shell does."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["anonymizer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call
