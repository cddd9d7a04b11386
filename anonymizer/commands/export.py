"""`anonymizer export`: copies what may travel, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from anonymizer.arguments import AsJson, Root, check_folder
from anonymizer.terminal import PUBLISHED_ALL, SOME_NOT, console, say_json
from services.maintenance.export import copy_what_may_travel
from services.store.collection import Collection

Destination = Annotated[Path, typer.Argument(help="Where the ANON folders are copied to; made if it is not there.")]

TRAVELS = frozenset({"copied", "there already"})


def export(root: Root, dest: Destination, as_json: AsJson = False) -> None:
    """Copy what may travel, ANON folders with their sheets and nothing else; hold the copy against what was proven."""
    check_folder(root)
    told = list(copy_what_may_travel(Collection.look(root), dest))
    if as_json:
        say_json([one._asdict() for one in told])
    else:
        table = Table("Folder", "State", "Files", "Sheet")
        for one in told:
            table.add_row(one.folder, one.state, str(one.files or ""), "with it" if one.sheet else "")
        console().print(table if told else f"Nothing is published in {root}.")
    raise typer.Exit(PUBLISHED_ALL if all(one.state in TRAVELS for one in told) else SOME_NOT)
