"""`anonymizer structures`: consistent structure names in a collection, proposed, confirmed and applied."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from anonymizer.arguments import AsJson, Root, check_collection
from anonymizer.terminal import command, console, print_json
from services.errors import SettingsWrong
from services.forms import structure_list
from services.forms.structure_list import FILE_NAME
from services.language import counted
from services.maintenance.structures.reading import Reader
from services.maintenance.structures.survey import survey, updated
from services.publication import republish
from services.runtime import audit
from services.store.collection import Collection
from services.store.records import index_of
from services.vocabulary.structure_names import EDITION
from watcher.folders import folders_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from services.forms.structure_list import Sheet
    from services.maintenance.structures.survey import Name, NamesOfSet, Survey

Write = Annotated[bool, typer.Option("--write", help=f"Update {FILE_NAME}, keeping its entries.")]
Confirm = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=TARGET", help="Confirm the new name of a structure; * matches any characters."),
]
Ignore = Annotated[list[str] | None, typer.Option(metavar="NAME", help="Keep a name permanently.")]
Again = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ANON_006", help='Process a published set again under its index; "all": every set that would change.'
    ),
]

_KEPT_BACK = {
    "borne-twice": "two structures of {} have this name; not applied there",
    "identifier": "the new name would identify the patient in {}; not applied there",
    "name-taken": "another structure of {} already has the new name; not applied there",
}


def structures(
    root: Root,
    write: Write = False,
    confirm: Confirm = None,
    ignore: Ignore = None,
    again: Again = None,
    as_json: AsJson = False,
) -> None:
    """List structure names, proposals for them, and undecided names."""
    check_collection(root)
    before = structure_list.read(root)
    sheet = _decided(before, confirm or (), ignore or ())
    if sheet != before:
        structure_list.write(root, sheet, instead_of=before)
    collection = Collection.look(root)
    if confirm or ignore:
        audit.note(collection.state, "names decided", count=len([*(confirm or ()), *(ignore or ())]))
    folders = [root / name for name in folders_of(collection)]
    with ProcessPoolExecutor() as pool:
        sets = Reader().read(collection, folders, pool.map)
    surveyed = survey(collection, sheet, sets)
    if write:
        with collection.speaking():
            structure_list.write(root, updated(sheet, surveyed.names), instead_of=sheet)
    asked = [one.anon for one in surveyed.outdated] if again == ["all"] else again or []
    for name in asked:
        republish.request(collection, index_of(name))
        audit.note(collection.state, "sets again", anon=name)
    if as_json:
        print_json(_as_json(surveyed))
    else:
        _print(root, surveyed, asked)


def _decided(sheet: Sheet, confirm: Iterable[str], ignore: Iterable[str]) -> Sheet:
    for text in confirm:
        name, equals, target = text.rpartition("=")
        if not (equals and name.strip() and target.strip()):
            raise SettingsWrong("Give confirmed names as NAME=TARGET.")
        sheet = sheet.decided(name, "confirmed", target.strip())
    for name in ignore:
        sheet = sheet.decided(name, "ignored")
    return sheet


def _as_json(surveyed: Survey) -> dict[str, object]:
    return {
        "names": [_name_as_json(name) for name in surveyed.names],
        "sets": [asdict(one) for one in surveyed.sets],
        "stand_ins": surveyed.stand_ins,
    }


def _name_as_json(name: Name) -> dict[str, object]:
    attributes = {key: value for key, value in asdict(name).items() if key != "places"}
    return attributes | {"folders": sorted(name.folders)}


def _print(root: Path, surveyed: Survey, asked: list[str]) -> None:
    screen = console()
    if not surveyed.names:
        screen.print(f"There are no sets with readable structures in {root}.")
        return
    table = Table("Name", "Sets", "Target", "State", "Why")
    for name in surveyed.names:
        table.add_row(name.name, str(name.sets), name.target, name.state or "", _why(name))
    screen.print(table)
    table = Table("Set", "Anonymized", "Structures", "Named", "Ignored", "Open", "Note")
    for one in surveyed.sets:
        table.add_row(_called(one), one.anon, *_coverage(one))
    screen.print(table)
    screen.print(f"{len(surveyed.undecided)} of {len(surveyed.names)} names are undecided. Proposals follow {EDITION}.")
    if surveyed.stand_ins:
        named = "1 structure is" if surveyed.stand_ins == 1 else f"{surveyed.stand_ins} structures are"
        screen.print(f"{named} named after a patient, and numbered instead.")
    waiting = {one.anon: None for one in surveyed.outdated if one.anon not in asked and not one.asked_again}
    if waiting:
        screen.print(
            f"{', '.join(waiting)}: published before names were decided. "
            f"To process them again under their index: {command('structures', root)} --again all"
        )
    if asked or any(one.asked_again for one in surveyed.sets):
        screen.print(f"These sets are processed again by the service, or by: {command('run', root)}")


def _called(one: NamesOfSet) -> str:
    return f"{one.folder}, {one.ordinal}." if one.ordinal else one.folder


def _why(name: Name) -> str:
    words = [_KEPT_BACK[reason].format(_sets(count)) for reason, count in name.kept_back.items()]
    if name.contradicting_codes:
        words.append(f"a code contradicts it in {_sets(name.contradicting_codes)}")
    if name.state is None or not words:
        words.insert(0, "" if name.how == "unknown" else name.how)
    return "; ".join(filter(None, words))


def _sets(count: int) -> str:
    return counted(count, "set")


def _coverage(one: NamesOfSet) -> tuple[str, ...]:
    coverage = one.coverage
    if coverage is None:
        return "", "", "", "", "refused, not read"
    more = "being processed again" if one.asked_again else f"{one.outdated} would change" if one.outdated else ""
    numbers = (coverage.structures, coverage.named, coverage.ignored, coverage.open)
    return *map(str, numbers), more
