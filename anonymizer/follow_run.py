"""Following a run on the terminal, first its sets to their end, then its sheets."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from anonymizer.progress_view import Bars, Lines, Shown, Silence
from anonymizer.run_result import RunResult
from anonymizer.terminal import console
from services.language import counted
from services.store.records import folder_name
from worker.transient_errors import CIRCUMSTANCES, describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anonymizer.embedded.run_steps import Batch
    from services.store.set_state import SetState

POLL_S: Final = 0.05


def follow(going: Batch, *, as_json: bool) -> RunResult:
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
                    return RunResult(earlier, look.states)
                going.wait(POLL_S)
        except KeyboardInterrupt:
            console(stderr=True).print("Stopping after the sets in work are finished. Ctrl-C again stops at once.")
            return RunResult(earlier or frozenset(), states, interrupted=True)


def make_sheets(going: Batch, *, as_json: bool) -> None:
    """Make the missing sheets. All sets are published by now, so stopping loses nothing."""
    screen = console(stderr=as_json)
    try:
        to_come = going.sheets_to_come()
        if not to_come:
            return
        many = counted(len(to_come), "sheet")
        screen.print(f"Making {many} to review and sign. After Ctrl-C, the next run makes the rest.")
        waits = ""
        while to_come := going.sheets_to_come():
            if going.sheets_wait not in ("", waits):
                waits = going.sheets_wait
                screen.print(f"waits: {waits}")
            time.sleep(POLL_S)
        failed = going.sheets_failed()
    except KeyboardInterrupt:
        return
    except CIRCUMSTANCES as circumstance:
        screen.print(f"Not all sheets could be made: {describe(circumstance)}. The next run makes the rest.")
        return
    if failed:
        names = ", ".join(map(folder_name, failed))
        screen.print(
            f"No sheet could be made of {names}. For the reason: anonymizer sheet ROOT {folder_name(failed[0])}"
        )
