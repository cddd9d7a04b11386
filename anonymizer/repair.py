"""`anonymizer retry` and `anonymizer rebuild`: what a person does when the service cannot go on by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from anonymizer.new import Root, check_folder
from anonymizer.screen import console
from services import failures, notes, registry
from services import settings as environment
from services.collection import Collection
from services.errors import SettingsWrong
from services.ledger import Ledger
from worker.app import connect

SetFolder = Annotated[Path, typer.Argument(metavar="SET", help="The set's folder, or its name in ROOT.")]


def retry(root: Root, folder: SetFolder) -> None:
    """Have a set that was refused or parked looked at again, as if it had just been dropped."""
    check_folder(root)
    collection = Collection.open(root)
    place = root / folder.name
    if not place.is_dir():
        raise SettingsWrong(f"There is no folder {folder.name} in {root}.")
    locator = collection.locator(folder.name)
    failures.forget(collection, locator)
    registry.forget_outcome(collection, locator)
    notes.clear(place)
    console().print(f"{folder.name} is looked at again by the service, or by: anonymizer run {root}")


def rebuild(root: Root) -> None:
    """Make what Redis knows of a collection's numbers anew from the share; the service does so by itself, too."""
    check_folder(root)
    with connect(environment.from_environment(os.environ)) as client:
        Ledger(Collection.open(root), client).rebuild()
    console().print("The numbers in Redis are those of the share.")


COMMANDS = (retry, rebuild)
