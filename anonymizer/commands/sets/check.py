"""`anonymizer check`: the verdict on each set of a root folder. Changes nothing and needs no Redis."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

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
    printable,
    say_json,
    say_not_taken,
)
from services.forms.collection_form import options_of_new_collection, read_settings
from services.language import counted
from services.layout import SETTINGS_NAME, STATE_NAME
from services.maintenance import texts_before
from services.maintenance.plan_choice import is_chosen
from services.policy.text_roles import CALLED, OF_PERSON
from services.rtset.reader import CT, DOSE, PLAN, STRUCTURE_SET
from services.rtset.references import LINKS
from services.store.collection import Collection
from services.verdict.summary import summarize
from services.vocabulary.anatomy import occurring
from watcher.folders import beside_the_sets, folders_of, set_folders
from watcher.identities import listed_identities, stated_patient

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from services.layout import NotTaken
    from services.verdict.summary import FolderSummary

KINDS = (CT, STRUCTURE_SET, PLAN, DOSE)

_SHORT: Final = 300
"""Maximum number of distinct texts of all sets that are listed by default."""

_PERSON: Final = {keyword: says.partition(",")[0].lower() for keyword, says in OF_PERSON.items()}

WithTexts = Annotated[
    bool, typer.Option("--texts", help="List for each set its notes, and the texts that would be kept.")
]


def check(root: Root, machine: MachineNames = None, with_texts: WithTexts = False, as_json: AsJson = False) -> None:
    """Check every set of a root folder: objects, references, and whether the machine fits."""
    check_collection(root)
    chosen = None
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
    names = _set_folders(root)
    travelling = texts_before.asked_by(Collection.look(root) if has_form(root) else None, options)
    with ProcessPoolExecutor() as pool:
        judged = pool.map(
            partial(summarize, options=options, machines=known, chosen=chosen, travelling=travelling),
            [root / name for name in names],
        )
        rows = [replace(row, folder=name) for name, row in zip(names, judged, strict=True)]
    rows = _with_persons(root, rows)
    if as_json:
        say_json({"sets": [_as_json(row) for row in rows], "not_taken": not_taken_as_json(_not_taken(root, rows))})
    else:
        _say(root, rows, with_texts=with_texts)
    good = all(row.verdict in {"good", "no set"} for row in rows)
    raise typer.Exit(PUBLISHED_ALL if good else SOME_NOT)


def _with_persons(root: Path, rows: list[FolderSummary]) -> list[FolderSummary]:
    """Return the rows, with sets whose patient was published before marked."""
    if not has_form(root) or not (root / STATE_NAME).is_dir():
        return rows
    collection = Collection.look(root)
    told = [stated_patient.says(collection, row.folder) if row.verdict == "good" else "" for row in rows]
    return [replace(row, notes=(*row.notes, says)) if says else row for row, says in zip(rows, told, strict=True)]


def _set_folders(root: Path) -> list[str]:
    """Return the names of the sets of a root, which need not be a collection."""
    if has_form(root):
        return folders_of(Collection.look(root))
    return set_folders(root)


def _say(root: Path, rows: list[FolderSummary], *, with_texts: bool) -> None:
    screen = console()
    sets = [row for row in rows if row.verdict != "no set"]
    table = Table("Set", *KINDS, "Links", "Machine", "Verdict")
    for row in sets:
        counts = (str(row.counts.get(kind, "")) for kind in KINDS)
        table.add_row(printable(row.folder), *counts, _links(row), row.machine, row.verdict)
    if sets:
        screen.print(table)
    if len(sets) > 1:
        screen.print("Numbers follow the order in which sets are completed, which may differ from this order.")
    for row in sets:
        if row.sets:
            screen.print(_plans(row))
    common = {} if with_texts else _common_notes(sets)
    for row in sets:
        _say_of_set(screen, row, common)
    for note, number in common.items():
        screen.print(f"{number} of {counted(len(sets), 'set')}: {note}")
    for row in rows:
        if row.verdict == "no set":
            screen.print(f"{printable(row.folder)}: no DICOM files, not a set.")
    if not rows:
        screen.print(f"There are no sets in {root}: a set is a subfolder with DICOM files.")
    _say_texts(screen, sets, set_by_set=with_texts)
    say_not_taken(screen, _not_taken(root, rows))


def _common_notes(sets: Sequence[FolderSummary]) -> dict[str, int]:
    """Return the notes on more than one set, with the number of their sets."""
    numbers = Counter(note for row in sets for note in dict.fromkeys(row.notes))
    return {note: number for note, number in numbers.items() if number > 1}


def _say_of_set(screen: Console, row: FolderSummary, common: Container[str]) -> None:
    """Print the faults of a set, its notes except common ones, and a summary of what would be kept."""
    name = printable(row.folder)
    for fault in row.faults:
        screen.print(f"{name}: {fault['found']} {fault['remedy']}")
    for note in row.notes:
        if note not in common:
            screen.print(f"{name}: {note}")
    if row.unread_words:
        screen.print(f"{name}: words not yet reviewed: {', '.join(map(printable, row.unread_words))}")
    if row.texts or row.person:
        person = ", ".join(
            f"{says} {row.person[keyword]}" for keyword, says in _PERSON.items() if keyword in row.person
        )
        texts = counted(sum(map(len, row.texts.values())), "text")
        screen.print(f"{name}: {texts} would be kept; of the person: {person or 'neither age nor sex'}")


def _say_texts(screen: Console, sets: list[FolderSummary], *, set_by_set: bool) -> None:
    """List every text that would be kept, unread words marked; for all sets together only if there are few."""
    if set_by_set:
        for row in sets:
            if row.texts:
                title = f"{printable(row.folder)}: texts that would be kept"
                screen.print(_texts(title, row.texts, row.unread_words))
        return
    pooled = {
        role: some for role in CALLED if (some := sorted({text for row in sets for text in row.texts.get(role, ())}))
    }
    number = sum(map(len, pooled.values()))
    if 0 < number <= _SHORT:
        unread = sorted({word for row in sets for word in row.unread_words})
        screen.print("Texts that would be kept:")
        for role, some in pooled.items():
            told = ((printable(text), ", ".join(_words_in(text, unread))) for text in some)
            marked = (f"{text} (not read: {words})" if words else text for text, words in told)
            screen.print(f"  {CALLED[role]}: {'; '.join(marked)}")
    elif number:
        screen.print(
            f"{number} different texts would be kept: --texts lists them by set, --json prints them for a program."
        )


def _texts(title: str, texts: Mapping[str, Sequence[str]], unread: Sequence[str]) -> Table:
    table = Table("Kind", "Text", "Not read", title=title)
    for role, some in texts.items():
        for text in some:
            table.add_row(CALLED[role], printable(text), ", ".join(_words_in(text, unread)))
    return table


def _words_in(text: str, unread: Sequence[str]) -> list[str]:
    """Return the unread words in a text."""
    return [printable(word) for word in occurring(text, unread)]


def _not_taken(root: Path, rows: list[FolderSummary]) -> list[NotTaken]:
    collection = Collection.look(root) if has_form(root) and (root / STATE_NAME).is_dir() else None
    return [*beside_the_sets(root, collection), *(one for row in rows for one in row.not_taken)]


def _as_json(row: FolderSummary) -> dict[str, Any]:
    return {**asdict(row), "not_taken": not_taken_as_json(row.not_taken)}


def _plans(row: FolderSummary) -> Table:
    """Return the table of the plans of a folder with several sets, with the ordinals for `anonymizer choose`."""
    table = Table("No.", "Plan", "Date", "Approval", "Prescription", "Beams", "Verdict", title=row.folder)
    for one in row.sets:
        table.add_row(str(one.ordinal), one.plan, one.date, one.approval, one.prescription, str(one.beams), one.verdict)
    return table


def _links(row: FolderSummary) -> str:
    """Return the references with problems, or `linked`."""
    others = [f"{name} {row.links[name]}" for name in LINKS if row.links.get(name, "shown") != "shown"]
    return ", ".join(others) if others else "linked" if row.links else ""
