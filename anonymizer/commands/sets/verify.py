"""`anonymizer verify`: proves a published set again."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.table import Table

from anonymizer.arguments import Anon, AsJson, Source, check_folder, collection_of
from anonymizer.terminal import SOME_NOT, console, print_json
from services.errors import NotClean, SetChanged
from services.machines import descriptor
from services.maintenance.verify_again import verify_published
from services.runtime.settings import Settings


def verify(source: Source, anon: Anon, as_json: AsJson = False) -> None:
    """Prove a published set again: every change explained, everything else equal, no identifier left."""
    check_folder(source)
    collection = collection_of(anon)
    places = descriptor.folders(Settings.of_process().machines)
    try:
        proof = verify_published(source, anon, collection, places)
    except (NotClean, SetChanged) as fault:
        reasons = (
            list(fault.reasons) if isinstance(fault, NotClean) else ["the source can no longer be read as the same set"]
        )
        if as_json:
            print_json({"clean": False, "reasons": reasons})
        else:
            console().print("\n".join(["Not clean, or not made from this source:", *reasons]))
        raise typer.Exit(SOME_NOT) from None
    if as_json:
        print_json({"clean": True, **asdict(proof)})
        return
    table = Table("Examined", "How many")
    for name, count in proof.checks.items():
        table.add_row(name, f"{count:,}")
    console().print(table)
    console().print("Clean: every change is explained by the policy, everything else is equal.")
