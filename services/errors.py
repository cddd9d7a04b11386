"""Three kinds of error, told apart by what has to be done about them.

`SetRefused` and `SetIncomplete` are the set's: a person repairs the export, or the copy goes on. `NotClean` is ours:
nothing is published and an operator must look. Everything else that stops a set for a while (`OSError`, a lost Redis)
is a circumstance, keeps its own class, and is the only kind that is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """One fact that stands against a set."""

    code: str
    """A short word, the same for every set: `two-patients`, `relative-dose`. Safe in logs."""

    found: str
    """What was found, in which object, in plain words. May name files and labels: for the share's users only."""

    remedy: str
    """What the person who exported the set should do about it."""


class SetRefused(Exception):
    """The set itself must be repaired by the person who exported it. Final until the set changes."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.faults = faults


class SetIncomplete(SetRefused):
    """Something that others refer to is missing or ends too early: still being copied? Waits, then is refused."""


class SetWaits(SetRefused):
    """A person must decide about the set. It waits, with a note, until form, list or folder change, or they did."""


class SetChanged(Exception):
    """The folder changed while it was worked on: the work is thrown away and begins again."""


class NotClean(Exception):
    """The anonymized set did not pass its proof. Nothing is published; an operator must look.

    `reasons` are words of ours, attribute paths and counts, never a value of the set.
    """

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class SetsFailed(Exception):
    """Some sets of a folder failed, and all others of it went their way.

    `errors` has what happened to each, by the mark of its plan.
    """

    def __init__(self, errors: Mapping[str, Exception]) -> None:
        super().__init__(", ".join(sorted({type(error).__name__ for error in errors.values()})))
        self.errors = errors


class SettingsWrong(Exception):
    """Settings of a collection or of the service cannot be used; the text says which, where, and what to write."""
