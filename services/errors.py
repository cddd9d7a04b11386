"""Errors of the domain, by what has to be done about them.

`SetRefused` and `SetIncomplete` concern the set: someone repairs the export, or copying continues. `NotClean` is a
fault of this program: nothing is published and an operator must look. Anything else that stops a set temporarily
(`OSError`, Redis unavailable) keeps its own class and is the only kind that is retried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.language import gettext

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """One problem found in a set."""

    code: str
    """Short code, the same for every set: `two-patients`, `relative-dose`. Safe to log."""

    found: str
    """What was found, and in which object. May name files and labels, so for the share's users only."""

    remedy: str
    """What the person who exported the set should do about it."""


class SetRefused(Exception):
    """The set must be repaired by the person who exported it. Final until the set changes."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.faults = faults


class SetIncomplete(SetRefused):
    """A referenced object is missing or a file is truncated.

    The set waits, as it may still be being copied, then is refused.
    """


class SetWaits(SetRefused):
    """A person must decide about the set. It waits, with a note, until they do or the form, list or folder changes."""


class SetChanged(Exception):
    """The folder changed while being processed; the work is discarded and restarted."""


class NotClean(Exception):
    """The anonymized set failed its proof. Nothing is published; an operator must look.

    `reasons` holds fixed codes, attribute paths and counts, never a value from the set.
    """

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class SetsFailed(Exception):
    """Some sets of a folder failed; the others were processed normally.

    `errors` maps the mark of each failed set's plan to its error.
    """

    def __init__(self, errors: Mapping[str, Exception]) -> None:
        super().__init__(", ".join(sorted({type(error).__name__ for error in errors.values()})))
        self.errors = errors


class SettingsWrong(Exception):
    """A collection's or the service's settings are invalid; the text says which, where, and what to write."""


class FormatTooNew(SettingsWrong):
    """The state was written by a newer version of this program; until this one is updated, it returns the sets."""

    def __init__(self) -> None:
        super().__init__(gettext("A newer version of this program wrote here: update this one."))


class Busy(SettingsWrong):
    """Another process is receiving deliveries into the collection."""

    def __init__(self) -> None:
        super().__init__(gettext("Another process is receiving into this collection: try again when it is done."))


class TargetTaken(Exception):
    """Something of other origin is where the set's folder should appear. Nothing is published; find out who made it."""
