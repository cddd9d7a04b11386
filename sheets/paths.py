"""Paths of the sheets, and the indices whose sheets are missing.

Its imports are light: the watcher uses it every minute.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from services import layout
from services.layout import SHEETS_NAME
from services.publication import claims
from services.runtime import durable_files
from services.store import records, registry, releases
from services.store.records import folder_name

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.records import Record

_SHEET: Final = re.compile(r"ANON_(\d+)\.pdf")
_DECISIONS: Final = re.compile(r"(\d{6,})\.json")
_RECORD: Final = re.compile(r"ANON_(\d+)\.json")


def folder(collection: Collection) -> Path:
    """Return the folder of the sheets."""
    return layout.sheets_folder(collection.root)


def summaries(collection: Collection) -> Path:
    """Return the folder of the summaries of the sheets, from which the report is made."""
    return collection.state / SHEETS_NAME


def missing(collection: Collection) -> list[int]:
    """Return the published indices without a sheet, or whose sheet is older than their publication or release decision.

    All times come from the same file server; where its clock was set back, `records.outdate_sheet` and `write` see to
    their order.
    """
    there = _times(folder(collection), _SHEET)
    decided = _times(releases.folder(collection), _DECISIONS)
    return sorted(
        index
        for index, at in _times(collection.records, _RECORD).items()
        if there.get(index, 0) < max(at, decided.get(index, 0))
    )


def can_have_one(collection: Collection, index: int) -> bool:
    """Return whether a sheet can be made: the set is present and was made by this program."""
    found = records.read(collection, index)
    return found is not None and found.set_id is not None and (collection.root / folder_name(index)).is_dir()


def shown_ns(collection: Collection, index: int) -> int:
    """Return when what a sheet shows was written: the record, or the decision on its release; 0 if neither is there."""
    at = 0
    for path in (records.path_of(collection, index), releases.path_of(collection, index)):
        with suppress(FileNotFoundError):
            at = max(at, path.stat().st_mtime_ns)
    return at


def write(collection: Collection, index: int, html: bytes, pdf: bytes, summary: dict[str, Any], *, of_ns: int) -> None:
    """Write a sheet; the PDF comes last, so its presence means that the sheet is complete.

    Parameters
    ----------
    of_ns
        `shown_ns` from before it was drawn. If it is another one now, the sheet is outdated already.
    """
    place, state = folder(collection), summaries(collection)
    name = folder_name(index)
    _make_folder(place, collection.staging, f"{name}.html", html)
    state.mkdir(exist_ok=True)
    for path, data in (
        (state / f"{name}.json", durable_files.encode(summary)),
        (place / f"{name}.html", html),
        (place / f"{name}.pdf", pdf),
    ):
        durable_files.write_atomically(path, data, staging=collection.staging)
    if shown_ns(collection, index) != of_ns:
        records.outdate_sheet(collection, index)
    elif (place / f"{name}.pdf").stat().st_mtime_ns < of_ns:  # or it would be drawn until the clock has caught up
        os.utime(place / f"{name}.pdf", ns=(of_ns, of_ns))


def _make_folder(place: Path, staging: Path, name: str, html: bytes) -> None:
    """Create the folder of the sheets with its first file atomically: an empty folder may be the user's own."""
    if layout.is_there(place):
        return
    new = durable_files.aside(staging)
    new.mkdir()
    durable_files.write_atomically(new / name, html)
    try:
        durable_files.rename_new(new, place)
    except FileExistsError:
        shutil.rmtree(new)


def source_folders(collection: Collection, published: Record) -> list[Path]:
    """Return the folders that may hold the source of a published set, the likeliest first."""
    if published.set_id is None:
        return []
    claim = claims.of(collection, published.set_id)
    locators = [claim.locator] if claim else []
    locators += [
        locator
        for locator, _ in registry.registered(collection)
        if (outcome := registry.read_outcome(collection, locator)) and published.set_id in outcome.set_ids
    ]
    found = [registry.folder_of(collection, locator) for locator in dict.fromkeys(locators)]
    return [path for path in found if path is not None and path.is_dir()]


def _times(place: Path, pattern: re.Pattern[str]) -> dict[int, int]:
    """Return the modification time of each file in ns, by the index in its name."""
    try:
        with os.scandir(place) as entries:
            return {
                int(found[1]): entry.stat().st_mtime_ns for entry in entries if (found := pattern.fullmatch(entry.name))
            }
    except FileNotFoundError:
        return {}
