"""The published version of a set, and the names of its structures there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from services.deidentify.structure_renaming import names_of
from services.dicom.dataset import read_view
from services.maintenance.originals import set_ids
from services.publication import claims
from services.store import records
from services.store.records import folder_name

if TYPE_CHECKING:
    from services.rtset.reader import RtSet
    from services.store.collection import Collection


def index_of(collection: Collection, rtset: RtSet) -> int | None:
    """Return the index under which a set's current files are published."""
    for named in set_ids.names(collection, rtset):
        claim = claims.of(collection, named.set_id)
        published = records.read(collection, claim.index) if claim else None
        if published and published.set_id == named.set_id and published.content.get("source") == named.content:
            return None if published.withdrawn else published.index
    return None


def structure_names(collection: Collection, index: int) -> dict[int, str] | None:
    """Return the structure names of a published set by ROI Number; None if its folder does not exist."""
    for path in (collection.root / folder_name(index)).glob("RS.*.dcm"):
        with suppress(OSError):
            if (view := read_view(path)) is not None:
                return dict(names_of(view))
    return None
