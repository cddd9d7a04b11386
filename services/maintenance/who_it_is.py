"""A person's decision on whose sets a folder holds, for sets that cannot be linked automatically."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from services.errors import SetRefused, SettingsWrong
from services.language import gettext, joined
from services.layout import SETTINGS_NAME, STATE_NAME
from services.publication import persons
from services.rtset import folder_listing
from services.store import again, records, registry
from services.store.records import folder_name

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection


def decide(collection: Collection, folder: Path, index: int | None) -> None:
    """Record that a folder's current sets belong to the person of a published set, or to a new one.

    Parameters
    ----------
    index
        Index of the published set; None if the person was never published.

    Raises
    ------
    SettingsWrong
        Linking is off, the folder cannot hold a set or its sets are published, or the person of that number is unknown.
    SetChanged, OSError
        The folder cannot be read at the moment.
    """
    if collection.options.same_patient != "link":
        raise SettingsWrong(
            gettext(
                'Sets are linked to a person only with same_patient = "link" in [people]; {file} has "{value}".',
                file=SETTINGS_NAME,
                value=collection.options.same_patient,
            )
        )
    name = collection.name_of(folder)
    outcome = registry.read_outcome(collection, collection.locator(name))
    done = [folder_name(one.index) for one in outcome.published if one.index] if outcome is not None else []
    if outcome is not None and done and len(done) == len(outcome.entries):
        raise SettingsWrong(
            gettext(
                "{set} is already published as {names}; its person cannot be changed. If it is wrong: `anonymizer "
                "withdraw ROOT {first}`, then `anonymizer retry ROOT SET --as-new`.",
                set=name,
                names=", ".join(done),
                first=done[0],
            )
        )
    if index is not None:
        _check_known(collection, index)
    locator = registry.register(collection, name)
    decision = registry.WhoItIs(number=index) if index is not None else registry.WhoItIs(new=uuid4().hex)
    try:
        taken = folder_listing.take(folder)
    except SetRefused as refused:
        raise SettingsWrong(joined(fault.found for fault in refused.faults)) from None
    registry.decide_person(collection, locator, taken.fingerprint, decision)
    again.reset_outcome(collection, name)


def _check_known(collection: Collection, index: int) -> None:
    """Raise unless the person of a number can be the person of another set."""
    name, record = folder_name(index), records.read(collection, index)
    if record is None or record.set_id is None:
        raise SettingsWrong(
            gettext("{name} was not published by this program, or was forgotten: its person is not known.", name=name)
        )
    if record.content.get("received"):
        raise SettingsWrong(
            gettext(
                "{name} came with a delivery: its dates and UIDs were made elsewhere, with a key that is not here.",
                name=name,
            )
        )
    if persons.of_published(collection, record) is None:
        raise SettingsWrong(
            gettext(
                "The person of {name} is no longer known: restore all of {state} from a backup.",
                name=name,
                state=STATE_NAME,
            )
        )
