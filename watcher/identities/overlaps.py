"""Collections that could give two patients the same new identity, because their patient IDs and numbers overlap.

This only leads to a warning. Numbers are those already given, and those of sets to come: at least the next one.
"""

from __future__ import annotations

import os
from itertools import combinations, count, islice
from typing import TYPE_CHECKING, NamedTuple

from services.errors import SettingsWrong
from services.language import gettext
from services.layout import SETTINGS_NAME
from services.publication import claims
from services.runtime import durable_files
from services.store.collection import Collection, numbers_given
from services.store.share import Share
from watcher.folders import folders_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Overlap(NamedTuple):
    """Two overlapping collections."""

    patient_id: str
    """The first new patient ID that both have given, or will give."""

    other: Path

    def __str__(self) -> str:
        return gettext(
            "Two patients could become {patient_id}: the collection in {other} assigns that number, too. Give one "
            "of the two another patient_id, or an initial_index beyond the numbers of the other.",
            patient_id=self.patient_id,
            other=self.other,
        )


def among(roots: Iterable[Path]) -> dict[Path, Overlap]:
    """Return for each of these collections the first other one that it overlaps with. Unusable ones are ignored."""
    collections = [collection for root in roots if (collection := _open(root))]
    found: dict[Path, Overlap] = {}
    patient_ids: dict[Path, frozenset[str]] = {}
    for first, second in combinations(collections, 2):
        if not _related(first, second):
            continue
        for one in (first, second):
            if one.root not in patient_ids:
                patient_ids[one.root] = _patient_ids(one)
        if both := patient_ids[first.root] & patient_ids[second.root]:
            smallest = min(both, key=lambda patient_id: (len(patient_id), patient_id))
            found.setdefault(first.root, Overlap(smallest, second.root))
            found.setdefault(second.root, Overlap(smallest, first.root))
    return found


def of(root: Path, share: Path | None) -> Overlap | None:
    """Return the overlap of a collection with one under the same share, or beside it if there is no share."""
    root = root.absolute()
    try:
        if share is not None and root.is_relative_to(share):
            roots = Share(share).roots()
        else:
            roots = [root, *filter(_is_another(root), sorted(root.parent.iterdir()))]
    except OSError:
        return None
    return among(roots).get(root)


def _is_another(root: Path) -> Callable[[Path], bool]:
    """Return a predicate for other collections; a link may lead to this one."""
    return lambda place: os.path.lexists(place / SETTINGS_NAME) and not (place.is_symlink() or place.samefile(root))


def _open(root: Path) -> Collection | None:
    try:
        return Collection.look(root)
    except (SettingsWrong, OSError):
        return None


def _related(one: Collection, other: Collection) -> bool:
    """Return whether an ID of one could be one of the other: `zzz_A` with 1234 is `zzz_A1` with 234."""
    first, second = one.identity.patient_id, other.identity.patient_id
    return first.startswith(second) or second.startswith(first)


def _patient_ids(collection: Collection) -> frozenset[str]:
    """Return the new patient IDs given, and those of existing sets that are not done."""
    identity, has_state = collection.identity, collection.state.is_dir()
    try:
        given = claims.taken(collection) if has_state else numbers_given(collection.root, identity.patient_id)
        folders = folders_of(collection)
        looked_at = set(durable_files.names(collection.outcomes)) if has_state else set()
        to_come = sum(f"{collection.locator(name)}.json" not in looked_at for name in folders)
    except (OSError, SettingsWrong):  # errors of another collection are reported there
        return frozenset()
    free = (index for index in count(identity.initial_index) if index not in given)
    numbered = (*(given - collection.identities.indices), *islice(free, max(1, to_come)))
    return frozenset(identity.numbered(index).patient_id for index in numbered)
