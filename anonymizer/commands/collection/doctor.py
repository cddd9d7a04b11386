"""`anonymizer doctor`: inconsistencies on the share."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from anonymizer.arguments import AsJson, Root, look_at
from anonymizer.terminal import (
    PUBLISHED_ALL,
    SOME_NOT,
    console,
    not_taken_as_json,
    print_json,
    print_not_taken,
    printable,
)
from services.errors import SettingsWrong
from services.language import counted
from services.machines import descriptor
from services.maintenance.doctor import Finding, examine, not_readable
from services.publication import high_water
from services.runtime.settings import Settings
from services.store.collection import Collection, check_new, has_state
from services.store.set_state import SetState
from watcher.ignored_entries import beside_the_sets
from watcher.set_states import SetStatuses
from worker.connection import connect
from worker.transient_errors import CIRCUMSTANCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from watcher.set_states import SetStatus


def doctor(root: Root, as_json: AsJson = False) -> None:
    """Report inconsistencies between claims, records, ANON folders, tracking lines and originals. Repairs nothing."""
    collection = look_at(root)
    is_begun = has_state(root)
    found = list(examine(collection) if is_begun else _not_begun(root, collection))
    statuses = SetStatuses(collection).take() if is_begun else []
    unreadable = {one.where for one in found if one.code == "not-readable"}
    found += [one for one in _closed(statuses) if one.where not in unreadable]
    found += _lost_numbers(collection) if is_begun else []
    left_out = beside_the_sets(root, collection if is_begun else None)
    left_out += [one for status in statuses if status.outcome for one in status.outcome.not_taken]
    wrong = [finding for finding in found if finding.is_wrong]
    if as_json:
        findings = [{**asdict(one), "is_wrong": one.is_wrong} for one in found]
        print_json({"agrees": not wrong, "findings": findings, "not_taken": not_taken_as_json(left_out)})
    else:
        table = Table("Where", "What", "Found", "What to do")
        for one in found:
            table.add_row(printable(one.where), one.code, one.found, one.remedy)
        if found:
            console().print(table)
        print_not_taken(console(), left_out)
        console().print(_conclusion(found, wrong))
    raise typer.Exit(SOME_NOT if wrong else PUBLISHED_ALL)


def _conclusion(found: Sequence[Finding], wrong: Sequence[Finding]) -> str:
    if wrong:
        return f"{counted(len(wrong), 'thing')} to review."
    return "Everything is consistent. The entries are for information only." if found else "Everything is consistent."


def _not_begun(root: Path, collection: Collection) -> Iterable[Finding]:
    """Yield the reasons why the state of a collection cannot be created."""
    try:
        check_new(root, collection.identity, collection.options)
        descriptor.named(collection.options.machine, descriptor.folders(Settings.of_process().machines))
    except SettingsWrong as wrong:
        yield Finding("not-begun", "", str(wrong), "No set is processed until this is resolved.")


def _lost_numbers(collection: Collection) -> Iterable[Finding]:
    """Yield the numbers known to Redis or to the service's own folder but missing on the share."""
    settings = Settings.of_process()
    with suppress(*CIRCUMSTANCES), ExitStack() as stack:
        client = stack.enter_context(connect(settings)) if settings.redis_url else None
        if lost := high_water.missing(client, collection, settings.health):
            says = f"{counted(len(lost), 'published number')}, up to {max(lost)}, missing on the share."
            yield Finding("numbers-lost", "", says, f"anonymizer new ROOT --continue --above {max(lost)}")


def _closed(statuses: Iterable[SetStatus]) -> Iterable[Finding]:
    """Yield the unreadable sets."""
    for one in statuses:
        if one.outcome and one.outcome.state is SetState.NOT_READABLE:
            yield not_readable(one.folder, one.outcome.text)
