"""Entries beside the sets of a root that may hold DICOM but are ignored, each with the reason and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from services.language import gettext, ngettext, speaking, spoken
from services.layout import (
    ANON_NAME,
    SHEET_NAME,
    NotTaken,
    is_sheets_folder,
    is_there,
    why_file_left,
    why_folder_left,
)
from services.publication import attempts, forgotten
from services.rtset import not_taken
from services.rtset.folder_listing import A_COLLECTION, A_LINK
from services.runtime import durable_files
from services.store import records
from watcher.folders import folders_of, is_collection, is_loose_dicom, is_named_like_sheets

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from services.store.collection import Collection


def beside_the_sets(root: Path, collection: Collection | None) -> list[NotTaken]:
    """Return entries beside the sets of a root that may hold DICOM but are ignored.

    Parameters
    ----------
    collection
        The root's collection, if it has state, which tells the published ANON folders.

    Raises
    ------
    OSError
        The root cannot be listed.
    """
    with speaking(collection.options.language if collection else spoken()):
        return _beside_the_sets(root, collection)


def _beside_the_sets(root: Path, collection: Collection | None) -> list[NotTaken]:
    with os.scandir(root) as entries:
        found = sorted(entries, key=lambda entry: entry.name.casefold())
    loose = sum(map(is_loose_dicom, found))
    items = (
        [
            NotTaken(
                ".",
                ngettext(
                    "{count} DICOM file lies in the root itself, in no set's folder",
                    "{count} DICOM files lie in the root itself, in no set's folder",
                    loose,
                ),
                gettext("Give each set a folder of its own."),
            )
        ]
        if loose
        else []
    )
    items += [one for entry in found if (one := _why_not_taken(entry))]
    if collection is not None and collection.options.by_hospital:
        items += _beside_the_sets_of_hospitals(collection)
    return items + list(_without_record(found, collection))


def _why_not_taken(entry: os.DirEntry[str]) -> NotTaken | None:
    name = entry.name
    if entry.is_symlink():
        return _link(entry)
    if not entry.is_dir(follow_symlinks=False):
        return _file(entry)
    if name.startswith(".anonymizer"):
        return None
    if (why := why_folder_left(name)) is not None:
        return (
            NotTaken(name, gettext(why), gettext("Give it a plain name."))
            if not_taken.holds_dicom(entry.path)
            else None
        )
    if is_collection(entry.path):
        return NotTaken(
            name,
            gettext(A_COLLECTION),
            gettext("It is processed separately: run it, or delete its collection.toml."),
        )
    if is_named_like_sheets(name) and is_sheets_folder(Path(entry.path)) and _holds_more_than_sheets(entry.path):
        return NotTaken(
            name, gettext("DICOM in the folder of the sheets"), gettext("Give the set a folder of its own.")
        )
    return None


def _file(entry: os.DirEntry[str]) -> NotTaken | None:
    """Return the entry of an archive or unreadable file; loose DICOM files are counted separately."""
    if not entry.is_file(follow_symlinks=False) or is_loose_dicom(entry):
        return None
    if not_taken.is_archive(entry.name):
        return not_taken.archive(entry.name)
    if why_file_left(entry.name) is None and not_taken.may_not_be_read(entry.path):
        return NotTaken(
            entry.name,
            gettext("a file that may not be read"),
            gettext("Change its owner, group or permissions (ACL)."),
        )
    return None


def _beside_the_sets_of_hospitals(collection: Collection) -> Iterator[NotTaken]:
    """Yield ignored entries of hospital folders."""
    for hospital in sorted({name.partition("/")[0] for name in folders_of(collection) if "/" in name}):
        with os.scandir(collection.root / hospital) as entries:
            found = sorted(entries, key=lambda entry: entry.name.casefold())
        for entry in found:
            if one := _why_not_taken(entry):
                yield one._replace(name=f"{hospital}/{one.name}")


def _link(entry: os.DirEntry[str]) -> NotTaken | None:
    try:
        leads_to_some = entry.is_dir() or (entry.is_file() and not_taken.is_dicom(os.path.realpath(entry.path)))
    except OSError:
        leads_to_some = True  # unknown
    if not leads_to_some:
        return None
    return NotTaken(entry.name, gettext(A_LINK), gettext("Links are not followed: put the folder itself in its place."))


def _holds_more_than_sheets(folder: str) -> bool:
    with os.scandir(folder) as entries:
        others = [entry for entry in entries if not SHEET_NAME.fullmatch(entry.name)]
    return any(
        not_taken.holds_dicom(entry.path) if entry.is_dir(follow_symlinks=False) else not_taken.is_dicom(entry.path)
        for entry in others[: not_taken.MOST_PROBED]
    )


def _is_another(name: str, index: int, names: Container[str], collection: Collection | None) -> bool:
    """Return whether a folder is named like a published one (`anon_006`, `ANON_6`), but is not that.

    It is that one if a file system without upper and lower case shows it so, or the older program wrote it.
    """
    its_name = records.folder_name(index)
    if collection is None or name == its_name:
        return False
    if its_name in names:
        return True
    record = records.read(collection, index)
    return record is not None and bool(record.plan_name) and not is_there(collection.root / name / record.plan_name)


def _after_withdrawals(names: Container[str], collection: Collection | None) -> list[str]:
    """Return the folders that have taken the place of withdrawn ones."""
    if collection is None or not is_there(collection.withdrawn):
        return []
    withdrawn = durable_files.names(collection.withdrawn)
    return [name for name in withdrawn if name in names and is_there(collection.root / name)]


def _after_forgetting(names: Mapping[str, int], collection: Collection | None) -> list[str]:
    """Return the folders that have the name of a forgotten set, of which nothing but the number is left."""
    if collection is None or not forgotten.are_any(collection):
        return []
    tracked = set(durable_files.names(collection.tracking))
    gone = {name: index for name, index in names.items() if f"{index:06d}.json" not in tracked}
    return [name for name, index in gone.items() if (record := records.read(collection, index)) and record.forgotten]


def _without_record(entries: list[os.DirEntry[str]], collection: Collection | None) -> Iterator[NotTaken]:
    """Yield ANON folders without a record and without an attempt about to write one."""
    anon = {
        entry.name: int(found[1])
        for entry in entries
        if (found := ANON_NAME.fullmatch(entry.name)) and entry.is_dir(follow_symlinks=False)
    }
    known = set(records.indices(collection)) if collection else set()
    unknown = {name: index for name, index in anon.items() if index not in known}
    if unknown and collection:
        under_way = set(attempts.indices(collection))
        known = set(records.indices(collection))  # an attempt may have completed since
        unknown = {name: index for name, index in unknown.items() if index not in under_way | known}
    others = {name for name, index in anon.items() if index in known and _is_another(name, index, anon, collection)}
    for name in sorted(
        {*unknown, *others, *_after_withdrawals(anon, collection), *_after_forgetting(anon, collection)},
        key=str.casefold,
    ):
        yield NotTaken(
            name,
            gettext("named like an anonymized set, but not recorded"),
            gettext("If it is a set to be anonymized, give it another name; otherwise move it away."),
        )
