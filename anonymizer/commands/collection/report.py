"""`anonymizer report`: the report of a collection, as a page and as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymizer.arguments import OfHospital, Root, open_collection
from anonymizer.terminal import console
from services.errors import SettingsWrong
from services.language import gettext
from services.runtime import audit

Csv = Annotated[Path | None, typer.Option("--csv", metavar="DIR", help="Write the tables to this folder as CSV files.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the tables to this JSON file.")]


def report(root: Root, hospital: OfHospital = None, csv: Csv = None, json: Json = None) -> None:
    """Write the report of a collection: sets, structures, prescriptions, machines; or its figures as tables."""
    from sheets import collection_report  # noqa: PLC0415 - it draws pictures, and takes a second to import
    from sheets.tables import files  # noqa: PLC0415 - as above

    collection = open_collection(root)
    if hospital is not None and not collection_report.indices_of(collection, hospital):
        raise SettingsWrong(gettext("No published set is of hospital {name}.", name=hospital))
    if json is not None and json.is_dir():
        raise SettingsWrong(f"{json} is a folder: name a file.")
    if csv is None and json is None:
        page = collection_report.make(collection, hospital)
        audit.note(collection.state, "report made")
        console().print(str(page))
        return
    entries = collection_report.entries(collection, collection_report.indices_of(collection, hospital))
    tables = collection_report.of_collection(collection, entries, house=True)
    if csv is not None:
        files.write_csv(tables, csv)
        audit.note(collection.state, "tables made", count=len(entries))
        console().print(str(csv))
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(tables, json)
        audit.note(collection.state, "tables made", count=len(entries))
        console().print(str(json))
