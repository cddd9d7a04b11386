"""Withdrawal of received sets that their own sender has withdrawn."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from services.exchange import received
from services.exchange.incoming.outcome import Received, reported_only
from services.exchange.received import Origin
from services.language import gettext, gettext_noop
from services.maintenance import withdraw
from services.store.records import folder_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.exchange.incoming.opening import Delivered
    from services.exchange.received import Known
    from services.store.collection import Collection

_WITHDRAWN: Final = gettext_noop(
    "Its sender has withdrawn it. A person must confirm this: `anonymizer receive` with this delivery."
)


def apply(
    collection: Collection, delivered: Delivered, known: Known, entry: Mapping[str, Any], *, by_person: bool
) -> Received:
    """Withdraw a set that its own sender has withdrawn, if it is as received."""
    folder = str(entry["folder"])
    there = known.of_origin(Origin.of(delivered, folder))
    if there is None:
        never = gettext("Its sender has withdrawn it; it was never taken here.")
        return Received(folder, "told", says=(never,))
    anon = folder_name(there.index)
    if there.withdrawn:
        with suppress(FileExistsError):  # another folder has that name: `doctor` reports it
            withdraw.withdraw_set(collection, there.index)  # completes an interrupted withdrawal
        return Received(folder, "withdrawn", anon, (gettext("It was withdrawn here before."),))
    if not received.is_unchanged(collection, there):
        changed = gettext("Its sender has withdrawn it; {anon} was changed here and stays.", anon=anon)
        return reported_only(folder, anon, (), changed)
    if not by_person:
        return Received(folder, "waits", anon, (gettext(_WITHDRAWN),))
    withdraw.withdraw_set(collection, there.index)
    return Received(folder, "withdrawn", anon)
