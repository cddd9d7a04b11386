"""`anonymizer sheet` and `anonymizer report`: what a physicist looks at and signs, and what a collection holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymizer.new import Root, check_folder
from anonymizer.screen import console
from services.errors import SettingsWrong
from services.layout import SHEETS_NAME
from services.store.collection import Collection
from services.store.records import folder_name, index_of

AnonName = Annotated[str, typer.Argument(metavar="ANON_006", help="The published set.")]


def sheet(root: Root, anon: AnonName) -> None:
    """Make the sheet of a published set, as HTML and PDF: what it holds, and that it is what its source is."""
    from sheets import findings, set_sheet  # noqa: PLC0415 - drawing takes a second to import, and other commands never draw

    check_folder(root)
    index = index_of(Path(anon).name)
    try:
        set_sheet.make(Collection.open(root), index)
    except findings.NoSheet as none:
        raise SettingsWrong(f"{folder_name(index)}: {none}") from None
    name = folder_name(index)
    console().print(f"{root / SHEETS_NAME / name}.html and {name}.pdf")


def report(root: Root) -> None:
    """Make the report of a collection: its sets, structures, prescriptions, machines, and reasons for refusals."""
    from sheets import collection_report  # noqa: PLC0415 - as above

    check_folder(root)
    console().print(str(collection_report.make(Collection.open(root))))
