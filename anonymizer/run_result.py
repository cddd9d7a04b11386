"""What `anonymizer run` reports at its end: the outcome of each set, and where the results are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from anonymizer.terminal import (
    PUBLISHED_ALL,
    SOME_NOT,
    command,
    console,
    not_taken_as_json,
    print_json,
    print_not_taken,
    print_unread_words,
    printable,
    sets_as_json,
)
from services.language import and_more, counted
from services.layout import sheets_folder
from services.store import records, registry, tracking_lines
from services.store.records import folder_name
from services.store.set_state import SetState
from watcher.ignored_entries import beside_the_sets
from watcher.set_states import SetStatuses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from services.layout import NotTaken
    from services.store.collection import Collection
    from services.store.registry import Outcome, SetOutcome

NAMED: Final = 3
"""Tracking files that are named, the newest first."""


@dataclass(frozen=True, slots=True)
class Row:
    """Outcome of one set."""

    folder: str
    state: SetState
    anon: str
    """`ANON_006`; empty if there is none."""
    seconds: float | None
    reason: str

    sets: tuple[SetOutcome, ...] = ()
    """Outcomes of the sets of a folder with several."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """Result of a run."""

    earlier: frozenset[str]
    """The sets published before."""
    states: Mapping[str, SetState]
    """The state of every set at the end."""
    interrupted: bool = False
    only: tuple[str, ...] = ()
    """The sets requested; empty for all."""

    def stopped(self, collection: Collection) -> RunResult:
        """Return the result of an interrupted run after the sets in work have finished; the others wait."""
        states = {one.folder: one.outcome.state for one in SetStatuses(collection).take() if one.outcome}
        return replace(self, states=dict.fromkeys(self.states, SetState.WAITING) | states)

    def rows(self, collection: Collection, seconds: Mapping[str, float]) -> list[Row]:
        """Return the outcome of each set that was not published before."""
        concerned = [folder for folder in self.only or self.states if folder not in self.earlier]
        concerned = [folder for folder in concerned if folder in self.states]
        closed: dict[str, Outcome | None] = {}
        if SetState.NOT_READABLE in self.states.values():  # of a folder that cannot be listed, nothing is stored
            closed = {one.folder: one.outcome for one in SetStatuses(collection).take() if not one.can_be_listed}
        return [
            _row(collection, folder, self.states[folder], seconds, closed.get(folder))
            for folder in concerned
            if self.states[folder] is not SetState.NO_SET
        ]


def _row(
    collection: Collection, folder: str, state: SetState, seconds: Mapping[str, float], closed: Outcome | None
) -> Row:
    locator = collection.locator(folder)
    outcome = closed or registry.read_outcome(collection, locator)
    if outcome is None:
        return Row(folder, state, "", None, "")
    anon = ", ".join(map(folder_name, outcome.indices))
    return Row(folder, state, anon, seconds.get(locator), outcome.text, outcome.sets)


def exit_code(rows: list[Row], end: RunResult) -> int:
    """Return 0 if every set is finished and there is at least one; items not taken do not count."""
    is_well = all(row.state.is_finished for row in rows) and bool(rows or end.earlier)
    return PUBLISHED_ALL if is_well else SOME_NOT


def tell(collection: Collection, rows: list[Row], end: RunResult, *, as_json: bool) -> None:
    """Print the outcome of each set, and what was not taken."""
    left_out = beside_the_sets(collection.root, collection)
    for folder in end.states:
        if outcome := registry.read_outcome(collection, collection.locator(folder)):
            left_out += outcome.not_taken
    if as_json:
        print_json(
            {
                "sets": [_as_json(row) for row in rows],
                "published_before": len(end.earlier),
                "not_taken": not_taken_as_json(left_out),
                "interrupted": end.interrupted,
            }
        )
    else:
        _print(collection.root, rows, len(end.earlier), left_out)


def _as_json(row: Row) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in ("folder", "state", "anon", "seconds", "reason")}
    return values | ({"sets": sets_as_json(row.sets)} if row.sets else {})


def _print(root: Path, rows: list[Row], earlier: int, left_out: list[NotTaken]) -> None:
    screen = console()
    if rows:
        table = Table("Set", "State", "Anonymized", "Seconds", "Why")
        for row in rows:
            seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
            table.add_row(printable(row.folder), row.state.spelled, row.anon, seconds, row.reason)
        screen.print(table)
    if earlier:
        screen.print(f"Done before: {counted(earlier, 'set')}. {command('status', root)} lists unpublished sets.")
    if not rows and not earlier:
        screen.print(f"There are no sets in {root}: a set is a subfolder with DICOM files.")
    print_not_taken(screen, left_out)


def print_tracking_files(screen: Console, root: Path) -> None:
    """Print where the tracking files are: one for each day on which sets were published."""
    files = tracking_lines.files_in(root)
    if len(files) == 1:
        screen.print(f"{files[0]} links the patients to their new identities: it must not leave the hospital.")
    elif files:
        names = and_more(", ".join(path.name for path in reversed(files[-NAMED:])), len(files) - NAMED)
        screen.print(
            f"The tracking files in {root}, one for each day, link the patients to their new identities: they must not "
            f"leave the hospital: {names}."
        )


def print_next_steps(screen: Console, collection: Collection, *, interrupted: bool) -> None:
    """Print the locations of the results and the next steps."""
    root = collection.root
    if interrupted:
        screen.print(f"Stopped. Published sets are kept; the next run continues with the rest: {command('run', root)}")
    given = [index for index in records.indices(collection) if (root / folder_name(index)).is_dir()]
    if not given:
        return
    first, last = folder_name(given[0]), folder_name(given[-1])
    screen.print(f"The sets are in {root}: {first}" + (f" to {last}." if last != first else "."))
    print_tracking_files(screen, root)
    sheets = sheets_folder(root)
    if sheets.is_dir():
        screen.print(f"The sheets are in {sheets}.")
    print_unread_words(screen, root)
    if not interrupted:
        screen.print(
            f"Next: review and sign the sheets; then make a delivery: {command('export', root)} DEST"
            if sheets.is_dir()
            else f"Next: make a delivery: {command('export', root)} DEST"
        )
