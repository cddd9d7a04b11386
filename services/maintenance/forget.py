"""Erasure of one patient from a collection, when required by law or requested by the patient.

Two things remain: that the number was given, and a keyed digest of the set, so that the same set dropped again waits
for a person. Records of deliveries that contain the set remain, too; they are needed to request its removal there.

Every step is idempotent; the next call completes an interrupted erasure. The digest is stored first, and the record
that says *forgotten* is written last.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from services.errors import SettingsWrong
from services.language import gettext
from services.layout import SHEETS_NAME, sheets_folder
from services.publication import attempts, claims, forgotten, persons, share_persons
from services.runtime import durable_files
from services.store import failures, given_identities, notes, records, registry, tracking_lines
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.records import Record

SHEET_ENDINGS: Final = (".html", ".pdf")
OF_A_SET: Final = ("words", "accounts", "releases", "redo")
"""State folders with a file for each index."""


def forget_set(collection: Collection, index: int) -> None:
    """Erase everything stored about a published or withdrawn set.

    Raises
    ------
    SettingsWrong
        It was never published by this program, or its original is still in the collection.
    OSError
        Temporary; try again.
    """
    name = folder_name(index)
    published = records.read(collection, index)
    if published is None or (published.set_id is None and not published.forgotten):
        raise SettingsWrong(gettext("{name} was not published by this program, which has no record of it.", name=name))
    if published.set_id is None:
        return
    locators = list(_locators(collection, published))
    for locator in locators:
        folder = registry.folder_of(collection, locator)
        if folder is not None and folder.exists():
            raise SettingsWrong(
                gettext(
                    "The original of {name} is still in the collection, in {folder}: remove it first, or it would be "
                    "published again.",
                    name=name,
                    folder=folder.name,
                )
            )
    theirs = _persons(collection, published)
    forgotten.keep(collection, published.set_id)
    tracking_lines.withdraw(collection, index)
    _erase_files(collection, name, published)
    for locator in locators:
        _erase_folder(collection, locator)
    _erase_marks(collection, published)
    share_persons.forget(collection, index)
    persons.forget(collection, theirs)
    left = {"schema": records.SCHEMA, "index": index, "forgotten": f"{datetime.now(UTC):%Y-%m-%d}"}
    durable_files.write_atomically(
        records.path_of(collection, index), durable_files.encode(left), staging=collection.staging
    )


def _locators(collection: Collection, published: Record) -> Iterator[str]:
    """Yield the locators of the folders that the set was in."""
    assert published.set_id is not None
    claim = claims.of(collection, published.set_id)
    found = [one for one in (claim.locator if claim else "", published.locator) if one]
    found += [
        locator
        for locator, outcome in registry.outcomes(collection)
        if published.set_id in outcome.set_ids or published.index in outcome.indices
    ]
    yield from dict.fromkeys(found)


def _erase_files(collection: Collection, name: str, published: Record) -> None:
    """Erase folder, sheet, withdrawn, replaced and unfinished versions, and everything stored under its number."""
    folders = [collection.root / name, collection.withdrawn / name]
    if collection.replaced.is_dir():
        folders += [path for path in collection.replaced.iterdir() if path.name.startswith(f"{name}.")]
    for path in folders:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    for path in attempts.all_of(collection, published.set_id):
        attempts.remove(attempts.move_away(path))
    for place in (sheets_folder(collection.root), collection.withdrawn):
        for ending in SHEET_ENDINGS:
            (place / f"{name}{ending}").unlink(missing_ok=True)
    for path in sheets_folder(collection.root).glob("report*.html"):  # each shows every set; it can be made again
        path.unlink(missing_ok=True)
    (collection.state / SHEETS_NAME / f"{name}.json").unlink(missing_ok=True)
    for kept in OF_A_SET:
        for file in (f"{published.index:06d}.json", f"{name}.json"):
            (collection.state / kept / file).unlink(missing_ok=True)


def _erase_folder(collection: Collection, locator: str) -> None:
    """Erase the entries of a dropped folder, whose name may identify the patient."""
    folder = registry.folder_of(collection, locator)
    if folder is not None:
        notes.clear(folder)
    failures.forget_folder(collection, locator)
    for place in (collection.folders, collection.outcomes):
        (place / f"{locator}.json").unlink(missing_ok=True)


def _erase_marks(collection: Collection, published: Record) -> None:
    """Erase claim and hints, which identify the set."""
    assert published.set_id is not None
    for path in _holding(collection.plans, "set", published.set_id):
        path.unlink(missing_ok=True)
    (collection.sets / f"{published.set_id}.json").unlink(missing_ok=True)
    (collection.claims / f"{published.index:06d}.json").unlink(missing_ok=True)


def _persons(collection: Collection, published: Record) -> set[str]:
    """Return the marks of a set's person; empty if another set of theirs exists."""
    mine, others = persons.names_in(published), {""}
    for one in given_identities.given(collection):
        record = records.read(collection, one.index)
        if record is None or record.forgotten:
            continue
        (mine if one.index == published.index else others).add(one.person)
    for index in set(records.indices(collection)) - {published.index}:
        other = records.read(collection, index)
        others |= persons.names_in(other) if other else set()
    return mine - others


def _holding(place: Path, key: str, value: str) -> Iterator[Path]:
    for path in durable_files.records_in(place):
        if (durable_files.read(path) or {}).get(key) == value:
            yield path
