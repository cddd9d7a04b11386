"""The set folders of a collection, entries that are ignored, and detection of changes to finished sets.

A set is a folder directly under the collection's root, or in a hospital's folder there, with its files at any depth
below. Never sets are: output of this or the older program (`ANON_006`, the folder of the sheets), hidden folders, and
collections. Anything else that holds DICOM but is ignored is reported.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.forms.collection_form import inbox_of
from services.language import gettext, gettext_noop, ngettext, speaking, spoken
from services.layout import (
    ANON_NAME,
    OTHER_SHEETS_NAME,
    SETTINGS_NAME,
    SHEET_NAME,
    SHEETS_NAME,
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
from services.store import notes, records, tracking_lines
from watcher.hospital_folders import HospitalFolders

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from services.store.collection import Collection

ONE_PATIENTS: Final = gettext_noop(
    "{root} contains the DICOM files of one patient. Name the folder above it: each subfolder of a root is one "
    "patient's set."
)

_OURS_BESIDE: Final = (notes.REFUSED, notes.NOTE)


def set_folders(root: Path, hospitals: HospitalFolders | None = None) -> list[str]:
    """Return the set folders of a collection, in natural sort order.

    Parameters
    ----------
    hospitals
        If subfolders are hospitals: distinguishes them from sets. A set in one is named `hospital/set`.

    Raises
    ------
    OSError
        The root cannot be listed. Unreadable folders are included; listing them will raise.
    """
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if _is_named_like_a_set(entry) and entry.is_dir(follow_symlinks=False)]
    inbox = inbox_of(root) if names else ""
    names = [name for name in names if name != inbox]
    place = os.fspath(root)
    sets = sorted((name for name in names if not _is_collection(f"{place}/{name}")), key=str.casefold)
    return sets if hospitals is None else hospitals.sets(sets)


def folders_of(collection: Collection) -> list[str]:
    """Return the sets of a collection, according to its form."""
    hospitals = HospitalFolders(collection.root, collection) if collection.options.by_hospital else None
    return set_folders(collection.root, hospitals)


def loose_dicom(root: Path) -> int:
    """Return the number of DICOM files in the root itself.

    They are reported but never processed, since the set they belong to is unknown.
    """
    with os.scandir(root) as entries:
        return sum(_is_loose_dicom(entry) for entry in entries)


def is_one_patients(root: Path) -> bool:
    """Return whether a folder is one patient's set rather than a root: it contains DICOM and no set folder.

    Raises
    ------
    OSError
        It cannot be listed.
    """
    if _is_published_into(root) or set_folders(root):
        return False
    return loose_dicom(root) > 0


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
    loose = sum(map(_is_loose_dicom, found))
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


def untouched(folder: str, folders: Mapping[str, int]) -> bool:
    """Return whether no file was added to or removed from a set since its folders' times (ns) were recorded.

    Each folder is checked once, and no file: the cost of a rescan must not grow with finished sets. A rescan checks
    tens of thousands of folders; with strings this takes half as long as with `Path` objects.
    """
    try:
        for inner, at in folders.items():
            if os.stat(f"{folder}/{inner}").st_mtime_ns != at:  # noqa: PTH116 - see above
                return False
    except OSError:
        return False  # the folder will then be listed, which reports the reason
    return True


def _is_published_into(root: Path) -> bool:
    """Return whether something was published in a folder, by this or the older program."""
    names = durable_files.names(root)
    return any(ANON_NAME.fullmatch(name) or tracking_lines.FILE_NAME.fullmatch(name) for name in names)


def _is_named_like_a_set(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if why_folder_left(name) or ANON_NAME.fullmatch(name):
        return False
    return not _is_named_like_sheets(name) or not is_sheets_folder(Path(entry.path))


def _is_named_like_sheets(name: str) -> bool:
    return name.casefold() in {SHEETS_NAME, OTHER_SHEETS_NAME}


def _is_collection(folder: str) -> bool:
    try:
        return is_there(f"{folder}/{SETTINGS_NAME}")
    except OSError:
        return False  # unknown: treated as an unreadable set for now


def _is_loose_dicom(entry: os.DirEntry[str]) -> bool:
    return (
        entry.is_file(follow_symlinks=False)
        and not entry.name.endswith(_OURS_BESIDE)
        and not_taken.is_dicom(entry.path, by_name=True)
    )


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
    if _is_collection(entry.path):
        return NotTaken(
            name,
            gettext(A_COLLECTION),
            gettext("It is processed separately: run it, or delete its collection.toml."),
        )
    if _is_named_like_sheets(name) and is_sheets_folder(Path(entry.path)) and _holds_more_than_sheets(entry.path):
        return NotTaken(
            name, gettext("DICOM in the folder of the sheets"), gettext("Give the set a folder of its own.")
        )
    return None


def _file(entry: os.DirEntry[str]) -> NotTaken | None:
    """Return the entry of an archive or unreadable file; loose DICOM files are counted separately."""
    if not entry.is_file(follow_symlinks=False) or _is_loose_dicom(entry):
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
