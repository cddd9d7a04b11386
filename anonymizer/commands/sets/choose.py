"""`anonymizer choose`: selects plans of a folder with several."""

from __future__ import annotations

from typing import Annotated

import typer

from anonymizer.arguments import Root, SetFolder, open_collection, set_in
from anonymizer.terminal import command, console
from services.maintenance import plan_choice
from services.runtime import audit

Numbers = Annotated[
    list[int], typer.Argument(metavar="NUMBER…", help="Ordinals of the plans, as printed by `anonymizer check`.")
]


def choose(root: Root, folder: SetFolder, numbers: Numbers) -> None:
    """Select plans of a folder with several, in a collection with plans = "ask"."""
    collection = open_collection(root)
    place = root / set_in(collection, folder)
    taken = plan_choice.choose(collection, place, numbers)
    name = collection.name_of(place)
    audit.note(collection.state, "plans chosen", set=collection.locator(name), count=len(taken))
    for one in taken:
        console().print(f"{one.ordinal}. {one.describe_with_dose()}")
    console().print(f"Processed by the service, or by: {command('run', root)}")
