"""Texts of structures in the tables: a spreadsheet or terminal that shows them does nothing else."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from sheets.tables.files import write_csv

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = {
    "=1+1": "'=1+1",
    "\n=1": "'=1",
    "PTV\r\n63": "PTV 63",
    "PTV\x1b[31m\x07": "PTV\ufffd[31m\ufffd",
    "\u202ePTV": "\ufffdPTV",
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_name_is_written_as_one_line_of_text(tmp_path: Path, name: str) -> None:
    """In both forms of the table."""
    write_csv({"form": "house", "structures": [{"set": "ANON_006", "name": name}]}, tmp_path)
    for path, separator in ((tmp_path / "structures.csv", ","), (tmp_path / "decimal-comma" / "structures.csv", ";")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            (row,) = csv.DictReader(file, delimiter=separator)
        assert row["name"] == SHOWN[name]
