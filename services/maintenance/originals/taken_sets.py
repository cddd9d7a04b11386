"""The sets of a folder as they were taken for publication, whatever the form now refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from services.deidentify.uid_map import UidMap
from services.deidentify.writer import file_name
from services.errors import SetChanged, SetRefused
from services.forms.collection_form import ACCEPTABLE
from services.policy.object_kinds import PLAN
from services.policy.table import policy_for
from services.publication import persons
from services.rtset import folder_listing, reader, unfinished_pixels
from services.verdict import folder_sets
from services.verdict.selection import complete_sets
from services.verdict.selection.set_aside import set_aside

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    """Return the complete sets of a folder, also those that the form now refuses; none if it changes or is not a set.

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


def is_emptied(folder: Path) -> bool:
    """Return whether a folder holds no DICOM any more.

    Raises
    ------
    OSError
        Something cannot be read.
    """
    try:
        return reader.read(folder, folder_listing.take(folder)).empty
    except (SetRefused, SetChanged):
        return False


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
