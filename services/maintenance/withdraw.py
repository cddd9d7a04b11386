"""Withdrawal of a published set: its folder leaves the collected output, its line leaves the tracking file.

Nothing is deleted or renumbered. The record stays, with the day of withdrawal, so that its index is never given again
and the set is recognized if dropped again. The folder and its sheet are moved to `.anonymizer/withdrawn/`, where they
can be deleted for good. All steps are idempotent; the next withdrawal completes an interrupted one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from services.errors import SettingsWrong
from services.language import gettext, gettext_noop
from services.layout import sheets_folder
from services.runtime import durable_files
from services.store import notes, records, registry, tracking_lines
from services.store.records import folder_name
from services.store.set_state import SetState

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.collection import Collection
    from services.store.registry import Outcome

NOTE: Final = gettext_noop(
    "It was published as {name}, and withdrawn by a person. Nothing of it is collected any more."
)


def withdraw_set(collection: Collection, index: int) -> bool:
    """Withdraw the set of an index; return False if its folder did not exist.

    Raises
    ------
    SettingsWrong
        It was never published here.
    FileExistsError
        A folder of that name was withdrawn before, and another one has taken its place; a person must look.
    OSError
        Temporary, for example if a file is open. Try again.
    """
    name = folder_name(index)
    published = records.read(collection, index)
    if published is None or published.set_id is None:
        raise SettingsWrong(gettext("{name} was not published by this program, which has no record of it.", name=name))
    if not published.withdrawn:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        marked = replace(published, content={**published.content, "withdrawn": at})
        durable_files.write_atomically(records.path_of(collection, index), marked.encoded(), staging=collection.staging)
    tracking_lines.withdraw(collection, index)
    moved = _move_away(collection, name)
    with collection.speaking():
        _record_withdrawal(collection, index, name)
    return moved


def _record_withdrawal(collection: Collection, index: int, name: str) -> None:
    """Record the withdrawal in the set's outcome and beside its folder."""
    for locator, outcome in registry.outcomes(collection):
        if any(one.index == index for one in outcome.published):
            text = gettext(NOTE, name=name)
            withdrawn = outcome.with_state(index, SetState.WITHDRAWN, text)
            registry.write_outcome(collection, locator, withdrawn)
            folder = registry.folder_of(collection, locator)
            if folder is not None and folder.is_dir():
                _write_note(folder, withdrawn)


def _write_note(folder: Path, outcome: Outcome) -> None:
    """Write a note on the withdrawal beside a folder; sections of its other sets stay."""
    if outcome.sets:
        notes.write_sets(folder, outcome.sets)
    else:
        notes.write_note(folder, outcome.text)


def _move_away(collection: Collection, name: str) -> bool:
    """Move the folder and its sheet independently, since either may already have been moved or removed."""
    collection.withdrawn.mkdir(exist_ok=True)
    moved = False
    with suppress(FileNotFoundError):
        durable_files.rename_new(collection.root / name, collection.withdrawn / name)
        moved = True
    for name_of_sheet in (f"{name}.html", f"{name}.pdf"):
        with suppress(FileNotFoundError):
            (sheets_folder(collection.root) / name_of_sheet).replace(collection.withdrawn / name_of_sheet)
    return moved
