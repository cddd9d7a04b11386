"""Lists of structures applied to published sets, each stored under its digest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services import plain_files
from services.forms.structure_list import Naming, decoded
from services.runtime import durable_files

if TYPE_CHECKING:
    from services.store.collection import Collection


def keep(collection: Collection, naming: Naming) -> None:
    """Store the current decisions, so that names based on them can be proven years later."""
    if naming.rows:
        collection.namings.mkdir(exist_ok=True)
        path = collection.namings / f"{naming.digest}.csv"
        durable_files.write_exclusively(path, naming.encoded(), staging=collection.staging)


def kept(collection: Collection, digest: str) -> Naming:
    """Return the decisions that applied when a set was published, by its record; empty if no longer stored."""
    path = collection.namings / f"{digest}.csv"
    if not re.fullmatch("[0-9a-f]{64}", digest) or not path.exists():
        return Naming()
    return decoded(plain_files.read(path)).naming
