"""`anonymizer choose`: says which plans of a folder with several are meant."""

from __future__ import annotations

from typing import Annotated

import typer

from anonymizer.arguments import Root, SetFolder, check_collection, set_in
from anonymizer.terminal import command, console
from services.maintenance import plan_choice
from services.runtime import audit
from services.store.collection import Collection

Numbers = Annotated[
    list[int], typer.Argument(metavar="NUMBER…", help="Of the plans, as `anonymizer check` prints them.")
]


def choose(root: Root, folder: SetFolder, numbers: Numbers) -> None:
    """Take these plans of a folder with several, where the collection asks a person: plans = "ask"."""
    check_collection(root)
    collection = Collection.open(root)
    place = root / set_in(root, folder, by_hospital=collection.options.by_hospital)
    taken = plan_choice.choose(collection, place, numbers)
    name = collection.name_of(place)
    audit.note(collection.state, "plans chosen", set=collection.locator(name), count=len(taken))
    for one in taken:
        console().print(f"{one.ordinal}. {one.describe_with_dose()}")
    console().print(f"Taken by the service, or by: {command('run', root)}")
