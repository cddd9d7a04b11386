"""`anonymizer policy`: the action for each attribute, for comparison with the standard."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.table import Table

from anonymizer.arguments import AsJson
from anonymizer.terminal import console, print_json, print_page
from services.policy.markdown import as_markdown, as_rows
from services.policy.table import Choice, policy_for

Dates = Annotated[Literal["shift", "remove", "keep"], typer.Option(help="As in collection.toml.")]
Characteristics = Annotated[Literal["dose_model", "retain", "age_sex"], typer.Option(help="As in collection.toml.")]
BirthDate = Annotated[Literal["fake", "empty"], typer.Option(help="As in collection.toml.")]
Times = Annotated[Literal["keep", "remove"], typer.Option(help="As in collection.toml.")]
KeepMachine = Annotated[bool, typer.Option("--keep-machine", help='With machine = "keep".')]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print as Markdown.")]


def policy(
    dates: Dates = "shift",
    patient_characteristics: Characteristics = "dose_model",
    keep_machine: KeepMachine = False,
    birth_date: BirthDate = "fake",
    times: Times = "keep",
    markdown: AsMarkdown = False,
    as_json: AsJson = False,
) -> None:
    """Show the action for each attribute: PS3.15 Table E.1-1, row by row, and our own decisions."""
    chosen = policy_for(Choice(dates, patient_characteristics, keep_machine, birth_date, times))
    if markdown:
        print_page(as_markdown(chosen))
        return
    rows = as_rows(chosen)
    if as_json:
        print_json(rows)
        return
    table = Table("Tag", "Attribute", "Below", "Action", "Why")
    for row in rows:
        action = f"{row['action']} {row['argument']}".strip()
        table.add_row(row["tag"], row["keyword"] or row["vr"], row["within"], action, row["reason"])
    console().print(table)
