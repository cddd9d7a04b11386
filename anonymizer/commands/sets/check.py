"""`anonymizer check`: the verdict on each set of a root folder. Changes nothing and needs no Redis."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonymizer import verdict_view
from anonymizer.arguments import AsJson, MachineNames, Root, check_collection
from anonymizer.commands.collection.new import (
    has_form,
    known_machines,
    machine_names,
    warn_of_overlap,
)
from anonymizer.terminal import (
    PUBLISHED_ALL,
    SOME_NOT,
    console,
    not_taken_as_json,
    print_json,
)
from services.forms.collection_form import options_of_new_collection, read_settings
from services.layout import SETTINGS_NAME, STATE_NAME
from services.maintenance import texts_before
from services.maintenance.plan_choice import is_chosen
from services.store.collection import Collection
from services.verdict.summary import summarize
from watcher.folders import folders_of, set_folders
from watcher.identities import listed_identities, stated_patient
from watcher.ignored_entries import beside_the_sets

if TYPE_CHECKING:
    from services.verdict.summary import FolderSummary

WithTexts = Annotated[
    bool, typer.Option("--texts", help="List for each set its notes, and the texts that would be kept.")
]


def check(root: Root, machine: MachineNames = None, with_texts: WithTexts = False, as_json: AsJson = False) -> None:
    """Check every set of a root folder: objects, references, and whether the machine fits."""
    check_collection(root)
    collection = chosen = None
    is_begun = (root / STATE_NAME).is_dir()
    if has_form(root):
        options = read_settings(root)[1]
        collection = Collection.look(root)
        listed_identities.check(collection)
        chosen = partial(is_chosen, collection)
        if machine is not None:
            options = replace(options, machine=machine_names(machine))
    else:
        options = options_of_new_collection(machine_names(machine))
        if machine is None:
            console(stderr=True).print(
                f"There is no {SETTINGS_NAME} here; plans are checked against {', '.join(options.machine)}. "
                "Choose another with --machine NAME."
            )
    known = known_machines(options.machine)
    warn_of_overlap(root)
    names = folders_of(collection) if collection else set_folders(root)
    travelling = texts_before.asked_by(collection, options)
    with ProcessPoolExecutor() as pool:
        judged = pool.map(
            partial(summarize, options=options, machines=known, chosen=chosen, travelling=travelling),
            [root / name for name in names],
        )
        rows = [replace(row, folder=name) for name, row in zip(names, judged, strict=True)]
    begun = collection if is_begun else None
    rows = _with_persons(begun, rows) if begun else rows
    not_taken = [*beside_the_sets(root, begun), *(one for row in rows for one in row.not_taken)]
    if as_json:
        print_json({"sets": [_as_json(row) for row in rows], "not_taken": not_taken_as_json(not_taken)})
    else:
        verdict_view.show(root, rows, not_taken, with_texts=with_texts)
    good = all(row.verdict in {"good", "no set"} for row in rows)
    raise typer.Exit(PUBLISHED_ALL if good else SOME_NOT)


def _with_persons(collection: Collection, rows: list[FolderSummary]) -> list[FolderSummary]:
    """Return the rows, with sets whose patient was published before marked."""
    told = [stated_patient.report(collection, row.folder) if row.verdict == "good" else "" for row in rows]
    return [replace(row, notes=(*row.notes, says)) if says else row for row, says in zip(rows, told, strict=True)]


def _as_json(row: FolderSummary) -> dict[str, Any]:
    return {**asdict(row), "not_taken": not_taken_as_json(row.not_taken)}
