"""`anonymizer report`: what a collection holds."""

from __future__ import annotations

from anonymizer.arguments import Root, check_folder
from anonymizer.terminal import console
from services.store.collection import Collection


def report(root: Root) -> None:
    """Make the report of a collection: its sets, structures, prescriptions, machines, and reasons for refusals."""
    from sheets import collection_report  # noqa: PLC0415 - as above

    check_folder(root)
    console().print(str(collection_report.make(Collection.open(root))))
