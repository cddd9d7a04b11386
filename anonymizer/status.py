"""`anonymizer status`: how the sets of a root, or of all collections under a share, stand."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from anonymizer.new import Root, check_folder
from anonymizer.screen import console, say_json, say_loose
from services import settings as environment
from services.collection import Collection, collection_id, read_settings
from services.errors import SettingsWrong
from services.progress import read_all
from services.record import folder_name
from services.share import Share
from watcher.folders import loose_dicom, set_folders
from watcher.standing import Standings
from worker.app import app, connect
from worker.circumstances import CIRCUMSTANCES, reason
from worker.queue import Name, Queue

if TYPE_CHECKING:
    from pathlib import Path

    from services.progress import InWork
    from services.settings import Settings
    from watcher.standing import Standing

AsJson = Annotated[bool, typer.Option("--json", help="Say it to a program.")]


@dataclass(frozen=True, slots=True)
class Row:
    """How one set stands."""

    folder: str
    state: str
    """An outcome's, or `new`, `queued`, `in work`."""
    anon: str
    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """How one collection stands."""

    root: str
    paused: str
    """Why nothing can be done with it; empty where something can."""
    sets: list[Row] = field(default_factory=list)
    loose_dicom: int = 0


def status(root: Root, as_json: AsJson = False) -> None:
    """Show how the sets of a root folder, or of every collection under a share, stand."""
    check_folder(root)
    settings = environment.from_environment(os.environ)
    told = [_collection(place, settings) for place in Share(root).roots()]
    if not told:
        raise SettingsWrong(f"There is no collection in {root}: `anonymizer new` makes one.")
    if as_json:
        say_json([asdict(one) for one in told])
        return
    for one in told:
        _say(one)


def _collection(root: Path, settings: Settings) -> Told:
    try:
        if collection_id(root) is None:
            read_settings(root)
            return Told(str(root), "", [Row(name, "new", "", "") for name in set_folders(root)], loose_dicom(root))
        collection = Collection.look(root)
        standings = Standings(collection).take()
    except SettingsWrong as wrong:
        return Told(str(root), str(wrong))
    except CIRCUMSTANCES as circumstance:
        return Told(str(root), reason(circumstance))
    queued, in_work, paused = _in_redis(collection.id, standings, settings)
    rows = [_row(standing, queued.get(standing.locator), in_work.get(standing.locator)) for standing in standings]
    return Told(str(root), paused, rows, loose_dicom(root))


def _in_redis(
    its_id: str, standings: list[Standing], settings: Settings
) -> tuple[dict[str, str], dict[str, InWork], str]:
    """Ask the service's Redis which sets are queued and how far those in work are; without one nobody can tell."""
    if settings.redis_url is None:
        return {}, {}, ""
    try:
        with connect(settings) as client:
            asked = [Name(its_id, standing.locator) for standing in standings if not standing.concluded]
            held = Queue(client, app).holding(asked)
            return {name.locator: state for name, state in held.items()}, read_all(client, its_id), ""
    except CIRCUMSTANCES as circumstance:
        return {}, {}, reason(circumstance)


def _row(standing: Standing, queued: str | None, how_far: InWork | None) -> Row:
    outcome = standing.outcome
    if standing.concluded and outcome:
        anon = folder_name(outcome.index) if outcome.index is not None else ""
        return Row(standing.folder, outcome.state, anon, outcome.text)
    if how_far and how_far.reason:
        return Row(standing.folder, "waiting", "", how_far.reason)
    if how_far:
        return Row(standing.folder, "in work", "", f"{how_far.step} {how_far.done} of {how_far.total} files")
    if outcome and not queued:
        return Row(standing.folder, outcome.state, "", outcome.text)
    return Row(standing.folder, queued or "new", "", "")


def _say(told: Told) -> None:
    screen = console()
    screen.print(told.root)
    if told.paused:
        screen.print(f"  paused: {told.paused}")
    counts = Counter(row.state for row in told.sets)
    screen.print("  " + (", ".join(f"{count} {state}" for state, count in counts.most_common()) or "no sets"))
    others = [row for row in told.sets if row.state != "published"]
    if others:
        table = Table("Set", "", "Anonymized", "Why")
        for row in others:
            table.add_row(row.folder, row.state, row.anon, row.why)
        screen.print(table)
    if told.loose_dicom:
        screen.print(say_loose(told.root, told.loose_dicom))


COMMANDS = (status,)
