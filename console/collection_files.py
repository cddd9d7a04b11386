"""The files of a collection that the console shows as they are: tracking files and sheets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services import plain_files
from services.layout import sheets_folder
from services.runtime import durable_files
from services.store import tracking_lines

if TYPE_CHECKING:
    from pathlib import Path

_SHEET: Final = re.compile(r"(ANON_\d+|report)\.html")


class CollectionFiles:
    """Those of one collection. Only what is listed is read, whatever name somebody asks for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def tracking_days(self) -> list[str]:
        """Return the days that have a tracking file, the most recent first."""
        found = (tracking_lines.FILE_NAME.fullmatch(name) for name in durable_files.names(self._root))
        return sorted((match[1] for match in found if match), reverse=True)

    def tracking_file(self, day: str) -> bytes | None:
        """Return a day's tracking file; None if there is none."""
        if day not in self.tracking_days():
            return None
        return plain_files.read(self._root / tracking_lines.file_name(day))

    def sheets(self) -> frozenset[str]:
        """Return the names of the existing sheets: `ANON_006`, and `report` for the collection's."""
        try:
            names = durable_files.names(sheets_folder(self._root))
        except FileNotFoundError:
            return frozenset()
        return frozenset(match[1] for name in names if (match := _SHEET.fullmatch(name)))

    def sheet(self, name: str) -> bytes | None:
        """Return a sheet; None if there is none."""
        if name not in self.sheets():
            return None
        return plain_files.read(sheets_folder(self._root) / f"{name}.html", plain_files.LARGEST_SHEET_BYTES)
