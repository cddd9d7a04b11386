"""The verdict on one set: its faults, or the set to anonymize, and what a person should know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.errors import SetIncomplete, SetRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.errors import Fault
    from services.layout import NotTaken
    from services.machines.fit import Fit
    from services.rtset.folder_listing import Listing
    from services.rtset.reader import RtSet
    from services.rtset.references import State
    from services.rtset.unfinished_pixels import Doubt


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of checking a folder."""

    counts: Mapping[str, int]
    """Objects by kind: `CT`, `RTSTRUCT`, `RTPLAN`, `RTDOSE`."""

    links: Mapping[str, State]
    """By the names in `services.rtset.references.LINKS`."""

    machine: Fit | None
    """How the plan fits the collection's machine; None if it keeps its own, or there is no single plan."""

    faults: tuple[Fault, ...]
    """Faults that a person must repair."""

    missing: tuple[Fault, ...]
    """Objects that may still arrive."""

    notes: tuple[str, ...]
    """Information for a person about a valid set. May name files and labels, so for the share's users only."""

    record_notes: tuple[str, ...]
    """The notes without references to the patient, suitable for record and sheet."""

    of_names: tuple[str, ...]
    """Those of `record_notes` about structure names, which may differ in the published set."""

    accepted: Mapping[str, int]
    """Number of faults that the collection accepts, by code."""

    listing: Listing

    empty: bool
    """Whether there is no DICOM at all, so that the folder is not a set."""

    doubts: tuple[Doubt, ...]
    """Images that may be half copied, by weak evidence; also among the notes."""

    rtset: RtSet | None
    """The set to anonymize; None if there are faults."""

    not_taken: tuple[NotTaken, ...] = ()
    """Entries of the folder that may hold DICOM but are not part of the set."""

    @property
    def good(self) -> bool:
        """Return whether the set can be anonymized."""
        return not self.faults and not self.missing

    def good_set(self) -> RtSet:
        """Return the set, or raise its faults.

        Raises
        ------
        SetRefused
            A person must repair it.
        SetIncomplete
            Its only faults are missing objects.
        """
        if self.faults:
            raise SetRefused(*self.faults, *self.missing)
        if self.missing or self.rtset is None:
            raise SetIncomplete(*self.missing)
        return self.rtset
