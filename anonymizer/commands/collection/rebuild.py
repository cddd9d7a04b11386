"""`anonymizer rebuild`: rebuilds Redis' copy of the numbers from the share."""

from __future__ import annotations

from anonymizer.arguments import Root, check_collection
from anonymizer.terminal import console
from services.publication.index_ledger import Ledger
from services.runtime import audit
from services.runtime.settings import Settings
from services.store.collection import Collection
from worker.connection import connect


def rebuild(root: Root) -> None:
    """Rebuild Redis' copy of a collection's numbers from the share; the service also does so by itself."""
    check_collection(root)
    with connect(Settings.of_process()) as client:
        collection = Collection.open(root)
        Ledger(collection, client).rebuild()
    audit.note(collection.state, "numbers rebuilt")
    console().print("The numbers in Redis match the share.")
