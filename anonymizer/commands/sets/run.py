"""`anonymizer run`: checks and anonymizes one root folder, with progress and a summary."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

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
from anonymizer.embedded.batch import batch
from anonymizer.follow_run import follow, make_sheets
from anonymizer.run_result import exit_code, print_next_steps, tell
from anonymizer.terminal import console
from services.errors import SettingsWrong
from services.runtime import audit, logs, stop_signals
from services.runtime.settings import Settings
from services.store.collection import Collection
from watcher.identities import listed_identities

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C."""

Workers = Annotated[int | None, typer.Option(min=1, help="Sets at a time; as many as there are cores by default.")]


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

        check(root, machine, as_json=as_json)
        return
    given = (patient_id, family_name, first_name, hospital, initial_index, machine)
    if not has_form(root):
        collection = Collection.create(root, *fill_in(*given))
        audit.note(collection.state, "collection made")
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
    wanted = [str(set_in(collection, Path(name))) for name in only or ()]
    processes = workers or os.cpu_count() or 1
    audit.note(collection.state, "run begun", only=[collection.locator(name) for name in wanted])
    seen = first_look.seen(root)
    stop_signals.on_request(_interrupt)
    with batch(collection, settings, processes=processes, debug=bool(ctx.obj), only=wanted, seen=seen) as going:
        end = replace(follow(going, as_json=as_json), only=tuple(wanted))
        if not end.interrupted:
            rows = end.rows(collection, going.seconds())
            tell(collection, rows, end, as_json=as_json)
            make_sheets(going, as_json=as_json)
    if end.interrupted:  # sets in work have finished
        end = end.stopped(collection)
        rows = end.rows(collection, {})
        tell(collection, rows, end, as_json=as_json)
    print_next_steps(console(stderr=as_json), collection, interrupted=end.interrupted)
    raise typer.Exit(INTERRUPTED if end.interrupted else exit_code(rows, end))


def _interrupt() -> None:
    raise KeyboardInterrupt
