"""Texts of structures in the tables: a spreadsheet or terminal that shows them does nothing else."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from sheets.tables.files import write_csv

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("PTV\x1b[31m\x07", "PTV [31m"),
        ("PTV\r\n63", "PTV 63"),
        ("\u202ePTV", "PTV"),
        ("\x1b=1", "'=1"),
    ],
)
def test_a_name_is_written_as_one_line_of_text(tmp_path: Path, name: str, shown: str) -> None:
    """In both forms of the table."""
    write_csv({"form": "house", "structures": [{"set": "ANON_006", "name": name}]}, tmp_path)
    for path, separator in ((tmp_path / "structures.csv", ","), (tmp_path / "decimal-comma" / "structures.csv", ";")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            (row,) = csv.DictReader(file, delimiter=separator)
        assert row["name"] == shown
