"""Comparison of a set with the source of a published one.

Of everything but the pixels, a keyed digest was stored that is meaningless without the key. The pixels are compared
with those of the published files.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.deidentify.uid_map import UidMap
from services.deidentify.writer import file_name
from services.dicom import part10, pixel_data
from services.dicom.dataset import root_view
from services.dicom.elements import Malformed
from services.dicom.part10 import NotDicom
from services.errors import SetChanged, SetRefused
from services.forms.collection_form import ACCEPTABLE
from services.policy.table import policy_for
from services.publication import persons
from services.rtset import folder_listing, unfinished_pixels
from services.rtset.reader import PLAN
from services.verdict import folder_sets
from services.verdict.selection import complete_sets
from services.verdict.selection.set_aside import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from services.rtset.reader import RtSet, SetFile
    from services.store.collection import Collection
    from services.store.records import Record


_WHATEVER_IS_TAKEN: Final[dict[str, Any]] = {
    "accept": ACCEPTABLE | {unfinished_pixels.CODE},
    "extra_objects": "leave out",
    "on_broken_links": "relink",
    "plans": "each",
}
"""Options under which all published sets pass: that the form now refuses something says nothing about published files.
"""


def sets_in(folder: Path, collection: Collection) -> list[RtSet]:
    """Return the whole sets of a folder, whatever the form now refuses; none if it changes or cannot be one.

    Raises
    ------
    OSError
        Something cannot be read.
    """
    options = replace(collection.options, **_WHATEVER_IS_TAKEN)
    try:
        judged = folder_sets.judge(folder, options, [], policy_for(options), folder_listing.take(folder))
    except (SetRefused, SetChanged):
        return []
    return [rtset for one in judged.sets if (rtset := one.verdict.rtset) is not None]


class Named(NamedTuple):
    """Identifier of a set, and its content digest under the same rule."""

    set_id: str
    content: str


def name(collection: Collection, rtset: RtSet) -> Named:
    """Identify a set by the SOP Instance UIDs of the objects used, ignoring other files beside them."""
    set_id = collection.set_id(rtset.sop_instance_uids)
    return Named(set_id, content(rtset.set_files, collection.set_key(set_id)))


def as_separate_set(collection: Collection, rtset: RtSet, named: Named) -> Named:
    """Include the content in a set's identifier, for a set that a person declared a set of its own."""
    return Named(collection.set_id([*rtset.sop_instance_uids, named.content]), named.content)


def formerly(collection: Collection, rtset: RtSet) -> Named | None:
    """Identify a set by all objects of its kinds, as when localizers were taken for slices.

    None if that makes no difference.
    """
    if not rtset.left_out:
        return None
    files = (*rtset.set_files, *rtset.left_out)
    set_id = collection.set_id([file.sop_instance_uid for file in files])
    return Named(set_id, content(files, collection.set_key(set_id)))


def names(collection: Collection, rtset: RtSet) -> list[Named]:
    """Return all identifiers under which a set may have been published."""
    named = name(collection, rtset)
    return [named, as_separate_set(collection, rtset, named), *filter(None, (formerly(collection, rtset),))]


def objects_of(
    objects: Mapping[str, tuple[SetFile, ...]], collection: Collection, published: Record | None
) -> Mapping[str, tuple[SetFile, ...]]:
    """Return the objects of a folder that a published set was made from, selected by plan if there are several."""
    taken = set_aside(objects).objects
    if published is None or published.set_id is None or not complete_sets.are_several(taken):
        return taken
    new_uid = UidMap(persons.secret_of(collection, published))
    for one in complete_sets.find(taken, ACCEPTABLE).candidates:
        if file_name(PLAN, new_uid(one.plan_uid)) == published.plan_name:
            return set_aside(one.objects).objects
    return taken


def content(files: Iterable[SetFile], key: bytes) -> str:
    """Return a keyed digest of everything in a set but its pixels, to tell whether a set changed.

    The pixels are proven equal to the published ones at publication; hashing them, too, would take longer than copying.
    """
    digest = hmac.new(key, digestmod=sha256)
    for file in sorted(files, key=lambda file: file.sop_instance_uid):
        digest.update(file.file.data)
    return digest.hexdigest()


def is_the_same(rtset: RtSet, its_content: str, key: bytes, published: Record, folder: Path) -> bool:
    """Return whether a set is the source of a record.

    Parameters
    ----------
    its_content
        Result of `content`.
    key
        The set's key.
    folder
        `ANON_006`. If it is gone, or its files have changed, there are no pixels to compare.
    """
    stored = str(published.content.get("source", ""))
    return hmac.compare_digest(stored, its_content) and same_pixels(rtset, key, folder)


def same_pixels(rtset: RtSet, key: bytes, folder: Path) -> bool:
    """Return whether the pixels of a set equal those of the published files, as far as these exist."""
    new_uid = UidMap(key)
    for file in rtset.set_files:
        if file.file.pixels is not None:
            try:
                there = part10.read(folder / file_name(file.kind, new_uid(file.sop_instance_uid)))
            except (FileNotFoundError, NotADirectoryError, NotDicom, Malformed):
                continue
            published = pixel_data.without_surplus(there, root_view(there)).file
            if part10.pixel_value(published) != part10.pixel_value(file.file):
                return False
    return True
