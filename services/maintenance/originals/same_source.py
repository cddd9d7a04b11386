"""Comparison of a set with the source of a published one.

Of everything but the pixels, a keyed digest was stored that is meaningless without the key. The pixels are compared
with those of the published files.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from services.deidentify.uid_map import UidMap
from services.deidentify.writer import file_name
from services.dicom import part10, pixel_data
from services.dicom.dataset import root_view
from services.dicom.elements import Malformed
from services.dicom.part10 import NotDicom

if TYPE_CHECKING:
    from pathlib import Path

    from services.rtset.reader import RtSet
    from services.store.records import Record


def is_the_same(rtset: RtSet, its_content: str, key: bytes, published: Record, folder: Path) -> bool:
    """Return whether a set is the source of a record.

    Parameters
    ----------
    its_content
        Result of `set_ids.content`.
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
