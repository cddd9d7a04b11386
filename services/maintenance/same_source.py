"""Whether a set is the one that was published, in everything that counts.

Of all but the pixels a digest was kept, which tells nothing to whoever has not the key. The pixels stand in the
published files, and are held against those.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from services.deidentify.uid_map import UidMap
from services.deidentify.writer import file_name
from services.dicom import part10, pixel_data
from services.dicom.dataset import root_view
from services.dicom.elements import Malformed
from services.dicom.part10 import NotDicom
from services.publication import persons
from services.rtset import unfinished_pixels
from services.rtset.reader import PLAN
from services.verdict import complete_sets, importability
from services.verdict.set_aside import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from services.rtset.reader import RtSet, SetFile
    from services.store.collection import Collection
    from services.store.records import Record


WHATEVER_IS_TAKEN: Final[dict[str, Any]] = {
    "accept": importability.ACCEPTABLE | {unfinished_pixels.CODE},
    "extra_objects": "leave out",
    "on_broken_links": "relink",
    "plans": "each",
}
"""What a published set was good under: that the form refuses now what it took then says nothing of its files."""


class Named(NamedTuple):
    """An id of a set, and what `content` says of it under the rule that made the id."""

    set_id: str
    content: str


def name(collection: Collection, rtset: RtSet) -> Named:
    """Name a set by the SOP Instance UIDs of its objects: those that are taken, not what lies beside them."""
    set_id = collection.set_id(rtset.sop_instance_uids)
    return Named(set_id, content(rtset.set_files, collection.set_key(set_id)))


def of_its_own(collection: Collection, rtset: RtSet, named: Named) -> Named:
    """Name a set by its content, too, as one that a person once called a set of its own."""
    return Named(collection.set_id([*rtset.sop_instance_uids, named.content]), named.content)


def formerly(collection: Collection, rtset: RtSet) -> Named | None:
    """Name a set by all objects of its kinds, as localizers were taken for slices once; None where that is no other."""
    if not rtset.left_out:
        return None
    files = (*rtset.set_files, *rtset.left_out)
    set_id = collection.set_id([file.sop_instance_uid for file in files])
    return Named(set_id, content(files, collection.set_key(set_id)))


def names(collection: Collection, rtset: RtSet) -> list[Named]:
    """Name a set in every way in which it may have been published."""
    named = name(collection, rtset)
    return [named, of_its_own(collection, rtset, named), *filter(None, (formerly(collection, rtset),))]


def objects_of(
    objects: Mapping[str, tuple[SetFile, ...]], collection: Collection, published: Record | None
) -> Mapping[str, tuple[SetFile, ...]]:
    """Return those of a folder's objects that a published set was made of, told by the plan where it holds several."""
    taken = set_aside(objects).objects
    if published is None or published.set_id is None or not complete_sets.are_several(taken):
        return taken
    new_uid = UidMap(persons.secret_of(collection, published))
    for one in complete_sets.find(taken, importability.ACCEPTABLE).candidates:
        if file_name(PLAN, new_uid(one.plan_uid)) == published.plan_name:
            return set_aside(one.objects).objects
    return taken


def content(files: Iterable[SetFile], key: bytes) -> str:
    """Digest everything of a set but its pixels: tells a changed set from the same one, to whoever has the key.

    The pixels are proven equal to the published ones when the set is published; to hash them too would take longer than
    to copy them.
    """
    digest = hmac.new(key, digestmod=sha256)
    for file in sorted(files, key=lambda file: file.sop_instance_uid):
        digest.update(file.file.data)
    return digest.hexdigest()


def is_the_same(rtset: RtSet, its_content: str, key: bytes, published: Record, folder: Path) -> bool:
    """Return whether a set is the one of a record.

    Parameters
    ----------
    its_content
        What `content` says of it.
    key
        Of the set.
    folder
        `ANON_006`. Where it was taken away, or files of it are not what they were, there are no pixels to compare.
    """
    stored = str(published.content.get("source", ""))
    return hmac.compare_digest(stored, its_content) and same_pixels(rtset, key, folder)


def same_pixels(rtset: RtSet, key: bytes, folder: Path) -> bool:
    """Return whether the pixels of a set are those of the published files, as far as these are there."""
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
