"""`anonymizer person`: assigns a set to a person, in collections that link a person's sets."""

from __future__ import annotations

from typing import Annotated

import typer

from anonymizer.arguments import Root, SetFolder, open_collection, set_in
from anonymizer.terminal import command, console
from services.errors import SettingsWrong
from services.maintenance import who_it_is
from services.runtime import audit
from services.store import records

Anon = Annotated[
    str,
    typer.Argument(metavar="ANON_007", help="A published set of the same person; none with --new.", show_default=False),
]
New = Annotated[bool, typer.Option("--new", help="The person has no published set.")]


def person(root: Root, folder: SetFolder, anon: Anon = "", *, new: New = False) -> None:
    """Assign a set to a person, in a collection with same_patient = "link"."""
    if bool(anon) == new:
        raise SettingsWrong("Give a published set of the same person, such as ANON_007, or --new.")
    index = records.index_of(anon.rstrip("/").rpartition("/")[2]) if anon else None
    collection = open_collection(root)
    place = root / set_in(collection, folder)
    who_it_is.decide(collection, place, index)
    anon_of_person = records.folder_name(index) if index is not None else ""
    audit.note(
        collection.state, "person decided", set=collection.locator(collection.name_of(place)), anon=anon_of_person
    )
    who = f"the person of {records.folder_name(index)}" if index is not None else "somebody new"
    console().print(f"Recorded: it is {who}.")
    console().print(f"Processed by the service, or by: {command('run', root)}")
