"""`anonymizer export` and `anonymizer verify`: what may travel, and whether it still is what it was proven to be."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from anonymizer.new import Root, check_folder
from anonymizer.screen import PUBLISHED_ALL, SOME_NOT, console, say_json
from services.errors import NotClean, SetChanged
from services.machines import descriptor as machines
from services.maintenance import export as exports
from services.maintenance.verify_again import verify_published
from services.runtime import settings as environment
from services.store.collection import Collection

Destination = Annotated[Path, typer.Argument(help="Where the ANON folders are copied to; made if it is not there.")]
Source = Annotated[Path, typer.Argument(help="The folder of the set as it was dropped.")]
Anon = Annotated[Path, typer.Argument(help="The folder that was made of it: …/ANON_006.")]
AsJson = Annotated[bool, typer.Option("--json", help="Say it to a program.")]

TRAVELS = frozenset({"copied", "there already"})


def export(root: Root, dest: Destination, as_json: AsJson = False) -> None:
    """Copy what may travel, ANON folders with their sheets and nothing else; hold the copy against what was proven."""
    check_folder(root)
    told = list(exports.export(Collection.look(root), dest))
    if as_json:
        say_json([one._asdict() for one in told])
    else:
        table = Table("Folder", "State", "Files", "Sheet")
        for one in told:
            table.add_row(one.folder, one.state, str(one.files or ""), "with it" if one.sheet else "")
        console().print(table if told else f"Nothing is published in {root}.")
    raise typer.Exit(PUBLISHED_ALL if all(one.state in TRAVELS for one in told) else SOME_NOT)


def verify(source: Source, anon: Anon, as_json: AsJson = False) -> None:
    """Prove a published set once more: every change explained, everything else equal, no identifier left."""
    check_folder(source)
    check_folder(anon)
    places = machines.folders(environment.from_environment(os.environ).machines)
    try:
        proof = verify_published(source, anon, Collection.look(anon.absolute().parent), places)
    except (NotClean, SetChanged) as fault:
        reasons = list(fault.reasons) if isinstance(fault, NotClean) else ["the source cannot be read as what it was"]
        if as_json:
            say_json({"clean": False, "reasons": reasons})
        else:
            console().print("\n".join(["Not clean, or not made of this source:", *reasons]))
        raise typer.Exit(SOME_NOT) from None
    if as_json:
        say_json({"clean": True, **asdict(proof)})
        return
    table = Table("Examined", "How many")
    for name, count in proof.checks.items():
        table.add_row(name, f"{count:,}")
    console().print(table)
    console().print("Clean: every change is explained by the policy, everything else is equal.")
