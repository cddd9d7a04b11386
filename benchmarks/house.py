"""Metrics of the source tree: rooms, imports, lengths, complexity. `make house` prints them.

Complexity is McCabe's, as measured by ruff (C901); imports are those of grimp's graph, on which the import contracts
are checked, without imports for type checking.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import grimp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGES = ("services", "sheets", "worker", "watcher", "receiver", "console", "phantom", "anonymizer")


def percentile(values: Sequence[int], part: float) -> int:
    """Return a percentile of the values; 0 if there are none."""
    return sorted(values)[int(part * (len(values) - 1))] if values else 0


def room(module: str) -> str:
    """Return the room of a module of services (`services.dicom`); empty for a module outside the rooms."""
    name = module.split(".")[1]
    return name if Path("services", name).is_dir() else ""


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines of a function's body, without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def complexities() -> list[int]:
    """Return the cyclomatic complexity of every function."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901", "--output-format", "json"]
    command += ["--config", "lint.mccabe.max-complexity = 0", *PACKAGES]
    printed = subprocess.run(command, capture_output=True, check=False, text=True).stdout
    found = (re.search(r"\((\d+) >", one["message"]) for one in json.loads(printed))
    return [int(match[1]) for match in found if match]


def measure() -> dict[str, str]:
    """Return the metrics by name."""
    paths = [path for package in PACKAGES for path in Path(package).rglob("*.py")]
    trees = [ast.parse(path.read_text("utf-8")) for path in paths]
    folders = Counter(path.parent for path in paths if path.name != "__init__.py")
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)
    modules = sorted(graph.modules)
    imports = [(module, other) for module in modules for other in graph.find_modules_directly_imported_by(module)]
    of_services = [(room(a), room(b)) for a, b in imports if a.startswith("services.") and b.startswith("services.")]
    each = Counter(a for a, _ in imports)
    own = {name.rpartition(".")[2] for name in modules}
    aliases = [
        alias
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES
        for alias in node.names
        if alias.asname and alias.name in own
    ]
    lengths = [body_lines(function) for tree in trees for function in functions(tree)]
    hard = complexities()
    (fullest, most), *_ = folders.most_common(1)
    return {
        "most modules in a folder": f"{most} ({fullest})",
        "imports between modules of services": str(len(of_services)),
        "pairs of rooms of services with imports": str(
            len({pair for pair in of_services if all(pair) and len(set(pair)) > 1})
        ),
        "function body, lines, p90": str(percentile(lengths, 0.9)),
        "cyclomatic complexity, p90 / maximum": f"{percentile(hard, 0.9)} / {max(hard)}",
        "imports of ours per module, p90 / maximum": f"{percentile(list(each.values()), 0.9)} / {max(each.values())}",
        "modules imported under another name": str(len(aliases)),
    }


if __name__ == "__main__":
    for name, value in measure().items():
        sys.stdout.write(f"{name:52} {value}\n")
