"""`anonymizer sheet`: makes the sheet of a published set, for a physicist to review and sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymizer.arguments import Root, open_collection
from anonymizer.terminal import console
from services.errors import SettingsWrong
from services.layout import sheets_folder
from services.runtime import audit
from services.store.records import folder_name, index_of

AnonName = Annotated[str, typer.Argument(metavar="ANON_006", help="The published set.")]


AgainstSource = Annotated[
    bool,
    typer.Option(
        "--against-source",
        help="Compare with the source again, even if the files are unchanged since the proof.",
    ),
]


def sheet(root: Root, anon: AnonName, *, against_source: AgainstSource = False) -> None:
    """Make the sheet of a published set, as HTML and PDF: its contents and its agreement with the source."""
    from sheets import set_sheet  # noqa: PLC0415 - drawing takes a second to import, and other commands never draw
    from sheets.examination.examine import NoSheet  # noqa: PLC0415 - as above

    collection, index = open_collection(root), index_of(Path(anon).name)
    try:
        set_sheet.make(collection, index, against_source=against_source)
    except NoSheet as none:
        raise SettingsWrong(f"{folder_name(index)}: {none}") from None
    name = folder_name(index)
    audit.note(collection.state, "sheet made", anon=name)
    console().print(f"{sheets_folder(root) / name}.html and {name}.pdf")
