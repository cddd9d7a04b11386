"""The command line, called in the process of a test."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from anonymizer import __main__ as cli

if TYPE_CHECKING:
    from collections.abc import Callable


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
