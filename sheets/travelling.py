"""Additional contents of a delivery: a report of its sets and their figures as tables.

It holds nothing internal: no refused set, no set outside the delivery, no hospital.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.exchange.manifest import TABLES
from services.layout import SHEETS_NAME
from services.maintenance.export import REPORT
from services.runtime import durable_files
from sheets import collection_report
from sheets.render.html import html
from sheets.tables import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.store.collection import Collection


def write(collection: Collection, indices: Sequence[int], place: Path) -> None:
    """Write the report and tables of these sets into the folder of a delivery."""
    entries = collection_report.entries(collection, indices)
    tables = collection_report.of_collection(collection, entries, house=False)
    files.write_csv(tables, place / TABLES)
    files.write_json(tables, place / TABLES / "tables.json")
    page = html(collection_report.travelling(collection, entries))
    (place / SHEETS_NAME).mkdir(exist_ok=True)
    durable_files.write_atomically(place / SHEETS_NAME / REPORT, page)
