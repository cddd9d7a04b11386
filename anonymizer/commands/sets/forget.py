"""`anonymizer forget`: erases one patient from a collection."""

from __future__ import annotations

from anonymizer.arguments import Published, Root, open_collection
from anonymizer.terminal import console
from services.exchange.deliveries import holding
from services.maintenance.forget import forget_set
from services.runtime import audit
from services.store.records import folder_name, index_of
from services.store.tracking_lines import TrackingFiles


def forget(root: Root, anon: Published) -> None:
    """Erase one patient: folder, sheet, tracking line and everything that identifies them. Cannot be undone."""
    collection = open_collection(root)
    index = index_of(anon.name)
    forget_set(collection, index)
    TrackingFiles(collection).render()
    audit.note(collection.state, "forgotten", anon=folder_name(index))
    console().print(f"{folder_name(index)} is erased. Its number will not be used again.")
    for one in holding(collection, index):
        console().print(f"Delivered on {one.at[:10]} to {one.to} by {one.user} (delivery {one.id}): inform them.")
