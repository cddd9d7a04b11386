"""Distinction of hospital folders, which hold sets, from set folders.

A folder with DICOM at its own level is a set. So is one whose subfolders' objects reference each other (`P1/CT`,
`P1/RS`): more than half of the subfolders with DICOM are connected by references that none resolves internally. The
subfolders of any other folder are sets. What was published decides before anything is read.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from services.dicom.dataset import read_view
from services.errors import SetRefused
from services.layout import SETTINGS_NAME, is_there, why_file_left, why_folder_left
from services.rtset import folder_listing, not_taken
from services.store import notes, registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.dicom.elements import Element
    from services.store.collection import Collection

_OURS: Final = (notes.REFUSED, notes.NOTE)
_REFERENCED: Final = 0x00081155
_SERIES: Final = 0x0020000E
_IMAGES: Final = "1.2.840.10008.5.1.4.1.1.2"


class _Objects(NamedTuple):
    """The objects of one folder, and the UIDs that they reference."""

    own: frozenset[bytes]
    referred: frozenset[bytes]


class HospitalFolders:
    """Repeatedly finds the sets of a root; decisions based on published sets are kept."""

    def __init__(self, root: Path, collection: Collection | None = None) -> None:
        self._root = root
        self._collection = collection
        self._decided: dict[str, bool] = {}

    def sets(self, names: Iterable[str]) -> list[str]:
        """Return the sets among and in these folders of the root, by relative path."""
        found = []
        for name in names:
            inner = _folders(self._root / name)
            found += [f"{name}/{one}" for one in inner] if self._is_hospital(name, inner) else [name]
        return found

    def _is_hospital(self, name: str, inner: Sequence[str]) -> bool:
        if (decided := self._decided.get(name)) is not None:
            return decided
        published = self._by_publication(name, inner)
        if published is not None:
            self._decided[name] = published
            return published
        return not _has_dicom(self._root / name) and not _is_one_set(self._root / name, inner)

    def _by_publication(self, name: str, inner: Sequence[str]) -> bool | None:
        """Decide by what was published: from the folder itself, or from one in it; None if nothing was."""
        if self._collection is None:
            return None
        if self._was_published(name):
            return False
        return True if any(self._was_published(f"{name}/{one}") for one in inner) else None

    def _was_published(self, name: str) -> bool:
        if self._collection is None:
            return False
        outcome = registry.read_outcome(self._collection, self._collection.locator(name))
        return outcome is not None and bool(outcome.indices)


def _folders(place: Path) -> list[str]:
    try:
        with os.scandir(place) as entries:
            names = [one.name for one in entries if not why_folder_left(one.name) and one.is_dir(follow_symlinks=False)]
        return sorted((name for name in names if not is_there(place / name / SETTINGS_NAME)), key=str.casefold)
    except OSError:
        return []


def _has_dicom(place: Path) -> bool:
    try:
        with os.scandir(place) as entries:
            files = [one for one in entries if one.is_file(follow_symlinks=False) and not why_file_left(one.name)]
        return any(not_taken.is_dicom(one.path, by_name=True) for one in files if not one.name.endswith(_OURS))
    except OSError:
        return True  # unknown: an unreadable set is reported, an unreadable hospital would not be


def _is_one_set(place: Path, inner: Sequence[str]) -> bool:
    """Return whether objects in different subfolders reference each other."""
    held = [objects for name in inner if (objects := _read_objects(place / name)).own]
    together: set[int] = set()
    for at, objects in enumerate(held):
        lacking = objects.referred - objects.own
        answering = {other for other, one in enumerate(held) if other != at and lacking & one.own}
        together |= {at, *answering} if answering else set()
    return len(together) * 2 > len(held) > 0


def _read_objects(folder: Path) -> _Objects:
    try:
        return _read(os.fspath(folder), folder_listing.fingerprint(folder))
    except OSError:
        return _Objects(frozenset(), frozenset())


@lru_cache(maxsize=4096)
def _read(folder: str, _fingerprint: str) -> _Objects:
    """Read the objects in a folder.

    Raises if a file is unreadable, since permissions change without the fingerprint.
    """
    own: set[bytes] = set()
    referred: set[bytes] = set()
    place = Path(folder)
    try:
        entries = folder_listing.take(place).entries
    except SetRefused:
        entries = ()
    for entry in entries:
        view = read_view(place / entry.path)
        if view is None:
            continue
        own |= {_plain(view.raw(keyword) or b"") for keyword in ("SOPInstanceUID", "SeriesInstanceUID")}
        if not view.text("SOPClassUID").startswith(_IMAGES) or view.text("Modality") != "CT":
            referred.update(_referred(view.data, view.elements))
    return _Objects(frozenset(own - {b""}), frozenset(referred - {b""}))


def _referred(data: bytes, elements: Sequence[Element], depth: int = 0) -> Iterator[bytes]:
    """Yield the instances and series that a data set references, at any depth."""
    for element in elements:
        if element[0] == _REFERENCED or (depth and element[0] == _SERIES):
            yield _plain(data[element[3] : element[4]])
        for item in element[5] or ():
            yield from _referred(data, item[3], depth + 1)


def _plain(uid: bytes) -> bytes:
    return uid.strip(b"\0 ")
