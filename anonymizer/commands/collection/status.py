"""`anonymizer status`: the states of the sets of a root, or of all collections under a share."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from anonymizer.arguments import AsJson, OfHospital, Root, check_collection
from anonymizer.terminal import (
    PUBLISHED_ALL,
    SOME_NOT,
    advise_on,
    console,
    not_taken_as_json,
    print_json,
    print_not_taken,
    print_unread_words,
    printable,
    sets_as_json,
)
from services.errors import SettingsWrong
from services.exchange import received
from services.exchange.deliveries import hospital_of
from services.runtime.settings import Settings
from services.store.collection import Collection
from services.store.records import folder_name
from services.store.releases import SENT_BACK
from services.store.set_state import SetState
from services.store.share import COPIED, Share
from watcher.identities import overlaps
from watcher.status.reader import StatusReader
from watcher.status.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.status.collection_status import CollectionStatus

All = Annotated[bool, typer.Option("--all", help="List published sets too.")]
Wide = Annotated[bool, typer.Option("--wide", help="List every set with its locator, its name in logs and Flower.")]

SHOWN: Final = ("folder", "state", "anon", "why", "hospital", "release", "locator")


def status(
    root: Root, hospital: OfHospital = None, every: All = False, wide: Wide = False, as_json: AsJson = False
) -> None:
    """Show the states of the sets of a root folder, or of every collection under a share."""
    check_collection(root)
    settings = Settings.of_process()
    share = Share(root)
    reports = _statuses(share, settings)
    if not reports and share.closed:
        raise SettingsWrong(f"No collection can be seen in {root}: {share.closed[0]} cannot be read.")
    if not reports:
        raise SettingsWrong(f"There is no collection in {root}. Create one: anonymizer new ROOT")
    if hospital is not None:
        reports = [replace(one, sets=[row for row in one.sets if row.hospital == hospital]) for one in reports]
    if as_json:
        print_json([_as_json(one) for one in reports])
    else:
        for one in reports:
            _print(one, every=every, wide=wide)
        for place in share.closed:
            console().print(f"{printable(str(place))} cannot be read: change its owner, group or permissions.")
    wrong = bool(share.closed) or any(one.paused or any(_is_wrong(row) for row in one.sets) for one in reports)
    raise typer.Exit(SOME_NOT if wrong else PUBLISHED_ALL)


def _is_notable(row: Row) -> bool:
    """Return whether a set has details to report besides being published."""
    return row.state is not SetState.PUBLISHED or row.release == SENT_BACK or bool(row.why)


def _is_wrong(row: Row) -> bool:
    """Return whether a set needs action by a person."""
    states = (one.state for one in row.every)
    return any(state.is_concluded and not state.is_finished and state is not SetState.NO_SET for state in states)


def _statuses(share: Share, settings: Settings) -> list[CollectionStatus]:
    """Return the status of each collection; two with the same ID are left alone until a person decides."""
    ids = share.ids()
    times = Counter(ids.values())
    found = overlaps.among(ids)
    reports = []
    for root, its_id in ids.items():
        one = StatusReader(root, settings).read()
        if its_id and not one.paused:
            one = replace(one, sets=[*one.sets, *_received(root)])
        one = replace(one, warning="\n".join(filter(None, (one.warning, str(found.get(root, ""))))))
        reports.append(replace(one, paused=COPIED) if its_id and times[its_id] > 1 else one)
    return reports


def _received(root: Path) -> Iterator[Row]:
    """Yield a row for each set received in a delivery, of which only the ANON folder is here."""
    collection = Collection.look(root)
    for one in received.sets(collection):
        state = SetState.WITHDRAWN if one.withdrawn else SetState.PUBLISHED
        name = f"received: {received.came_as(one)}"
        yield Row(name, state, folder_name(one.index), "", hospital_of(collection, one.index))


def _as_json(report: CollectionStatus) -> dict[str, Any]:
    return {
        "root": report.root,
        "paused": report.paused,
        "warning": report.warning,
        "sets": [
            {name: getattr(row, name) for name in SHOWN} | ({"sets": sets_as_json(row.sets)} if row.sets else {})
            for row in report.sets
        ],
        "loose_dicom": report.loose_dicom,
        "not_taken": not_taken_as_json(report.not_taken),
    }


def _print(report: CollectionStatus, *, every: bool, wide: bool) -> None:
    advise_on(Path(report.root))
    screen = console()
    screen.print(report.root)
    if report.paused:
        screen.print(f"  paused: {report.paused}".replace("\n", "\n  "))
    if report.warning:
        screen.print(f"  {report.warning}".replace("\n", "\n  "))
    counts = Counter(one.state.spelled for row in report.sets for one in row.every)
    if counts or not report.paused:  # a paused collection was not scanned
        screen.print("  " + (", ".join(f"{count} {state}" for state, count in counts.most_common()) or "no sets"))
    hospitals = Counter(row.hospital for row in report.sets)
    for hospital in sorted(hospitals, key=str.casefold) if len(hospitals) > 1 else ():
        states = Counter(one.state.spelled for row in report.sets if row.hospital == hospital for one in row.every)
        screen.print(f"  {hospital}: " + ", ".join(f"{count} {state}" for state, count in states.most_common()))
    decided = Counter(row.release for row in report.sets if row.release)
    if decided:
        screen.print("  " + ", ".join(f"{count} {state}" for state, count in decided.most_common()))
    others = [row for row in report.sets if every or wide or _is_notable(row)]
    if others:
        screen.print(_table(others, wide=wide))
    print_unread_words(screen, Path(report.root))
    print_not_taken(screen, report.not_taken)


def _table(rows: list[Row], *, wide: bool) -> Table:
    table = Table("Set", "State", "Anonymized", "Why")
    if wide:
        table.add_column("Locator", no_wrap=True, min_width=32)
    for row in rows:
        locator = (row.locator,) if wide else ()
        state = row.release or row.state.spelled
        table.add_row(printable(row.folder), state, row.anon, row.why, *locator)
    return table
