"""The lists of structures that sets were named by, each kept under its digest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services import plain_files
from services.forms.structure_list import Naming, decoded
from services.runtime import durable_files

if TYPE_CHECKING:
    from services.store.collection import Collection


def keep(collection: Collection, naming: Naming) -> None:
    """Keep what was decided as it is now, so that what was named by them can be proven years later."""
    if naming.rows:
        collection.namings.mkdir(exist_ok=True)
        path = collection.namings / f"{naming.digest}.csv"
        durable_files.write_exclusively(path, naming.encoded(), staging=collection.staging)


def kept(collection: Collection, digest: str) -> Naming:
    """Return what was decided when a set was named, by its record; nothing where that is not there any more."""
    path = collection.namings / f"{digest}.csv"
    if not re.fullmatch("[0-9a-f]{64}", digest) or not path.exists():
        return Naming()
    return decoded(plain_files.read(path)).naming
