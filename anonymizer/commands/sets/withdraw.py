"""`anonymizer withdraw`: withdraws a published set."""

from __future__ import annotations

from anonymizer.arguments import Published, Root, open_collection
from anonymizer.terminal import console
from services.exchange.deliveries import holding
from services.maintenance.withdraw import withdraw_set
from services.runtime import audit
from services.store.records import folder_name, index_of
from services.store.tracking_lines import TrackingFiles


def withdraw(root: Root, anon: Published) -> None:
    """Withdraw a published set: remove its folder from the collection and its line from the tracking file."""
    collection = open_collection(root)
    index = index_of(anon.name)
    moved = withdraw_set(collection, index)
    TrackingFiles(collection).render()
    audit.note(collection.state, "withdrawn", anon=folder_name(index))
    name = folder_name(index)
    console().print(
        f"{name} is withdrawn. Its number will not be used again. "
        + (f"Its files are in {collection.withdrawn / name}." if moved else "Its folder was not here.")
    )
    for one in holding(collection, index):
        console().print(
            f"Delivered on {one.at[:10]} to {one.to} by {one.user}: the next delivery there lists it as withdrawn."
        )
