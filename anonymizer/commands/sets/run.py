"""`anonymizer run`: checks and anonymizes one root folder, with progress and a summary."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.table import Table

from anonymizer import first_look
from anonymizer.arguments import AsJson, MachineNames, Root, check_root, set_in
from anonymizer.commands.collection.new import (
    FamilyName,
    FirstName,
    Hospital,
    InitialIndex,
    PatientId,
    fill_in,
    has_form,
    known_machines,
    warn_of_overlap,
)
from anonymizer.embedded.batch import Batch, batch
from anonymizer.progress_view import Bars, Lines, Shown, Silence
from anonymizer.terminal import (
    PUBLISHED_ALL,
    SOME_NOT,
    command,
    console,
    counted,
    not_taken_as_json,
    printable,
    say_json,
    say_not_taken,
    say_unread_words,
    sets_as_json,
)
from services.errors import SettingsWrong
from services.layout import sheets_folder
from services.runtime import durable_files, logs
from services.runtime.settings import Settings
from services.store import records, registry, tracking_lines
from services.store.collection import Collection
from services.store.records import folder_name
from services.store.set_state import SetState
from watcher.folders import beside_the_sets
from watcher.identities import listed_identities
from watcher.set_states import SetStatuses
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from services.layout import NotTaken
    from services.store.registry import SetOutcome

POLL_S: Final = 0.05
INTERRUPTED: Final = 130

Workers = Annotated[int | None, typer.Option(min=1, help="Sets at a time; as many as there are cores by default.")]


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


def run(
    ctx: typer.Context,
    root: Root,
    workers: Workers = None,
    patient_id: PatientId = None,
    family_name: FamilyName = None,
    first_name: FirstName = None,
    hospital: Hospital = None,
    initial_index: InitialIndex = None,
    machine: MachineNames = None,
    as_json: AsJson = False,
    console_too: Annotated[
        bool, typer.Option("--console", help="Start nothing, but open a page for checking and starting by hand.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="SET", help="Only this set's folder; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the sets without changing anything.")] = False,
) -> None:
    """Check and anonymize every set of a root folder. After Ctrl-C, the next run continues where this one stopped."""
    settings = Settings.of_process()
    logs.configure(settings.log_format, settings.log_level if ctx.obj else "critical")
    check_root(root)
    if dry_run:
        from anonymizer.commands.sets.check import check  # noqa: PLC0415 - a run waits for no import that it does not need

        check(root, machine, as_json)
        return
    given = (patient_id, family_name, first_name, hospital, initial_index, machine)
    if not has_form(root):
        collection = Collection.create(root, *fill_in(*given))
    elif any(value is not None for value in given):
        raise SettingsWrong(f"{root / 'collection.toml'} defines the new identities: change it there.")
    else:
        collection = Collection.open(root)
    known_machines(collection.options.machine)
    listed_identities.check(collection)
    warn_of_overlap(root)
    if console_too:
        from anonymizer.commands.service.console import serve_console  # noqa: PLC0415 - see above

        serve_console(
            root.absolute(), settings, processes=workers or os.cpu_count() or 1, debug=bool(ctx.obj), alone=True
        )
        return
    wanted = [str(set_in(root, Path(name), by_hospital=collection.options.by_hospital)) for name in only or ()]
    processes = workers or os.cpu_count() or 1
    seen = first_look.seen(root)
    with batch(collection, settings, processes=processes, debug=bool(ctx.obj), only=wanted, seen=seen) as going:
        end = replace(_follow(going, as_json=as_json), only=tuple(wanted))
        if not end.interrupted:
            rows = end.rows(collection, going.seconds())
            _tell(collection, rows, end, as_json=as_json)
            _make_sheets(going, as_json=as_json)
    if end.interrupted:  # sets in work have finished
        states = {one.folder: one.outcome.state for one in SetStatuses(collection).take() if one.outcome}
        end = replace(end, states=dict.fromkeys(end.states, SetState.WAITING) | states)
        rows = end.rows(collection, {})
        _tell(collection, rows, end, as_json=as_json)
    _say_where(console(stderr=as_json), collection, interrupted=end.interrupted)
    raise typer.Exit(INTERRUPTED if end.interrupted else _exit_code(rows, end))


@dataclass(frozen=True, slots=True)
class _End:
    """Result of a run."""

    earlier: frozenset[str]
    """The sets published before."""
    states: Mapping[str, SetState]
    """The state of every set at the end."""
    interrupted: bool = False
    only: tuple[str, ...] = ()
    """The sets requested; empty for all."""

    def rows(self, collection: Collection, seconds: Mapping[str, float]) -> list[Row]:
        """Return the outcome of each set that was not published before."""
        concerned = [folder for folder in self.only or self.states if folder not in self.earlier]
        concerned = [folder for folder in concerned if folder in self.states]
        return [
            _row(collection, folder, self.states[folder], seconds)
            for folder in concerned
            if self.states[folder] is not SetState.NO_SET
        ]


def _exit_code(rows: list[Row], end: _End) -> int:
    """Return 0 if every set is finished and there is at least one; items not taken do not count."""
    is_well = all(row.state.is_finished for row in rows) and bool(rows or end.earlier)
    return PUBLISHED_ALL if is_well else SOME_NOT


def _tell(collection: Collection, rows: list[Row], end: _End, *, as_json: bool) -> None:
    left_out = beside_the_sets(collection.root, collection)
    for folder in end.states:
        if outcome := registry.read_outcome(collection, collection.locator(folder)):
            left_out += outcome.not_taken
    if as_json:
        say_json(
            {
                "sets": [_as_json(row) for row in rows],
                "published_before": len(end.earlier),
                "not_taken": not_taken_as_json(left_out),
                "interrupted": end.interrupted,
            }
        )
    else:
        _say(collection.root, rows, len(end.earlier), left_out)


def _say_where(screen: Console, collection: Collection, *, interrupted: bool) -> None:
    """Print the locations of the results and the next steps."""
    root = collection.root
    if interrupted:
        screen.print(f"Stopped. Published sets are kept; the next run continues with the rest: {command('run', root)}")
    given = [index for index in records.indices(collection) if (root / folder_name(index)).is_dir()]
    if not given:
        return
    first, last = folder_name(given[0]), folder_name(given[-1])
    screen.print(f"The sets are in {root}: {first}" + (f" to {last}." if last != first else "."))
    lists = sorted(name for name in durable_files.names(root) if tracking_lines.FILE_NAME.fullmatch(name))
    if lists:
        screen.print(f"{root / lists[-1]} links the patients to their new identities: it must not leave the hospital.")
    sheets = sheets_folder(root)
    if sheets.is_dir():
        screen.print(f"The sheets are in {sheets}.")
    say_unread_words(screen, root)
    if not interrupted:
        screen.print(
            f"Next: review and sign the sheets; then make a delivery: {command('export', root)} DEST"
            if sheets.is_dir()
            else f"Next: make a delivery: {command('export', root)} DEST"
        )


def _follow(going: Batch, *, as_json: bool) -> _End:
    """Show progress until the run is finished or stopped."""
    screen = console()
    earlier: frozenset[str] | None = None
    states: Mapping[str, SetState] = {}
    with ExitStack() as stack:
        shown: Shown = Silence() if as_json else Lines(screen.print, going.folder_of)
        if screen.is_terminal and not as_json:
            shown = stack.enter_context(Bars(screen, going.folder_of))
        try:
            while True:
                look = going.look()
                states = look.states
                if earlier is None:
                    earlier = frozenset(folder for folder, state in look.states.items() if state.is_finished)
                shown.show(look)
                if look.finished:
                    if look.waits:
                        console(stderr=True).print(
                            f"Not everything could be written: {look.waits}. The next run completes it."
                        )
                    return _End(earlier, look.states)
                going.wait(POLL_S)
        except KeyboardInterrupt:
            console(stderr=True).print("Stopping after the sets in work are finished. Ctrl-C again stops at once.")
            return _End(earlier or frozenset(), states, interrupted=True)


def _make_sheets(going: Batch, *, as_json: bool) -> None:
    """Make the missing sheets. All sets are published by now, so stopping loses nothing."""
    screen = console(stderr=as_json)
    try:
        to_come = going.sheets_to_come()
        if not to_come:
            return
        many = counted(len(to_come), "sheet")
        screen.print(f"Making {many} to review and sign. After Ctrl-C, the next run makes the rest.")
        while to_come := going.sheets_to_come():
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return
    except CIRCUMSTANCES as circumstance:
        screen.print(f"Not all sheets could be made: {describe(circumstance)}. The next run makes the rest.")
    if failed := going.sheets_failed():
        names = ", ".join(map(folder_name, failed))
        screen.print(
            f"No sheet could be made of {names}. For the reason: anonymizer sheet ROOT {folder_name(failed[0])}"
        )


def _row(collection: Collection, folder: str, state: SetState, seconds: Mapping[str, float]) -> Row:
    locator = collection.locator(folder)
    outcome = registry.read_outcome(collection, locator)
    if outcome is None:
        return Row(folder, state, "", None, "")
    anon = ", ".join(map(folder_name, outcome.indices))
    return Row(folder, state, anon, seconds.get(locator), outcome.text, outcome.sets)


def _as_json(row: Row) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("folder", "state", "anon", "seconds", "reason")}
    return told | ({"sets": sets_as_json(row.sets)} if row.sets else {})


def _say(root: Path, rows: list[Row], earlier: int, left_out: list[NotTaken]) -> None:
    screen = console()
    if rows:
        table = Table("Set", "State", "Anonymized", "Seconds", "Why")
        for row in rows:
            seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
            table.add_row(printable(row.folder), row.state.replace("-", " "), row.anon, seconds, row.reason)
        screen.print(table)
    if earlier:
        screen.print(f"Done before: {counted(earlier, 'set')}. {command('status', root)} lists unpublished sets.")
    if not rows and not earlier:
        screen.print(f"There are no sets in {root}: a set is a subfolder with DICOM files.")
    say_not_taken(screen, left_out)
