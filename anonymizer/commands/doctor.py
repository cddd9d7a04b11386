"""`anonymizer doctor`: where what is on the share does not agree."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.table import Table

from anonymizer.arguments import AsJson, Root, check_folder
from anonymizer.terminal import PUBLISHED_ALL, SOME_NOT, console, say_json
from services.maintenance.doctor import examine
from services.store.collection import Collection


def doctor(root: Root, as_json: AsJson = False) -> None:
    """Tell where claims, records, ANON folders, lines and originals do not agree. Mends nothing."""
    check_folder(root)
    found = list(examine(Collection.look(root)))
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
