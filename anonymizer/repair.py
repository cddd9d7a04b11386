"""What a person does when the service cannot go on by itself, or must not: retry, withdraw, doctor, rebuild."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from anonymizer.new import Root, check_folder
from anonymizer.screen import PUBLISHED_ALL, SOME_NOT, console, say_json
from services.errors import SettingsWrong
from services.maintenance import doctor as doctors
from services.maintenance import withdraw as withdrawal
from services.publication.index_ledger import Ledger
from services.rtset import folder_listing
from services.runtime import settings as environment
from services.store import again, registry
from services.store.collection import Collection
from services.store.records import folder_name, index_of
from services.store.tracking_lines import TrackingFiles
from worker.app import connect

SetFolder = Annotated[Path, typer.Argument(metavar="SET", help="The set's folder, or its name in ROOT.")]
Published = Annotated[Path, typer.Argument(metavar="ANON_006", help="The published folder, or its name in ROOT.")]
AsNew = Annotated[
    bool,
    typer.Option("--as-new", help="It is a set of its own, although its objects have the UIDs of a published one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Say it to a program.")]


def retry(root: Root, folder: SetFolder, as_new: AsNew = False) -> None:
    """Have a set that was refused or parked looked at again, as if it had just been dropped."""
    check_folder(root)
    collection = Collection.open(root)
    place = root / folder.name
    if not place.is_dir():
        raise SettingsWrong(f"There is no folder {folder.name} in {root}.")
    locator = collection.locator(folder.name)
    if as_new:
        registry.register(collection, folder.name)
        registry.count_as_new(collection, locator, folder_listing.fingerprint(place))
    again.look_again(collection, folder.name)
    console().print(f"{folder.name} is looked at again by the service, or by: anonymizer run {root}")


def withdraw(root: Root, anon: Published) -> None:
    """Take a published set back: its folder out of what is collected, its line out of the tracking file."""
    check_folder(root)
    collection = Collection.open(root)
    index = index_of(anon.name)
    moved = withdrawal.withdraw(collection, index)
    TrackingFiles(collection).render()
    name = folder_name(index)
    console().print(
        f"{name} is withdrawn. Its number is not given again. "
        + (f"Its files lie in {collection.withdrawn / name}." if moved else "Its folder was not here.")
    )


def doctor(root: Root, as_json: AsJson = False) -> None:
    """Tell where claims, records, ANON folders, lines and originals do not agree. Mends nothing."""
    check_folder(root)
    found = list(doctors.examine(Collection.look(root)))
    wrong = [finding for finding in found if finding.is_wrong]
    if as_json:
        say_json({"agrees": not wrong, "findings": [{**asdict(one), "is_wrong": one.is_wrong} for one in found]})
    else:
        table = Table("Where", "What", "Found", "What to do")
        for one in found:
            table.add_row(one.where, one.code, one.found, one.remedy)
        if found:
            console().print(table)
        console().print(f"{len(wrong)} things must be looked at." if wrong else "All agrees.")
    raise typer.Exit(SOME_NOT if wrong else PUBLISHED_ALL)


def rebuild(root: Root) -> None:
    """Make what Redis knows of a collection's numbers anew from the share; the service does so by itself, too."""
    check_folder(root)
    with connect(environment.from_environment(os.environ)) as client:
        Ledger(Collection.open(root), client).rebuild()
    console().print("The numbers in Redis are those of the share.")
