"""Every code of a fault has a row in the operators' page: what it means, and what to do."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from console.translations import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[2]


def _codes() -> Iterator[str]:
    """Yield the codes that the source gives faults; parts that are computed are `*`."""
    for path in (HERE / "services").rglob("[!_]*.py"):
        module = ".".join(path.relative_to(HERE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault" and node.args:
                code = node.args[0]
                if isinstance(code, ast.JoinedStr):
                    yield "".join(part.value if isinstance(part, ast.Constant) else "*" for part in code.values)
                elif isinstance(code, ast.Constant):
                    yield code.value
                elif isinstance(code, ast.Name) and hasattr(import_module(module), code.id):
                    yield getattr(import_module(module), code.id)


def test_every_code_is_explained() -> None:
    """A person reads it in the console or in a log, and looks for what to do."""
    codes = set(_codes())
    assert len(codes) > 50
    page = (HERE / "docs/operations.md").read_text("utf-8").partition("### What REFUSED and parked mean")[2]
    told = {code.replace("…", "*") for code in re.findall(r"`([a-z][a-z0-9-]*…?)`", page)}
    titles = {key.removeprefix("fault.") for key in catalogue() if key.startswith("fault.")} - {"other"}
    assert {code for code in codes | titles if not any(fnmatch(code, row) for row in told)} == set()
