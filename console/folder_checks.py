"""Checks of a collection's folders, in processes of their own, and their results while the folders are unchanged."""

from __future__ import annotations

import threading
from concurrent.futures import BrokenExecutor, Future, as_completed
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from console.reader_pool import reading_apart
from services.forms.collection_form import read_settings
from services.language import gettext_noop
from services.layout import STATE_NAME
from services.machines import descriptor
from services.maintenance.plan_choice import is_chosen
from services.store.collection import Collection
from services.verdict.summary import FolderSummary, summarize

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.runtime.settings import Settings
    from watcher.status.rows import Row

    Judging = tuple[Callable[..., FolderSummary], *tuple[object, ...]]

DIED: Final = gettext_noop(
    "The process that checked this set was ended by the system, as happens where memory is short. Check the data "
    "again; if it happens again, give the console more memory."
)


@dataclass(slots=True)
class _Check:
    """The running or the last check."""

    total: int
    done: int = 0


def _unread(row: Row, why: str) -> FolderSummary:
    return FolderSummary(row.folder, "cannot be read", {}, {}, "", (), (why,))


class FolderChecks:
    """The checks of one collection.

    Parameters
    ----------
    changed
        Called, by any thread, when a folder has a result or none any more, and when a check ends.
    """

    def __init__(self, root: Path, settings: Settings, *, changed: Callable[[], None]) -> None:
        self._root = root
        self._settings = settings
        self._changed = changed
        self._results: dict[str, tuple[str, FolderSummary]] = {}
        self._check = _Check(0)
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """Return the number of folders of the running or the last check."""
        return self._check.total

    @property
    def running(self) -> tuple[int, int] | None:
        """Return the number of folders checked so far by the running check, and their total."""
        check = self._check
        return (check.done, check.total) if check.done < check.total else None

    def result(self, row: Row) -> tuple[str, FolderSummary | None]:
        """Return the last result of a folder, after the fingerprint it had then; None if it was not checked."""
        return self._results.get(row.locator, ("", None))

    def start(self, rows: list[Row]) -> bool:
        """Start a check of these folders unless one is running; return whether it was started.

        Raises
        ------
        SettingsWrong
            The form cannot be read, or names an unknown machine.
        OSError
            The share is unavailable.
        """
        with self._lock:
            if self.running:
                return False
            judging = self._judging()
            check = self._check = _Check(len(rows))
        threading.Thread(target=self._judge, args=(check, rows, judging), daemon=True).start()
        return True

    def plans(self, row: Row) -> FolderSummary:
        """Check one folder now, with each of its plans.

        Raises
        ------
        SettingsWrong
            The form cannot be read, or names an unknown machine.
        OSError
            The share is unavailable.
        """
        judge, *means = self._judging()
        with reading_apart() as pool:
            try:
                return pool.submit(judge, self._root / row.folder, *means).result()
            except BrokenExecutor:
                return _unread(row, DIED)

    def forget(self, locator: str) -> None:
        """Discard the result of a folder, after a person's decision about it."""
        with self._lock:
            self._results.pop(locator, None)
        self._changed()

    def _judging(self) -> Judging:
        """Return the function that checks a folder, with the data it needs, such as chosen plans."""
        options = read_settings(self._root)[1]
        machines = descriptor.named(options.machine, descriptor.folders(self._settings.machines))
        if options.plans != "ask" or not (self._root / STATE_NAME).is_dir():
            return summarize, options, machines
        return summarize, options, machines, partial(is_chosen, Collection.look(self._root))

    def _judge(self, check: _Check, rows: list[Row], judging: Judging) -> None:
        """Check folders in separate processes and store each result as it arrives.

        If a process dies, all checks in progress are lost: they are repeated one at a time, and only a folder with
        which a process dies again is reported.
        """
        try:
            for row in self._judge_together(check, rows, judging):
                if self._judge_together(check, [row], judging):
                    self._note(check, row, _unread(row, DIED))
        finally:
            with self._lock:
                check.done = check.total  # a check that ended for any reason must not appear to be running
            self._changed()

    def _judge_together(self, check: _Check, rows: list[Row], judging: Judging) -> list[Row]:
        """Check folders, and return those whose process died."""
        judge, *means = judging
        asked: dict[Future[FolderSummary], Row] = {}
        died: list[Row] = []
        with reading_apart() as pool:
            for at, row in enumerate(rows):
                try:
                    asked[pool.submit(judge, self._root / row.folder, *means)] = row
                except BrokenExecutor:
                    died = rows[at:]
                    break
            for future in as_completed(asked):
                row = asked[future]
                try:
                    self._note(check, row, future.result())
                except BrokenExecutor:
                    died.append(row)
                except Exception as error:  # noqa: BLE001 - whatever one folder does to the check, the others go on
                    self._note(check, row, _unread(row, type(error).__name__))
        return died

    def _note(self, check: _Check, row: Row, judgement: FolderSummary) -> None:
        with self._lock:
            self._results[row.locator] = (row.fingerprint, judgement)
            check.done += 1
        self._changed()
