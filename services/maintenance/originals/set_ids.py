"""Identifiers of a set, made of the UIDs of its objects, and the digest of its content."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.rtset.reader import RtSet, SetFile
    from services.store.collection import Collection


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


def content(files: Iterable[SetFile], key: bytes) -> str:
    """Return a keyed digest of everything in a set but its pixels, to tell whether a set changed.

    The pixels are proven equal to the published ones at publication; hashing them, too, would take longer than copying.
    """
    digest = hmac.new(key, digestmod=sha256)
    for file in sorted(files, key=lambda file: file.sop_instance_uid):
        digest.update(file.file.data)
    return digest.hexdigest()
