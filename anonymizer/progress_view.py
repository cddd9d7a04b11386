"""Display of a run's progress: bars on a terminal, a line per concluded set in a pipe, nothing with --json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from anonymizer.terminal import printable
from services.runtime.progress import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console

    from anonymizer.embedded.run_steps import Look
    from services.runtime.progress import InWork


class Shown(Protocol):
    """A display of a run."""

    def show(self, look: Look) -> None:
        """Show the current status."""


class Bars:
    """One bar for all sets and one for each set in work. A context manager."""

    def __init__(self, screen: Console, folder_of: Callable[[str], str]) -> None:
        self._folder_of = folder_of
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[says]}"),
            TimeElapsedColumn(),
            console=screen,
            transient=True,
        )
        self._all = self._bars.add_task("all sets", says="", total=None)
        self._of_sets: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, look: Look) -> None:
        """Show the current status."""
        done = sum(state.is_concluded for state in look.states.values())
        says = f"waits: {look.waits}" if look.waits else f"{done} of {len(look.states)}"
        self._bars.update(self._all, completed=done, total=len(look.states) or None, says=says)
        for locator in self._of_sets.keys() - look.in_work.keys():
            self._bars.remove_task(self._of_sets.pop(locator))
        for locator, how_far in look.in_work.items():
            if locator not in self._of_sets:
                name = printable(self._folder_of(locator))
                self._of_sets[locator] = self._bars.add_task(name, says="", total=None)
            completed, total = _parts(how_far)
            self._bars.update(self._of_sets[locator], completed=completed, total=total, says=_describe(how_far))


class Lines:
    """A line for each concluded set, and one when a set, or the run, has to wait."""

    def __init__(self, say: Callable[[str], None], folder_of: Callable[[str], str]) -> None:
        self._say = say
        self._folder_of = folder_of
        self._reasons: dict[str, str] = {}
        self._concluded: set[str] | None = None
        self._waits = ""

    def show(self, look: Look) -> None:
        """Print changes."""
        concluded = {folder for folder, state in look.states.items() if state.is_concluded}
        for folder in sorted(concluded - (self._concluded if self._concluded is not None else concluded)):
            self._say(f"{folder}: {look.states[folder].spelled}")
        self._concluded = concluded
        if look.waits and look.waits != self._waits:
            self._say(f"waits: {look.waits}")
        self._waits = look.waits
        reasons = {locator: how_far.reason for locator, how_far in look.in_work.items() if how_far.reason}
        for locator in sorted(reasons.keys() - self._reasons.keys()):
            self._say(f"{self._folder_of(locator)} waits: {reasons[locator]}")
        self._reasons = reasons


class Silence:
    """Says nothing."""

    def show(self, look: Look) -> None:
        """Print nothing."""


def _parts(how_far: InWork) -> tuple[int, int | None]:
    if how_far.step not in STEPS or not how_far.total:
        return 0, None
    return STEPS.index(how_far.step) * how_far.total + how_far.done, len(STEPS) * how_far.total


def _describe(how_far: InWork) -> str:
    if how_far.reason:
        return f"waits: {how_far.reason}"
    return f"{how_far.step} {how_far.done} of {how_far.total} files" if how_far.total else how_far.step
