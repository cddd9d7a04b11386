"""Who did what with patients' data: each command that changes a collection, or gives out data, leaves a line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anonymizer import commands
from anonymizer.quick import COMMANDS
from services.runtime import audit
from services.store.collection import Collection
from tests.in_process import anonymizer
from tests.sets import make_collection, make_set

if TYPE_CHECKING:
    import pytest

ONLY_SHOWING = {
    *("check", "status", "which", "deliveries", "verify", "compare", "doctor", "policy", "key", "health"),
    *("console", "watch", "worker", "sort", "demo"),
}
"""Commands that change nothing in a collection and give nothing away, whose pages note what users do there, or that
make a collection of synthetic sets.
"""


def acts(root: Path) -> list[tuple[str, str, int]]:
    """Return what was done: the act, the ANON folder, and how many."""
    lines = audit.read(Collection.open(root).state)
    assert {(line["by"], line["user"]) for line in lines} == {("command line", audit.system_user())}
    return [(line["act"], line.get("anon", ""), line.get("count", 0)) for line in lines]


def test_every_other_command_leaves_a_line() -> None:
    """A new command has to decide."""
    (place,) = commands.__path__
    silent = {
        name for name, room in COMMANDS.items() if "audit.note(" not in (Path(place) / room / f"{name}.py").read_text()
    }
    assert silent == ONLY_SHOWING


def test_runs_sheets_reports_tables_and_rebuilt_numbers(
    tmp_path: Path, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that a person asked for, once they are done."""
    root = make_collection(tmp_path / "BATCH")
    make_set(root, name="a")
    assert anonymizer("run", root, "--only", "a").returncode == 0
    (line,) = audit.read(Collection.open(root).state)
    assert (line["act"], line["only"]) == ("run begun", [Collection.open(root).locator("a")])
    assert anonymizer("sheet", root, "ANON_006").returncode == 0
    assert anonymizer("sheet", root, "ANON_007").returncode != 0
    assert anonymizer("report", root).returncode == 0
    assert anonymizer("report", root, "--csv", tmp_path / "csv").returncode == 0
    assert anonymizer("report", root, "--json", tmp_path / "tables.json").returncode == 0
    monkeypatch.setenv("ANONYMIZER_REDIS_URL", f"redis+socket://{redis_server}")
    assert anonymizer("rebuild", root).returncode == 0
    assert acts(root)[1:] == [
        ("sheet made", "ANON_006", 0),
        ("report made", "", 0),
        ("tables made", "", 1),
        ("tables made", "", 1),
        ("numbers rebuilt", "", 0),
    ]
