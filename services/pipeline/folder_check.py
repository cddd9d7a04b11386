"""Check of a folder: the verdict on each of its sets, with the options, accepted codes and chosen plans."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from services.machines import descriptor
from services.maintenance.plan_choice import is_chosen
from services.policy.table import policy_for
from services.store import registry
from services.verdict import folder_sets

if TYPE_CHECKING:
    from pathlib import Path

    from services.rtset.folder_listing import Listing
    from services.store.collection import Collection
    from services.verdict.folder_sets import FolderVerdict


class MayNotBeRead(Exception):
    """A file of the set cannot be read; the text is its name, which must not leave the process otherwise."""


def judge(
    collection: Collection, folder: Path, locator: str, seen: Listing, own_machines: Path | None
) -> FolderVerdict:
    """Judge each set of a folder.

    Parameters
    ----------
    own_machines
        Folder of the user's own machine descriptors; None if there is none.

    Raises
    ------
    SetRefused
        The folder as a whole is refused.
    MayNotBeRead
        A file in it cannot be read.
    """
    options = collection.options
    if codes := registry.accepted(collection, locator, seen.fingerprint):
        options = replace(options, accept=options.accept | codes)
    machine = descriptor.named(options.machine, descriptor.folders(own_machines))
    chosen = partial(is_chosen, collection, folder)
    try:
        return folder_sets.judge(folder, options, machine, policy_for(options), seen, chosen)
    except PermissionError as denied:
        raise MayNotBeRead(collection.shown(PurePath(denied.filename or folder))) from None
