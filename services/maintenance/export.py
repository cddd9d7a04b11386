"""Export of what may leave the share: published files as proven, and what is derived from them.

Originals, tracking files and `.anonymizer/` identify patients, and stay. Copies are read back and compared with the
hashes of their record, so that changed folders and bad copies are not exported.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from services import plain_files
from services.errors import SettingsWrong
from services.language import gettext
from services.layout import SHEETS_NAME, published_in, sheets_folder
from services.runtime import durable_files
from services.store import records

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.records import Record

SHEET_ENDINGS: Final = (".html", ".pdf")
REPORT: Final = "report.html"


class Exported(NamedTuple):
    """Outcome of exporting one published set."""

    folder: str
    """`ANON_006`"""

    state: Literal[
        "copied",
        "there already",
        "not here",
        "not as published",
        "other files there",
        "not proven",
        "unread words",
        "not released",
        "sent back",
    ]
    """`not proven`: a number of the older program, whose files are unknown. `unread words`: held back until a person
    reviews them or allows their export.
    """

    files: int = 0

    sheet: bool = False
    """Whether its sheet was exported, too."""


def copy_sets(collection: Collection, target: Path, chosen: Container[int] | None = None) -> Iterator[Exported]:
    """Copy published sets with their sheets, the chosen indices or all, to a place chosen by the caller.

    Raises
    ------
    OSError
        Temporary; completed copies stay.
    """
    target.mkdir(parents=True, exist_ok=True)
    for index in records.indices(collection):
        if chosen is not None and index not in chosen:
            continue
        found = records.read(collection, index)
        if found is not None and not found.withdrawn:
            exported = _export_one(collection.root, target, found)
            if exported.state in {"copied", "there already"}:
                copied = [_export_sheet(collection.root, target, exported.folder + ending) for ending in SHEET_ENDINGS]
                exported = exported._replace(sheet=all(copied))
            yield exported


def refuse_inside(collection: Collection, target: Path) -> None:
    """Raise unless exported files would be outside the collection.

    Raises
    ------
    SettingsWrong
        `target` is inside it.
    """
    if target.resolve().is_relative_to(collection.root.resolve()):
        raise SettingsWrong(gettext("The copies would be in the collection itself: name a folder elsewhere."))


def _export_one(root: Path, target: Path, published: Record) -> Exported:
    name = records.folder_name(published.index)
    hashes = published.hashes
    if not hashes:
        return Exported(name, "not proven")
    if not (root / name).is_dir():
        return Exported(name, "not here")
    if (target / name).exists():
        same = is_as_published(target / name, hashes)
        return Exported(name, "there already" if same else "other files there", len(hashes))
    new = durable_files.aside(target)
    new.mkdir()
    try:
        for file in hashes:
            shutil.copyfile(root / name / file, new / file, follow_symlinks=False)
        if not is_as_published(new, hashes):
            return Exported(name, "not as published")
        for file in hashes:
            durable_files.fsync_file(new / file)
        durable_files.rename_new(new, target / name)
    except FileNotFoundError:
        return Exported(name, "not as published")
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return Exported(name, "copied", len(hashes))


def _export_sheet(root: Path, target: Path, name: str) -> bool:
    """Copy one file of the sheets, replacing an older one; links are not followed."""
    path = sheets_folder(root) / name
    if path.is_symlink() or not path.is_file():
        return False
    (target / SHEETS_NAME).mkdir(exist_ok=True)
    durable_files.write_atomically(target / SHEETS_NAME / name, plain_files.read(path, plain_files.LARGEST_SHEET_BYTES))
    return records.hash_of(target / SHEETS_NAME / name) == records.hash_of(path)


def is_as_published(folder: Path, hashes: Mapping[str, str]) -> bool:
    """Return whether a folder holds exactly the regular files with these names and hashes.

    Files left by Explorer and Finder are ignored.
    """
    there = [folder / name for name in published_in(folder)]
    if {path.name for path in there} != hashes.keys() or any(path.is_symlink() for path in there):
        return False
    return all(records.hash_of(folder / name) == expected for name, expected in hashes.items())
